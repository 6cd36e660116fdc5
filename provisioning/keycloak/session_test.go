package keycloak_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

var loginForm = regexp.MustCompile(`<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"`)

// signIn walks the code flow with PKCE as a browser without script would, and
// returns the application's tokens.
func (f *fixture) signIn(t *testing.T, app keycloak.App, secret, user, password, scope string) map[string]any {
	t.Helper()
	const verifier = "a-verifier-of-at-least-forty-three-characters-for-pkce"
	digest := sha256.Sum256([]byte(verifier))
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	query := url.Values{
		"client_id": {app.ClientID}, "response_type": {"code"}, "redirect_uri": {app.RedirectURIs[0]}, "scope": {scope}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"},
	}
	resp, err := browser.Get(stack.Keycloak + "/realms/" + f.spec.Realm + "/protocol/openid-connect/auth?" + query.Encode())
	must(t, err)
	page, err := io.ReadAll(resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	action := loginForm.FindStringSubmatch(string(page))
	if action == nil {
		t.Fatalf("no sign-in form: %d %s", resp.StatusCode, page)
	}
	resp, err = browser.PostForm(html.UnescapeString(action[1]), url.Values{"username": {user}, "password": {password}})
	must(t, err)
	must(t, resp.Body.Close())
	back, err := resp.Location()
	must(t, err)
	return form(t, f.spec.Realm, "token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {app.RedirectURIs[0]},
		"client_id": {app.ClientID}, "client_secret": {secret}, "code_verifier": {verifier},
	})
}

// ready gives the person a password and a verified mail, as they would themselves.
func (f *fixture) ready(t *testing.T, sub, password string) {
	t.Helper()
	f.call(t, http.MethodPut, "/users/"+sub+"/reset-password", map[string]any{"type": "password", "value": password, "temporary": false}, nil)
	f.call(t, http.MethodPut, "/users/"+sub, map[string]any{"emailVerified": true, "requiredActions": []string{}}, nil)
}

// proves: C15
//
// From membership to token and back: the application gets groups and roles, can
// introspect, and after leaving and the end of sessions it has a logout token
// with sid, and neither its refresh token nor an offline token works any more.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	logouts := make(chan string, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		logouts <- r.FormValue("logout_token")
	}))
	t.Cleanup(receiver.Close)
	app := sample()
	app.LogoutURL = receiver.URL
	secret, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), app)
	must(t, err)
	var scopes []named
	f.call(t, http.MethodGet, "/client-scopes", nil, &scopes)
	for _, s := range scopes {
		if s.Name == "offline_access" {
			f.call(t, http.MethodPut, "/clients/"+f.client(t, "sample")+"/optional-client-scopes/"+s.ID, nil, nil)
		}
	}
	sub, groups := f.member(t, "ana", "s1", "viewer")
	const password = "a long enough secret"
	f.ready(t, sub, password)

	online := f.signIn(t, app, secret, "ana", password, "openid")
	offline := f.signIn(t, app, secret, "ana", password, "openid offline_access")
	access, _ := online["access_token"].(string)
	introspect := func() map[string]any {
		return form(t, f.spec.Realm, "token/introspect", url.Values{"token": {access}, "client_id": {"sample"}, "client_secret": {secret}})
	}
	if got := introspect(); got["active"] != true || got["sub"] != sub || !strings.Contains(jsonOf(t, got["groups"]), "/access/careconnect/s1/viewer") {
		t.Fatalf("before: %v", got)
	}

	must(t, f.Leave(t.Context(), sub, groups["viewer"]))
	sessions := func(online, offline int) {
		t.Helper()
		all, err := f.Sessions(t.Context(), sub)
		must(t, err)
		for _, s := range all {
			if time.Since(s.Began) > time.Minute || time.Until(s.Began) > time.Second {
				t.Errorf("a session that began at %s", s.Began)
			}
			if s.Offline {
				offline--
			} else {
				online--
			}
		}
		if online != 0 || offline != 0 {
			t.Errorf("sessions %+v: %d and %d offline are missing", all, online, offline)
		}
	}
	sessions(1, 1)
	must(t, f.RevokeConsents(t.Context(), sub))
	sessions(1, 0)
	late := f.signIn(t, app, secret, "ana", password, "openid offline_access") // between the two calls
	must(t, f.EndSessions(t.Context(), sub))
	sessions(0, 1) // a log-out leaves it standing: hence the reading back
	must(t, f.RevokeConsents(t.Context(), sub))
	sessions(0, 0)
	select {
	case sent := <-logouts:
		claims := claimsOf(t, sent)
		if claims["sub"] != sub || claims["sid"] == nil || claims["aud"] != "sample" {
			t.Errorf("logout token %v", claims)
		}
	case <-time.After(10 * time.Second):
		t.Error("no logout token")
	}
	if got := introspect(); got["active"] != false {
		t.Errorf("the access token still introspects: %v", got)
	}
	for name, tokens := range map[string]map[string]any{"online": online, "offline": offline, "offline, late": late} {
		refresh, _ := tokens["refresh_token"].(string)
		got := form(t, f.spec.Realm, "token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"sample"}, "client_secret": {secret}})
		if refresh == "" || got["error"] != "invalid_grant" {
			t.Errorf("%s refresh: %v", name, got)
		}
	}
	again := f.signIn(t, app, secret, "ana", password, "openid")
	if claims := claimsOf(t, again["access_token"].(string)); claims["groups"] != nil || claims["resource_access"] != nil {
		t.Errorf("a new session carries %v %v", claims["groups"], claims["resource_access"])
	}
}

// Nothing signs in without PKCE, by direct grant, or to an address that is not registered.
func TestClientRefusesOtherFlows(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	_, err := f.CreatePerson(t.Context(), provisioning.NewPerson{Account: "a", UserName: "ana", GivenName: "A", Surname: "B", Email: "a@example.test"})
	must(t, err)
	got := form(t, f.spec.Realm, "token", url.Values{"grant_type": {"password"}, "username": {"ana"}, "password": {"x"}, "client_id": {"portal"}, "client_secret": {"portal-secret"}})
	if got["error"] != "unauthorized_client" {
		t.Errorf("direct grant: %v", got)
	}
	noRedirect := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(query url.Values) (int, string) {
		resp, err := noRedirect.Get(stack.Keycloak + "/realms/" + f.spec.Realm + "/protocol/openid-connect/auth?" + query.Encode())
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode, resp.Header.Get("Location")
	}
	query := url.Values{"client_id": {"portal"}, "response_type": {"code"}, "redirect_uri": {f.spec.Portal.RedirectURIs[0]}, "scope": {"openid"}}
	if code, location := ask(query); code != http.StatusFound || !strings.Contains(location, "code_challenge_method") {
		t.Errorf("without PKCE: %d %s", code, location)
	}
	query.Set("redirect_uri", f.spec.Portal.RedirectURIs[0]+"/more")
	if code, _ := ask(query); code != http.StatusBadRequest {
		t.Errorf("another address: %d", code)
	}
}

func claimsOf(t *testing.T, jwt string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", jwt)
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	must(t, json.Unmarshal(body, &claims))
	return claims
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	encoded, err := json.Marshal(v)
	must(t, err)
	return string(encoded)
}
