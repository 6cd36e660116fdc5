package mail

import (
	"errors"
	"strings"
	"testing"
)

const returnToken = "aginyhcqd6uwnjx2lbyg7wl2nyqgcnzbzqr6pbzgke"

// report is what Postfix writes when the next server answers 550.
const report = `Return-Path: <>
Delivered-To: bounces+` + returnToken + `@countersign.example
Date: Sun, 22 Nov 2026 20:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.countersign.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces+` + returnToken + `@countersign.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4F2A.1763841600/mx.countersign.example"

This is a MIME-encapsulated message.

--4F2A.1763841600/mx.countersign.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--4F2A.1763841600/mx.countersign.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.countersign.example
X-Postfix-Queue-ID: 4F2A
Arrival-Date: Sun, 22 Nov 2026 19:59:58 +0000 (UTC)

Final-Recipient: rfc822; chan@nowhere.example
Original-Recipient: rfc822;chan@nowhere.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.nowhere.example
Diagnostic-Code: smtp; 550 5.1.1 <chan@nowhere.example>: user unknown

--4F2A.1763841600/mx.countersign.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: "Countersign" <access@countersign.example>
To: <chan@nowhere.example>
Subject: Please sign

--4F2A.1763841600/mx.countersign.example--
`

// A report of a mail that is lost is read, wherever its server says to whom it came;
// a delay, an automatic answer and a letter are none.
func TestReadBounce(t *testing.T) {
	t.Parallel()
	crlf := strings.ReplaceAll(report, "\n", "\r\n")
	bare := strings.ReplaceAll(report, "+"+returnToken, "")
	for what, c := range map[string]struct{ message, recipient string }{
		"by its headers":         {report, ""},
		"as on the wire":         {crlf, ""},
		"by the pipe's argument": {bare, "bounces+" + returnToken + "@countersign.example"},
		"in capitals":            {bare, strings.ToUpper("bounces+" + returnToken + "@countersign.example")},
	} {
		b, err := ReadBounce(strings.NewReader(c.message), c.recipient)
		if err != nil || b.Token != returnToken || b.Status != "5.1.1" {
			t.Errorf("%s: %+v, %v", what, b, err)
		}
	}
	for what, message := range map[string]string{
		"a delay":        strings.Replace(report, "Action: failed\nStatus: 5.1.1", "Action: delayed\nStatus: 4.4.1", 1),
		"full for now":   strings.Replace(report, "Status: 5.1.1", "Status: 4.2.2", 1),
		"no token":       bare,
		"a letter":       "To: bounces+" + returnToken + "@countersign.example\n\nhello",
		"a vacation":     strings.Replace(report, "report-type=delivery-status", "report-type=disposition-notification", 1),
		"cut short":      report[:900],
		"nothing":        "",
		"not a message":  "\x00\x01",
		"no such report": strings.Replace(report, "message/delivery-status", "text/plain", 1),
	} {
		if b, err := ReadBounce(strings.NewReader(message), ""); !errors.Is(err, ErrNoBounce) {
			t.Errorf("%s: %+v, %v", what, b, err)
		}
	}
}

// Where a mailbox for bounces is given, the server is told the sender with the
// mail's token; what the reader sees is not changed.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	srv, s := serve(t)
	s.cfg.Bounces = "bounces@countersign.example"
	m := row("name-taken")
	m.Return = returnToken
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	header, _ := read(t, srv.got[0])
	if !strings.Contains(header.Get("From"), "access@countersign.example") || !strings.Contains(strings.Join(srv.envelope, " "), "bounces+"+returnToken+"@countersign.example") {
		t.Errorf("from %q, envelope %q", header.Get("From"), srv.envelope)
	}
	for _, bad := range []string{"bounces", "a name <b@c.example>", strings.Repeat("b", 21) + "@c.example"} {
		s.cfg.Bounces = bad
		if s.cfg.Check() == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Whatever arrives at the mailbox, reading it ends with an answer.
func FuzzReadBounce(f *testing.F) {
	f.Add(report, "")
	f.Fuzz(func(t *testing.T, message, recipient string) {
		b, err := ReadBounce(strings.NewReader(message), recipient)
		if err == nil && (len(b.Token) != 42 || !strings.HasPrefix(b.Status, "5.")) {
			t.Errorf("%+v", b)
		}
	})
}
