package session

import (
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// speaks sets what the browser keeps about languages.
func (b *browser) keeps(value string) {
	b.t.Helper()
	u, err := url.Parse(b.p.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: "countersign-7400-language", Value: value, Path: "/"}})
}

func (b *browser) kept() string {
	u, err := url.Parse(b.p.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "countersign-7400-language" {
			return c.Value
		}
	}
	return ""
}

func (p *portal) locale(name string) (locale string, chosen bool) {
	p.t.Helper()
	db, err := sql.Open("postgres", p.owner)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(p.t.Context(), `select locale, locale_chosen from account where user_name = $1`, name).Scan(&locale, &chosen); err != nil {
		p.t.Fatal(err)
	}
	return locale, chosen
}

// A language chosen before sign-in goes to Keycloak's pages and to the account of
// who signs in, and what the browser keeps then is no choice for the next person.
// One that was chosen long ago, or by nobody, changes no account.
func TestLanguageCarriesOver(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	in := func(value string, who person) *browser {
		b := p.browser()
		b.keeps(value)
		at := b.begin("/sign-in?return=/access")
		if got := at.Query().Get("ui_locales"); got != speak(strings.TrimSuffix(value[:2], ".")) {
			t.Errorf("%q: Keycloak is asked for %q", value, got)
		}
		if status, _, _ := b.get(p.issuer.approve(at, who)); status != http.StatusSeeOther {
			t.Fatalf("callback: %d", status)
		}
		return b
	}
	fresh := chosenAt("es", time.Now())
	if b := in(fresh, ada); b.kept() != "es" {
		t.Errorf("the browser keeps %q", b.kept())
	}
	if lang, chosen := p.locale("ada"); lang != "es" || !chosen {
		t.Errorf("ada: %s %v", lang, chosen)
	}
	in("en", ada) // somebody else's, from before
	in(chosenAt("en", time.Now().Add(-2*time.Hour)), ada)
	if lang, chosen := p.locale("ada"); lang != "es" || !chosen {
		t.Errorf("an old choice changed ada's: %s %v", lang, chosen)
	}
	in(chosenAt("en", time.Now()), ada)
	if lang, _ := p.locale("ada"); lang != "en" {
		t.Errorf("ada changed her mind: %s", lang)
	}
	in("es", ruth) // nothing is known of her, so the browser's language begins it
	if lang, chosen := p.locale("ruth"); lang != "es" || chosen {
		t.Errorf("ruth: %s %v", lang, chosen)
	}
}

// What is no language of ours in the cookie is nothing.
func TestForgedLanguage(t *testing.T) {
	t.Parallel()
	s := New(Config{CookieName: "countersign"}, nil)
	for value, want := range map[string]string{"es": "es", "ES": "", "es<script>": "", ".1": "", "": "", "es.x": "es"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: "countersign-language", Value: value})
		if lang, chosen := s.Language(r); lang != want || chosen {
			t.Errorf("%q is %q, chosen %v", value, lang, chosen)
		}
	}
}
