package session

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"countersign/broker/registry"
)

// Fifteen minutes without a person's doing end a session; polls do not count,
// and coming back takes proof.
//
// proves: attack A52
func TestIdle(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	p.later(10 * time.Minute)
	b.want("/page", http.StatusOK)
	p.later(10 * time.Minute)
	b.want("/poll", http.StatusOK)
	p.later(5 * time.Minute)
	if text := b.want("/page", http.StatusUnauthorized); text != "error.session-idle (kind 2)" {
		t.Error(text)
	}
	if _, _, resp := b.get("/poll"); resp.Header.Get("Person") != "ada" {
		t.Error("the idle page has nobody to continue as")
	}
	at := b.begin("/sign-in?return=/inbox")
	if q := at.Query(); q.Get("prompt") != "login" || q.Get("login_hint") != "ada" {
		t.Errorf("continuing asks for no proof: %s", at)
	}
	if to := b.want(p.issuer.approve(at, ada), http.StatusSeeOther); to != "/inbox" {
		t.Error(to)
	}
	b.want("/page", http.StatusOK)
}

// Twelve hours end a session whatever its person does.
//
// proves: attack A52
func TestAbsoluteEnd(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	for range 71 {
		p.later(10 * time.Minute)
		b.want("/page", http.StatusOK)
	}
	p.later(10 * time.Minute)
	b.want("/page", http.StatusUnauthorized)
}

// Someone else: whoever was here is logged out at Keycloak before the next
// person sees its sign-in page.
func TestSomeoneElse(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	raw := p.issuer.lastRaw
	p.later(16 * time.Minute)
	form := url.Values{FormField: {b.want("/form-token", http.StatusOK)}}
	status, to, _ := b.post("/someone-else", form)
	end := must(url.Parse(to))
	q := end.Query()
	if status != http.StatusSeeOther || end.Path != "/logout" || q.Get("id_token_hint") != raw || q.Get("post_logout_redirect_uri") != p.url+"/signed-out" {
		t.Fatalf("%d %s", status, to)
	}
	if text := b.want("/poll", http.StatusUnauthorized); text != "error.sign-in-first (kind 2)" {
		t.Errorf("ada is still there: %s", text)
	}
	if to := b.want("/signed-out?state="+q.Get("state"), http.StatusSeeOther); to != "/sign-in" {
		t.Error(to)
	}
	if at := b.begin("/sign-in"); at.Query().Get("login_hint") != "" {
		t.Error("ada is still named")
	}
}

// Signing out takes a form of this very session, and a POST; our session ends
// first, then Keycloak's.
//
// proves: attack A51
func TestSignOut(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b, other := p.browser(), p.browser()
	b.signIn("/sign-in", ada)
	other.signIn("/sign-in", ruth)
	for _, form := range []url.Values{{}, {FormField: {""}}, {FormField: {"x"}}, {FormField: {other.want("/form-token", http.StatusOK)}}} {
		if status, text, _ := b.post("/sign-out", form); status != http.StatusForbidden {
			t.Errorf("%v: %d %s", form, status, text)
		}
	}
	b.want("/sign-out", http.StatusMethodNotAllowed)
	b.want("/poll", http.StatusOK)
	status, to, resp := b.post("/sign-out", url.Values{FormField: {b.want("/form-token", http.StatusOK)}})
	if status != http.StatusSeeOther || must(url.Parse(to)).Path != "/logout" || resp.Header.Get("Clear-Site-Data") == "" {
		t.Fatalf("%d %s", status, to)
	}
	b.want("/poll", http.StatusUnauthorized)
	other.want("/poll", http.StatusOK)
	if status, to, _ := b.post("/sign-out", nil); status != http.StatusSeeOther || to != "/" {
		t.Errorf("signing out twice: %d %s", status, to)
	}
}

// Tokens are refreshed on human activity, at most every five minutes and by one
// of many requests at once.
func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	b.want("/page", http.StatusOK)
	for round := range int64(3) {
		if got := p.issuer.asked.Load(); got != round {
			t.Fatalf("%d refreshes, want %d", got, round)
		}
		p.later(registry.RefreshEvery)
		b.want("/poll", http.StatusOK)
		if got := p.issuer.asked.Load(); got != round {
			t.Fatal("a poll refreshed")
		}
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				if resp, err := b.client.Get(p.url + "/page"); err != nil || resp.StatusCode != http.StatusOK {
					t.Error(resp, err)
				}
			})
		}
		all.Wait()
	}
}

// A refused refresh ends the session in the same request; no answer leaves it and
// is tried again; tokens of another person or Keycloak session end it.
func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refresh func(http.ResponseWriter, grant) bool
		change  func(map[string]any)
		status  int
	}{
		"session not active": {func(w http.ResponseWriter, _ grant) bool {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"Session not active"}`))
			return true
		}, nil, 401},
		"down":                     {func(w http.ResponseWriter, _ grant) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }, nil, 200},
		"another person":           {nil, func(c map[string]any) { c["sub"] = "sub-ruth" }, 401},
		"another Keycloak session": {nil, func(c map[string]any) { c["sid"] = "sid-ruth" }, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPortal(t)
			b := p.browser()
			b.signIn("/sign-in", ada)
			p.issuer.mu.Lock()
			p.issuer.refresh, p.issuer.change = c.refresh, c.change
			p.issuer.mu.Unlock()
			p.later(registry.RefreshEvery)
			b.want("/page", c.status)
			b.want("/poll", c.status)
			if c.status == http.StatusOK {
				b.want("/page", http.StatusOK)
				if n := p.issuer.asked.Load(); n != 1 {
					t.Errorf("%d calls while the lease holds", n)
				}
				p.later(time.Minute)
				p.issuer.mu.Lock()
				p.issuer.refresh = nil
				p.issuer.mu.Unlock()
				b.want("/page", http.StatusOK)
				if n := p.issuer.asked.Load(); n != 2 {
					t.Errorf("%d calls after the lease", n)
				}
			}
		})
	}
}

// While the issuer's keys cannot be fetched, refreshed tokens are not judged: the
// session stays, and the refresh token that came with them is the next one to use.
// Once they can be, tokens by a key that the issuer does not have end it.
func TestRefreshWithoutKeys(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	b := p.browser()
	b.signIn("/sign-in", ada)
	keys := p.sessions.realm.found.keys
	forget := func() { // as a replica that has only started, or after the realm changed its keys
		keys.fetching.Lock()
		defer keys.fetching.Unlock()
		keys.mu.Lock()
		defer keys.mu.Unlock()
		keys.keys, keys.next = nil, time.Time{}
	}
	p.issuer.keyless.Store(true)
	for n := range int64(2) { // the second meets the pause after a fetch that failed, too
		if n == 0 {
			forget()
		}
		p.later(registry.RefreshEvery)
		b.want("/page", http.StatusOK)
		if got := p.issuer.asked.Load(); got != n+1 {
			t.Fatalf("%d refreshes, want %d", got, n+1)
		}
	}
	p.issuer.keyless.Store(false)
	forget()
	p.later(time.Minute)
	b.want("/page", http.StatusOK)
	b.want("/page", http.StatusOK)
	if got := p.issuer.asked.Load(); got != 3 {
		t.Errorf("%d refreshes, want 3: one that was judged is enough for five minutes", got)
	}
	p.issuer.as(nil, func(c map[string]any) string { return sign(t, c, forgerKey, jose.RS256, "k2", "JWT") })
	forget()
	p.later(registry.RefreshEvery)
	b.want("/page", http.StatusUnauthorized)
}

// Only the cookie tells who somebody is.
//
// proves: attack A54
func TestBearerIgnored(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	p.browser().signIn("/sign-in", ada)
	for _, token := range []string{p.issuer.lastRaw, "for the APIs of others"} {
		req := must(http.NewRequest(http.MethodGet, p.url+"/poll", nil))
		req.Header.Set("Authorization", "Bearer "+token)
		resp := must(http.DefaultClient.Do(req))
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a bearer token gets %d", resp.StatusCode)
		}
	}
}
