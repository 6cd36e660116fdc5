package main

import (
	"crypto/rand"
	"crypto/subtle"
	"maps"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	idleAfter    = 15 * time.Minute
	flowLasts    = 15 * time.Minute
	refreshEvery = 5 * time.Minute
)

// me is what the tokens say about a person.
type me struct {
	Sub            string              `json:"sub"`
	SID            string              `json:"sid"`
	UserName       string              `json:"preferred_username"`
	Name           string              `json:"name"`
	ACR            string              `json:"acr"`
	Groups         []string            `json:"groups"`
	ResourceAccess map[string]struct { // by client
		Roles []string `json:"roles"`
	} `json:"resource_access"`
	Expires int64 `json:"exp"` // of the access token, seconds since 1970
}

// session is one signed-in browser.
type session struct {
	Me                           me
	idToken, refreshToken, nonce string
	began, seen, refreshed       time.Time
	refreshing                   bool
}

// flow is a sign-in between its start and the callback.
type flow struct {
	nonce, verifier, browser string
	began                    time.Time
}

// sessions holds what is open, in memory.
type sessions struct {
	mu    sync.Mutex
	byID  map[string]session
	flows map[string]flow      // by state
	jtis  map[string]time.Time // logout tokens that were used, until they expire
	// events that were taken, as long as this runs: they expire never, and what they
	// are about ends with this process at the latest.
	events map[string]bool
}

func newSessions() *sessions {
	return &sessions{byID: map[string]session{}, flows: map[string]flow{}, jtis: map[string]time.Time{}, events: map[string]bool{}}
}

// begin keeps a sign-in, and forgets what has become old.
func (s *sessions) begin(state string, f flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.flows, func(_ string, f flow) bool { return now.Sub(f.began) > flowLasts })
	maps.DeleteFunc(s.byID, func(_ string, x session) bool { return now.Sub(x.seen) > idleAfter })
	s.flows[state] = f
}

// take gives a sign-in to its callback: once, and to the browser that began it.
func (s *sessions) take(state, browser string) (flow, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.flows[state]
	if !ok || time.Since(f.began) > flowLasts || subtle.ConstantTimeCompare([]byte(f.browser), []byte(browser)) == 0 {
		return flow{}, false
	}
	delete(s.flows, state)
	return f, true
}

func (s *sessions) start(x session) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id = rand.Text()
	x.began, x.seen, x.refreshed = time.Now(), time.Now(), time.Now()
	s.byID[id] = x
	return id
}

// get finds a live session; what a human does keeps it from idling.
func (s *sessions) get(id string, human bool) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.byID[id]
	if !ok || time.Since(x.seen) > idleAfter {
		delete(s.byID, id)
		return session{}, false
	}
	if human {
		x.seen = time.Now()
		s.byID[id] = x
	}
	return x, true
}

// claimRefresh lets one caller refresh, when it is time: refresh tokens are
// single-use, and two at once sign the person out.
func (s *sessions) claimRefresh(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.byID[id]
	if !ok || x.refreshing || time.Since(x.refreshed) < refreshEvery {
		return false
	}
	x.refreshing = true
	s.byID[id] = x
	return true
}

func (s *sessions) releaseRefresh(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x, ok := s.byID[id]; ok {
		x.refreshing = false
		s.byID[id] = x
	}
}

// refreshed keeps new tokens, unless the session ended meanwhile.
func (s *sessions) refreshed(id string, x session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.byID[id]
	if ok {
		x.began, x.seen, x.refreshed = old.began, old.seen, time.Now()
		s.byID[id] = x
	}
	return ok
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}

// logout ends the sessions of a logout token: of its sid, or of its sub where it
// has none. It is false for a token that was used before.
func (s *sessions) logout(token *oidc.LogoutToken) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.jtis, func(_ string, until time.Time) bool { return now.After(until) })
	if _, used := s.jtis[token.TokenID]; used {
		return false
	}
	s.jtis[token.TokenID] = token.Expiry
	maps.DeleteFunc(s.byID, func(_ string, x session) bool {
		if token.SessionID != "" {
			return x.Me.SID == token.SessionID
		}
		return x.Me.Sub == token.Subject
	})
	return true
}

// revoke ends the sessions of a person that began before a moment, once for an event:
// whoever signed in since has been let in anew, and an event of long ago, sent once
// more, ends nothing.
func (s *sessions) revoke(event, sub string, before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events[event] {
		return
	}
	s.events[event] = true
	maps.DeleteFunc(s.byID, func(_ string, x session) bool { return x.Me.Sub == sub && x.began.Before(before) })
}
