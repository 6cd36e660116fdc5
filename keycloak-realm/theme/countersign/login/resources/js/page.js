// What pages gain where scripts run; everything works without.

// After a POST the address is good for this one answer only. Going back or loading anew should ask
// for the step itself, as Keycloak's own inline script would have it.
const step = document.querySelector("main form[action*='/login-actions/']");
if (step && new URLSearchParams(location.search).has("session_code")) {
  const address = new URL(step.action);
  address.searchParams.delete("session_code");
  if (address.origin === location.origin) history.replaceState(null, "", address);
}

// A form is sent once: a second click would meet a code that is used up.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
// Back from the next page: the form may be sent again.
addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

for (const button of document.querySelectorAll("button[data-show]")) {
  const field = document.getElementById(button.dataset.show);
  const show = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const hidden = field.type === "password";
    field.type = hidden ? "text" : "password";
    button.textContent = hidden ? button.dataset.hideText : show;
  });
}

// Recovery codes: copy, keep as a file, print. The page itself is what is printed.
const codes = document.getElementById("kc-recovery-codes-list");
if (codes) {
  const text = () => [...codes.children].map((li, i) => `${i + 1}. ${li.textContent.trim()}`).join("\n");
  const actions = document.getElementById("recovery-actions");
  const said = document.getElementById("recovery-said");
  actions.hidden = false;
  document.getElementById("printRecoveryCodes").addEventListener("click", () => print());
  document.getElementById("copyRecoveryCodes").addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    said.textContent = actions.dataset.copied;
  });
  document.getElementById("downloadRecoveryCodes").addEventListener("click", () => {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob([[actions.dataset.header, text(), actions.dataset.about].join("\n\n")], { type: "text/plain" }));
    a.download = actions.dataset.file;
    a.click();
    URL.revokeObjectURL(a.href);
  });
}
