package broker_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/broker/walk"
)

// askedHere begins a request and gives the form of its questions, filled in.
func askedHere(t *testing.T, s *stack, p *walk.Person, site string) form {
	t.Helper()
	page, err := p.Get("/requests/new/careconnect/join?site=" + site)
	must(t, err)
	page, err = page.Form("/join").Set("role", "pharmacist").Send()
	must(t, err)
	f := page.FormWith("go")
	return form{who: p, action: page.URL.Path, values: f.Values()}.with("body", "cpbc").with("number", "P-kept-1").with("go", "on")
}

// continues signs somebody in, in the browser of a page that asks who is there.
func continues(t *testing.T, here *walk.Person, p *walk.Page, who *walk.Person) *walk.Page {
	t.Helper()
	at, err := here.Get(p.Link("continue%2f"))
	must(t, err)
	landed, err := at.Authenticate(who.UserName, who.Password)
	must(t, err)
	return landed
}

// signsInAgain gives somebody a new session in place of the one in their browser.
func signsInAgain(t *testing.T, p *walk.Person) {
	t.Helper()
	page, err := p.Get("/sign-in?prompt=login")
	must(t, err)
	_, err = page.Authenticate(p.UserName, p.Password)
	must(t, err)
}

// A form that is sent after the session has paused is refused, and what was typed
// in it is back in its page once its person has signed in again: once, and not
// sent by itself.
// proves: B29 X10 attack A52
func TestTypedWhileIdle(t *testing.T) {
	t.Parallel()
	s := lend(t)
	desk := s.registrars(t)
	mona, sam := s.person(t, "Mona", "Fraser"), s.person(t, "Sam", "Reyes")
	site, err := desk.OpenSite(mona, mona, walk.Clinic{Name: "Kept Clinic", City: "Vernon"})
	must(t, err)
	f := askedHere(t, s, sam, site)
	s.move(t, registry.IdleAfter)
	idle := f.send(t)
	if idle.Status != http.StatusUnauthorized || idle.Header.Get("Clear-Site-Data") != `"cache", "storage"` {
		t.Fatalf("%d %v %s", idle.Status, idle.Header, idle.Text())
	}
	says(t, idle, "What you typed is kept for 30 minutes")
	says(t, idle, "Continue as Sam Reyes")
	f.nothing(t, s)
	var sealed []byte
	s.query(t, &sealed, `select form from kept_form`)
	if strings.Contains(string(sealed), "P-kept-1") || strings.Contains(string(sealed), "number") {
		t.Error("what was typed is not sealed")
	}
	page := continues(t, sam, idle, sam)
	if page.Status != http.StatusOK || page.URL.Path != f.action {
		t.Fatalf("came to %s: %d %s", page.URL, page.Status, page.Text())
	}
	says(t, page, "What you typed is back in this form. It has not been sent yet.")
	if got := page.FormWith("go").Values(); got.Get("number") != "P-kept-1" || got.Get("body") != "cpbc" || got.Get("form_token") == f.values.Get("form_token") {
		t.Errorf("the form has %v", got)
	}
	f.nothing(t, s)
	if n := s.count(t, `kept_form`); n != 0 {
		t.Error("it is kept still")
	}
	reload, err := sam.Get(f.action)
	must(t, err)
	if got := reload.FormWith("go").Values(); got.Get("number") != "" {
		t.Errorf("shown twice: %v", got)
	}
	next, err := page.FormWith("go").Press("go", "on").Send()
	must(t, err)
	if next.Status != http.StatusUnprocessableEntity { // the day of expiry is missing
		t.Errorf("sending it then: %d %s", next.Status, next.Text())
	}
}

// What is kept is nobody else's: not another account's in that browser, which
// discards it, not another browser's, and nobody's after half an hour; nothing is
// kept of a form that the session's page did not make.
// proves: attack A52 attack A51 attack A65
func TestKeptForOneOnly(t *testing.T) {
	t.Parallel()
	s := lend(t)
	desk := s.registrars(t)
	mona, sam, eve := s.person(t, "Mona", "Fraser"), s.person(t, "Sam", "Reyes"), s.person(t, "Eve", "Reyes")
	site, err := desk.OpenSite(mona, mona, walk.Clinic{Name: "Kept Clinic", City: "Vernon"})
	must(t, err)
	f := askedHere(t, s, sam, site)
	s.move(t, registry.IdleAfter)
	f.with("form_token", "x").send(t)
	f.with("form_token").send(t)
	if n := s.count(t, `kept_form`); n != 0 {
		t.Errorf("%d forms that nobody made are kept", n)
	}
	idle := f.send(t)
	to, err := url.Parse(idle.Link("continue%2f"))
	must(t, err)
	at := to.Query().Get("return")
	gone := func(p *walk.Page) {
		t.Helper()
		if p.Status != http.StatusNotFound || strings.Contains(p.Body, "P-kept-1") {
			t.Errorf("%s: %d %s", p.URL, p.Status, p.Text())
		}
		says(t, p, "Nothing is kept here for you.")
	}
	other := walk.New(s.config.PublicURL) // the same person elsewhere
	_, err = other.SignIn(sam.UserName, sam.Password)
	must(t, err)
	page, err := other.Get(at)
	must(t, err)
	gone(page)
	if n := s.count(t, `kept_form`); n != 1 {
		t.Error("looking elsewhere took it")
	}
	for _, c := range sam.Client.Jar.Cookies(sam.Home) { // Eve signs in here
		if strings.HasPrefix(c.Name, "kept-") {
			eve.Client.Jar.SetCookies(eve.Home, []*http.Cookie{c})
		}
	}
	_, err = eve.SignIn(eve.UserName, eve.Password)
	must(t, err)
	page, err = eve.Get(at)
	must(t, err)
	gone(page)
	if n := s.count(t, `kept_form`); n != 0 {
		t.Error("somebody else signs in, and it is kept still")
	}
	f.send(t)
	page, err = sam.Post("/someone-else", url.Values{"form_token": f.values["form_token"]})
	must(t, err)
	if n := s.count(t, `kept_form`); n != 0 {
		t.Error("Sam leaves, and it is kept still")
	}
	_, err = page.Authenticate(sam.UserName, sam.Password)
	must(t, err)
	page, err = sam.Get(at)
	must(t, err)
	gone(page)

	f = askedHere(t, s, sam, site)
	s.move(t, registry.IdleAfter)
	idle = f.send(t)
	s.move(t, registry.KeptFor)
	gone(continues(t, sam, idle, sam))
}

// A form that stood in another tab while its person signed in again, once or more,
// is not carried out, and what was typed in it is back in its page; of an idle
// session it is kept, by the page's script too.
// proves: B29 attack A51
func TestTypedInAnotherTab(t *testing.T) {
	t.Parallel()
	s := lend(t)
	desk := s.registrars(t)
	mona, sam := s.person(t, "Mona", "Fraser"), s.person(t, "Sam", "Reyes")
	site, err := desk.OpenSite(mona, mona, walk.Clinic{Name: "Kept Clinic", City: "Vernon"})
	must(t, err)
	f := askedHere(t, s, sam, site)
	for _, times := range []int{1, 2} {
		signsInAgain(t, sam)
		page, err := sam.Post(f.action, f.values)
		must(t, err)
		if page.Status != http.StatusOK || page.URL.Path != f.action {
			t.Fatalf("%d sign-ins later: came to %s: %d %s", times, page.URL, page.Status, page.Text())
		}
		says(t, page, "What you typed is back in this form. It has not been sent yet.")
		if got := page.FormWith("go").Values(); got.Get("number") != "P-kept-1" || got.Get("body") != "cpbc" || got.Get("form_token") == f.values.Get("form_token") {
			t.Errorf("%d sign-ins later: the form has %v", times, got)
		}
		f.nothing(t, s)
		if n := s.count(t, `kept_form`); n != 0 {
			t.Errorf("%d are kept still", n)
		}
	}
	s.move(t, registry.IdleAfter-time.Minute)
	stays := url.Values{"form_token": f.values["form_token"]}
	if page, err := sam.Post("/session/stay", stays); err != nil || page.Status != http.StatusOK {
		t.Errorf("that tab cannot stay: %v %+v", err, page)
	}
	s.move(t, 2*time.Minute)
	get(t, sam, "/access")
	s.move(t, registry.IdleAfter)
	kept, err := sam.Post("/session/keep?to="+f.action+"&page="+f.action, f.values)
	must(t, err)
	if kept.Status != http.StatusOK || s.count(t, `kept_form`) != 1 {
		t.Errorf("its script cannot keep: %d %s", kept.Status, kept.Body)
	}
	idle := f.send(t)
	says(t, idle, "What you typed is kept for 30 minutes")
	page := continues(t, sam, idle, sam)
	if got := page.FormWith("go").Values(); got.Get("number") != "P-kept-1" {
		t.Errorf("%s has %v", page.URL, got)
	}
	f.nothing(t, s)
}

// Where somebody else was signed in meanwhile, a form of before is refused, to them
// and to who typed it, and what is kept there already stays.
// proves: attack A51 attack A52
func TestTypedBeforeSomebodyElse(t *testing.T) {
	t.Parallel()
	s := lend(t)
	desk := s.registrars(t)
	mona, sam, eve := s.person(t, "Mona", "Fraser"), s.person(t, "Sam", "Reyes"), s.person(t, "Eve", "Reyes")
	site, err := desk.OpenSite(mona, mona, walk.Clinic{Name: "Kept Clinic", City: "Vernon"})
	must(t, err)
	f := askedHere(t, s, sam, site)
	s.move(t, registry.IdleAfter)
	idle := f.send(t)
	refused := func(who *walk.Person, f form) {
		t.Helper()
		f.who = who
		page := f.send(t)
		if page.Status != http.StatusForbidden || strings.Contains(page.Body, "P-kept-1") {
			t.Errorf("%s: %d %s", who.UserName, page.Status, page.Text())
		}
		f.nothing(t, s)
		if n := s.count(t, `kept_form`); n != 1 {
			t.Errorf("%d are kept", n)
		}
	}
	eve.Client.Jar.SetCookies(eve.Home, []*http.Cookie{sessionCookie(sam.Browser)}) // Eve sits down there
	signsInAgain(t, eve)
	eves := formToken(t, eve)
	for _, c := range sam.Client.Jar.Cookies(sam.Home) {
		if strings.HasPrefix(c.Name, "kept-") {
			eve.Client.Jar.SetCookies(eve.Home, []*http.Cookie{c})
		}
	}
	refused(eve, f)
	sam.Client.Jar.SetCookies(sam.Home, []*http.Cookie{sessionCookie(eve.Browser)}) // and Sam once more
	signsInAgain(t, sam)
	refused(sam, f)
	refused(sam, f.with("form_token", eves))
	to, err := url.Parse(idle.Link("continue%2f"))
	must(t, err)
	if got := get(t, sam, to.Query().Get("return")).FormWith("go").Values(); got.Get("number") != "P-kept-1" {
		t.Errorf("what was kept before is %v", got)
	}
}

// Of one account no more than a few forms are kept, and none for longer than is
// promised.
func TestKeptIsLittle(t *testing.T) {
	t.Parallel()
	s := lend(t)
	sam := s.person(t, "Sam", "Reyes")
	page, err := sam.Get("/access")
	must(t, err)
	f := form{who: sam, action: "/requests/new/careconnect/site", values: url.Values{"form_token": {page.Form("/sign-out").Values().Get("form_token")}}}
	s.move(t, registry.IdleAfter)
	for range 12 {
		f.send(t)
	}
	if n := s.count(t, `kept_form`); n != 8 {
		t.Errorf("%d are kept", n)
	}
	s.move(t, registry.KeptFor+time.Second)
	must(t, s.registry.Forget(t.Context()))
	if n := s.count(t, `kept_form`); n != 0 {
		t.Errorf("%d are kept still", n)
	}
}
