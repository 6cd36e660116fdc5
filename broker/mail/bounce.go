package mail

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// Bounce is a report that a mail of ours was not delivered.
type Bounce struct {
	Token  string // of the mail
	Status string // of the report, such as 5.1.1 (RFC 3463)
}

// ErrNoBounce is a message that says of no mail of ours that it is lost: a delay, a
// vacation note, anybody's letter.
var ErrNoBounce = errors.New("mail: no report of a mail of ours that is lost")

const bounceMost = 1 << 20 // bytes; a report with the whole mail in it has less

var bounceAddress = regexp.MustCompile(`\+([a-z2-7]{42})@`)

// ReadBounce reads a report of non-delivery (RFC 3464). Which mail it is about is in
// the address that it came to: the recipient that the mail server names, or else
// what the message says of that itself.
func ReadBounce(r io.Reader, recipient string) (Bounce, error) {
	m, err := mail.ReadMessage(io.LimitReader(r, bounceMost))
	if err != nil {
		return Bounce{}, fmt.Errorf("%w: %w", ErrNoBounce, err)
	}
	var b Bounce
	to := []string{recipient}
	for _, header := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "To"} {
		to = append(to, m.Header[header]...)
	}
	for _, address := range to {
		if found := bounceAddress.FindStringSubmatch(strings.ToLower(address)); found != nil && b.Token == "" {
			b.Token = found[1]
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") || b.Token == "" {
		return Bounce{}, ErrNoBounce
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return Bounce{}, fmt.Errorf("%w: %w", ErrNoBounce, err)
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind != "message/delivery-status" && kind != "message/global-delivery-status" {
			continue
		}
		b.Status, err = lost(part)
		return b, err
	}
}

// lost gives the status of the first recipient whom the mail did not reach for good:
// the blocks after the first are one for each (RFC 3464 2.1).
func lost(r io.Reader) (string, error) {
	blocks := textproto.NewReader(bufio.NewReader(r))
	for {
		block, err := blocks.ReadMIMEHeader()
		status := strings.TrimSpace(block.Get("Status"))
		if strings.EqualFold(strings.TrimSpace(block.Get("Action")), "failed") && finalStatus.MatchString(status) {
			return finalStatus.FindString(status), nil
		}
		if err != nil {
			return "", ErrNoBounce
		}
	}
}

var finalStatus = regexp.MustCompile(`^5\.[0-9]{1,3}\.[0-9]{1,3}`)

// envelope is the sender that the mail server is told: a mail that comes back comes
// back there, with the token of its row.
func (c Config) envelope(token string) string {
	local, domain, _ := strings.Cut(c.Bounces, "@")
	return local + "+" + token + "@" + domain
}
