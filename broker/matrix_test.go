package broker_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/broker/portal"
	"countersign/broker/registry"
	"countersign/broker/walk"
)

// role is somebody as the matrix knows them.
type role struct {
	name  string
	who   *walk.Person
	token string
}

// alone is somebody in a browser of its own with the same session: what other
// tests do with that person meanwhile is not said on these pages.
func (w world) alone(t *testing.T, name string, p *walk.Person) role {
	t.Helper()
	token := formToken(t, p) // first: a stronger sign-in is a new session
	b := walk.New(w.config.PublicURL)
	for _, c := range p.Client.Jar.Cookies(b.Home) {
		if !strings.HasPrefix(c.Name, "done-") {
			b.Client.Jar.SetCookies(b.Home, []*http.Cookie{c})
		}
	}
	return role{name, &walk.Person{Browser: b, UserName: p.UserName}, token}
}

// roles are everybody who could try: nobody, a stranger, whoever asks, members,
// administrators, authorizers, operators, of this worksite and of another.
func (w world) roles(t *testing.T) []role {
	t.Helper()
	nobody := &walk.Person{Browser: walk.New(w.config.PublicURL), UserName: "nobody"}
	return []role{{"anonymous", nobody, ""}, w.alone(t, "stranger", w.sara), w.alone(t, "requester", w.sam), w.alone(t, "founder", w.wes),
		w.alone(t, "on-behalf-of", w.olga), w.alone(t, "administrator", w.mona), w.alone(t, "authorizer", w.paul),
		w.alone(t, "foreign-administrator", w.nia), w.alone(t, "foreign-authorizer", w.peter), w.alone(t, "registrar", w.desk.First),
		w.alone(t, "support", w.suki), w.alone(t, "auditor", w.ada)}
}

const (
	admins     = "administrator "
	registrars = "registrar "
	all        = "stranger requester founder on-behalf-of administrator authorizer foreign-administrator foreign-authorizer registrar support auditor "
)

// row is one route with an id of the world and the roles for whom it exists. For
// all others the answer is that for an id that nobody has.
type row struct {
	route string
	id    string            // replaces the parameter called by
	by    string            // e.g. {request}
	with  map[string]string // the other parameters
	in    string            // roles that get in
	dead  string            // an id of something that is over: not there for anybody
	knows string            // roles that may know that it is there, and are told why they may not
}

// rows is who gets where. What is public by its nature (programs and their texts,
// and the declaration that a mailed link leads to) is in public.
func (w world) rows(t *testing.T) []row {
	t.Helper()
	olgas, mandate := w.join(t, w.olga, w.site, "on-behalf-of"), ""
	w.query(t, &mandate, `select id from fact_mandate where on_behalf = $1 and ended_at is null`, w.account(t, w.olga))
	program, attest := map[string]string{"{program}": walk.Program}, map[string]string{"{agreement}": "direct-care-only"}
	site := map[string]string{"{site}": w.site}
	var out []row
	for _, at := range []string{"GET /requests/{request}/form", "POST /requests/{request}/form", "GET /requests/{request}/check", "POST /requests/{request}/submit",
		"GET /requests/{request}/sign/{agreement}", "POST /requests/{request}/sign/{agreement}"} {
		out = append(out, row{route: at, by: "{request}", id: w.samDraft, with: attest, in: "requester"})
	}
	for _, at := range []string{"POST /requests/{request}/signer", "POST /requests/{request}/signer/again"} {
		out = append(out, row{route: at, by: "{request}", id: w.wesAsks, in: "founder"})
	}
	for _, at := range []string{"GET /desk/{program}/{request}/suspend", "POST /desk/{program}/{request}/suspend", "POST /desk/{program}/{request}/standing"} {
		out = append(out, row{route: at, by: "{request}", id: w.samAsks, with: program, in: registrars})
	}
	for _, at := range []string{"GET /desk/{program}/{request}", "POST /desk/{program}/{request}", "POST /desk/{program}/{request}/lift"} {
		out = append(out, row{route: at, by: "{request}", id: w.wesAsks, with: program, in: registrars})
	}
	var todo string // a mail to sam's signing authority that came back
	w.query(t, &todo, `with m as (insert into mail (id, address, kind, about_id, occurrence, locale, due_at, failed_at, created_at)
			select gen_random_uuid(), 'nobody@nowhere.example', 'declaration-asked', $1, 'matrix', 'en', now(), now(), now() returning id)
		insert into mail_todo (id, mail_id, kind, address, about_id, for_account, opened_at)
			select gen_random_uuid(), m.id, 'declaration-asked', 'nobody@nowhere.example', $1, $2, now() from m returning id`, w.samAsks, w.account(t, w.sam))
	brake := w.brake(t)
	var ended string // of what olga holds, by nobody's act
	w.query(t, &ended, `with r as (insert into receipt (id, account_id, rev, act_id, at, sessions, confirmed_at)
			select gen_random_uuid(), $1, 1000000, (select id from act where actor is null limit 1), now(), 0, now() returning id)
		insert into receipt_grant (receipt_id, grant_id, kept) select r.id, g.id, false from r, access_grant g where g.account_id = $1 and g.site_id = $2 and g.leaf = g.role
		returning receipt_id`, w.account(t, w.olga), w.site)
	for _, at := range []string{"GET /ends/{receipt}", "GET /ends/{receipt}/live"} {
		out = append(out, row{route: at, by: "{receipt}", id: ended, in: "on-behalf-of support auditor " + admins + registrars})
	}
	for _, at := range []string{"POST /realm/differences/{difference}/settle", "POST /realm/differences/{difference}/again"} {
		out = append(out, row{route: at, by: "{difference}", id: w.difference(t), in: registrars, knows: "support auditor"})
	}
	out = append(out, row{route: "GET /realm/differences/{difference}", by: "{difference}", id: w.difference(t), in: registrars + "support auditor"})
	return append(out,
		row{route: "GET /realm/brake/{brake}", by: "{brake}", id: brake, in: registrars + "support auditor"},
		row{route: "POST /realm/brake/{brake}", by: "{brake}", id: brake, in: registrars, knows: "support auditor"},
		row{route: "POST /todo/{todo}/settle", by: "{todo}", id: todo, in: "requester"},
		row{route: "GET /requests/{request}/", by: "{request}", id: w.samAsks, in: "requester support " + admins + registrars},
		row{route: "POST /requests/{request}/withdraw", by: "{request}", id: w.samAsks, in: "requester"},
		row{route: "GET /inbox/{request}", by: "{request}", id: w.samAsks, in: "requester support " + admins + registrars},
		row{route: "POST /inbox/{request}", by: "{request}", id: w.samAsks, in: admins, knows: "requester support " + registrars},
		row{route: "GET /sites/{site}/members/{join}/end", by: "{join}", id: olgas, with: site, in: admins + registrars, dead: w.deadJoin},
		row{route: "POST /sites/{site}/members/{join}/end", by: "{join}", id: olgas, with: site, in: admins + registrars, knows: "on-behalf-of", dead: w.deadJoin},
		row{route: "POST /sites/{site}/members/{join}/call-off", by: "{join}", id: olgas, with: site, in: "on-behalf-of " + admins + registrars, dead: w.deadJoin},
		row{route: "GET /access/{join}/leave", by: "{join}", id: olgas, in: "on-behalf-of", dead: w.deadJoin},
		row{route: "POST /access/{join}/leave", by: "{join}", id: olgas, in: "on-behalf-of", dead: w.deadJoin},
		row{route: "POST /access/{join}/call-off", by: "{join}", id: olgas, in: "on-behalf-of " + admins + registrars, dead: w.deadJoin},
		row{route: "GET /sites/{site}/members/{join}/factors", by: "{join}", id: olgas, with: site, in: admins + registrars + "support", dead: w.deadJoin},
		row{route: "POST /sites/{site}/members/{join}/factors", by: "{join}", id: olgas, with: site, in: admins + registrars + "support", dead: w.deadJoin},
		row{route: "GET /desk/{program}/factors", by: "{program}", id: walk.Program, in: registrars + "support"},
		row{route: "POST /desk/{program}/factors", by: "{program}", id: walk.Program, in: registrars + "support"},
		row{route: "GET /desk/{program}/factors/{account}", by: "{account}", id: w.account(t, w.olga), with: program, in: registrars + "support"},
		row{route: "POST /desk/{program}/factors/{account}", by: "{account}", id: w.account(t, w.olga), with: program, in: registrars + "support"},
		row{route: "GET /authorizing/{mandate}/end", by: "{mandate}", id: mandate, in: "authorizer on-behalf-of", dead: w.deadMandate},
		row{route: "POST /authorizing/{mandate}/end", by: "{mandate}", id: mandate, in: "authorizer on-behalf-of " + admins + registrars, dead: w.deadMandate},
		row{route: "GET /sites/{site}/members", by: "{site}", id: w.site, in: admins + registrars},
		row{route: "POST /sites/{site}/administrators", by: "{site}", id: w.site, in: admins + registrars},
		row{route: "GET /authorizing/sites/{site}/end", by: "{site}", id: w.site, in: "authorizer"},
		row{route: "POST /authorizing/sites/{site}/end", by: "{site}", id: w.site, in: "authorizer"},
		row{route: "POST /authorizing/sites/{site}/offer", by: "{site}", id: w.site, in: "authorizer", knows: all}, // anyone can search for it
		row{route: "POST /authorizing/sites/{site}/invite", by: "{site}", id: w.site, in: "authorizer", knows: all},
		row{route: "GET /desk/{program}/", by: "{program}", id: walk.Program, in: registrars},
		row{route: "GET /desk/{program}/operators", by: "{program}", id: walk.Program, in: registrars},
		row{route: "POST /desk/{program}/operators", by: "{program}", id: walk.Program, in: registrars, knows: all},
		row{route: "GET /continue/{kept}", by: "{kept}", id: registry.NewID()}, // what somebody else typed: TestKeptForOneOnly
		row{route: "GET /sign/{program}/{agreement}/{site}", by: "{site}", id: w.site, with: map[string]string{"{program}": walk.Program, "{agreement}": "direct-care-only"}},
		row{route: "POST /sign/{program}/{agreement}/{site}", by: "{site}", id: w.site, with: map[string]string{"{program}": walk.Program, "{agreement}": "direct-care-only"}},
	)
}

// public are the routes whose id stands for something that everybody may know of:
// here only an unknown one is not found.
var public = []row{
	{route: "GET /programs/{program}/", by: "{program}", id: walk.Program}, {route: "GET /programs/{program}/start", by: "{program}", id: walk.Program},
	{route: "GET /programs/{program}/sites", by: "{program}", id: walk.Program}, {route: "GET /programs/{program}/agreements", by: "{program}", id: walk.Program},
	{route: "GET /programs/{program}/agreements/{agreement}", by: "{agreement}", id: "direct-care-only"},
	{route: "GET /programs/{program}/guides/{guide}", by: "{guide}", id: "overview"},
	{route: "GET /requests/new/{program}/site", by: "{program}", id: walk.Program}, {route: "POST /requests/new/{program}/site", by: "{program}", id: walk.Program},
	{route: "GET /requests/new/{program}/join", by: "{program}", id: walk.Program}, {route: "POST /requests/new/{program}/join", by: "{program}", id: walk.Program},
	{route: "GET /sign/{program}/{agreement}", by: "{agreement}", id: "direct-care-only"}, {route: "POST /sign/{program}/{agreement}", by: "{agreement}", id: "direct-care-only"},
	{route: "GET /declaration/{request}", by: "{request}"}, {route: "GET /declare/{request}", by: "{request}"}, {route: "POST /declare/{request}", by: "{request}"},
}

// offices are the pages without an id that exist for some roles only; for all others
// the answer is that for an address that nobody has.
var offices = []row{
	{route: "GET /realm", in: registrars + "support auditor"},
	{route: "GET /realm/differences", in: registrars + "support auditor"},
	{route: "GET /realm/adoption", in: registrars + "support auditor"},
}

// at is the row's address for an id.
func (r row) at(id string) string {
	_, path, _ := strings.Cut(r.route, " ")
	path = strings.ReplaceAll(path, r.by, id)
	for name, value := range r.with {
		path = strings.ReplaceAll(path, name, value)
	}
	path = strings.NewReplacer("{program}", walk.Program, "{agreement}", "direct-care-only").Replace(path)
	if strings.HasSuffix(path, "/") && strings.HasSuffix(r.route, "{request}/") {
		path = strings.TrimSuffix(path, "/") // both are served
	}
	return path
}

// matrix is what trying a row needs.
type matrix struct {
	world
	forms map[string]form
}

// try sends what somebody with the right to it would send, as somebody.
func (m matrix) try(t *testing.T, r row, id string, as role) *walk.Page {
	t.Helper()
	if strings.HasPrefix(r.route, "GET ") {
		p, err := plain(as.who.Browser).Get(r.at(id))
		must(t, err)
		return p
	}
	f, ok := m.forms[r.route]
	if !ok && r.route != noSuchForm {
		t.Fatalf("no form for %s", r.route)
	}
	if !ok {
		f = m.forms["POST /sign/{program}/{agreement}"]
	}
	f.who, f.action = as.who, r.at(id)
	return f.with("form_token", as.token).anew().send(t)
}

// varying is what differs from page to page and from id to id.
var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|no-such-thing|careconnect|data-(left|whole)="[0-9]+"`)

// answer is all of an answer that tells something.
func answer(p *walk.Page) string {
	return varying.ReplaceAllString(fmt.Sprint(p.Status, p.Header.Get("Location"), p.Body), "ID")
}

// unknown is an id that nobody has, and one that nobody can have.
func (r row) unknown() []string {
	if r.by == "{program}" || r.by == "{agreement}" || r.by == "{guide}" {
		return []string{"no-such-thing"}
	}
	return []string{registry.NewID(), "no-such-thing"}
}

// Every address with an id in it, for everybody: who has nothing to do with what
// it names is answered as if nobody had it, in the same words, and so is everybody
// about what is over. The addresses come from the router: a new one without its
// row fails.
// proves: attack A65
func TestWhoGetsWhere(t *testing.T) {
	t.Parallel()
	w := abused(t)
	m := matrix{w, map[string]form{}}
	for _, f := range w.forms(t) {
		m.forms[f.route()] = f
	}
	rows, roles := w.rows(t), w.roles(t)
	for _, r := range rows {
		for _, as := range roles {
			m.check(t, r, as)
		}
	}
	m.public(t, []role{roles[0], roles[1], roles[5]}) // nobody, a stranger, an administrator
	m.offices(t, roles)
	for _, route := range portal.Routes() {
		has := func(r row) bool { return r.route == route }
		if strings.Contains(route, "{") && !slices.ContainsFunc(rows, has) && !slices.ContainsFunc(public, has) {
			t.Errorf("no row for %s", route)
		}
	}
}

func (m matrix) check(t *testing.T, r row, as role) {
	t.Helper()
	in, knows := slices.Contains(strings.Fields(r.in), as.name), slices.Contains(strings.Fields(r.knows), as.name)
	get := strings.HasPrefix(r.route, "GET ")
	unknown := m.try(t, r, r.unknown()[0], as)
	want := http.StatusNotFound
	switch {
	case as.name == "anonymous" && get:
		want = http.StatusSeeOther // to the sign-in
	case as.name == "anonymous":
		want = http.StatusUnauthorized
	}
	if unknown.Status != want {
		t.Errorf("%s for %s: unknown is %d %s", r.route, as.name, unknown.Status, unknown.Text())
	}
	nobody := answer(unknown)
	same := func(what string, p *walk.Page) {
		if answer(p) != nobody {
			t.Errorf("%s for %s: %s is %d %s; unknown is %d", r.route, as.name, what, p.Status, p.Text(), unknown.Status)
		}
	}
	if as.name == "stranger" || as.name == "registrar" { // the same for all: nobody has it
		for _, id := range r.unknown()[1:] {
			same("impossible", m.try(t, r, id, as))
		}
	}
	if r.dead != "" {
		if p := m.try(t, r, r.dead, as); !in || p.Status != http.StatusConflict { // who knew of it may be told that it is over
			same("ended", p)
		}
	}
	if in && !get {
		return // what it does, other tests see; here it would be done
	}
	p := m.try(t, r, r.id, as)
	switch {
	case in && p.Status != http.StatusOK && p.Status != http.StatusSeeOther, knows && p.Status != http.StatusForbidden:
		t.Errorf("%s for %s: %d %s", r.route, as.name, p.Status, p.Text())
	case !in && !knows:
		same("foreign", p)
	}
}

// public tries what everybody may know of, and what nobody can.
func (m matrix) public(t *testing.T, roles []role) {
	t.Helper()
	for _, r := range public {
		declares := strings.Contains(r.route, "/decl")
		unknown := r.unknown()
		if declares {
			r.id = m.wesAsks
			unknown = append(unknown, m.samDraft, m.samAsks, m.samWithdrew) // none is declared for
		}
		for _, as := range roles {
			signed := !strings.Contains(r.route, "/programs/") && !strings.HasPrefix(r.route, "GET /decl")
			for _, id := range unknown {
				p := m.try(t, r, id, as)
				if p.Status != http.StatusNotFound && !(as.name == "anonymous" && signed) {
					t.Errorf("%s for %s: %q is %d", r.route, as.name, id, p.Status)
				}
			}
			if strings.HasPrefix(r.route, "POST ") {
				continue
			}
			if p := m.try(t, r, r.id, as); p.Status != http.StatusOK && p.Status != http.StatusSeeOther {
				t.Errorf("%s for %s: %d", r.route, as.name, p.Status)
			}
		}
	}
}

func (m matrix) offices(t *testing.T, roles []role) {
	t.Helper()
	for _, r := range offices {
		_, path, _ := strings.Cut(r.route, " ")
		for _, as := range roles {
			p, err := plain(as.who.Browser).Get(path)
			must(t, err)
			want := http.StatusNotFound
			switch {
			case slices.Contains(strings.Fields(r.in), as.name):
				want = http.StatusOK
			case as.name == "anonymous":
				want = http.StatusSeeOther
			}
			if p.Status != want {
				t.Errorf("%s for %s: %d %s", r.route, as.name, p.Status, p.Text())
			}
		}
	}
}
