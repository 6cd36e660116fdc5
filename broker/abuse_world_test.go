package broker_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/broker/walk"
)

// world is what the tests of abuse meet on the shared product: two worksites with
// people who have nothing to do with each other, and who operates the program. It
// is made once; who changes something does so to people and requests of their own.
type world struct {
	maple              // A: Mona administers, Paul practises and may authorize
	nora  *walk.Person // administers A too, and asks Paul to authorize her
	olga  *walk.Person // acts on behalf of Paul at A, and plans to leave in two months
	siteB string       // another worksite
	nia   *walk.Person // administers B, for which she signed herself
	peter *walk.Person // practises at B and may authorize there
	suki  *walk.Person // support of the program
	ada   *walk.Person // its auditor
	sara  *walk.Person // has an account, an invitation that she never takes up, and nothing else
	sam   *walk.Person // asks for roles at A
	wes   *walk.Person // asks for a worksite, and is suspended
	// Sam's requests: nothing decided, not sent, and withdrawn.
	samAsks, samDraft, samWithdrew string
	wesAsks                        string // not declared
	deadJoin, deadMandate          string // ended
}

var made struct {
	sync.Mutex
	world *world
	at    time.Time
}

// fresh is for how long those who signed in may be used by tests that begin: a decision
// asks for a sign-in of the last 15 minutes, and a test takes its time.
const fresh = 7 * time.Minute

// abused is the world, which the first test makes and the others wait for; whoever
// comes much later has another.
func abused(t *testing.T) world {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if made.world == nil || time.Since(made.at) > fresh {
		w := newWorld(t)
		made.world, made.at = &w, time.Now()
	}
	return *made.world
}

func newWorld(t *testing.T) world {
	t.Helper()
	s := shared(t)
	w := world{maple: s.maple(t), nora: s.person(t, "Nora", "Quinn"), olga: s.person(t, "Olga", "Reyes"), nia: s.person(t, "Nia", "Brandt"),
		peter: s.person(t, "Peter", "Lam"), suki: s.person(t, "Suki", "Tan"), ada: s.person(t, "Ada", "Obi"),
		sara: s.person(t, "Sara", "Holm"), sam: s.person(t, "Sam", "Vega"), wes: s.person(t, "Wes", "Dahl")}
	w.openSites(t)
	w.ask(t)
	w.end(t)
	return w
}

func (w *world) openSites(t *testing.T) {
	t.Helper()
	_, err := walk.Assist(w.site, w.olga, "medical-office-assistant", w.paul, w.mona)
	must(t, err)
	_, err = walk.AskToAssist(w.site, w.nora, "office-manager")
	must(t, err)
	w.administrates(t, w.desk, w.site, w.mona, w.nora)
	w.siteB, err = w.desk.OpenSite(w.nia, w.nia, walk.Clinic{Name: fmt.Sprintf("Birch Clinic %d", next()), City: "Victoria"})
	must(t, err)
	_, err = w.desk.Practise(w.siteB, w.peter, "practitioner", walk.Licensed("midwife", "bccnm", "M100", inAYear()), w.nia, walk.Inbox)
	must(t, err)
	for role, p := range map[string]*walk.Person{"support": w.suki, "auditor": w.ada} {
		link, err := w.desk.First.Invite(role, p.Email)
		must(t, err)
		_, err = p.Accept(link)
		must(t, err)
	}
}

// ask leaves requests in every state that the tests of routes need.
func (w *world) ask(t *testing.T) {
	t.Helper()
	w.samAsks, w.samWithdrew = asks(t, w.sam, w.site, "pharmacist"), asks(t, w.sam, w.site, "lpn")
	w.deadJoin = w.join(t, w.sam, w.site, "lpn")
	read(t, w.sam, "/requests/"+w.samWithdrew, formTo("/withdraw")).accepted(t)
	w.samDraft = draft(t, w.sam, w.site, "rpn")
	var err error
	w.wesAsks, err = w.wes.RequestSite(walk.Program, walk.Clinic{Name: fmt.Sprintf("Willow Clinic %d", next()), City: "Kelowna",
		SignerName: "Wilma Dahl", SignerEmail: "wilma@" + w.stack.name + ".example"})
	must(t, err)
	read(t, w.desk.First, walk.Desk(w.wesAsks)+"/suspend", formTo("/suspend")).with("reasons", "inquiry").accepted(t)
	link, err := w.desk.First.Invite("auditor", w.sara.Email)
	must(t, err)
	_, err = w.sara.Get(link)
	must(t, err)
}

// bodies are those that license the professions of roles.
var bodies = map[string]string{"practitioner": "cpsbc", "pharmacist": "cpbc", "lpn": "bccnm", "rpn": "bccnm", "resident": "cpsbc", "social-worker": "bccsw"}

// draft fills in a request for a licensed role, up to the page for checking.
func draft(t *testing.T, p *walk.Person, site, role string) string {
	t.Helper()
	page, err := p.Get("/requests/new/" + walk.Program + "/join?site=" + site)
	must(t, err)
	page, err = page.FormWith("role").Set("role", role).Send()
	must(t, err)
	_, id, err := p.Fill(page, walk.Licensed("physician", bodies[role], "D100", inAYear()))
	must(t, err)
	return id
}

// assists makes a person ask to act on behalf of some, and nobody else: who may
// authorize at A changes with what other tests do.
func (w world) assists(t *testing.T, p *walk.Person, authorizers ...*walk.Person) string {
	t.Helper()
	page, err := p.Get("/requests/new/" + walk.Program + "/join?site=" + w.site)
	must(t, err)
	page, err = page.FormWith("role").Set("role", "on-behalf-of").Send()
	must(t, err)
	var ids []string
	for _, a := range authorizers {
		ids = append(ids, w.account(t, a))
	}
	page, id, err := p.Fill(page, map[string][]string{"profession": {"office-manager"}, "authorizers": ids})
	must(t, err)
	_, err = p.SignAndSend(page)
	must(t, err)
	return id
}

// end leaves a mandate that is over and a membership that is going to be.
func (w *world) end(t *testing.T) {
	t.Helper()
	read(t, w.paul, "/authorizing", formTo("/offer")).with("account", w.account(t, w.nora)).accepted(t)
	w.query(t, &w.deadMandate, `select id from fact_mandate where on_behalf = $1`, w.account(t, w.nora))
	read(t, w.paul, "/authorizing/"+w.deadMandate+"/end", formTo("/end")).accepted(t)
	read(t, w.olga, "/access/"+w.join(t, w.olga, w.site, "on-behalf-of")+"/leave", formTo("/leave")).
		with("when", "day").with("last", time.Now().AddDate(0, 2, 0).Format(time.DateOnly)).accepted(t)
}

// administrates makes a member an administrator: one who is names them, a
// registrar confirms.
func (s *stack) administrates(t *testing.T, desk walk.Registrars, site string, by, member *walk.Person) {
	t.Helper()
	f := read(t, by, "/sites/"+site+"/members", formTo("/administrators")).with("account", s.account(t, member))
	f.accepted(t)
	must(t, desk.First.Approve(walk.Desk(s.open(t, member, site, "administrator")), "approve:registrar"))
}

// open is the request that somebody has for a role at a worksite and that is not
// decided.
func (s *stack) open(t *testing.T, p *walk.Person, site, role string) string {
	t.Helper()
	var id string
	s.query(t, &id, `select id from request where account_id = $1 and site_id = $2 and role = $3 and state in ('draft', 'submitted', 'returned')`, s.account(t, p), site, role)
	return id
}

// join is somebody's membership of a worksite in a role.
func (s *stack) join(t *testing.T, p *walk.Person, site, role string) string {
	t.Helper()
	var id string
	s.query(t, &id, `select id from fact_join where account_id = $1 and site_id = $2 and role = $3 order by recorded_at desc limit 1`, s.account(t, p), site, role)
	return id
}

// count counts rows as psql would.
func (s *stack) count(t *testing.T, from string, args ...any) int {
	t.Helper()
	var n int
	s.query(t, &n, `select count(*) from `+from, args...)
	return n
}

// form is a form as a page gave it, to be changed by a test and sent by itself.
type form struct {
	who    *walk.Person
	action string
	values url.Values
}

// read takes a form from a page.
func read(t *testing.T, who *walk.Person, page string, pick func(*walk.Page) *walk.Form) form {
	t.Helper()
	p, err := who.Get(page)
	must(t, err)
	f := pick(p)
	if !f.Has("op") {
		_, err := f.Send()
		t.Fatalf("%s at %s (%d): %v", who.UserName, page, p.Status, err)
	}
	u, err := p.URL.Parse(f.Action())
	must(t, err)
	return form{who, u.Path, maps.Clone(f.Values())}
}

// formTo picks the form that goes to an address; a decision picks the form for a need.
func formTo(part string) func(*walk.Page) *walk.Form {
	return func(p *walk.Page) *walk.Form { return p.Form(part) }
}

func decision(need string) func(*walk.Page) *walk.Form {
	return func(p *walk.Page) *walk.Form { return p.Decision(need) }
}

// verdict is the form by which somebody gives one, filled in.
func verdict(t *testing.T, who *walk.Person, address, need, verdict string) form {
	t.Helper()
	f := read(t, who, address, decision(need)).with("verdict", verdict)
	if verdict != "approve" {
		f = f.with("reasons", "not-known")
	}
	return f
}

// with gives the form with a field changed, or one more.
func (f form) with(name string, values ...string) form {
	f.values = maps.Clone(f.values)
	f.values[name] = values
	return f
}

// anew gives the form as if its page had been opened once more.
func (f form) anew() form { return f.with("op", registry.NewID()) }

// by gives the form as another person would have to send it: in a session, and an
// operation, of their own.
func (f form) by(t *testing.T, who *walk.Person) form {
	t.Helper()
	f.who = who
	return f.with("form_token", formToken(t, who)).anew()
}

// send sends the form and gives the answer itself: a redirect is not followed.
func (f form) send(t *testing.T) *walk.Page {
	t.Helper()
	p, err := plain(f.who.Browser).Post(f.action, f.values)
	if err != nil {
		t.Error(err)
		return &walk.Page{}
	}
	return p
}

// accepted sends the form and demands that it was taken.
func (f form) accepted(t *testing.T) *walk.Page {
	t.Helper()
	p := f.send(t)
	if p.Status != http.StatusSeeOther {
		t.Fatalf("%s of %s: %d %s", f.action, f.who.UserName, p.Status, p.Text())
	}
	return p
}

// refused sends the form and demands one of some answers, and that nothing of it
// was recorded but, at most, the refusal.
func (f form) refused(t *testing.T, s *stack, statuses ...int) *walk.Page {
	t.Helper()
	p := f.send(t)
	if !slices.Contains(statuses, p.Status) {
		t.Errorf("%s of %s: %d %s, want %v", f.action, f.who.UserName, p.Status, p.Text(), statuses)
	}
	if n := s.count(t, `operation where id = $1 and result->>'refused' is null`, f.values.Get("op")); n != 0 {
		t.Errorf("%s of %s answers %d and was done", f.action, f.who.UserName, p.Status)
	}
	return p
}

// plain is somebody's browser, cookies and all, that shows redirects.
func plain(b *walk.Browser) *walk.Browser {
	return &walk.Browser{Home: b.Home, Client: &http.Client{Jar: b.Client.Jar, Timeout: b.Client.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// formToken is what every form of somebody's session carries.
func formToken(t *testing.T, who *walk.Person) string {
	t.Helper()
	p, err := who.Get("/access")
	must(t, err)
	if got := p.Form("/sign-out").Values().Get("form_token"); got != "" {
		return got
	}
	t.Fatalf("%s is not signed in: %s", who.UserName, p.Text())
	return ""
}

// says demands that a page says something.
func says(t *testing.T, p *walk.Page, text string) {
	t.Helper()
	if !strings.Contains(p.Text(), text) {
		t.Errorf("%s does not say %q: %s", p.URL, text, p.Text())
	}
}
