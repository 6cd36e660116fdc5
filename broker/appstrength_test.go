package broker_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/broker/walk"
	realm "countersign/keycloak-realm"
	"countersign/provisioning/keycloak"
)

// An application whose groups come from roles that ask for two factors gets no
// sign-in of one: Keycloak asks for the second also where the application forgot to,
// or where the browser asked for less on the way. An application that checks acr is
// safe even where its client asks for nothing.
func TestStrengthAtAnApplication(t *testing.T) {
	t.Parallel()
	s := shared(t)
	p := s.person(t, "Nell", "Osei")
	app := s.app(t)
	asked := func(b *walk.Browser, acr ...string) string { // where the application sends it, with another wish
		t.Helper()
		page, err := plain(b).Get(app + "/sign-in")
		must(t, err)
		to, err := url.Parse(page.Header.Get("Location"))
		must(t, err)
		q := to.Query()
		if got := q.Get("acr_values"); got != "two-factor" {
			t.Errorf("the application asks for %q", got)
		}
		q["acr_values"] = acr
		to.RawQuery = q.Encode()
		return to.String()
	}
	password := func(acr ...string) *walk.Page {
		t.Helper()
		b := walk.New(s.config.PublicURL)
		page, err := b.Get(asked(b, acr...))
		must(t, err)
		page, err = page.FormWith("password").Set("username", p.UserName).Set("password", p.Password).Send()
		must(t, err)
		return page
	}
	for _, acr := range [][]string{nil, {"one-factor"}} {
		if page := password(acr...); !page.FormWith("totpSecret").Has("totp") {
			t.Errorf("asked for %q, a password alone leads to %s: %.300s", acr, page.URL, page.Text())
		}
	}

	to, err := url.Parse(asked(walk.New(s.config.PublicURL)))
	must(t, err)
	id := to.Query().Get("client_id")
	client := keycloak.App{ClientID: id, Programs: []string{walk.Program}, RedirectURIs: []string{app + "/callback"}, LogoutURL: app + "/back-channel-logout"}
	client.Secret, err = servers.PutSecret(s.config.Realm, id, id+"-secret")
	must(t, err)
	_, err = keycloak.AddApp(t.Context(), s.admin, keycloak.Realm{Name: s.config.Realm, PortalClientID: s.config.PortalID, Template: realm.JSON}, client)
	must(t, err)
	if page := password(); page.Status != http.StatusBadRequest || !strings.Contains(page.Text(), "refused") {
		t.Errorf("a sign-in of one factor is answered with %d: %.300s", page.Status, page.Text())
	}
	if got := useApp(t, p, app).ACR; got != "two-factor" {
		t.Errorf("the application got acr %q", got)
	}
}
