package mail

import (
	"testing"
	"time"
)

// A probe connects, sees the certificate and signs in, and sends nothing; a wrong
// password, or TLS that is not there, is told.
func TestProbe(t *testing.T) {
	t.Parallel()
	for _, mode := range []TLS{StartTLS, ImplicitTLS} {
		_, s := serveGuarded(t, mode)
		ends, err := s.cfg.Probe(t.Context())
		if err != nil || time.Until(ends) < time.Hour {
			t.Errorf("%s: certificate until %s, %v", mode, ends, err)
		}
		c := s.cfg
		c.Password = "another"
		if _, err := c.Probe(t.Context()); err == nil {
			t.Errorf("%s: a wrong password is taken", mode)
		}
		c.Username, c.Password, c.TLS = "", "", StartTLS
		if mode == ImplicitTLS {
			continue // a server that speaks TLS from the first byte greets nobody in the clear
		}
		if _, err := c.Probe(t.Context()); err != nil {
			t.Errorf("without a user: %v", err)
		}
	}
}
