package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"countersign/broker/registry"

	gomail "github.com/wneessen/go-mail"
)

// TLS is how the connection to the mail server is protected.
type TLS string

// The modes. The empty one is NoTLS.
const (
	NoTLS       TLS = "none"     // for a mail catcher on this machine
	StartTLS    TLS = "starttls" // demanded, not merely tried
	ImplicitTLS TLS = "tls"      // from the first byte (RFC 8314)
)

// Config says whose mail goes where.
type Config struct {
	Host               string
	Port               int
	TLS                TLS
	Username, Password string // empty: no authentication
	From, FromName     string
	Bounces            string   // where mails come back to, each with a token after a +; empty: to From
	PublicURL          *url.URL // the portal's address; all links begin with it
	// Texts gives a program's own texts, for one message. Its error is a passing one.
	// ProgramTexts makes it.
	Texts func(ctx context.Context, program string) (Texts, error)
}

// Texts gives a program's own text in a language, or in English, or empty.
type Texts func(lang, key string) string

// ProgramTexts gives the texts of the programs in force.
func ProgramTexts(r *registry.Registry) func(ctx context.Context, program string) (Texts, error) {
	return func(ctx context.Context, program string) (Texts, error) {
		programs, err := r.Programs(ctx)
		if p := programs[program]; p != nil {
			return p.Text, err
		}
		return func(string, string) string { return "" }, err
	}
}

// Check tells what is wrong with a configuration; New takes it as it is.
func (c Config) Check() error {
	if c.PublicURL == nil || c.PublicURL.Host == "" {
		return errors.New("mail: no public address to link to")
	}
	if c.Texts == nil {
		return errors.New("mail: no words of programs")
	}
	if err := Bare(c.From); err != nil {
		return fmt.Errorf("mail: sender: %w", err)
	}
	if local, _, _ := strings.Cut(c.Bounces, "@"); c.Bounces != "" && (Bare(c.Bounces) != nil || len(local) > longestBounces) {
		return errors.New("mail: the mailbox for bounces is one plain address with at most 20 characters before the @")
	}
	if strings.ContainsFunc(c.FromName, breaksLine) {
		return errors.New("mail: the sender's name has a control character")
	}
	if (c.Username == "") != (c.Password == "") {
		return errors.New("mail: a user name and a password go together")
	}
	if c.Username != "" && (c.TLS == "" || c.TLS == NoTLS) {
		return errors.New("mail: a password needs TLS")
	}
	_, err := c.client()
	return err
}

// longestBounces leaves room for + and a token in the 64 of RFC 5321 4.5.3.1.1.
const longestBounces = 20

// Bare refuses everything but one address alone, without a name or a second one.
func Bare(address string) error {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || strings.ContainsFunc(address, breaksLine) {
		return errors.New("not one plain address")
	}
	return nil
}

// patience is for each phase: connecting, greeting, sending. All of them together
// should stay about within the minute for which a message is claimed.
const patience = 20 * time.Second

func (c Config) client() (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(c.Port), gomail.WithTimeout(patience), gomail.WithoutNoop()}
	switch c.TLS {
	case "", NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	default:
		return nil, fmt.Errorf("mail: there is no TLS mode %q", c.TLS)
	}
	if c.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(c.Username), gomail.WithPassword(c.Password))
	}
	return gomail.NewClient(c.Host, options...)
}
