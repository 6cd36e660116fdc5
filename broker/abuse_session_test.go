package broker_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/broker/registry"
	"countersign/broker/walk"
	realm "countersign/keycloak-realm"
	"countersign/provisioning/keycloak"
)

// sessionCookie is the cookie of somebody's session at the portal.
func sessionCookie(b *walk.Browser) *http.Cookie {
	for _, c := range b.Client.Jar.Cookies(b.Home) {
		if c.Name == "countersign-"+b.Home.Port() {
			return c
		}
	}
	return &http.Cookie{Name: "countersign-" + b.Home.Port()}
}

// signedIn tells whether the portal knows who has this cookie.
func signedIn(t *testing.T, home, cookie string) bool {
	t.Helper()
	b := walk.New(home)
	b.Client.Jar.SetCookies(b.Home, []*http.Cookie{{Name: sessionCookie(b).Name, Value: cookie, Path: "/"}})
	p, err := plain(b).Get("/access")
	must(t, err)
	return p.Status == http.StatusOK
}

// A cookie from before the sign-in is not kept by it, and a new proof makes a new
// one: the old id is nobody's.
// proves: attack A49
func TestPlantedSession(t *testing.T) {
	t.Parallel()
	w := abused(t)
	home, who := w.config.PublicURL, w.person(t, "Petra", "Vale") // Keycloak refuses two sign-ins of one person at once
	b := walk.New(home)
	b.Client.Jar.SetCookies(b.Home, []*http.Cookie{{Name: sessionCookie(b).Name, Value: "planted", Path: "/"}})
	_, err := b.SignIn(who.UserName, who.Password)
	must(t, err)
	first := sessionCookie(b).Value
	if first == "planted" || !signedIn(t, home, first) || signedIn(t, home, "planted") {
		t.Errorf("after a sign-in with a planted cookie it is %q", first)
	}
	page, err := b.Get("/sign-in?prompt=login")
	must(t, err)
	_, err = page.Authenticate(who.UserName, who.Password)
	must(t, err)
	if second := sessionCookie(b).Value; second == first || signedIn(t, home, first) || !signedIn(t, home, second) {
		t.Errorf("after fresh proof it is %q, and was %q", second, first)
	}
}

// answerOf begins a sign-in and gives Keycloak's answer to it, as the address of
// our callback, without opening it.
func answerOf(t *testing.T, b *walk.Browser) string {
	t.Helper()
	p, err := plain(b).Get("/sign-in")
	must(t, err)
	for range 5 {
		to := p.Header.Get("Location")
		if strings.Contains(to, "/callback?") {
			return to
		}
		p, err = plain(b).Get(to)
		must(t, err)
	}
	t.Fatalf("no answer: %d %s", p.Status, p.Text())
	return ""
}

// Keycloak's answer is good once, in the browser that asked for it, whole: with
// another's state, with none, with another issuer or with another's code nobody is
// signed in.
// proves: attack A46 attack A48
func TestAnswerOfAnother(t *testing.T) {
	t.Parallel()
	w := abused(t)
	// attacker and victim have a session at Keycloak each, and none at the portal
	fresh := func(p *walk.Person) *walk.Browser {
		b := walk.New(w.config.PublicURL)
		_, err := b.SignIn(p.UserName, p.Password)
		must(t, err)
		b.Client.Jar.SetCookies(b.Home, []*http.Cookie{{Name: sessionCookie(b).Name, Path: "/", MaxAge: -1}})
		return b
	}
	attacker, victim := fresh(w.person(t, "Mallory", "Stone")), fresh(w.person(t, "Vera", "Stone"))
	foreign, own := answerOf(t, attacker), answerOf(t, victim)
	change := func(name, value string) string {
		u, err := url.Parse(own)
		must(t, err)
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	theirs, err := url.Parse(foreign)
	must(t, err)
	for _, c := range []struct {
		what, address string
		want          int
	}{
		{"another's answer", foreign, 410}, {"made-up state", change("state", "made-up"), 410}, {"no state", change("state", ""), 410},
		{"another's code", change("code", theirs.Query().Get("code")), 400}, // takes the state with it
		{"the state once more", own, 410},
	} {
		p, err := plain(victim).Get(c.address)
		must(t, err)
		if p.Status != c.want || sessionCookie(victim).Value != "" {
			t.Errorf("%s: %d, cookie %q", c.what, p.Status, sessionCookie(victim).Value)
		}
	}
	own = answerOf(t, victim)
	if p, err := plain(victim).Get(change("iss", "http://evil.example/realms/x")); err != nil || p.Status != 400 || sessionCookie(victim).Value != "" {
		t.Errorf("another issuer: %v %d", err, p.Status)
	}
	p, err := plain(victim).Get(answerOf(t, victim))
	must(t, err)
	if p.Status != http.StatusSeeOther || sessionCookie(victim).Value == "" {
		t.Errorf("the answer itself: %d", p.Status)
	}
}

// Keycloak answers our client with a code only where proof of possession was
// promised: who drops the challenge on the way gets none.
// proves: attack A48
func TestChallengeIsNotDropped(t *testing.T) {
	t.Parallel()
	w := abused(t)
	b := walk.New(w.config.PublicURL)
	p, err := plain(b).Get("/sign-in")
	must(t, err)
	asked, err := url.Parse(p.Header.Get("Location"))
	must(t, err)
	if q := asked.Query(); q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		t.Errorf("asked with %v", q)
	}
	for _, method := range []string{"", "plain"} {
		q := asked.Query()
		q.Del("code_challenge")
		q.Del("code_challenge_method")
		if method != "" {
			q.Set("code_challenge", strings.Repeat("a", 43))
			q.Set("code_challenge_method", method)
		}
		asked.RawQuery = q.Encode()
		p, err := plain(b).Get(asked.String())
		must(t, err)
		if !strings.Contains(p.Header.Get("Location"), "error=invalid_request") {
			t.Errorf("challenge %q: %d %s", method, p.Status, p.Header.Get("Location"))
		}
	}
}

// After a sign-in one lands at home, wherever else a link meant to lead.
// proves: attack A50
func TestReturnsNowhereElse(t *testing.T) {
	t.Parallel()
	w := abused(t)
	for _, to := range []string{"//evil.example", `/\evil.example`, "https:evil.example", "https://evil.example/", "%2f%2fevil.example", "/%2f%2fevil.example",
		"javascript:alert(1)", "/a\r\nLocation: http://evil.example", "/access#x", "/" + strings.Repeat("a", 5000), "/../../evil"} {
		p, err := plain(w.sara.Browser).Get("/sign-in?return=" + url.QueryEscape(to))
		must(t, err)
		if got := p.Header.Get("Location"); got != "/" {
			t.Errorf("%.30q leads to %q", to, got)
		}
		b := walk.New(w.config.PublicURL)
		landed, err := b.Get("/sign-in?return=" + url.QueryEscape(to))
		must(t, err)
		if len(to) > 20 { // a whole sign-in for some
			continue
		}
		landed, err = landed.Authenticate(w.sara.UserName, w.sara.Password)
		if err != nil { // no such place
			t.Errorf("%.30q led away: %v", to, err)
		} else if landed.URL.Host != b.Home.Host || landed.URL.Path != "/" {
			t.Errorf("%.30q led to %v", to, landed.URL)
		}
	}
}

// A token is no way in here, whoever's and for whichever client: an application
// that replays its user's, or sends its own, is not signed in.
// proves: attack A54
func TestTokensAreNoWayIn(t *testing.T) {
	t.Parallel()
	w := abused(t)
	for name, token := range map[string]string{"of an application's user": w.tokenOf(t, w.mona), "of the server's administrator": w.adminToken(t)} {
		for _, header := range []string{"Bearer " + token, "bearer " + token, "DPoP " + token} {
			for method, want := range map[string]int{http.MethodGet: http.StatusSeeOther, http.MethodPost: http.StatusUnauthorized} {
				req, err := http.NewRequestWithContext(t.Context(), method, w.config.PublicURL+walk.Inbox(w.samAsks)+"?access_token="+token, nil)
				must(t, err)
				req.Header.Set("Authorization", header)
				req.AddCookie(&http.Cookie{Name: sessionCookie(w.mona.Browser).Name, Value: token})
				resp, err := plain(walk.New(w.config.PublicURL)).Client.Do(req)
				must(t, err)
				resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("the token %s, %s: %d", name, method, resp.StatusCode)
				}
			}
		}
	}
}

// tokenOf is an access token that an application of the realm has of somebody.
func (s *stack) tokenOf(t *testing.T, p *walk.Person) string {
	t.Helper()
	id, back := fmt.Sprintf("app-%d", next()), "http://127.0.0.2:1/callback"
	secret, err := keycloak.AddApp(t.Context(), s.admin, keycloak.Realm{Name: s.config.Realm, PortalClientID: s.config.PortalID, Template: realm.JSON},
		keycloak.App{ClientID: id, Programs: []string{walk.Program}, RedirectURIs: []string{back}})
	must(t, err)
	verifier := strings.Repeat(registry.NewID(), 2)
	sum := sha256.Sum256([]byte(verifier))
	ask := url.Values{"client_id": {id}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {back}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	b := walk.New(s.config.PublicURL)
	_, err = b.SignIn(p.UserName, p.Password)
	must(t, err)
	page, err := plain(b).Get(s.config.Issuer() + "/protocol/openid-connect/auth?" + ask.Encode())
	must(t, err)
	answer, err := url.Parse(page.Header.Get("Location"))
	must(t, err)
	resp, err := http.PostForm(s.config.Issuer()+"/protocol/openid-connect/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {id},
		"client_secret": {secret}, "code": {answer.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier}})
	must(t, err)
	defer resp.Body.Close()
	var got struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Access == "" {
		t.Fatalf("no token: %d %v %s", resp.StatusCode, err, answer)
	}
	return got.Access
}
