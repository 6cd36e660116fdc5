package broker_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/walk"
)

// visitor is somebody in a browser of their own, from an address of their own.
func (s *stack) visitor(from string) *walk.Browser {
	b := walk.New(s.config.PublicURL)
	b.From = from
	return b
}

// asks opens the sign-up page and fills it in, without its challenge.
func (s *stack) asks(t *testing.T, b *walk.Browser, at, user, email string) (*walk.Page, *walk.Form) {
	t.Helper()
	page, err := b.Get(at)
	must(t, err)
	form := page.FormWith("user-name").Set("user-name", user).Set("given-name", "Kit").Set("surname", "Osei")
	if form.Has("email") {
		form.Set("email", email)
	}
	return page, form
}

// A browser without scripts sends the form all the same: a mail asks for a click,
// and nothing is in Keycloak before it. Opening the link does nothing; it works
// once.
// proves: A37 attack A32 attack A43
func TestSignUpWithoutScript(t *testing.T) {
	t.Parallel()
	s := shared(t)
	user := fmt.Sprintf("nora%d", next())
	email := user + "@" + s.name + ".example"
	b := s.visitor("10.78.0.1")
	page, form := s.asks(t, b, "/sign-up", user, email)
	says(t, page, "Reach us by phone or mail")
	page, err := form.Send()
	must(t, err)
	says(t, page, "Press the link in our mail")
	says(t, page, "Open the second mail")
	m, err := s.mail.Wait(email, "Please confirm that you want an account", "/sign-up/confirm")
	must(t, err)
	link := m.Link("/sign-up/confirm")
	phone := s.visitor("10.78.0.2")
	page, err = phone.Get(link)
	must(t, err)
	says(t, page, user)
	if strings.Contains(page.URL.RawQuery, "s=") {
		t.Errorf("the secret stays in the address: %s", page.URL)
	}
	var state string
	s.query(t, &state, `select state from account where user_name = $1`, user)
	if state != "unconfirmed" {
		t.Fatalf("after the link was opened: %s", state)
	}
	sent, err := page.Form("/sign-up/confirm").Send()
	must(t, err)
	if sent.URL.Path != "/sign-up/sent" {
		t.Fatalf("after confirming: %s %s", sent.URL, sent.Text())
	}
	setup, err := s.mail.Wait(email, "", "action-token")
	must(t, err)
	p := &walk.Person{Browser: phone, UserName: user, Password: password}
	must(t, p.Begin(setup.Link("action-token"), password))
	_, err = p.SignIn(user, password)
	must(t, err)
	if page, err = s.visitor("10.78.0.3").Get(link); err != nil || page.Status != http.StatusGone {
		t.Errorf("the link again: %v, %d %s", err, page.Status, page.Text())
	}
	s.invariants(t)
}

// A solution counts once, for the act and the address that it was made for, and
// only if it is one. What was typed stays on the page, which offers the way round.
// proves: A37 attack A43
func TestSignUpChallenge(t *testing.T) {
	t.Parallel()
	s := shared(t)
	b := s.visitor("10.78.1.1")
	user := fmt.Sprintf("ugo%d", next())
	page, form := s.asks(t, b, "/sign-up", user, user+"@"+s.name+".example")
	form, err := page.Solve(form)
	must(t, err)
	solved := form.Values().Get("altcha")
	sent, err := form.Send()
	must(t, err)
	if sent.URL.Path != "/sign-up/sent" || sent.URL.RawQuery != "" {
		t.Fatalf("a right solution: %s %s", sent.URL, sent.Text())
	}
	raw, err := base64.StdEncoding.DecodeString(solved)
	must(t, err)
	fresh := func(from string) string {
		page, form := s.asks(t, s.visitor(from), "/sign-up", user, user)
		form, err := page.Solve(form)
		must(t, err)
		return form.Values().Get("altcha")
	}
	forge := func(old, new string) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(raw), old, new, 1)))
	}
	for what, answer := range map[string]string{
		"used":          solved,
		"no solution":   base64.StdEncoding.EncodeToString([]byte(`{"algorithm":"SHA-256","number":1}`)),
		"no base64":     "%%%",
		"too long":      strings.Repeat("A", 5000),
		"another's":     fresh("10.78.1.9"),
		"another act":   forge("act=sign-up", "act=other"),
		"longer life":   forge("expires=1", "expires=9"),
		"digits moved":  forge(`&","signature`, `","signature`),
		"no challenge":  base64.StdEncoding.EncodeToString([]byte(`null`)),
		"other hashing": forge("SHA-256", "SHA-1"),
	} {
		_, form := s.asks(t, b, "/sign-up", "other-"+user, "other."+user+"@"+s.name+".example")
		page, err := form.Press("altcha", answer).Send()
		must(t, err)
		if page.Status != http.StatusUnprocessableEntity || page.FormWith("user-name").Values().Get("user-name") != "other-"+user || !strings.Contains(page.Body, `value="mail"`) {
			t.Errorf("%s: %d %s %.300s", what, page.Status, page.URL, page.Text())
		}
	}
	var made int
	s.query(t, &made, `select count(*) from account where user_name = $1`, "other-"+user)
	if made != 0 {
		t.Error("an account was asked for all the same")
	}
}

// Limits hold for a network before anything is done, and for an address over all
// flows; they say when to try again, and keep what was typed.
// proves: attack A45 attack A66
func TestSignUpLimits(t *testing.T) {
	t.Parallel()
	s := start(t)
	email := "limits@" + s.name + ".example"
	ask := func(from, user, email string) *walk.Page {
		b := s.visitor(from)
		_, form := s.asks(t, b, "/sign-up", user, email)
		page, err := form.Send()
		must(t, err)
		return page
	}
	for i := range 3 {
		if page := ask(fmt.Sprintf("10.79.0.%d", i), fmt.Sprintf("mia%d", i), email); page.URL.Path != "/sign-up/sent" {
			t.Fatalf("%d: %s", i, page.Text())
		}
	}
	page := ask("10.79.0.9", "mia-more", strings.ToUpper(email))
	if page.Status != http.StatusTooManyRequests || page.Header.Get("Retry-After") == "" || page.FormWith("user-name").Values().Get("user-name") != "mia-more" {
		t.Errorf("the fourth for one mail address: %d %q %s", page.Status, page.Header.Get("Retry-After"), page.Text())
	}
	says(t, page, "Please try again in")
	// What stands before the last address of X-Forwarded-For, anybody may have written.
	last := 0
	for i := range 12 {
		page := ask(fmt.Sprintf("192.0.2.%d, 2001:db8:1:2:%x::1", i, i), fmt.Sprintf("nat%d", i), fmt.Sprintf("nat%d@%s.example", i, s.name))
		if last = page.Status; last == http.StatusTooManyRequests {
			if i != 10 {
				t.Errorf("refused at %d", i)
			}
			break
		}
	}
	if last != http.StatusTooManyRequests {
		t.Error("a network without a challenge is never refused")
	}
	// The log tells whoever runs this which network, and who passed it on; no more.
	for _, want := range []string{"a limit refused", "from=2001:db8:1:2::/64", "peer=127.0.0.1/32", "forwarded=true"} {
		if !strings.Contains(s.logs.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	for _, never := range []string{"::1", "192.0.2.", "mia-more", "@" + s.name} {
		if strings.Contains(s.logs.String(), never) {
			t.Errorf("the log says %s", never)
		}
	}
	if page := ask("2001:db8:1:3::1", "elsewhere", "elsewhere@"+s.name+".example"); page.URL.Path != "/sign-up/sent" {
		t.Errorf("another network: %s", page.Text())
	}
	// Nobody in front is trusted: the header is nobody's word.
	direct := start(t, func(c *broker.Config) { c.Proxies = nil })
	for i := range 12 {
		b := walk.New(direct.config.PublicURL)
		b.From = fmt.Sprintf("203.0.113.%d", i)
		_, form := direct.asks(t, b, "/sign-up", fmt.Sprintf("zoe%d", i), fmt.Sprintf("zoe%d@%s.example", i, direct.name))
		page, err := form.Send()
		must(t, err)
		if refused := page.Status == http.StatusTooManyRequests; refused != (i >= 10) {
			t.Errorf("%d from behind a header: %d", i, page.Status)
		}
	}
}

// An invitation's link leads to an account without a challenge, with the invited
// address and no other; after the mail was opened on another device and the person
// signed in there, the invitation continues by itself.
// proves: B1 A45
func TestInvitedSignUpElsewhere(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk := s.registrars(t)
	user := fmt.Sprintf("iris%d", next())
	email := user + "@" + s.name + ".example"
	page, err := desk.First.Get("/desk/careconnect/operators")
	must(t, err)
	form := page.FormWith("role")
	_, err = form.Set("role", form.Options("role")[0]).Set("email", email).Send()
	must(t, err)
	m, err := s.mail.Wait(email, "", "/invitation")
	must(t, err)
	laptop, phone := s.visitor("10.80.0.1"), s.visitor("10.80.0.2")
	page, err = laptop.Get(m.Link("/invitation"))
	must(t, err)
	page, err = page.Follow("/invitation/sign-up")
	must(t, err)
	says(t, page, email)
	if strings.Contains(page.Body, "data-challenge") || page.FormWith("user-name").Has("email") {
		t.Error("a challenge, or another address, for whom a link brought")
	}
	sent, err := page.FormWith("user-name").Set("user-name", user).Set("given-name", "Iris").Set("surname", "Lam").Send()
	must(t, err)
	if sent.URL.Path != "/sign-up/sent" {
		t.Fatalf("%s %s", sent.URL, sent.Text())
	}
	setup, err := s.mail.Wait(email, "", "action-token")
	must(t, err)
	must(t, phone.Begin(setup.Link("action-token"), password))
	page, err = phone.Get("/access") // where Keycloak's last page leads
	must(t, err)
	page, err = page.Authenticate(user, password)
	must(t, err)
	if page.URL.Path != "/invitation" {
		t.Fatalf("the first sign-in leads to %s %s", page.URL, page.Text())
	}
	page, err = page.Form("/invitation").Send()
	must(t, err)
	if page.URL.Path != "/access" {
		t.Errorf("after accepting: %s %s", page.URL, page.Text())
	}
	s.invariants(t)
}

// Where somebody was going when they made their account, their first sign-in leads,
// once, wherever that is.
func TestSignUpContinues(t *testing.T) {
	t.Parallel()
	s := shared(t)
	user := fmt.Sprintf("dora%d", next())
	email := user + "@" + s.name + ".example"
	to := "/requests/new/careconnect/join?role=practitioner"
	laptop, phone := s.visitor("10.80.1.1"), s.visitor("10.80.1.2")
	page, form := s.asks(t, laptop, "/sign-up?return="+url.QueryEscape(to), user, email)
	form, err := page.Solve(form)
	must(t, err)
	_, err = form.Send()
	must(t, err)
	setup, err := s.mail.Wait(email, "", "action-token")
	must(t, err)
	must(t, phone.Begin(setup.Link("action-token"), password))
	page, err = phone.SignIn(user, password)
	must(t, err)
	if page.URL.RequestURI() != to {
		t.Errorf("the first sign-in leads to %s", page.URL)
	}
	page, err = laptop.SignIn(user, password)
	must(t, err)
	if page.URL.RequestURI() == to {
		t.Error("the second sign-in leads there too")
	}
}

// An account that nobody used is told of on day 5 and closed on day 7, in the record
// and in Keycloak; the name and the address then make somebody new. Who set a
// password and has not signed in here yet is left alone.
// proves: attack A19
func TestUnverifiedAccountsAreClosed(t *testing.T) {
	t.Parallel()
	s := start(t)
	ask := func(user string) (email string) {
		email = user + "@" + s.name + ".example"
		b := s.visitor("10.81.0." + fmt.Sprint(next()%250))
		page, form := s.asks(t, b, "/sign-up", user, email)
		form, err := page.Solve(form)
		must(t, err)
		_, err = form.Send()
		must(t, err)
		return email
	}
	late, there := ask("late"), ask("there")
	_, err := s.mail.Wait(late, "", "action-token")
	must(t, err)
	setup, err := s.mail.Wait(there, "", "action-token")
	must(t, err)
	must(t, walk.New(s.config.PublicURL).Begin(setup.Link("action-token"), password))
	var first string
	s.query(t, &first, `select sub from account where user_name = 'late'`)
	s.move(t, 5*24*time.Hour+time.Minute)
	m, err := s.mail.Wait(late, "Your account will be closed in two days", "/sign-up")
	must(t, err)
	if !strings.Contains(m.Text, "late") {
		t.Errorf("%s", m.Text)
	}
	s.move(t, 2*24*time.Hour)
	state := func(where string) (state string) {
		s.query(t, &state, `select state || case when look_at is null then '' else ' looked at' end from account where `+where)
		return state
	}
	eventually(t, "closed", func() bool { return state(`user_name = 'late'`) == "closed" })
	eventually(t, "gone from Keycloak", func() bool {
		var behind bool
		s.query(t, &behind, `select wanted_rev > applied_rev from account where user_name = 'late'`)
		return !behind
	})
	eventually(t, "the one who verified is known", func() bool { return state(`user_name = 'there'`) == "live" })
	ask("late")
	eventually(t, "somebody new", func() bool { return strings.HasPrefix(state(`user_name = 'late' and state <> 'closed'`), "live") })
	var second string
	s.query(t, &second, `select sub from account where user_name = 'late' and state = 'live'`)
	if second == first {
		t.Error("the next of that name is the same person")
	}
	all, err := s.mail.To(late)
	must(t, err)
	told := 0
	for _, m := range all {
		if strings.Contains(m.Subject, "will be closed") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	s.invariants(t)
}
