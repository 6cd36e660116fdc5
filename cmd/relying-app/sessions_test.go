package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// A logout token ends the sessions of its sid, or of its sub where it has none,
// and counts once.
func TestLogout(t *testing.T) {
	t.Parallel()
	s := newSessions()
	desk, phone := s.start(session{Me: me{Sub: "ada", SID: "1"}}), s.start(session{Me: me{Sub: "ada", SID: "2"}})
	other := s.start(session{Me: me{Sub: "ruth", SID: "3"}})
	live := func(id string) bool { _, ok := s.get(id, false); return ok }

	token := &oidc.LogoutToken{TokenID: "a", SessionID: "1", Subject: "ada", Expiry: time.Now().Add(time.Minute)}
	if !s.logout(token) || live(desk) || !live(phone) || !live(other) {
		t.Error("not exactly the sid")
	}
	if s.logout(token) {
		t.Error("a token counted twice")
	}
	if !s.logout(&oidc.LogoutToken{TokenID: "b", Subject: "ada", Expiry: token.Expiry}) || live(phone) || !live(other) {
		t.Error("not exactly the sub")
	}
}

// A sign-in is for the browser that began it, once.
func TestTake(t *testing.T) {
	t.Parallel()
	s := newSessions()
	s.begin("state", flow{browser: "secret", began: time.Now()})
	s.begin("old", flow{browser: "secret", began: time.Now().Add(-flowLasts)})
	for _, c := range []struct {
		state, browser string
		ok             bool
	}{{"other", "secret", false}, {"state", "", false}, {"state", "another", false}, {"old", "secret", false}, {"state", "secret", true}, {"state", "secret", false}} {
		if _, ok := s.take(c.state, c.browser); ok != c.ok {
			t.Errorf("%+v: %v", c, ok)
		}
	}
}

// One page refreshes, when it is time; polls keep nothing alive; what ended
// meanwhile stays ended.
func TestRefreshAndIdle(t *testing.T) {
	t.Parallel()
	s := newSessions()
	id := s.start(session{})
	age := func(seen, refreshed time.Duration) {
		x := s.byID[id]
		x.seen, x.refreshed = time.Now().Add(-seen), time.Now().Add(-refreshed)
		s.byID[id] = x
	}
	if s.claimRefresh(id) {
		t.Error("fresh tokens are refreshed")
	}
	age(0, refreshEvery)
	if !s.claimRefresh(id) || s.claimRefresh(id) {
		t.Error("not one caller refreshes")
	}
	if !s.refreshed(id, session{refreshToken: "new"}) || s.claimRefresh(id) {
		t.Error("new tokens are not kept")
	}
	age(idleAfter-time.Second, 0)
	if x, ok := s.get(id, false); !ok || time.Since(x.seen) < time.Minute {
		t.Error("a poll counts as a person")
	}
	if _, ok := s.get(id, true); !ok || time.Since(s.byID[id].seen) > time.Minute {
		t.Error("a person does not count")
	}
	age(idleAfter+time.Second, 0)
	if _, ok := s.get(id, true); ok {
		t.Error("an idle session is live")
	}
	if s.refreshed(id, session{}) || s.claimRefresh(id) {
		t.Error("an ended session came back")
	}
}

// Cookies ignore ports: the sample applications of two demos on one machine keep
// apart by the cookie's name.
func TestCookieOfEachPort(t *testing.T) {
	t.Parallel()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":"http://%s"}`, r.Host)
	}))
	defer issuer.Close()
	for public, want := range map[string]string{"http://127.0.0.2:7406/": "relying-app-7406", "http://127.0.0.2:7506": "relying-app-7506", "https://viewer.example": "relying-app"} {
		a, err := newApp(t.Context(), issuer.URL, "viewer", "secret", public, "")
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		a.setCookie(w, a.cookieName, "id", 0)
		if got := w.Result().Cookies(); len(got) != 1 || got[0].Name != want {
			t.Errorf("%s: %v, want %s", public, got, want)
		}
	}
}
