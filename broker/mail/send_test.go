package mail

import (
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker/registry"

	"github.com/emersion/go-smtp"
)

// server is a real SMTP server that does as it is told.
type server struct {
	mu       sync.Mutex
	onFrom   error
	onRcpt   error
	onData   error
	hangUp   bool // after the message, instead of an answer
	envelope []string
	got      []string // whole messages
}

func serve(t *testing.T) (*server, *Sender) {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &talk{s, c}, nil }))
	srv.Domain, srv.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(in) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return s, sender(t, "127.0.0.1", in.Addr().(*net.TCPAddr).Port)
}

type talk struct {
	s    *server
	conn *smtp.Conn
}

func (k *talk) Mail(from string, _ *smtp.MailOptions) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.s.envelope = []string{from}
	return k.s.onFrom
}

func (k *talk) Rcpt(to string, _ *smtp.RcptOptions) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.s.envelope = append(k.s.envelope, to)
	return k.s.onRcpt
}

func (k *talk) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if err != nil {
		return err
	}
	if k.s.onData != nil {
		return k.s.onData
	}
	k.s.got = append(k.s.got, string(raw))
	if k.s.hangUp {
		k.conn.Conn().Close()
	}
	return nil
}

func (*talk) Reset()        {}
func (*talk) Logout() error { return nil }

func code(n int, words string) error {
	return &smtp.SMTPError{Code: n, EnhancedCode: smtp.EnhancedCode{n / 100, 1, 1}, Message: words}
}

// read parses a message, and gives its parts by kind.
func read(t *testing.T, raw string) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s: %v", kind, err)
	}
	parts := map[string]string{}
	for all := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := all.NextRawPart()
		if err == io.EOF {
			return m.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if params["charset"] != "UTF-8" {
			t.Errorf("%s in %s", kind, params["charset"])
		}
		parts[kind] = string(body)
	}
}

// One message over a real SMTP conversation: both bodies, the headers that tell
// what it is, and an envelope with one recipient.
func TestConversation(t *testing.T) {
	t.Parallel()
	srv, s := serve(t)
	m := row("declaration-asked")
	m.Data["site"] = "Clinique de l’Île"
	answer, err := s.Send(t.Context(), m)
	if err != nil || !strings.Contains(answer, "OK") {
		t.Fatalf("%q, %v", answer, err)
	}
	if strings.Join(srv.envelope, " ") != "access@countersign.example ana@clinic.example" {
		t.Errorf("envelope %q", srv.envelope)
	}
	header, parts := read(t, srv.got[0])
	for key, want := range map[string]string{"Auto-Submitted": "auto-generated", "Content-Language": "en", "Mime-Version": "1.0",
		"Message-Id": "<" + rowID + "@countersign.example>", "From": `"Countersign" <access@countersign.example>`, "To": "<ana@clinic.example>"} {
		if header.Get(key) != want || len(header[key]) != 1 {
			t.Errorf("%s: %q, want %q", key, header[key], want)
		}
	}
	if at, err := header.Date(); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("Date %q", header.Get("Date"))
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if err != nil || subject != "Clinique de l’Île: please sign the declaration" {
		t.Errorf("Subject %q, %v", subject, err)
	}
	if len(parts) != 2 {
		t.Fatalf("parts %v", parts)
	}
	for kind, body := range parts {
		if !strings.Contains(body, "https://portal.example:8443/enrol/declare/"+request+"?s="+secret) {
			t.Errorf("%s without the link:\n%s", kind, body)
		}
	}
}

// The server's answer decides: 4xx of any kind is tried again, 5xx about the
// recipient or the message is final, 5xx about us is not the message's fault.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		tell  func(*server)
		want  error
		words string
	}{
		{"greylisted", func(s *server) { s.onRcpt = code(451, "come back later") }, ErrLater, "451 4.1.1 come back later"},
		{"no such mailbox", func(s *server) { s.onRcpt = code(550, "no ana@clinic.example here") }, ErrRefused, "550 5.1.1 no ana@clinic.example here"},
		{"busy with the message", func(s *server) { s.onData = code(452, "disk full") }, ErrLater, "452 4.1.1 disk full"},
		{"message refused", func(s *server) { s.onData = code(554, "looks bad") }, ErrRefused, "554 5.1.1 looks bad"},
		{"sender refused", func(s *server) { s.onFrom = code(550, "who are you") }, ErrLater, "550 5.1.1 who are you"},
		{"sign-in wanted", func(s *server) { s.onRcpt = code(530, "authenticate") }, ErrLater, "530 5.1.1 authenticate"},
		{"shutting down", func(s *server) { s.onRcpt = code(421, "bye") }, ErrLater, "421 4.1.1 bye"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv, s := serve(t)
			c.tell(srv)
			answer, err := s.Send(t.Context(), row("welcome"))
			if !errors.Is(err, c.want) || errors.Is(err, ErrLater) && errors.Is(err, ErrRefused) {
				t.Errorf("%v, want %v", err, c.want)
			}
			status, words, _ := strings.Cut(c.words, " ")
			if !strings.Contains(answer, ": "+status+" ") || !strings.Contains(answer, words) || strings.Contains(answer, "affected") {
				t.Errorf("answer %q, want %q", answer, c.words)
			}
			if strings.Contains(err.Error(), "ana@") {
				t.Errorf("the error names somebody: %v", err)
			}
		})
	}
}

// A server that is away, or without the TLS that is demanded, is a passing fault;
// so is an answer that got lost, and the second message is recognizable as the first.
func TestPassingFaults(t *testing.T) {
	t.Parallel()
	srv, s := serve(t)
	srv.hangUp = true
	for range 2 {
		if _, err := s.Send(t.Context(), row("welcome")); !errors.Is(err, ErrLater) {
			t.Errorf("a lost answer: %v", err)
		}
	}
	srv.mu.Lock()
	got := slices.Clone(srv.got)
	srv.mu.Unlock()
	first, _ := read(t, got[0])
	second, _ := read(t, got[1])
	if first.Get("Message-Id") == "" || first.Get("Message-Id") != second.Get("Message-Id") {
		t.Errorf("Message-ID %q, then %q", first.Get("Message-Id"), second.Get("Message-Id"))
	}
	_, strict := serve(t)
	strict.cfg.TLS = StartTLS
	if _, err := strict.Send(t.Context(), row("welcome")); !errors.Is(err, ErrLater) {
		t.Errorf("no STARTTLS there: %v", err)
	}
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := sender(t, "127.0.0.1", in.Addr().(*net.TCPAddr).Port)
	in.Close()
	if answer, err := away.Send(t.Context(), row("welcome")); !errors.Is(err, ErrLater) || answer == "" {
		t.Errorf("nobody there: %q, %v", answer, err)
	}
}

// No header can be made from data: a line break anywhere is refused before the
// server hears of it, whatever else a name holds stays within its header.
// proves: attack A59
func TestNoHeaderInjection(t *testing.T) {
	t.Parallel()
	srv, s := serve(t)
	for _, inserted := range []string{"\r\nBcc: x@evil.example", "\nBcc: x@evil.example", "\rX", "\x00", "\u2028Bcc: x", "\u2029Bcc: x", "\u0085Bcc: x"} {
		for k := range kinds {
			for key := range sample(k) {
				m := row(k)
				m.Data[key] += inserted
				if _, err := s.Send(t.Context(), m); !isRefused(err) {
					t.Errorf("%s: %q in %s: %v", k, inserted, key, err)
				}
			}
		}
		m := row("welcome")
		m.Address += inserted
		if _, err := s.Send(t.Context(), m); !isRefused(err) {
			t.Errorf("%q in the address: %v", inserted, err)
		}
	}
	for _, address := range []string{"", "ana", "Ana <ana@clinic.example>", "ana@clinic.example, x@evil.example", "ana@clinic.example>\r\nRCPT TO:<x@evil.example"} {
		if _, err := s.Send(t.Context(), registry.Mail{ID: rowID, Address: address, Kind: "address-known"}); !isRefused(err) {
			t.Errorf("to %q: %v", address, err)
		}
	}
	if len(srv.got) != 0 || len(srv.envelope) != 0 {
		t.Fatalf("the server heard of %d messages, %q", len(srv.got), srv.envelope)
	}
	m := row("to-confirm")
	m.Data["site"] = `=?utf-8?q?=0D=0ABcc:_x@evil.example?= %0d%0aBcc: x@evil.example "<,;` + strings.Repeat(" Ünïcode name", 40)
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	header, _ := read(t, srv.got[0])
	if header.Get("Bcc") != "" || len(srv.envelope) != 2 {
		t.Errorf("headers %v, envelope %q", header, srv.envelope)
	}
}

// A configuration that could not send, or would send a password in the clear, is
// told at start; and no message is lost to one.
func TestConfig(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*Config){
		"no sender":             func(c *Config) { c.From = "" },
		"sender with a name":    func(c *Config) { c.From = "A <a@b.example>" },
		"name with a break":     func(c *Config) { c.FromName = "A\r\nBcc: x@evil.example" },
		"no public address":     func(c *Config) { c.PublicURL = nil },
		"no words":              func(c *Config) { c.Texts = nil },
		"no host":               func(c *Config) { c.Host = "" },
		"unknown TLS":           func(c *Config) { c.TLS = "ssl3" },
		"password in the clear": func(c *Config) { c.Username, c.Password = "u", "p" },
		"no password":           func(c *Config) { c.TLS, c.Username = ImplicitTLS, "u" },
		"password of nobody":    func(c *Config) { c.TLS, c.Password = ImplicitTLS, "p" },
	} {
		s := sender(t, "localhost", 25)
		spoil(&s.cfg)
		if s.cfg.Check() == nil {
			t.Errorf("%s is taken", what)
		}
		if _, err := s.Send(t.Context(), row("welcome")); !errors.Is(err, ErrLater) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, mode := range []TLS{"", NoTLS, StartTLS, ImplicitTLS} {
		s := sender(t, "localhost", 25)
		s.cfg.TLS = mode
		if err := s.cfg.Check(); err != nil {
			t.Errorf("%q: %v", mode, err)
		}
	}
}
