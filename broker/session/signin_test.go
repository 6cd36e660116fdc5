package session

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"countersign/broker/registry"
)

var (
	ada  = person{sub: "sub-ada", sid: "sid-ada", name: "ada"}
	ruth = person{sub: "sub-ruth", sid: "sid-ruth", name: "ruth"}
)

// A sign-in ends where it was meant to, under a cookie that scripts and other
// sites do not see.
//
// proves: attack A48
func TestSignIn(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.want("/poll", http.StatusUnauthorized)

	at := b.begin("/sign-in?return=/access")
	q := at.Query()
	for name, want := range map[string]string{"response_type": "code", "code_challenge_method": "S256", "client_id": clientID,
		"redirect_uri": p.url + "/callback", "ui_locales": "en", "prompt": "", "max_age": ""} {
		if q.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, q.Get(name), want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 43 {
			t.Errorf("%s = %q is short", name, q.Get(name))
		}
	}
	status, to, resp := b.get(p.issuer.approve(at, ada))
	if status != http.StatusSeeOther || to != "/access" {
		t.Fatalf("callback: %d %s", status, to)
	}
	for _, c := range resp.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s", c.Raw)
		}
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("the callback may be cached")
	}
	if got := b.want("/page", http.StatusOK); got != "ada" {
		t.Errorf("signed in as %q", got)
	}
	if status, to, _ := b.get("/sign-in?return=/inbox"); status != http.StatusSeeOther || to != "/inbox" {
		t.Errorf("signing in twice: %d %s", status, to)
	}
}

// Over https the cookies have the prefix that no sibling host can set.
func TestSecureCookies(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	s := New(Config{CookieName: "countersign", Secure: true}, p.reg)
	w := &header{h: http.Header{}}
	s.setCookie(w, s.cfg.CookieName, "x", 0)
	if got := w.h.Get("Set-Cookie"); got != "__Host-countersign=x; Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Error(got)
	}
	if !strings.HasPrefix(s.flowCookie("state"), "__Host-") {
		t.Error(s.flowCookie("state"))
	}
}

type header struct{ h http.Header }

func (w *header) Header() http.Header         { return w.h }
func (w *header) Write(b []byte) (int, error) { return len(b), nil }
func (w *header) WriteHeader(int)             {}

// Each callback that does not belong to a sign-in of this browser, or is not of
// our issuer, is refused, and nobody is signed in.
//
// proves: attack A46 attack A48
func TestCallbackRefused(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	with := func(set func(url.Values)) func(*browser, *url.URL) string {
		return func(_ *browser, at *url.URL) string {
			u, _ := url.Parse(p.issuer.approve(at, ada))
			q := u.Query()
			set(q)
			u.RawQuery = q.Encode()
			return u.String()
		}
	}
	for name, c := range map[string]struct {
		callback func(b *browser, at *url.URL) string
		status   int
	}{
		"wrong state":      {with(func(q url.Values) { q.Set("state", newSecret()) }), 410},
		"no state":         {with(func(q url.Values) { q.Del("state") }), 410},
		"two states":       {with(func(q url.Values) { q.Add("state", "x") }), 410},
		"no iss":           {with(func(q url.Values) { q.Del("iss") }), 400},
		"other iss":        {with(func(q url.Values) { q.Set("iss", "https://evil.example") }), 400},
		"two iss":          {with(func(q url.Values) { q.Add("iss", "https://evil.example") }), 400},
		"no code":          {with(func(q url.Values) { q.Del("code") }), 400},
		"unknown code":     {with(func(q url.Values) { q.Set("code", "guessed") }), 303}, // begins anew, see TestCodeGone
		"error of the IdP": {with(func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }), 400},
		"another browser's state (login CSRF)": {func(_ *browser, _ *url.URL) string {
			return p.issuer.approve(p.browser().begin("/sign-in"), ruth)
		}, 410},
		"another sign-in's code (injection)": {func(_ *browser, at *url.URL) string {
			foreign, _ := url.Parse(p.issuer.approve(p.browser().begin("/sign-in"), ruth))
			q := foreign.Query()
			q.Set("state", at.Query().Get("state"))
			foreign.RawQuery = q.Encode()
			return foreign.String()
		}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			b := p.browser()
			status, text, _ := b.get(c.callback(b, b.begin("/sign-in")))
			if status != c.status {
				t.Errorf("answers %d %s, want %d", status, text, c.status)
			}
			if b.cookie() != "" {
				t.Error("a session began")
			}
		})
	}
}

// A state works once, and for half an hour.
//
// proves: attack A46
func TestStateSingleUse(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	u, _ := url.Parse(p.url)
	callback := p.issuer.approve(b.begin("/sign-in"), ada)
	kept := b.client.Jar.Cookies(u)
	b.want(callback, http.StatusSeeOther)
	b.want("/poll", http.StatusOK)
	b.client.Jar.SetCookies(u, kept) // a thief who has the cookie too
	b.want(callback, http.StatusGone)

	b = p.browser()
	callback = p.issuer.approve(b.begin("/sign-in"), ada)
	p.later(registry.SignInWithin + time.Second)
	b.want(callback, http.StatusGone)
}

// Two sign-ins of one browser at a time both succeed, each with its own answer.
//
// proves: attack A46
func TestParallelSignIns(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	first, second := b.begin("/sign-in?return=/first"), b.begin("/sign-in?return=/second")
	if to := b.want(p.issuer.approve(second, ada), http.StatusSeeOther); to != "/second" {
		t.Error(to)
	}
	if to := b.want(p.issuer.approve(first, ada), http.StatusSeeOther); to != "/first" {
		t.Error(to)
	}
	b.want("/poll", http.StatusOK)
}

// Abandoned sign-ins do not fill the browser.
func TestAbandonedSignIns(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	u, _ := url.Parse(p.url)
	for range 3 * mostFlows {
		b.begin("/sign-in")
	}
	if n := len(b.client.Jar.Cookies(u)); n > mostFlows {
		t.Errorf("%d cookies", n)
	}
	b.signIn("/sign-in", ada)
	b.want("/poll", http.StatusOK)
}

// ID tokens that the realm did not sign for us, now and for this sign-in, are
// refused. Each case is the good token with one thing wrong.
//
// proves: attack A47
func TestIDTokenRefused(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	set := func(k string, v any) func(map[string]any) { return func(c map[string]any) { c[k] = v } }
	for name, c := range map[string]struct {
		change func(map[string]any)
		forge  func(map[string]any) string
	}{
		"other nonce":           {set("nonce", "x"), nil},
		"no nonce":              {func(c map[string]any) { delete(c, "nonce") }, nil},
		"other aud":             {set("aud", "other"), nil},
		"aud list":              {set("aud", []string{clientID, "other"}), nil},
		"aud list, foreign azp": {func(c map[string]any) { c["aud"], c["azp"] = []string{clientID, "other"}, "other" }, nil},
		"foreign azp":           {set("azp", "other"), nil},
		"no azp":                {func(c map[string]any) { delete(c, "azp") }, nil},
		"other iss":             {set("iss", "https://evil.example"), nil},
		"expired":               {set("exp", time.Now().Add(-time.Second).Unix()), nil},
		"access token":          {set("typ", "Bearer"), nil},
		"no typ":                {func(c map[string]any) { delete(c, "typ") }, nil},
		"no sub":                {func(c map[string]any) { delete(c, "sub") }, nil},
		"alg none":              {nil, func(c map[string]any) string { return unsigned(t, c) }},
		"HS256 with our secret": {nil, func(c map[string]any) string {
			return sign(t, c, []byte(clientSecret+strings.Repeat(" ", 32)), jose.HS256, "k1", "JWT")
		}},
		"PS256 by the same key": {nil, func(c map[string]any) string { return sign(t, c, realmKey, jose.PS256, "k1", "JWT") }},
		"another key":           {nil, func(c map[string]any) string { return sign(t, c, forgerKey, jose.RS256, "k1", "JWT") }},
		"a key for encryption":  {nil, func(c map[string]any) string { return sign(t, c, forgerKey, jose.RS256, "enc1", "JWT") }},
		"jku": {nil, func(c map[string]any) string {
			return sign(t, c, forgerKey, jose.RS256, "k2", "JWT", "jku", "https://evil.example/certs")
		}},
		"no token": {nil, func(map[string]any) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			p.issuer.as(c.change, c.forge)
			b := p.browser()
			if status, text := b.signIn("/sign-in", ada); status != http.StatusBadRequest {
				t.Errorf("answers %d %s", status, text)
			}
			if b.cookie() != "" {
				t.Error("a session began")
			}
		})
	}
	p.issuer.as(nil, nil)
	if status, text := p.browser().signIn("/sign-in", ada); status != http.StatusSeeOther {
		t.Fatalf("the good token: %d %s", status, text)
	}
}

// The callback always makes a new id; a planted one is never taken over, and the
// one before is dead.
//
// proves: attack A49
func TestNewIDAtSignIn(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b, u := p.browser(), must(url.Parse(p.url))
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: p.sessions.cfg.CookieName, Value: "planted", Path: "/"}})
	b.signIn("/sign-in", ada)
	first := b.cookie()
	if first == "planted" || len(first) < 43 {
		t.Fatalf("cookie %q", first)
	}
	b.signIn("/sign-in?prompt=login", ada)
	if b.cookie() == first {
		t.Fatal("the id stayed")
	}
	b.want("/poll", http.StatusOK)
	thief := p.browser()
	for _, old := range []string{first, "planted"} {
		thief.client.Jar.SetCookies(u, []*http.Cookie{{Name: p.sessions.cfg.CookieName, Value: old, Path: "/"}})
		thief.want("/poll", http.StatusUnauthorized)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Where a strength was asked for, a weaker sign-in is refused, even if the browser
// dropped the parameter on its way.
func TestStrongProof(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	for _, c := range []struct {
		path, acr string
		status    int
	}{
		{"/sign-in", "one-factor", 303},
		{"/sign-in?strength=two-factor", "two-factor", 303},
		{"/sign-in?strength=two-factor", "one-factor", 400},
		{"/sign-in?strength=two-factor", "", 400},
		{"/sign-in?strength=two-factor", "three-factor", 400},
	} {
		b := p.browser()
		p.issuer.change = func(claims map[string]any) { claims["acr"] = c.acr }
		status, text, _ := b.get(p.issuer.approveAt(b.begin(c.path), ada, time.Now()))
		if status != c.status {
			t.Errorf("%s with acr %q: %d %s, want %d", c.path, c.acr, status, text, c.status)
		}
	}
}

// Where fresh proof was asked for, proof from before is refused, even if the
// browser dropped the parameter on its way.
func TestFreshProof(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	for _, c := range []struct {
		path   string
		age    time.Duration
		status int
	}{
		{"/sign-in", time.Hour, 303},
		{"/sign-in?prompt=login", 0, 303},
		{"/sign-in?prompt=login", time.Minute, 400},
		{"/sign-in?max_age=0", 0, 303},
		{"/sign-in?max_age=0", time.Minute, 400},
		{"/sign-in?max_age=900", 10 * time.Minute, 303},
		{"/sign-in?max_age=900", 16 * time.Minute, 400},
		{"/sign-in?max_age=900&prompt=login", 10 * time.Minute, 400},
	} {
		b := p.browser()
		status, text, _ := b.get(p.issuer.approveAt(b.begin(c.path), ada, time.Now().Add(-c.age)))
		if status != c.status {
			t.Errorf("%s with proof %s old: %d %s, want %d", c.path, c.age, status, text, c.status)
		}
	}
}

// proves: attack A50
func TestReturnPath(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"/", "/access", "/requests/0190-ab_c.d~/edit", "/inbox?page=2&q=a%20b", "/inbox/"} {
		if got := ReturnPath(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	for _, bad := range []string{"", "access", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil", "https:evil.example", "https://evil.example",
		"%2f%2fevil.example", "/%2f%2fevil.example", "/%5cevil", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y", "/a%0d%0aSet-Cookie:x", "/a\n", "/a#b", "/a b", "/a\tb",
		"/a\x00", "/./..//evil.example", "/../x", "/a//b", "/@evil.example", "/:80", "/" + strings.Repeat("a", 512), "/é", "/sign-in", "/sign-in?return=/a", "/a?next=%2F%2fevil"} {
		if got := ReturnPath(bad); got != "/" {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// Keycloak may be down when we start, and later.
func TestKeycloakDown(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.issuer.down.Store(true)
	b := p.browser()
	b.want("/sign-in", http.StatusServiceUnavailable)
	p.issuer.down.Store(false)
	time.Sleep(1100 * time.Millisecond)
	b.signIn("/sign-in", ada)
	b.want("/poll", http.StatusOK)
}

// A sign-in page that stood open too long begins again by itself, and asks for the
// same proof.
func TestAuthenticationExpired(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	at := b.begin("/sign-in?return=/inbox&prompt=login&max_age=60")
	back := url.Values{"state": at.Query()["state"], "iss": {p.issuer.url}, "error": {"temporarily_unavailable"}, "error_description": {"authentication_expired"}}
	at = b.begin("/callback?" + back.Encode())
	if q := at.Query(); at.Path != "/auth" || q.Get("prompt") != "login" || q.Get("max_age") != "60" {
		t.Fatalf("goes on to %s", at)
	}
	if to := b.want(p.issuer.approve(at, ada), http.StatusSeeOther); to != "/inbox" {
		t.Error(to)
	}
}

// Who comes in the midst of being logged out is given a code that is worth nothing
// a moment later: the sign-in begins anew by itself, once, and asks for the same
// proof. Taking the mark of that off the state does not buy another.
func TestCodeGone(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	gone := func(at *url.URL) string {
		callback := p.issuer.approve(at, ada)
		p.issuer.mu.Lock()
		defer p.issuer.mu.Unlock()
		clear(p.issuer.codes)
		return callback
	}
	anew := func() *url.URL {
		t.Helper()
		at := b.begin(gone(b.begin("/sign-in?return=/inbox&prompt=login&max_age=60")))
		if q := at.Query(); at.Path != "/auth" || q.Get("prompt") != "login" || q.Get("max_age") != "60" {
			t.Fatalf("goes on to %s", at)
		}
		return at
	}
	if to := b.want(p.issuer.approve(anew(), ada), http.StatusSeeOther); to != "/inbox" {
		t.Error(to)
	}
	b = p.browser()
	b.want(gone(anew()), http.StatusBadRequest)
	unmarked := must(url.Parse(gone(anew())))
	q := unmarked.Query()
	q.Set("state", strings.TrimSuffix(q.Get("state"), again))
	unmarked.RawQuery = q.Encode()
	b.want(unmarked.String(), http.StatusGone)
	b.want(p.issuer.approveAt(anew(), ada, time.Now().Add(-time.Minute)), http.StatusBadRequest)
	if b.cookie() != "" {
		t.Error("a session began")
	}
}
