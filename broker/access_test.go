package broker_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/broker/walk"
)

// The page answers alike, word for word, whether a name or an address is known;
// what really happened goes by mail. A couple may share a mailbox, and each has an
// account of their own; a user name is one person's.
// proves: C14 X1 X13
func TestSignUp(t *testing.T) {
	t.Parallel()
	s := shared(t)
	known := s.person(t, "Kim", "Osei")
	ask := func(user, email string) *walk.Page {
		t.Helper()
		b := walk.New(s.config.PublicURL)
		b.From = fmt.Sprintf("10.77.1.%d", next()%250)
		page, err := b.Get("/sign-up")
		must(t, err)
		if page.FormWith("password").Has("password") {
			t.Error("the page asks for a password")
		}
		form, err := page.Solve(page.FormWith("user-name"))
		must(t, err)
		page, err = form.Set("user-name", user).Set("given-name", "Kit").Set("surname", "Osei").Set("email", email).Send()
		must(t, err)
		return page
	}
	fresh := "kit." + known.UserName
	answers := map[string]*walk.Page{
		"new":           ask(fresh, fresh+"@"+s.name+".example"),
		"known name":    ask(known.UserName, "other."+known.Email),
		"known address": ask("second."+known.UserName, known.Email),
	}
	for what, page := range answers {
		if page.Status != http.StatusOK || page.URL.Path != "/sign-up/sent" || page.Text() != answers["new"].Text() {
			t.Errorf("%s: %d %s %s", what, page.Status, page.URL, page.Text())
		}
	}
	m, err := s.mail.Wait("other."+known.Email, "Please choose another user name", "/sign-up")
	must(t, err)
	if !strings.Contains(m.Text, known.UserName) {
		t.Errorf("the mail does not name the name: %s", m.Text)
	}
	m, err = s.mail.Wait(known.Email, "This address already has an account", "/sign-up/confirm")
	must(t, err)

	// Who shares the mailbox goes on from there, to a mail that lets them choose a
	// password.
	page, err := walk.New(s.config.PublicURL).Get(m.Link("/sign-up/confirm"))
	must(t, err)
	page, err = page.Form("/sign-up/confirm").Send()
	must(t, err)
	if page.URL.Path != "/sign-up/sent" {
		t.Fatalf("after confirming: %s %s", page.URL, page.Text())
	}
	var setup walk.Message
	eventually(t, "a second mail to begin with", func() bool {
		all, err := s.mail.To(known.Email)
		must(t, err)
		n := 0
		for _, m := range all {
			if m.Link("action-token") != "" {
				n, setup = n+1, m
			}
		}
		return n == 2
	})
	partner := &walk.Person{Browser: walk.New(s.config.PublicURL), UserName: "second." + known.UserName, Password: password, Email: known.Email, Mail: s.mail}
	must(t, partner.Begin(setup.Link("action-token"), password))
	_, err = partner.SignIn(partner.UserName, password)
	must(t, err)
	if s.account(t, partner) == s.account(t, known) {
		t.Error("two people have one account")
	}
	says(t, get(t, known, "/access"), "Kim Osei")
	s.invariants(t)
}

// After 15 minutes without activity the page says so, keeps the name, offers to
// continue as that person by fresh proof, or to be someone else, who finds nobody
// signed in at Keycloak. A form that was open does nothing. Signing out ends
// Keycloak's session too.
// proves: X10
func TestIdleAndSignOut(t *testing.T) {
	t.Parallel()
	s := lend(t)
	p := s.person(t, "Ida", "Moss")
	get(t, p, "/access")
	s.move(t, 12*time.Minute)
	get(t, p, "/access")
	open := read(t, p, "/requests/new/"+walk.Program+"/site", formTo("/site"))
	s.move(t, 15*time.Minute)
	open.refused(t, s, http.StatusUnauthorized)
	page, err := p.Get("/requests/new/" + walk.Program + "/site")
	must(t, err)
	if page.Status != http.StatusUnauthorized {
		t.Errorf("an idle session answers %d", page.Status)
	}
	says(t, page, "Are you still there?")
	says(t, page, "Continue as Ida Moss")
	silent(t, page, "Sign out")
	page, err = page.Follow("/sign-in?return=%2f")
	must(t, err)
	if !page.FormWith("password").Has("password") {
		t.Fatalf("continuing asks for no proof: %s %s", page.URL, page.Text())
	}
	page, err = page.Authenticate(p.UserName, p.Password)
	must(t, err)
	if page.URL.Path != "/requests/new/"+walk.Program+"/site" {
		t.Errorf("continued at %s", page.URL)
	}

	s.move(t, 16*time.Minute)
	page, err = p.Get("/access")
	must(t, err)
	page, err = page.Form("/someone-else").Send()
	must(t, err)
	if form := page.FormWith("username"); !form.Has("password") || form.Values().Get("username") != "" {
		t.Errorf("someone else is asked: %s %s", page.URL, page.Text())
	}
	_, err = page.Authenticate(p.UserName, p.Password)
	must(t, err)

	page, err = get(t, p, "/access").Form("/sign-out").Send()
	must(t, err)
	says(t, page, "You are signed out")
	page, err = p.Get("/access")
	must(t, err)
	if !page.FormWith("password").Has("username") {
		t.Errorf("after signing out: %s %s", page.URL, page.Text())
	}
	s.invariants(t)
}

// A link that nobody has, a mangled one and one that belongs to another page are
// the same unknown link, for whoever opens it.
// proves: X12
func TestUnknownLinks(t *testing.T) {
	t.Parallel()
	w := abused(t)
	secret := func(address, path string) string {
		t.Helper()
		m, err := w.mail.Wait(address, "", path)
		must(t, err)
		u, err := url.Parse(m.Link(path))
		must(t, err)
		return u.Query().Get("s")
	}
	invited, signer := secret(w.sara.Email, "/invitation"), secret("wilma@"+w.stack.name+".example", "/declare/"+w.wesAsks)
	declare := "/declare/" + w.wesAsks
	who := w.alone(t, "stranger", w.sara).who
	says(t, get(t, who, "/invitation?s="+invited), "Auditor") // a good one is something else
	says(t, get(t, who, declare+"?s="+signer), "Wes Dahl")
	var first *walk.Page
	for _, at := range []string{"/invitation?s=" + registry.NewID(), "/invitation?s=" + invited[1:], "/invitation?s=" + signer,
		declare + "?s=" + registry.NewID(), declare + "?s=" + signer[1:], declare + "?s=" + invited} {
		page, err := who.Get(at)
		must(t, err)
		if first == nil {
			first = page
		}
		if page.Status != http.StatusNotFound || page.Text() != first.Text() {
			t.Errorf("%s: %d %s", at, page.Status, page.Text())
		}
	}
}
