package broker_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/broker/walk"
)

// Everything that one wants to know before beginning can be read by anybody: who is
// eligible and for what, what it takes and how long, whether a worksite is there,
// what one will sign, the guides, which browser, where to say what was wrong.
// Nothing is kept of it, not even a cookie; a sign-in comes before anything is.
// proves: C1 C2 C3 C5 C6 C8 C11 C16 C25 C26
func TestReadBeforeSignIn(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk, owner := s.registrars(t), s.person(t, "Juno", "Hale")
	name := "Juniper Clinic " + owner.UserName
	_, err := desk.OpenSite(owner, owner, walk.Clinic{Name: name, City: "Fernie"})
	must(t, err)
	const at = "/programs/" + walk.Program
	reader := walk.New(s.config.PublicURL)
	for path, texts := range map[string][]string{
		"/": {"CareConnect", "Read first"},
		at: {"Community-based health care providers", "Only to support direct care of your patients.", "30 to 60 minutes",
			"Not for research, quality improvement or quality assurance.", "Overview", "Sample declarations and agreements"},
		at + "/start":                                {"Which of these are you?", "Practitioner", "On-behalf-of user", "I only sign for a worksite", "None of these", "research"},
		at + "/sites?q=" + url.QueryEscape(name):     {"One found", name, "Fernie", "Ask to join"},
		at + "/sites?q=nowhere+at+all":               {"Nothing found", "Not there?", "Register a worksite"},
		at + "/sites?q=ju":                           {"Type at least three letters"},
		at + "/agreements":                           {"Worksite Privacy and Security Declaration", "Direct care only", "Access agreement", "signing authority"},
		at + "/agreements/worksite-privacy-security": {"Nothing is signed on this page."},
		at + "/agreements/direct-care-only":          {"Nothing is signed on this page."},
		at + "/agreements/access-agreement":          {"Nothing is signed on this page."},
		at + "/guides/overview":                      {"The way to access, in short", "Make your own account"},
		at + "/guides/site":                          {"Name the person with signing authority", "Two mails go out at once"},
		at + "/guides/administrator":                 {"Confirm who works here", "Keep two administrators"},
		at + "/guides/practitioner":                  {"your licence number", "Let others act on your behalf"},
		at + "/guides/pharmacist":                    {"You need no authorization from another provider"},
		at + "/guides/lpn":                           {"You need no authorization from another provider"},
		at + "/guides/rpn":                           {"You need no authorization from another provider"},
		at + "/guides/resident":                      {"You need no authorization from another provider"},
		at + "/guides/social-worker":                 {"You need no authorization from another provider"},
		at + "/guides/on-behalf-of":                  {"At least one of them must authorize you before you get access."},
		"/feedback":                                  {"feedback@careconnect.example", "Microsoft Edge"},
		"/sign-up":                                   {"One person, one account"},
	} {
		page, err := reader.Get(path)
		must(t, err)
		if page.Status != http.StatusOK || page.URL.Host != reader.Home.Host {
			t.Errorf("%s: %d %s", path, page.Status, page.URL)
		}
		for _, text := range texts {
			says(t, page, text)
		}
		for _, private := range []string{owner.Email, owner.UserName + "@", "Juno Hale", "Maple Street"} {
			silent(t, page, private)
		}
	}
	if kept := reader.Client.Jar.Cookies(reader.Home); len(kept) != 0 {
		t.Errorf("reading left %v", kept)
	}
	for _, path := range []string{"/requests/new/" + walk.Program + "/site", "/requests/new/" + walk.Program + "/join?role=lpn", "/access", "/inbox"} {
		page, err := walk.New(s.config.PublicURL).Get(path)
		must(t, err)
		if !page.FormWith("password").Has("username") {
			t.Errorf("%s without a sign-in: %d %s", path, page.Status, page.URL)
		}
	}
	s.invariants(t)
}

// bad is a form that cannot stand as it is filled in.
type bad struct {
	what  string
	who   *walk.Person
	page  string
	pick  func(*walk.Page) *walk.Form
	typed map[string][]string
	wrong []string // the fields about which something is said
	draft bool     // what is typed is kept as a draft, wrong or not (C5)
}

// A form that cannot stand comes back with a message beside each field and in the
// summary at the top, which leads there; all that was typed is still in it; nothing
// of it is recorded. Every kind of form has its row.
// proves: C5
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	both := s.people(t, "Tess Lund", "Newt Ames")
	tess, newt := both[0], both[1]
	asked, err := walk.AskToAssist(m.site, tess, "medical-office-assistant")
	must(t, err)
	site := sendSite(t, newt, "Wharf Clinic "+newt.UserName, "Paul Okafor", m.paul.Email)
	form := beginSite(t, tess).URL.Path
	joining, err := get(t, newt, "/requests/new/"+walk.Program+"/join?site="+m.site).FormWith("role").Set("role", "practitioner").Send()
	must(t, err)
	ready, err := get(t, newt, "/requests/new/"+walk.Program+"/join?site="+m.site).FormWith("role").Set("role", "pharmacist").Send()
	must(t, err)
	ready, _, err = newt.Fill(ready, walk.Licensed("", "cpbc", "P500", inAYear()))
	must(t, err)
	stranger := &walk.Person{Browser: walk.New(s.config.PublicURL), UserName: "nobody"}
	long := []string{strings.Repeat("x", 2001)}
	members, leave := "/sites/"+m.site+"/members", "/access/"+s.join(t, m.paul, m.site, "practitioner")+"/leave"
	end := members + "/" + s.join(t, m.paul, m.site, "practitioner") + "/end"
	with := func(field string) func(*walk.Page) *walk.Form {
		return func(p *walk.Page) *walk.Form { return p.FormWith(field) }
	}
	standing := formTo("/standing")
	for _, b := range []bad{
		{what: "sign-up", who: stranger, page: "/sign-up", pick: with("user-name"), typed: map[string][]string{"user-name": {"no spaces"}, "surname": {"Ames"}, "email": {"nowhere"}}, wrong: []string{"user-name", "given-name", "email"}},
		{what: "a worksite", who: tess, page: form, pick: with("go"), draft: true, typed: map[string][]string{"go": {"on"}, "display-name": {"Half Clinic"}, "phone": {"12"}, "postal-code": {"90210"}},
			wrong: []string{"legal-name", "clinic-kind", "address", "city", "province", "postal-code", "phone", "requester-role", "signer"}},
		{what: "a role", who: newt, page: "/requests/new/" + walk.Program + "/join?site=" + m.site, pick: with("role"), wrong: []string{"role"}},
		{what: "a licence", who: newt, page: joining.URL.Path, pick: with("go"), draft: true, typed: map[string][]string{"go": {"on"}, "profession": {"midwife"}, "number": {"1"}, "expires": {"2020-01-31"}}, wrong: []string{"body", "number", "expires"}},
		{what: "a signature", who: newt, page: strings.Replace(ready.URL.Path, "/check", "/sign/direct-care-only", 1), pick: with("agree"), wrong: []string{"agree"}},
		{what: "a corrected signer", who: newt, page: "/requests/" + site, pick: signerForm, typed: map[string][]string{"email": {"a@clinic.example"}, "email-again": {"b@clinic.example"}}, wrong: []string{"name", "email-again"}},
		{what: "no verdict", who: m.mona, page: walk.Inbox(asked), pick: decision(confirm), typed: map[string][]string{"words": {"Hm."}}, wrong: []string{"verdict"}},
		{what: "no reason", who: m.mona, page: walk.Inbox(asked), pick: decision(confirm), typed: map[string][]string{"verdict": {"return"}, "words": {"Which desk?"}}, wrong: []string{"reasons"}},
		{what: "reasons for a yes", who: m.paul, page: walk.Inbox(asked), pick: decision(allowing), typed: map[string][]string{"verdict": {"approve"}, "reasons": {"other"}}, wrong: []string{"reasons"}},
		{what: "a registrar's no", who: m.desk.First, page: walk.Desk(site), pick: decision(register), typed: map[string][]string{"verdict": {"refuse"}, "words": long}, wrong: []string{"reasons", "words"}},
		{what: "a finding", who: m.desk.First, page: walk.Desk(m.paulRequest), pick: standing, typed: map[string][]string{"number": {"?"}, "expires": {"2020-01-31"}}, wrong: []string{"number", "expires"}},
		{what: "leaving, no time", who: m.paul, page: leave, pick: with("when"), wrong: []string{"when"}},
		{what: "leaving, no day", who: m.paul, page: leave, pick: with("when"), typed: map[string][]string{"when": {"day"}, "last": {"31/12"}}, wrong: []string{"last"}},
		{what: "leaving, a day gone by", who: m.paul, page: leave, pick: with("when"), typed: map[string][]string{"when": {"day"}, "last": {"2020-01-31"}}, wrong: []string{"last"}},
		{what: "deactivating", who: m.mona, page: end, pick: with("when"), typed: map[string][]string{"words": long}, wrong: []string{"when", "reasons", "words"}},
		{what: "suspending", who: m.desk.First, page: walk.Desk(m.paulRequest) + "/suspend", pick: with("reasons"), typed: map[string][]string{"words": {"An inquiry."}}, wrong: []string{"reasons"}},
		{what: "an administrator", who: m.mona, page: members, pick: formTo("/administrators"), wrong: []string{"account"}},
		{what: "an offer", who: m.paul, page: "/authorizing", pick: formTo("/offer"), wrong: []string{"account"}},
		{what: "an offer by mail", who: m.paul, page: "/authorizing", pick: formTo("/invite"), typed: map[string][]string{"role": {"on-behalf-of"}, "email": {"tess at home"}}, wrong: []string{"email"}},
		{what: "an operator", who: m.desk.First, page: "/desk/" + walk.Program + "/operators", pick: with("email"), typed: map[string][]string{"email": {"ravi"}}, wrong: []string{"role", "email"}},
	} {
		t.Run(b.what, func(t *testing.T) { b.comesBack(t, s) })
	}
	if n := s.count(t, `site where name = 'Half Clinic'`); n != 0 {
		t.Error("a form that cannot stand made a site")
	}
	s.invariants(t)
}

// comesBack sends the form and looks at what is shown.
func (b bad) comesBack(t *testing.T, s *stack) {
	f := read(t, b.who, b.page, b.pick)
	for name, values := range b.typed {
		f = f.with(name, values...)
	}
	var page *walk.Page
	if b.draft {
		if page = f.send(t); page.Status != http.StatusUnprocessableEntity {
			t.Fatalf("%d %s", page.Status, page.Text())
		}
	} else {
		page = f.refused(t, s, http.StatusUnprocessableEntity)
	}
	var said []string
	for id, message := range page.Problems() {
		field, i, numbered := strings.Cut(id, "-")
		if !slices.Contains(b.wrong, id) && numbered && len(i) == 1 { // one of several alike on a page
			said = append(said, field)
		} else {
			said = append(said, id)
		}
		if beside := page.TextOf(id + "-error"); beside == "" || !strings.Contains(message, beside) || !page.Has(id) {
			t.Errorf("the summary says %q of %s, beside it stands %q", message, id, beside)
		}
	}
	if !slices.Equal(sortedCopy(said), sortedCopy(b.wrong)) {
		t.Errorf("something is said about %q, want %q: %s", said, b.wrong, page.Text())
	}
	if !strings.Contains(page.Body, "<title>Please check:") {
		t.Error("the title does not say that something is wrong")
	}
	kept := b.pick(page).Values()
	for name, values := range f.values {
		if slices.Contains([]string{"op", "form_token", "version", "display", "go"}, name) {
			continue
		}
		if !slices.Equal(kept[name], values) {
			t.Errorf("%s was %.80q and is %.80q", name, values, kept[name])
		}
	}
}
