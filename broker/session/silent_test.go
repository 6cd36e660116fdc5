package session

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"countersign/broker/registry"
)

// While Keycloak is known to be silent, nobody's page waits for a refresh; and once that
// is sure, nobody is sent there, where a browser could only say that nothing answers.
// proves: F04 F05
func TestKeycloakSilent(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	var silent atomic.Int64
	p.sessions.cfg.Silent = func() time.Duration { return time.Duration(silent.Load()) }
	b := p.browser()
	b.signIn("/sign-in", ada)
	p.later(registry.RefreshEvery)
	silent.Store(int64(time.Second))
	b.want("/page", http.StatusOK)
	if n := p.issuer.asked.Load(); n != 0 {
		t.Errorf("%d refreshes asked of who is silent", n)
	}
	p.browser().begin("/sign-in") // one question without an answer proves nothing
	silent.Store(int64(surelySilent + time.Second))
	if text := p.browser().want("/sign-in", http.StatusServiceUnavailable); text != "error.sign-in-down (kind 8)" {
		t.Error(text)
	}
	b.want("/page", http.StatusOK)
	silent.Store(0)
	b.want("/page", http.StatusOK)
	if n := p.issuer.asked.Load(); n != 1 {
		t.Errorf("%d refreshes once it answers", n)
	}
	p.browser().begin("/sign-in")
}
