package mail

import (
	"crypto/subtle"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// certificate is for 127.0.0.1 and trusted by this test program, as an operator's
// authority is by the machine.
var certificate tls.Certificate

func TestMain(m *testing.M) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // brings a certificate along
	certificate = web.TLS.Certificates[0]
	web.Close()
	dir, err := os.MkdirTemp("", "countersign-mail")
	if err == nil {
		file := filepath.Join(dir, "ca.pem")
		err = errors.Join(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600),
			os.Setenv("SSL_CERT_FILE", file))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // a leftover in the temporary folder hurts nobody
	os.Exit(code)
}

// guarded is a conversation on a server that takes mail from one user only.
type guarded struct {
	talk
	known bool
}

func (*guarded) AuthMechanisms() []string { return []string{sasl.Plain} }

func (g *guarded) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "countersign" || subtle.ConstantTimeCompare([]byte(password), []byte("a secret")) != 1 {
			return smtp.ErrAuthFailed
		}
		g.known = true
		return nil
	}), nil
}

func (g *guarded) Mail(from string, o *smtp.MailOptions) error {
	if !g.known {
		return smtp.ErrAuthRequired
	}
	return g.talk.Mail(from, o)
}

// serveGuarded starts a server that demands TLS, from the first byte or by STARTTLS,
// and a password.
func serveGuarded(t *testing.T, mode TLS) (*server, *Sender) {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := in.Addr().(*net.TCPAddr).Port
	s := &server{}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &guarded{talk: talk{s, c}}, nil }))
	srv.Domain, srv.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if mode == ImplicitTLS {
		in = tls.NewListener(in, srv.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(in) }()
	t.Cleanup(func() { srv.Close(); <-done })
	to := sender(t, "127.0.0.1", port)
	to.cfg.TLS, to.cfg.Username, to.cfg.Password = mode, "countersign", "a secret"
	return s, to
}

// A server that demands TLS and a password gets both, and nothing is sent to one
// that offers less than was demanded or is not who it says. None of that costs a
// message: it is the configuration's fault.
func TestTLSAndPassword(t *testing.T) {
	t.Parallel()
	later := func(t *testing.T, what string, srv *server, s *Sender) {
		t.Helper()
		if _, err := s.Send(t.Context(), row("welcome")); !errors.Is(err, ErrLater) {
			t.Errorf("%s: %v", what, err)
		}
		if len(srv.got) > 0 {
			t.Errorf("%s: it was sent", what)
		}
	}
	for _, mode := range []TLS{StartTLS, ImplicitTLS} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			srv, s := serveGuarded(t, mode)
			s.cfg.Password = "another"
			later(t, "wrong password", srv, s)
			s.cfg.Username, s.cfg.Password = "", ""
			later(t, "no password", srv, s)
			s.cfg.Username, s.cfg.Password = "countersign", "a secret"
			s.cfg.Host = "localhost" // its certificate does not say so
			later(t, "another's certificate", srv, s)
			s.cfg.Host = "127.0.0.1"
			if answer, err := s.Send(t.Context(), row("welcome")); err != nil || len(srv.got) != 1 {
				t.Errorf("%q %v, %d messages", answer, err, len(srv.got))
			}
			plain, s := serve(t)
			s.cfg.TLS = mode
			later(t, "a server without TLS", plain, s)
		})
	}
}
