package broker_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"countersign/broker/look"
	"countersign/broker/walk"
)

// keycloakTab is a browser in front of Keycloak's own pages, in one language.
type keycloakTab struct {
	*look.Tab
	t    *testing.T
	s    *stack
	lang string
}

// foreign would be a word that says tú, or one in the other language.
var foreign = map[string]*regexp.Regexp{
	"en": regexp.MustCompile(`(?i)\b(iniciar|contraseña|correo|código)\b`),
	"es": regexp.MustCompile(`(?i)(^|\s)(tu|tus|tú|te|haz|puedes|tienes|password|please|sign|your|passkey|email)(\s|[.,:;]|$)`),
}

func (b *keycloakTab) do(what string, a ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		b.t.Fatalf("%s at %s: %v", what, b.where(), err)
	}
}

func (b *keycloakTab) ask(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *keycloakTab) where() string {
	at, err := chromedp.Run(b.Ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return at
}

// fill types into fields and presses a button, and waits for the page after it.
func (b *keycloakTab) fill(button string, fields ...string) {
	b.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		b.do("fill in "+fields[i], chromedp.SetValue(chromedp.CSS(fields[i]), fields[i+1]))
	}
	b.do("mark", chromedp.Evaluate[chromedp.Void](`window.cameFrom = true`))
	b.do("press "+button, chromedp.Click(chromedp.CSS(button)))
	b.arrive(button)
}

func (b *keycloakTab) arrive(after string) {
	b.t.Helper()
	eventually(b.t, "a page after "+after, func() bool {
		ctx, cancel := context.WithTimeout(b.Ctx, 5*time.Second)
		defer cancel()
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.cameFrom !== true && document.readyState === "complete" && document.querySelector("h1") !== null`))
		return err == nil && done
	})
}

// page judges the page that is there: which it is, its language, axe-core, both
// widths, the way back where it is an end, and that nothing came from elsewhere.
func (b *keycloakTab) page(id string, end bool) {
	b.t.Helper()
	if got := b.ask(`document.body.dataset.pageId`); got != "login-"+id {
		b.t.Fatalf("%s is %s and not %s: %.600s", b.where(), got, id, b.ask(`document.body.innerText`))
	}
	if got := b.ask(`document.documentElement.lang`); got != b.lang {
		b.t.Errorf("%s is in %s and not in %s", id, got, b.lang)
	}
	text := b.ask(`document.title + "\n" + document.querySelector("main").innerText`)
	if said := foreign[b.lang].FindString(text); said != "" {
		b.t.Errorf("%s (%s) says %q: %s", id, b.lang, said, text)
	}
	if end {
		if to := b.ask(`document.querySelector("#backToApplication")?.href ?? ""`); to != b.s.config.PublicURL+"/" {
			b.t.Errorf("%s leads back to %q", id, to)
		}
	}
	if n := b.ask(`String(performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin)).map(e => e.name))`); n != "" {
		b.t.Errorf("%s asks elsewhere for %s", id, n)
	}
	if lacks := b.ask(`[getComputedStyle(document.querySelector(".cs-header")).backgroundColor === "rgb(26, 68, 128)" ? "" : "style", document.fonts.check('16px "Source Sans Pro Web"') ? "" : "face",
		document.querySelector(".cs-brand img").naturalWidth > 0 ? "" : "mark", document.querySelector("button[data-show][hidden]") ? "script" : ""].join("")`); lacks != "" {
		b.t.Errorf("%s lacks %s", id, lacks)
	}
	for _, width := range []int64{1280, 320} {
		must(b.t, b.Size(width, 640))
		b.picture(id, width)
		found, err := b.Axe()
		must(b.t, err)
		wide, err := b.Fits()
		must(b.t, err)
		for _, f := range append(found, wide...) {
			b.t.Errorf("%s (%s, %d px): %s", id, b.lang, width, f)
		}
	}
}

func (b *keycloakTab) picture(id string, width int64) {
	dir := os.Getenv("COUNTERSIGN_PICTURES")
	if dir == "" {
		return
	}
	png, err := b.Picture()
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("keycloak-%s-%s-%d.png", id, b.lang, width)), png, 0o600))
}

// authorize is the address of a sign-in as the portal begins it.
func (b *keycloakTab) authorize(change ...string) string {
	q := url.Values{"client_id": {b.s.config.PortalID}, "redirect_uri": {b.s.config.PublicURL + "/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"}, "ui_locales": {b.lang}}
	for i := 0; i < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return b.s.config.Issuer() + "/protocol/openid-connect/auth?" + q.Encode()
}

// Every page of Keycloak that our flows reach is the house's own: in both
// languages, at 320 and 1280 pixels, judged by axe-core, under a policy that
// runs no inline script, with a way back to the portal where it is an end.
// proves: B3 A15 A16 attack A52
func TestKeycloakPages(t *testing.T) {
	t.Parallel()
	s := shared(t)
	chrome, err := look.Open()
	must(t, err)
	t.Cleanup(chrome.Close)
	for _, lang := range []string{"en", "es"} {
		t.Run(lang, func(t *testing.T) {
			tab, err := chrome.Tab(1280, 640)
			must(t, err)
			t.Cleanup(tab.Close)
			b := &keycloakTab{Tab: tab, t: t, s: s, lang: lang}
			go b.listen()
			p := s.person(t, "Ana", "Ruiz")
			user := s.keycloakUser(t, p, map[string]any{"attributes": map[string]any{"locale": []string{lang}}})
			b.signIn(p)
			b.forgotten(p)
			b.mailed(p, user)
			b.ends()
			b.leave(p)
			b.factors(p, user)
		})
	}
}

// listen fails the test on what the browser itself complains of.
func (b *keycloakTab) listen() {
	for m, err := range chromedp.Console(b.Ctx) {
		if err != nil {
			return
		}
		// Pages of errors have the status of an error: what is missing on a page, page tells.
		text := m.String()
		if !strings.HasPrefix(text, "debug:") && !strings.Contains(text, "the server responded with a status of 4") {
			b.t.Errorf("the browser complains: %s", text)
		}
	}
}

func (b *keycloakTab) signIn(p *walk.Person) {
	must(b.t, b.Go(b.authorize()))
	b.page("login", false)
	other := map[string]string{"en": "es", "es": "en"}[b.lang]
	b.fill(`.cs-languages a`)
	if got := b.ask(`document.documentElement.lang`); got != other {
		b.t.Errorf("the link to the other language leads to %s", got)
	}
	b.fill(`.cs-languages a`)
	b.fill(`#kc-login`, `#username`, p.UserName, `#password`, "wrong")
	if b.ask(`document.querySelector("#username").getAttribute("aria-describedby") + document.querySelector("#input-error-username").id`) != " input-error-usernameinput-error-username" {
		b.t.Error("the error is not tied to its field")
	}
	b.page("login", false)
}

// forgotten goes by the mail of "I forgot my password" to a new one, with the
// label of its strength on the way.
func (b *keycloakTab) forgotten(p *walk.Person) {
	since := time.Now()
	b.fill(`a[href*="reset-credentials"]`)
	b.page("login-reset-password", false)
	b.fill(`#kc-form-buttons`, `#username`, p.UserName)
	b.page("login", false)
	m := b.mail(p.Email, since)
	b.sober(m, p)
	must(b.t, b.Go(m.Link("action-token")))
	b.page("login-update-password", false)
	b.strength(p)
	b.fill(`#kc-submit`, `#password-new`, "passwordpassword", `#password-confirm`, "passwordpassword")
	b.page("login-update-password", false)
	if said := b.ask(`document.querySelector("#input-error-password-new").innerText`); !strings.Contains(said, map[string]string{"en": "Many people", "es": "Mucha gente"}[b.lang]) {
		b.t.Errorf("a common password is refused with %q", said)
	}
}

// strength types a password and reads the label (A15).
func (b *keycloakTab) strength(p *walk.Person) {
	words := map[string][]string{"en": {"Weak", "Fair", "Good"}, "es": {"Débil", "Aceptable", "Buena"}}[b.lang]
	if rule := b.ask(`document.querySelector("#password-new-hint").innerText`); !strings.Contains(rule, "15") {
		b.t.Errorf("the rule says %q", rule)
	}
	for _, c := range []struct {
		typed string
		want  int
		why   string
	}{{"secret", 0, "9"}, {strings.Repeat("ab", 10), 0, ""}, {"tidy river lamp", 1, ""}, {"qwertyuiopasdfgh", 0, ""},
		{"tidy river lamp seven walnuts", 2, ""}, {p.UserName + "12345678901", 0, ""}} {
		b.do("type", chromedp.SetValue(chromedp.CSS(`#password-new`), c.typed),
			chromedp.Evaluate[chromedp.Void](`document.querySelector("#password-new").dispatchEvent(new Event("input"))`))
		eventually(b.t, "the label for "+c.typed, func() bool {
			said := b.ask(`document.querySelector("#password-new-strength [role=status]").innerText`)
			return strings.HasPrefix(said, words[c.want]) && strings.Contains(said, c.why)
		})
	}
	b.picture("strength", 320)
}

// mailed goes by an administrator's mail to the page that lists what is to do.
func (b *keycloakTab) mailed(p *walk.Person, user string) {
	since := time.Now()
	b.s.keycloakPut(b.t, "/users/"+user+"/execute-actions-email?client_id="+b.s.config.PortalID+"&redirect_uri="+url.QueryEscape(b.s.config.PublicURL+"/access"), []string{"UPDATE_PASSWORD"})
	m := b.mail(p.Email, since)
	b.sober(m, p)
	must(b.t, b.Go(m.Link("action-token")))
	b.page("info", false)
	b.fill(`main a.cs-button`)
	b.page("login-update-password", false)
	b.fill(`#kc-submit`, `#password-new`, p.Password, `#password-confirm`, p.Password)
	b.page("info", false)
	must(b.t, b.Go(m.Link("action-token")))
	b.page("error", true) // the link is used up
}

// ends are pages from which nothing leads on but the way back.
func (b *keycloakTab) ends() {
	must(b.t, b.Go(b.authorize("redirect_uri", "https://elsewhere.example/")))
	b.page("error", true)
	must(b.t, b.Go(b.authorize()))
	form, err := url.Parse(b.ask(`document.querySelector("#kc-form-login").action`))
	must(b.t, err)
	q := form.Query()
	q.Set("execution", "none")
	form.RawQuery = q.Encode()
	must(b.t, b.Go(form.String()))
	b.page("login-page-expired", true)
}

// leave signs out without an application that asks for it, and comes with an
// address that is not confirmed.
func (b *keycloakTab) leave(p *walk.Person) {
	must(b.t, b.Go(b.authorize()))
	b.fill(`#kc-login`, `#username`, p.UserName, `#password`, p.Password)
	must(b.t, b.Go(b.s.config.Issuer()+"/protocol/openid-connect/logout?ui_locales="+b.lang))
	b.page("logout-confirm", true)
	b.fill(`#kc-logout`)
	b.page("info", true)
	b.s.keycloakUser(b.t, p, map[string]any{"emailVerified": false})
	must(b.t, b.Go(b.authorize()))
	b.fill(`#kc-login`, `#username`, p.UserName, `#password`, p.Password)
	b.page("login-verify-email", true)
	b.s.keycloakUser(b.t, p, map[string]any{"emailVerified": true})
}

// mail waits for the latest mail with a link to Keycloak.
func (b *keycloakTab) mail(address string, since time.Time) walk.Message {
	b.t.Helper()
	var m walk.Message
	eventually(b.t, "a mail", func() bool {
		all, err := b.s.mail.To(address)
		must(b.t, err)
		for _, one := range all {
			if one.Received.After(since) && one.Link("action-token") != "" {
				m = one
			}
		}
		return m.Subject != ""
	})
	return m
}

// sober demands of a mail that text and HTML say the same, in the person's
// language, with the link's life in words and nothing about them but the name.
func (b *keycloakTab) sober(m walk.Message, p *walk.Person) {
	b.t.Helper()
	for kind, text := range map[string]string{"text": m.Text, "HTML": m.HTML} {
		for _, want := range []string{map[string]string{"en": "Hello Ana Ruiz", "es": "Hola, Ana Ruiz"}[b.lang], map[string]string{"en": "The link works for", "es": "El enlace sirve durante"}[b.lang]} {
			if !strings.Contains(text, want) {
				b.t.Errorf("%s of %q does not say %q: %.900s", kind, m.Subject, want, text)
			}
		}
		if strings.Contains(text, p.Email) || strings.Contains(text, p.UserName) {
			b.t.Errorf("%s of %q tells more than the name", kind, m.Subject)
		}
		if said := foreign[b.lang].FindString(text); said != "" {
			b.t.Errorf("%s of %q says %q", kind, m.Subject, said)
		}
	}
	if strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, "src=") {
		b.t.Errorf("%q fetches something", m.Subject)
	}
}

// factors sets up a second factor of each kind and uses them.
func (b *keycloakTab) factors(p *walk.Person, user string) {
	b.s.keycloakUser(b.t, p, map[string]any{"requiredActions": []string{"CONFIGURE_TOTP", "CONFIGURE_RECOVERY_AUTHN_CODES", "webauthn-register-passwordless"}})
	b.do("authenticator", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: "ctap2", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
		return err
	}))
	must(b.t, b.Go(b.authorize("prompt", "login")))
	b.fill(`#kc-login`, `#username`, p.UserName, `#password`, p.Password)
	var secret string
	for range 6 {
		switch id := b.ask(`document.body.dataset.pageId ?? ""`); id {
		case "login-login-config-totp":
			b.page("login-config-totp", false)
			b.fill(`#mode-manual`)
			b.page("login-config-totp", false)
			secret = b.ask(`document.querySelector("#kc-totp-secret-key").innerText`)
			b.fill(`#saveTOTPBtn`, `#totp`, "000000")
			b.page("login-config-totp", false)
			b.fill(`#saveTOTPBtn`, `#totp`, code(b.t, secret, 0))
		case "login-login-recovery-authn-code-config":
			b.page("login-recovery-authn-code-config", false)
			b.do("tick", chromedp.Click(chromedp.CSS(`#kcRecoveryCodesConfirmationCheck`)))
			b.fill(`#saveRecoveryAuthnCodesBtn`)
		case "login-webauthn-register":
			b.page("webauthn-register", false)
			b.fill(`#registerWebAuthn`)
		default:
			if secret == "" {
				b.t.Fatalf("no second factor was asked for at %s: %s", b.where(), id)
			}
			b.useFactors(p, secret)
			return
		}
	}
	b.t.Fatalf("setting up second factors does not end at %s", b.where())
}

// useFactors signs in once more: with a code from the app, and where the realm
// offers a choice, by way of the page that lists the others.
func (b *keycloakTab) useFactors(p *walk.Person, secret string) {
	must(b.t, b.Go(b.authorize("prompt", "login")))
	b.page("login", false) // who it is, is known
	b.fill(`#kc-login`, `#password`, p.Password)
	b.page("login-otp", false)
	b.fill(`#kc-login`, `#otp`, "000000")
	b.page("login-otp", false)
	if b.ask(`document.querySelector("#try-another-way") ? "yes" : ""`) != "" {
		b.fill(`#try-another-way`)
		b.page("select-authenticator", false)
		for i, page := range map[int]string{1: "webauthn-authenticate", 2: "login-recovery-authn-code-input"} {
			b.fill(fmt.Sprintf(`.cs-choices > li:nth-child(%d) button`, i+1))
			b.page(page, false)
			b.fill(`#try-another-way`)
		}
		b.fill(`.cs-choices > li:first-child button`)
	}
	b.fill(`#kc-login`, `#otp`, code(b.t, secret, 1)) // this moment's is used up
	if !strings.HasPrefix(b.where(), b.s.config.PublicURL) {
		b.t.Errorf("the code leads to %s: %s", b.where(), b.ask(`document.body.innerText`))
	}
}

// code is the one-time code of this moment, or of a later one (RFC 6238).
func code(t *testing.T, secret string, later int64) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	must(t, err)
	mac := hmac.New(sha1.New, key)
	must(t, binary.Write(mac, binary.BigEndian, time.Now().Unix()/30+later))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1000000)
}

// keycloakUser changes somebody in Keycloak as an administrator would, and gives their id there.
func (s *stack) keycloakUser(t *testing.T, p *walk.Person, change map[string]any) string {
	t.Helper()
	var found []map[string]any
	s.keycloak(t, "/users?exact=true&username="+p.UserName, &found)
	if len(found) != 1 {
		t.Fatalf("%d users are called %s", len(found), p.UserName)
	}
	user := found[0]
	for name, value := range change {
		if known, ok := user[name].(map[string]any); ok { // attributes not sent would go
			for n, v := range value.(map[string]any) {
				known[n] = v
			}
			continue
		}
		user[name] = value
	}
	id := user["id"].(string)
	s.keycloakPut(t, "/users/"+id, user)
	return id
}

func (s *stack) keycloakPut(t *testing.T, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.config.Keycloak+"/admin/realms/"+s.config.Realm+path, bytes.NewReader(text))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+s.adminToken(t))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("Keycloak answers %s to %s", resp.Status, path)
	}
}
