package broker_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"countersign/policies"
)

// A language chosen on a page is the account's from then on, whatever Keycloak
// says of the person at later sign-ins; what was shown in one language and signed
// after the change is signed in that one. Nobody else chooses it.
// proves: attack A25 attack A51
func TestLanguageIsThePersonsOwn(t *testing.T) {
	t.Parallel()
	s := shared(t)
	zoe := s.person(t, "Zoe", "Marsh")
	shown := read(t, zoe, statement, formTo("/sign/")).with("agree", "yes")
	choose := form{zoe, "/language", maps.Clone(get(t, zoe, statement).Form("/language").Values())}.with("language", "es")
	for what, c := range map[string]struct {
		header, value string
		form          form
		want          int
	}{
		"another origin": {"Origin", "http://evil.example", choose, http.StatusForbidden},
		"another site":   {"Sec-Fetch-Site", "cross-site", choose, http.StatusForbidden},
		"foreign token":  {"", "", choose.with("form_token", formToken(t, s.person(t, "Ada", "Byron"))), http.StatusForbidden},
		"no token":       {"", "", choose.with("form_token"), http.StatusForbidden},
		"one field more": {"", "", choose.with("account", "x"), http.StatusBadRequest},
		"no language":    {"", "", choose.with("language", "fr"), http.StatusBadRequest},
	} {
		if got := c.form.sendWith(t, http.MethodPost, c.header, c.value); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
	if n := s.count(t, `account where id = $1 and (locale <> 'en' or locale_chosen)`, s.account(t, zoe)); n != 0 {
		t.Fatal("somebody else chose Zoe's language")
	}
	page := choose.send(t)
	if page.Status != http.StatusSeeOther || page.Header.Get("Location") != statement {
		t.Fatalf("%d to %s", page.Status, page.Header.Get("Location"))
	}
	says(t, get(t, zoe, statement), "Solo atención directa")
	shown.accepted(t)
	read(t, zoe, "/sign/careconnect/access-agreement", formTo("/sign/")).with("agree", "yes").accepted(t)
	built, err := policies.Builtin()
	must(t, err)
	for name, lang := range map[string]string{"direct-care-only": "en", "access-agreement": "es"} {
		digest := built["careconnect"].Agreements[name].Versions[0].Texts[lang].Digest
		if n := s.count(t, `fact_signature where account_id = $1 and agreement = $2 and language = $3 and digest = $4`, s.account(t, zoe), name, lang, digest); n != 1 {
			t.Errorf("%s: %d signatures of the text in %q", name, n, lang)
		}
	}
	_, err = get(t, zoe, "/access").Form("/sign-out").Send() // then anew, with Keycloak's word on the language
	must(t, err)
	says(t, get(t, zoe, "/feedback"), "Comentarios y navegadores") // the browser remembers who was here last
	s.answersIn(t, zoe, "es")
	s.keycloakUser(t, zoe, map[string]any{"attributes": map[string]any{"locale": []string{"en"}}}) // and that is another again
	_, err = zoe.SignIn(zoe.UserName, zoe.Password)
	must(t, err)
	says(t, get(t, zoe, "/access"), "Mi acceso")
	if n := s.count(t, `account where id = $1 and locale = 'es' and locale_chosen`, s.account(t, zoe)); n != 1 {
		t.Error("Keycloak's word changed the person's own choice")
	}
}

// Who changes the language of a page in the middle of a form loses nothing, with
// or without an account.
// proves: B29
func TestTypedInTheOtherLanguage(t *testing.T) {
	t.Parallel()
	w := abused(t)
	s := w.stack
	b := newTab(t, browser(t))
	espanol := `button[lang="es"]`

	b.open(s.config.PublicURL + "/sign-up")
	b.write(`[name="given-name"]`, "Zoé")
	b.write(`[name="email"]`, "zoe")
	b.enter(espanol)
	b.until("the page in Spanish", `document.documentElement.lang === "es" && document.readyState === "complete"`)
	if got := eval[string](b, `document.querySelector("[name=given-name]").value + " " + document.querySelector("[name=email]").value`); got != "Zoé zoe" {
		t.Errorf("what was typed is %q", got)
	}
	if left := eval[int](b, `sessionStorage.length`); left != 0 {
		t.Errorf("%d entries stay in the browser", left)
	}
	b.enter(`button[lang="en"]`)

	zoe := s.person(t, "Zoe", "Marsh")
	at := askedHere(t, s, zoe, w.site).action
	b.signs(s, zoe, "/access")
	b.open(s.config.PublicURL + at)
	b.write(`[name="number"]`, "P-typed")
	b.enter(espanol)
	b.until("the form in Spanish", `document.documentElement.lang === "es" && document.readyState === "complete"`)
	b.says("Lo que escribió")
	if got := eval[string](b, `document.querySelector("[name=number]").value`); got != "P-typed" || !strings.HasSuffix(b.where(), at) {
		t.Errorf("%s: what was typed is %q", b.where(), got)
	}
}
