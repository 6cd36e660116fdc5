package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"countersign/broker/registry"

	gomail "github.com/wneessen/go-mail"
)

// The ways in which a message is not taken.
var (
	// ErrLater: nobody is to blame, or not the message. Try again.
	ErrLater = errors.New("mail: to be tried again")
	// ErrRefused: trying again would change nothing.
	ErrRefused = errors.New("mail: refused for good")
)

// Sender sends messages; several goroutines may use one.
type Sender struct{ cfg Config }

// New makes a sender. It connects to nothing yet.
func New(c Config) *Sender { return &Sender{cfg: c} }

// Send composes the message of a row and hands it to the mail server. It returns
// the server's answer, also along with an error; without one the server took the
// message. The error is ErrLater or ErrRefused and, unlike the answer, names no
// address, so that it may be logged.
func (s *Sender) Send(ctx context.Context, m registry.Mail) (answer string, err error) {
	msg, err := s.message(ctx, m)
	if err != nil {
		return err.Error(), err
	}
	client, err := s.cfg.client()
	if err != nil {
		return err.Error(), fmt.Errorf("%w: %w", ErrLater, err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return brief(err.Error()), fmt.Errorf("%w: no conversation with the mail server: %w", ErrLater, err)
	}
	err = client.SendWithSMTPClient(conn, msg)
	_ = client.CloseWithSMTPClient(conn) // the message's fate is known by now
	return outcome(msg, err)
}

// message composes a row's message whole, headers and both bodies.
func (s *Sender) message(ctx context.Context, m registry.Mail) (*gomail.Msg, error) {
	if err := s.cfg.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLater, err)
	}
	if err := Bare(m.Address); err != nil || !linkable.MatchString(m.ID) {
		return nil, fmt.Errorf("%w: the address cannot be written to", ErrRefused)
	}
	l, err := s.letters(ctx, m)
	if err != nil {
		return nil, err
	}
	plain, rich, err := l.set()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(s.cfg.FromName, s.cfg.From); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLater, err)
	}
	if s.cfg.Bounces != "" {
		if err := msg.EnvelopeFrom(s.cfg.envelope(m.Return)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLater, err)
		}
	}
	if err := msg.To(m.Address); err != nil {
		return nil, fmt.Errorf("%w: the address cannot be written to", ErrRefused)
	}
	_, domain, _ := strings.Cut(s.cfg.From, "@")
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDate() // the machine's clock: mail is of this world, also where the record's clock is moved
	msg.Subject(l.subject())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notes, please
	msg.SetGenHeader("Content-Language", m.Locale)
	msg.SetBodyString(gomail.TypeTextPlain, plain)
	msg.AddAlternativeString(gomail.TypeTextHTML, rich)
	return msg, nil
}

// outcome reads how the conversation ended.
func outcome(msg *gomail.Msg, err error) (string, error) {
	if msg.IsDelivered() {
		return brief(msg.ServerResponse()), nil // whatever went wrong after that
	}
	var failed *gomail.SendError
	if !errors.As(err, &failed) {
		return brief(fmt.Sprint(err)), fmt.Errorf("%w: the conversation broke off", ErrLater)
	}
	answer, _, _ := strings.Cut(failed.Error(), ", affected ") // go-mail adds the recipient and the Message-ID
	kind := ErrLater
	if final(failed) {
		kind = ErrRefused
	}
	return brief(answer), fmt.Errorf("%w: %s: code %d", kind, failed.Reason, failed.ErrorCode())
}

// final tells whether the server will never take this message. A 5xx that speaks
// of us (the sender, a missing sign-in) is a fault of the configuration: it is
// for the operator to put right, and no message is lost for it.
func final(e *gomail.SendError) bool {
	switch e.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
	default:
		return false
	}
	switch code := e.ErrorCode(); code {
	case 530, 534, 535, 538: // RFC 4954, RFC 3207: authentication or TLS first
		return false
	default:
		return code >= 500
	}
}

// brief keeps an answer to one line that fits a column.
func brief(answer string) string {
	line := strings.Join(strings.Fields(answer), " ")
	if len(line) > 500 {
		line = strings.ToValidUTF8(line[:500], "")
	}
	return line
}
