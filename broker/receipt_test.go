package broker_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/policies"
)

// awayApp is a relying application behind a door: while it is shut, neither Keycloak
// nor the portal reaches it, and whoever is signed in there stays so.
type awayApp struct {
	id, url string
	shut    atomic.Bool
	asked   atomic.Int64 // how often somebody stood before the door
}

func (s *stack) awayApp(t *testing.T) *awayApp {
	t.Helper()
	port, err := freePort()
	must(t, err)
	a := &awayApp{url: fmt.Sprintf("http://127.0.0.2:%d", port)}
	inside, err := url.Parse(a.url)
	must(t, err)
	through := httputil.NewSingleHostReverseProxy(inside)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		if a.shut.Load() {
			panic(http.ErrAbortHandler) // the connection breaks, as where nobody listens
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(door.Close)
	id, secret := s.client(t, a.url+"/callback", a.url+"/", door.URL+"/back-channel-logout")
	a.id = id
	p, err := local.StartProgram(relyingApp, []string{fmt.Sprintf("LISTEN=127.0.0.2:%d", port), "PUBLIC_URL=" + a.url, "EVENTS_ISSUER=" + s.config.PublicURL,
		"ISSUER=" + s.config.Issuer(), "CLIENT_ID=" + id, "CLIENT_SECRET=" + secret, "LEAST_ACR=" + policies.TwoFactor.String()})
	must(t, err)
	t.Cleanup(p.Stop)
	eventually(t, "the application answers", func() bool {
		_, err := walk.New(a.url).Get("/api/me")
		return err == nil
	})
	must(t, s.registry.AddApplication(t.Context(), registry.CommandLine(), registry.Application{ClientID: id, Programs: []string{"careconnect"},
		EventURL: door.URL + "/events", Owner: "a test"}))
	t.Cleanup(func() {
		if err := s.registry.RemoveApplication(context.Background(), registry.CommandLine(), id); err != nil {
			t.Error(err)
		}
	})
	return a
}

// lets tells whether the application still lets somebody in.
func (a *awayApp) lets(t *testing.T, p *walk.Person) bool {
	t.Helper()
	page, err := p.Get(a.url + "/api/me")
	must(t, err)
	return page.Status == http.StatusOK
}

// An application that was away when access ended, and so has lost Keycloak's logout
// token for good, hears of the end from us when it is back. Whoever ended the access
// sees each step, what is not confirmed and what is; the checks that follow are done
// and shown, and others see nothing of it.
// proves: C15 C23 F22 attack A14
func TestReceipt(t *testing.T) {
	t.Parallel()
	s := lend(t)
	m := s.maple(t)
	tess := s.person(t, "Tess", "Lund")
	_, err := walk.Assist(m.site, tess, "medical-office-assistant", m.paul, m.mona)
	must(t, err)
	app := s.awayApp(t)
	s.inRealm(t, tess, m.site, "on-behalf-of", "viewer")
	if got := useApp(t, tess, app.url).Groups; len(got) != 2 {
		t.Fatalf("the token carries %q", got)
	}

	app.shut.Store(true)
	began := time.Now()
	page, err := m.mona.End("/sites/"+m.site+"/members/"+s.join(t, tess, m.site, "on-behalf-of")+"/end", "", "left")
	must(t, err)
	if !strings.HasPrefix(page.URL.Path, "/ends/") {
		t.Fatalf("ending leads to %s", page.URL)
	}
	at := page.URL.Path
	says(t, page, "The access of Tess Lund has ended")
	says(t, page, "Ended by an administrator or a registrar By Mona")
	eventually(t, "Keycloak is read back, and the application is not", func() bool {
		text := get(t, m.mona, at).Text()
		return strings.Contains(text, "Not every application has confirmed") && strings.Contains(text, "Tried")
	})
	t.Logf("read back and shown after %s", time.Since(began).Round(time.Millisecond))
	page = get(t, m.mona, at)
	says(t, page, "No longer in: eHealth Viewer")
	says(t, page, "Signed notice to "+app.id)
	says(t, page, "until")
	silent(t, page, "Last answer") // what a server said is for operators
	says(t, get(t, m.desk.First, at), "Last answer: no answer")
	says(t, get(t, m.mona, "/sites/"+m.site+"/members"), "Ended lately")
	if !app.lets(t, tess) {
		t.Fatal("the application heard of the end: this shows nothing")
	}
	if app.asked.Load() < 2 {
		t.Error("Keycloak and we were not both turned away")
	}
	stranger := s.person(t, "Sven", "Dahl")
	for _, path := range []string{at, at + "/live"} {
		if p := openAt(t, stranger, s.config.PublicURL+path); p.Status != http.StatusNotFound {
			t.Errorf("a stranger gets %d at %s", p.Status, path)
		}
	}

	app.shut.Store(false)
	back := time.Now()
	eventually(t, "the application refuses her", func() bool { return !app.lets(t, tess) })
	t.Logf("back, the application refuses after %s", time.Since(back).Round(time.Millisecond))
	eventually(t, "the receipt says so", func() bool { return strings.Contains(get(t, m.mona, at).Text(), "It is looked at again") })

	s.move(t, 40*time.Second)
	s.move(t, 5*time.Minute)
	eventually(t, "the checks are done", func() bool {
		return s.count(t, `receipt where id = $1 and confirmed_at is not null`, strings.TrimPrefix(at, "/ends/")) == 1
	})
	page = get(t, m.mona, at)
	says(t, page, "confirmed there, and looked at again")
	if page.Body != "" && strings.Contains(page.Body, "data-live") {
		t.Error("the page goes on asking")
	}
	again(t, tess)
	page = get(t, tess, "/access")
	says(t, page, "Ended lately")
	says(t, get(t, tess, at), "Your access has ended")
	s.invariants(t)
}
