package broker_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker/walk"
)

// sessions are how many somebody has at Keycloak: with none, no refresh token of
// theirs is good any more.
func (s *stack) sessions(t *testing.T, p *walk.Person) int {
	t.Helper()
	var users []struct{ ID string }
	s.keycloak(t, "/users?exact=true&username="+p.UserName, &users)
	var all []struct{ ID string }
	s.keycloak(t, "/users/"+users[0].ID+"/sessions", &all)
	return len(all)
}

// held counts the open grants of somebody at a worksite.
func (s *stack) held(t *testing.T, p *walk.Person, site string) int {
	t.Helper()
	return s.count(t, `access_grant where account_id = $1 and site_id = $2 and ended_at is null and until_at > instant()`, s.account(t, p), site)
}

// ends makes an administrator end somebody's membership at once.
func (s *stack) ends(t *testing.T, by, p *walk.Person, site, role string) {
	t.Helper()
	read(t, by, "/sites/"+site+"/members/"+s.join(t, p, site, role)+"/end", formTo("/end")).with("when", "now").with("reasons", "misuse").accepted(t)
}

// Whoever is deactivated with sessions open everywhere is refused everywhere: the
// portal decides so with the next request, the application within a second, and
// Keycloak has no session left that could be refreshed.
// proves: attack A14
func TestDeactivatedWithOpenSessions(t *testing.T) {
	t.Parallel()
	w := abused(t)
	dora, app := w.person(t, "Dora", "Lind"), w.app(t)
	_, err := w.desk.Practise(w.site, dora, "pharmacist", walk.Licensed("", "cpbc", "P300", inAYear()), w.mona, walk.Inbox)
	must(t, err)
	eventually(t, "the realm has the access", func() bool { return w.hasLeaf(t, dora, w.site, "viewer") })
	if got := useApp(t, dora, app).Groups; !slices.Contains(got, w.leaf(t, w.site, "viewer")) {
		t.Fatalf("the token carries %q", got)
	}
	other := walk.New(w.config.PublicURL) // and a second browser
	_, err = other.SignIn(dora.UserName, dora.Password)
	must(t, err)
	w.inPlace(t, dora, "Pharmacist")
	leave := read(t, dora, "/access/"+w.join(t, dora, w.site, "pharmacist")+"/leave", formTo("/leave")).with("when", "now")
	w.ends(t, w.mona, dora, w.site, "pharmacist")
	for _, b := range []*walk.Browser{dora.Browser, other} {
		if page, err := plain(b).Get("/access"); err != nil || page.Status == http.StatusOK && strings.Contains(page.Text(), "Pharmacist In place") {
			t.Errorf("the portal shows access still: %v %s", err, page.Text())
		}
	}
	leave.refused(t, w.stack, http.StatusNotFound, http.StatusUnauthorized)
	me := walk.Browser{Home: dora.Home, Client: dora.Client}
	eventually(t, "the application refuses", func() bool {
		page, err := me.Get(app + "/api/me")
		return err == nil && page.Status == http.StatusUnauthorized
	})
	w.signedOut(t, dora)
	w.signedOut(t, &walk.Person{Browser: other, UserName: "the second browser"})
	eventually(t, "Keycloak has no session", func() bool { return w.sessions(t, dora) == 0 })
	if got := useApp(t, dora, app).Groups; len(got) != 0 {
		t.Errorf("a new token carries %q", got)
	}
}

// Whoever leaves one worksite keeps the other: in the record, in Keycloak, and in
// the next token; pages of the one that they left are not there any more.
// proves: C13 attack A15
func TestLeavesOneOfTwo(t *testing.T) {
	t.Parallel()
	w := abused(t)
	alma, app := w.person(t, "Alma", "Duran"), w.app(t)
	for site, by := range map[string]*walk.Person{w.site: w.mona, w.siteB: w.nia} {
		if w.held(t, alma, site) != 0 {
			t.Error("joining the other worksite gave access here")
		}
		_, err := w.desk.Practise(site, alma, "practitioner", walk.Licensed("physician", "cpsbc", "C300", inAYear()), by, walk.Inbox)
		must(t, err)
	}
	w.administrates(t, w.desk, w.site, w.mona, alma)
	eventually(t, "the realm has the access", func() bool {
		return w.hasLeaf(t, alma, w.site, "administrator") && w.hasLeaf(t, alma, w.site, "viewer") && w.hasLeaf(t, alma, w.siteB, "viewer")
	})
	useApp(t, alma, app)
	var before string
	grants := `select string_agg(id::text || version, ' ' order by id) from access_grant where site_id = $1 and account_id = $2 and ended_at is null`
	w.query(t, &before, grants, w.siteB, w.account(t, alma))
	for _, role := range []string{"administrator", "practitioner"} {
		f := read(t, alma, "/access/"+w.join(t, alma, w.site, role)+"/leave", formTo("/leave")).with("when", "now")
		f.accepted(t)
		w.returns(t, alma)
	}
	eventually(t, "the realm follows", func() bool {
		return !w.hasLeaf(t, alma, w.site, "viewer") && !w.hasLeaf(t, alma, w.site, "practitioner") && !w.hasLeaf(t, alma, w.site, "administrator")
	})
	want := []string{w.leaf(t, w.siteB, "practitioner"), w.leaf(t, w.siteB, "viewer")}
	if got := w.groups(t, alma); !slices.Equal(got, want) {
		t.Errorf("Keycloak has %q, want %q", got, want)
	}
	if got := useApp(t, alma, app).Groups; !slices.Equal(sortedCopy(got), want) {
		t.Errorf("the token carries %q, want %q", got, want)
	}
	var after string
	w.query(t, &after, grants, w.siteB, w.account(t, alma))
	if before != after {
		t.Errorf("at the other site it was %s and is %s", before, after)
	}
	for _, address := range []string{"/sites/" + w.site + "/members", walk.Inbox(w.samAsks), "/requests/" + w.samAsks, "/authorizing/sites/" + w.site + "/end"} {
		if page, err := alma.Get(address); err != nil || page.Status != http.StatusNotFound {
			t.Errorf("%s: %v %d", address, err, page.Status)
		}
	}
}

// When an authorizer goes, whoever acts by their leave alone loses it in the same
// act, is told, and can be authorized by somebody else without asking anew; whoever
// has another authorizer keeps it.
// proves: attack A16
func TestAuthorizerGoes(t *testing.T) {
	t.Parallel()
	w := abused(t)
	greta, hal, ines := w.person(t, "Greta", "Olsen"), w.person(t, "Hal", "Kim"), w.person(t, "Ines", "Pinto")
	_, err := w.desk.Practise(w.site, greta, "practitioner", walk.Licensed("physician", "cpsbc", "C400", inAYear()), w.mona, walk.Inbox)
	must(t, err)
	for _, p := range []*walk.Person{hal, ines} {
		id := w.assists(t, p, greta, w.paul)
		must(t, w.mona.Approve(walk.Inbox(id), confirm))
		must(t, greta.Approve(walk.Inbox(id), allowing))
	}
	var asked string
	w.query(t, &asked, `select id from request where account_id = $1 and role = 'on-behalf-of'`, w.account(t, ines))
	must(t, w.paul.Approve(walk.Inbox(asked), allowing)) // Ines has two
	page, err := w.mona.Get("/sites/" + w.site + "/members/" + w.join(t, greta, w.site, "practitioner") + "/end")
	must(t, err)
	says(t, page, "Hal Kim")
	w.ends(t, w.mona, greta, w.site, "practitioner")
	var act string
	w.query(t, &act, `select act_id from event where kind = 'grant.ended' and entity_id in (select id::text from access_grant where account_id = $1 and role = leaf)`, w.account(t, greta))
	ended := `event where act_id = $1 and kind = 'grant.ended' and entity_id in (select id::text from access_grant where account_id = $2 and ended_at is not null)`
	if n := w.count(t, ended, act, w.account(t, hal)); n != 2 {
		t.Errorf("%d of Hal's two grants ended in the act that ended Greta's", n)
	}
	if n := w.count(t, `fact_mandate m join event e on e.entity_id = m.id::text and e.act_id = $1 where m.account_id = $2 and m.ended_at is not null`, act, w.account(t, greta)); n != 2 {
		t.Errorf("%d mandates ended in that act", n)
	}
	if w.held(t, greta, w.site) != 0 || w.held(t, hal, w.site) != 0 || w.held(t, ines, w.site) != 2 {
		t.Errorf("Greta holds %d, Hal %d, Ines %d", w.held(t, greta, w.site), w.held(t, hal, w.site), w.held(t, ines, w.site))
	}
	eventually(t, "the realm follows", func() bool { return !w.hasLeaf(t, hal, w.site, "viewer") })
	if !w.hasLeaf(t, ines, w.site, "viewer") {
		t.Error("Ines lost it, whom Paul authorizes")
	}
	_, err = w.mail.Wait(hal.Email, "is paused", "")
	must(t, err)
	read(t, w.paul, "/authorizing", formTo("/offer")).with("account", w.account(t, hal)).accepted(t)
	if w.held(t, hal, w.site) != 2 {
		t.Error("another authorizer's yes does not bring it back")
	}
}

// A worksite does not lose its last administrator by its own doing: not one by
// one, not two at the same moment, not by two plans. A registrar may.
// proves: attack A17
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	w := abused(t)
	s := w.stack
	first := s.person(t, "Una", "Byrne")
	site, err := w.desk.OpenSite(first, first, walk.Clinic{Name: "Last Clinic " + first.UserName, City: "Vernon"})
	must(t, err)
	other := s.person(t, "Otto", "Byrne")
	for _, p := range []*walk.Person{first, other} {
		_, err = walk.AskToAssist(site, p, "office-manager")
		must(t, err)
	}
	leave := func(p *walk.Person) form {
		t.Helper()
		return read(t, p, "/access/"+s.join(t, p, site, "administrator")+"/leave", formTo("/leave"))
	}
	day := time.Now().AddDate(0, 0, 20).Format(time.DateOnly)
	alone := leave(first)
	says(t, alone.with("when", "now").refused(t, s, http.StatusForbidden), "last administrator")
	alone.with("when", "day").with("last", day).anew().refused(t, s, http.StatusForbidden)
	s.administrates(t, w.desk, site, first, other)

	leave(first).with("when", "day").with("last", day).accepted(t) // while another stays
	leave(other).with("when", "day").with("last", day).refused(t, s, http.StatusForbidden)
	leave(other).with("when", "now").refused(t, s, http.StatusForbidden)
	read(t, first, "/access", formTo("/call-off")).accepted(t)

	lost := s.race2(t, site, leave(first).with("when", "now"), leave(other).with("when", "now"))
	stays := map[*walk.Person]*walk.Person{first: other, other: first}[lost]
	s.administrates(t, w.desk, site, stays, lost)
	s.returns(t, lost)
	ends := func(by, p *walk.Person) form {
		return read(t, by, "/sites/"+site+"/members/"+s.join(t, p, site, "administrator")+"/end", formTo("/end")).with("when", "now").with("reasons", "misuse")
	}
	s.race2(t, site, ends(first, other), ends(other, first))
}

// race2 sends two forms at the same moment, of which one is taken and one
// administrator stays; it gives whose role ended.
func (s *stack) race2(t *testing.T, site string, a, b form) (lost *walk.Person) {
	t.Helper()
	var taken [2]int
	var both sync.WaitGroup
	for i, f := range []form{a, b} {
		both.Go(func() { taken[i] = f.send(t).Status })
	}
	both.Wait()
	if (taken[0] == http.StatusSeeOther) == (taken[1] == http.StatusSeeOther) {
		t.Fatalf("%s and %s at the same moment: %v", a.action, b.action, taken)
	}
	if n := s.count(t, `access_grant where site_id = $1 and role = 'administrator' and ended_at is null`, site); n != 1 {
		t.Errorf("%d administrators stay", n)
	}
	for _, p := range []*walk.Person{a.who, b.who} {
		if s.count(t, `access_grant where site_id = $1 and account_id = $2 and role = 'administrator' and ended_at is null`, site, s.account(t, p)) == 0 {
			lost = p
		}
	}
	return lost
}
