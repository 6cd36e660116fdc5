package broker_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/local"
	"countersign/broker/walk"
)

// refusing is a product whose mail server refuses what is for refused.example, for
// later.example for now, and that hears of mail that comes back.
func refusing(t *testing.T) *stack {
	t.Helper()
	m, err := local.StartMail(local.MailOptions{})
	must(t, err)
	t.Cleanup(m.Stop)
	s := start(t, func(c *broker.Config) {
		host, port, err := net.SplitHostPort(m.SMTP)
		must(t, err)
		_, err = fmt.Sscan(port, &c.SMTPPort)
		must(t, err)
		c.SMTPHost, c.MailBounces = host, "bounces@countersign.example"
	})
	s.mail.URL = m.URL
	return s
}

// back is whether a page tells of a mail to an address that came back.
func back(t *testing.T, p *walk.Person, at, address string) bool {
	t.Helper()
	page := get(t, p, at)
	return page.Has("mails-back") && strings.Contains(page.Text(), address)
}

// settles presses "This is settled" beside the first mail that came back.
func settles(t *testing.T, p *walk.Person, at string) {
	t.Helper()
	page, err := get(t, p, at).Form("/settle").Send()
	must(t, err)
	says(t, page, "The mail is off your list")
	if page.URL.Path != at {
		t.Errorf("settled on %s, and then at %s", at, page.URL.Path)
	}
}

// A declaration's mail that is refused is the requester's to see to, and nobody
// else's: the header leads to it. With another address it is over by itself. One
// that is never taken is tried for five days and is then the same.
// proves: A37 D4
func TestDeclarationMailIsRefused(t *testing.T) {
	t.Parallel()
	s := refusing(t)
	people := s.people(t, "Ana Whitefeather", "Ben Osei")
	ana, ben := people[0], people[1]
	if get(t, ana, "/access").Link("/inbox") != "" {
		t.Fatal("an inbox for whom nothing waits")
	}
	id, err := ana.RequestSite(walk.Program, walk.Clinic{Name: "Cedar Hill", City: "Victoria", SignerName: "Dr Chan", SignerEmail: "chan@refused.example"})
	must(t, err)
	tracker := "/requests/" + id
	eventually(t, "the tracker says it", func() bool { return back(t, ana, tracker, "chan@refused.example") })
	if !back(t, ana, "/inbox", "chan@refused.example") {
		t.Error("the inbox does not say it")
	}
	if get(t, ana, "/access").Link("/inbox") == "" {
		t.Error("no way to the inbox")
	}
	desk := s.registrars(t)
	if back(t, ben, "/inbox", "chan@") || back(t, desk.First, "/inbox", "chan@") || back(t, desk.First, "/desk/careconnect", "chan@") {
		t.Error("somebody else is told")
	}
	settle := read(t, ana, "/inbox", formTo("/settle"))
	if page := settle.by(t, ben).send(t); page.Status != http.StatusForbidden && page.Status != http.StatusNotFound || !back(t, ana, "/inbox", "chan@") {
		t.Errorf("somebody else settles it: %d", page.Status)
	}
	correct := func(email string) {
		form := get(t, ana, tracker).FormWith("email-again")
		page, err := form.Set("name", "Dr Chan").Set("email", email).Set("email-again", email).Send()
		must(t, err)
		if page.Status != http.StatusOK || page.URL.Path != tracker {
			t.Fatalf("corrected: %d %s %s", page.Status, page.URL, page.Text())
		}
	}
	good := "chan@" + s.name + ".example"
	correct(good)
	_, err = s.mail.Wait(good, "", "/declare/"+id)
	must(t, err)
	eventually(t, "it is over", func() bool { return !back(t, ana, tracker, "chan@refused.example") })
	if page := get(t, ana, "/inbox"); page.Has("mails-back") || page.Link("/inbox") != "" {
		t.Errorf("still told: %s", page.Text())
	}
	correct("chan@later.example")
	eventually(t, "it is tried again", func() bool {
		var tries int
		s.query(t, &tries, `select coalesce(max(tries), 0) from mail where address = 'chan@later.example' and sent_at is null and failed_at is null`)
		return tries >= 2
	})
	if back(t, ana, tracker, "chan@later.example") {
		t.Error("told of a mail that is still tried")
	}
	s.move(t, 5*24*time.Hour)
	again(t, ana)
	eventually(t, "it is given up", func() bool { return back(t, ana, tracker, "chan@later.example") })
	settles(t, ana, tracker)
	if back(t, ana, tracker, "chan@later.example") || back(t, ana, "/inbox", "chan@later.example") {
		t.Error("settled, and still told")
	}
	var data int
	s.query(t, &data, `select count(*) from mail where failed_at is not null and data is not null`)
	if data != 0 {
		t.Error("what a lost mail carried is kept")
	}
	s.invariants(t)
}

// A member's mail that comes back later is for another administrator of the site, an
// operator's for the registrars. Nobody can make up that a mail came back, and
// twice is once.
// proves: A37 attack A45
func TestMailComesBack(t *testing.T) {
	t.Parallel()
	s := refusing(t)
	m := s.maple(t)
	desk := s.registrars(t)
	page, err := desk.First.Get("/desk/careconnect/operators")
	must(t, err)
	form := page.FormWith("role")
	_, err = form.Set("role", form.Options("role")[0]).Set("email", "new@refused.example").Send()
	must(t, err)
	eventually(t, "the desk says it", func() bool { return back(t, desk.Second, "/desk/careconnect", "new@refused.example") })
	settles(t, desk.First, "/desk/careconnect")
	if back(t, desk.Second, "/desk/careconnect", "new@refused.example") || back(t, m.mona, "/inbox", "new@") {
		t.Error("told of what is settled, or not theirs")
	}

	welcome, err := s.mail.Wait(m.paul.Email, "Welcome to", "/access")
	must(t, err)
	token, _, _ := strings.Cut(strings.TrimPrefix(welcome.Sender, "bounces+"), "@")
	forged := []byte(token)
	if forged[40]++; forged[40] > 'y' {
		forged[40] = 'a'
	}
	bounce := func(token string) (string, error) {
		return s.command(t, report, "mail", "bounce", "bounces+"+token+"@countersign.example")
	}
	if out, err := bounce(string(forged)); err == nil || back(t, m.mona, "/inbox", m.paul.Email) {
		t.Errorf("a forged report: %v %s", err, out)
	}
	for range 2 {
		if out, err := bounce(token); err != nil || !strings.Contains(out, "5.1.1") {
			t.Fatalf("a report: %v %s", err, out)
		}
	}
	var told int
	s.query(t, &told, `select count(*) from mail_todo where lower(address) = lower($1)`, m.paul.Email)
	if told != 1 || !back(t, m.mona, "/inbox", m.paul.Email) {
		t.Errorf("the administrator is told %d times", told)
	}
	if back(t, m.paul, "/inbox", m.paul.Email) || back(t, desk.First, "/desk/careconnect", m.paul.Email) {
		t.Error("somebody else is told")
	}
	settles(t, m.mona, "/inbox")
	s.invariants(t)
}

// The mail with which a person begins is Keycloak's to send. Where its mail server
// does not take it, it is tried with the pauses of a mail, and after five days
// somebody is told what can be done: whoever invited the person, and of one who came
// by themself the registrars. Who asks again once the server is there gets the mail,
// and the rest is over when the account closes.
// proves: A37
func TestSetupMailIsRefused(t *testing.T) {
	t.Parallel()
	s := refusing(t)
	desk := s.registrars(t)
	ivan, iris := fmt.Sprintf("ivan%d", next()), fmt.Sprintf("iris%d", next())
	invitation, err := desk.First.Invite("support", iris+"@"+s.name+".example")
	must(t, err)
	var realm, server map[string]any
	s.keycloak(t, "", &realm)
	server = realm["smtpServer"].(map[string]any)
	repaired := server["port"]
	server["port"] = "1"
	s.alter(t, http.MethodPut, "", realm)

	laptop, other := s.visitor("10.82.0.1"), s.visitor("10.82.0.2")
	page, form := s.asks(t, other, "/sign-up", ivan, ivan+"@refused.example")
	form, err = page.Solve(form)
	must(t, err)
	_, err = form.Send()
	must(t, err)
	accept := func() {
		t.Helper()
		page, err := laptop.Get(invitation)
		must(t, err)
		page, err = page.Follow("/invitation/sign-up")
		must(t, err)
		page, err = page.FormWith("user-name").Set("user-name", iris).Set("given-name", "Iris").Set("surname", "Lam").Send()
		must(t, err)
		if page.URL.Path != "/sign-up/sent" {
			t.Fatalf("%s %s", page.URL, page.Text())
		}
	}
	accept()
	tries := func(user string, n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s: try %d", user, n), func() bool {
			return s.count(t, `account where user_name = $1 and state = 'live' and tries >= $2`, user, n) == 1
		})
	}
	for n := range 6 {
		s.move(t, 16*time.Minute) // the longest pause
		tries(ivan, n+1)
		tries(iris, n+1)
	}
	if n := s.count(t, `account where user_name in ($1, $2) and retry_at > instant() + interval '40 seconds'`, ivan, iris); n != 2 {
		t.Errorf("after six tries, %d of two wait for longer than half a minute", n)
	}
	if n := s.count(t, `mail_todo`); n != 0 {
		t.Error("somebody is told of a mail that is still tried")
	}

	s.move(t, 5*24*time.Hour)
	for _, p := range []*walk.Person{desk.First, desk.Second} {
		again(t, p)
		eventually(t, "the desk says it", func() bool { return back(t, p, "/desk/careconnect", ivan+"@refused.example") })
		says(t, get(t, p, "/desk/careconnect"), "("+ivan+")")
		says(t, get(t, p, "/desk/careconnect"), "The account closes by itself on")
	}
	eventually(t, "who invited is told", func() bool { return back(t, desk.First, "/inbox", iris+"@") })
	if back(t, desk.Second, "/inbox", iris+"@") || back(t, desk.Second, "/desk/careconnect", iris+"@") || back(t, desk.First, "/inbox", ivan+"@") {
		t.Error("somebody else is told")
	}
	eventually(t, "nothing more is to be done for them", func() bool {
		return s.count(t, `account where user_name in ($1, $2) and state = 'live' and wanted_rev = applied_rev`, ivan, iris) == 2
	})

	server["port"] = repaired
	s.alter(t, http.MethodPut, "", realm)
	accept()
	setup, err := s.mail.Wait(iris+"@"+s.name+".example", "", "action-token")
	must(t, err)
	if back(t, desk.First, "/inbox", iris+"@") {
		t.Error("told of a mail that has arrived")
	}
	must(t, laptop.Begin(setup.Link("action-token"), password))
	s.move(t, 2*24*time.Hour)
	again(t, desk.First)
	eventually(t, "the account closes, and it is over", func() bool { return !back(t, desk.First, "/desk/careconnect", ivan+"@") })
	s.invariants(t)
}

// report is what a mail server writes when the next one knows no such mailbox.
const report = "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status; boundary=XX\r\n\r\n" +
	"--XX\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n" +
	"--XX\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n" +
	"Final-Recipient: rfc822; p@example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--XX--\r\n"
