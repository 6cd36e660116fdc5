package session

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// logout sends a logout token and gives the status.
func (p *portal) logout(token string) int {
	p.t.Helper()
	resp, err := http.PostForm(p.url+"/back-channel-logout", url.Values{"logout_token": {token}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if !resp.Close || resp.Header.Get("Cache-Control") != "no-store" {
		p.t.Errorf("answer without Connection: close or no-store: %v", resp.Header)
	}
	return resp.StatusCode
}

func (p *portal) signLogout(c map[string]any) string {
	return sign(p.t, c, realmKey, jose.RS256, "k1", "logout+jwt")
}

// A logout token ends exactly the sessions that it names, once.
//
// proves: attack A53
func TestBackChannel(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	desk, phone, other := p.browser(), p.browser(), p.browser()
	desk.signIn("/sign-in", ada)
	phone.signIn("/sign-in", person{sub: ada.sub, sid: "sid-phone", name: ada.name})
	other.signIn("/sign-in", ruth)

	token := p.signLogout(p.issuer.logoutToken(ada.sub, ada.sid))
	if status := p.logout(token); status != http.StatusOK {
		t.Fatal(status)
	}
	desk.want("/poll", http.StatusUnauthorized)
	phone.want("/poll", http.StatusOK)
	other.want("/poll", http.StatusOK)

	desk.want(p.issuer.approveAt(desk.begin("/sign-in"), ada, time.Now().Add(time.Second)), http.StatusSeeOther)
	if status := p.logout(token); status != http.StatusBadRequest {
		t.Errorf("a replay is answered by %d", status)
	}
	desk.want("/poll", http.StatusOK)

	whole := p.issuer.logoutToken(ada.sub, "")
	delete(whole, "sid")
	if status := p.logout(p.signLogout(whole)); status != http.StatusOK {
		t.Fatal(status)
	}
	desk.want("/poll", http.StatusUnauthorized)
	phone.want("/poll", http.StatusUnauthorized)
	other.want("/poll", http.StatusOK)
	if status := p.logout(p.signLogout(p.issuer.logoutToken(ada.sub, ada.sid))); status != http.StatusOK {
		t.Errorf("nothing left to end is answered by %d", status)
	}
}

// Keycloak says that its session is over before it has forgotten it, and may let the
// browser in by it once more: that proof is worth nothing any more, here or in the
// same second. The sign-in begins anew by itself, once, and asks for new proof.
func TestLoggedOutSession(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	out := func() time.Time { // Keycloak logs her out, at this moment
		token, at := p.issuer.logoutToken(ada.sub, ada.sid), time.Now()
		token["iat"] = at.Unix()
		if status := p.logout(p.signLogout(token)); status != http.StatusOK {
			t.Fatal(status)
		}
		return at
	}
	late := p.issuer.approveAt(b.begin("/sign-in?return=/inbox"), ada, time.Now()) // on its way as the token comes
	out()
	for _, callback := range []string{late, p.issuer.approveAt(b.begin("/sign-in?return=/inbox"), ada, time.Now().Add(-time.Hour))} {
		at := b.begin(callback)
		if q := at.Query(); at.Path != "/auth" || q.Get("prompt") != "login" || b.cookie() != "" {
			t.Fatalf("goes on to %s", at)
		}
		b.want(p.issuer.approveAt(at, ada, out()), http.StatusGone) // once
	}
	if status, to := p.browser().signIn("/sign-in", ruth); status != http.StatusSeeOther || to != "/" {
		t.Errorf("somebody else: %d %s", status, to)
	}
	at := b.begin(p.issuer.approveAt(b.begin("/sign-in?return=/inbox"), ada, out()))
	if to := b.want(p.issuer.approveAt(at, ada, time.Now().Add(time.Second)), http.StatusSeeOther); to != "/inbox" {
		t.Error(to)
	}
	b.want("/poll", http.StatusOK)
}

// Each case is a good logout token with one thing wrong: 400, nobody is signed out.
//
// proves: attack A53
func TestLogoutTokenRefused(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	set := func(k string, v any) func(map[string]any) string {
		return func(c map[string]any) string { c[k] = v; return p.signLogout(c) }
	}
	drop := func(k ...string) func(map[string]any) string {
		return func(c map[string]any) string {
			for _, k := range k {
				delete(c, k)
			}
			return p.signLogout(c)
		}
	}
	for name, token := range map[string]func(map[string]any) string{
		"no exp":                drop("exp"),
		"expired":               set("exp", time.Now().Add(-time.Second).Unix()),
		"no iat":                drop("iat"),
		"iat of tomorrow":       set("iat", time.Now().Add(24*time.Hour).Unix()),
		"no jti":                drop("jti"),
		"nonce":                 set("nonce", "x"),
		"empty nonce":           set("nonce", ""),
		"no events":             drop("events"),
		"other event":           set("events", map[string]any{"urn:other": map[string]any{}}),
		"event is null":         set("events", map[string]any{logoutEvent: nil}),
		"no sid and sub":        drop("sid", "sub"),
		"other client's":        set("aud", "relying-app"),
		"other issuer's":        set("iss", "https://evil.example"),
		"sid of another person": set("sub", ruth.sub),
		"typ JWT":               func(c map[string]any) string { return sign(t, c, realmKey, jose.RS256, "k1", "JWT") },
		"forged":                func(c map[string]any) string { return sign(t, c, forgerKey, jose.RS256, "k1", "logout+jwt") },
		"alg none":              func(c map[string]any) string { return unsigned(t, c) },
		"HS256":                 func(c map[string]any) string { return sign(t, c, make32(clientSecret), jose.HS256, "k1", "logout+jwt") },
		"ID token":              func(map[string]any) string { return p.issuer.lastRaw },
		"ID token's claims, typed": func(map[string]any) string {
			return p.signLogout(p.issuer.last)
		},
		"empty":   func(map[string]any) string { return "" },
		"garbage": func(map[string]any) string { return "a.b.c" },
		"huge":    func(c map[string]any) string { c["x"] = strings.Repeat("x", mostLogout); return p.signLogout(c) },
	} {
		t.Run(name, func(t *testing.T) {
			if status := p.logout(token(p.issuer.logoutToken(ada.sub, ada.sid))); status != http.StatusBadRequest {
				t.Errorf("answers %d", status)
			}
			b.want("/poll", http.StatusOK)
		})
	}
}

func make32(secret string) []byte { return []byte(secret + strings.Repeat(" ", 32)) }

// A logout comes by POST, as a form, in the body.
//
// proves: attack A53
func TestLogoutRequest(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	form := url.Values{"logout_token": {p.signLogout(p.issuer.logoutToken(ada.sub, ada.sid))}}.Encode()
	const formType = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		method, query, kind, body string
		status                    int
	}{
		{http.MethodGet, "?" + form, "", "", 405},
		{http.MethodPut, "", formType, form, 405},
		{http.MethodPost, "?" + form, formType, "", 400},
		{http.MethodPost, "", "text/plain", form, 400},
		{http.MethodPost, "", formType, form + "&" + form, 400},
		{http.MethodPost, "", formType, form, 200},
	} {
		req := must(http.NewRequest(c.method, p.url+"/back-channel-logout"+c.query, strings.NewReader(c.body)))
		req.Header.Set("Content-Type", c.kind)
		resp := must(http.DefaultClient.Do(req))
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%+v: %d", c, resp.StatusCode)
		}
	}
	b.want("/poll", http.StatusUnauthorized)
}

// Ten thousand forged tokens in a row cost the issuer no more than one fetch of
// its keys each ten seconds, touch no session, and leave a true one working.
//
// proves: attack A53
func TestForgedFlood(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	before := p.issuer.fetches.Load()
	claims := p.issuer.logoutToken(ada.sub, ada.sid)
	parts := strings.Split(sign(t, claims, forgerKey, jose.RS256, "k1", "logout+jwt"), ".")
	start := time.Now()
	for n := range 10_000 {
		forged := parts[0] + "." + parts[1] + "." + parts[2]
		if n%2 == 1 { // and each time another key that nobody has heard of
			forged = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"logout+jwt","kid":"`+newSecret()+`"}`)) + "." + parts[1] + "." + parts[2]
		}
		if status := p.logout(forged); status != http.StatusBadRequest {
			t.Fatalf("forged token %d: %d", n, status)
		}
	}
	took := time.Since(start)
	fetches := p.issuer.fetches.Load() - before
	if most := int64(took/fetchEvery) + 1; fetches > most {
		t.Errorf("%d fetches of the keys in %s", fetches, took)
	}
	t.Logf("10,000 forged tokens in %s, %d fetches of the keys", took.Round(time.Millisecond), fetches)
	b.want("/poll", http.StatusOK)
	if status := p.logout(p.signLogout(p.issuer.logoutToken(ada.sub, ada.sid))); status != http.StatusOK {
		t.Errorf("the true one: %d", status)
	}
	b.want("/poll", http.StatusUnauthorized)
}
