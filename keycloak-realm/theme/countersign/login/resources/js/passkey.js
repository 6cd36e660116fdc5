// Passkeys: the browser's WebAuthn in three roles, by the data that a page hands over (passkeys.ftl,
// webauthn-register.ftl). Keycloak's own modules need an inline import map, which our policy forbids.

const decode = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const put = (id, value) => { document.getElementById(id).value = value; };
const given = (value) => value && value !== "not specified";

let pending; // the browser allows one request at a time
function signal() {
  pending?.abort();
  pending = new AbortController();
  return pending.signal;
}

function request(d, allow) {
  const key = { challenge: decode(d.challenge), rpId: d.rpId, allowCredentials: allow };
  if (d.createTimeout) key.timeout = d.createTimeout * 1000;
  if (given(d.userVerification)) key.userVerification = d.userVerification;
  return key;
}

const known = () => [...document.querySelectorAll("#authn_select [name=authn_use_chk]")].map((i) => ({ type: "public-key", id: decode(i.value) }));

function answer(credential) {
  const r = credential.response;
  put("clientDataJSON", encode(r.clientDataJSON));
  put("authenticatorData", encode(r.authenticatorData));
  put("signature", encode(r.signature));
  put("credentialId", credential.id);
  if (r.userHandle) put("userHandle", encode(r.userHandle));
  document.getElementById("webauth").requestSubmit();
}

function fail(form, why) {
  put("error", why);
  document.getElementById(form).requestSubmit();
}

async function authenticate(d) {
  if (!window.PublicKeyCredential) return fail("webauth", d.unsupported);
  try {
    answer(await navigator.credentials.get({ publicKey: request(d, d.isUserIdentified ? known() : []), signal: signal() }));
  } catch (error) {
    // On the sign-in page the password is still there: who changed their mind stays.
    if (d.does === "authenticate") fail("webauth", error);
  }
}

// The browser lists passkeys while one types the user name, and is silent where it has none.
async function offer(d) {
  if (d.isUserIdentified || d.mediation === "none" || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  try {
    answer(await navigator.credentials.get({ publicKey: request(d, []), mediation: "conditional", signal: signal() }));
  } catch { /* chose something else */ }
}

async function register(d) {
  if (!window.PublicKeyCredential) return fail("register", d.unsupported);
  const selection = {};
  if (given(d.attachment)) selection.authenticatorAttachment = d.attachment;
  if (given(d.residentKey)) selection.residentKey = d.residentKey;
  else if (given(d.requireResidentKey)) selection.residentKey = d.requireResidentKey === "Yes" ? "required" : "discouraged";
  selection.requireResidentKey = selection.residentKey === "required";
  if (given(d.userVerification)) selection.userVerification = d.userVerification;
  const key = {
    challenge: decode(d.challenge),
    rp: { id: d.rpId, name: d.rpEntityName },
    user: { id: decode(d.userid), name: d.username, displayName: d.username },
    pubKeyCredParams: (d.signatureAlgorithms.length ? d.signatureAlgorithms : [-7]).map((alg) => ({ type: "public-key", alg })),
    authenticatorSelection: selection,
    excludeCredentials: d.exclude.split(",").filter(Boolean).map((id) => ({ type: "public-key", id: decode(id) })),
  };
  if (given(d.attestation)) key.attestation = d.attestation;
  if (d.createTimeout) key.timeout = d.createTimeout * 1000;
  try {
    const made = await navigator.credentials.create({ publicKey: key });
    put("clientDataJSON", encode(made.response.clientDataJSON));
    put("attestationObject", encode(made.response.attestationObject));
    put("publicKeyCredentialId", encode(made.rawId));
    put("transports", made.response.getTransports?.().join() ?? "");
    put("authenticatorAttachment", made.authenticatorAttachment ?? "");
    document.getElementById("register").requestSubmit();
  } catch (error) {
    fail("register", error);
  }
}

const block = document.getElementById("passkey");
if (block) {
  const d = JSON.parse(block.textContent);
  const start = d.does === "register" ? register : authenticate;
  const button = document.getElementById(d.does === "register" ? "registerWebAuthn" : "authenticateWebAuthnButton");
  if (window.PublicKeyCredential || d.does !== "offer") {
    button.hidden = false;
    button.addEventListener("click", () => start(d));
  }
  if (d.does === "offer" && window.PublicKeyCredential) offer(d);
}
