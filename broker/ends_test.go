package broker_test

import (
	"database/sql"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker/walk"
)

// again signs somebody in whose session is over or paused, and leaves others alone.
func again(t *testing.T, p *walk.Person) {
	t.Helper()
	page, err := p.Get("/access")
	must(t, err)
	if page.Status == http.StatusUnauthorized { // paused
		page, err = page.Follow("/sign-in?return=/access")
		must(t, err)
	}
	if page.FormWith("password").Has("password") {
		page, err = page.Authenticate(p.UserName, p.Password)
		must(t, err)
	}
	if page.URL.Path != "/access" || page.Status != http.StatusOK {
		t.Fatalf("%s is not back: %s %d %s", p.UserName, page.URL, page.Status, page.Text())
	}
}

// returns waits until the end of something has ended somebody's sessions, here and
// at Keycloak, which offers the old one until then, and signs them in again.
func (s *stack) returns(t *testing.T, p *walk.Person) {
	t.Helper()
	s.signedOut(t, p)
	eventually(t, "Keycloak has no session of "+p.UserName, func() bool { return s.sessions(t, p) == 0 })
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	again(t, p)
}

// signedOutOf waits until an application refuses somebody, and gives how long
// after since that was.
func signedOutOf(t *testing.T, p *walk.Person, app string, since time.Time) time.Duration {
	t.Helper()
	eventually(t, "the application refuses "+p.UserName, func() bool {
		page, err := p.Get(app + "/api/me")
		return err == nil && page.Status == http.StatusUnauthorized
	})
	return time.Since(since)
}

// endedTogether demands that the latest ends of several people's access at a site
// came by one act, that is, in one transaction.
func (s *stack) endedTogether(t *testing.T, site string, people ...*walk.Person) {
	t.Helper()
	acts := map[string]bool{}
	for _, p := range people {
		var act string
		s.query(t, &act, `select e.act_id from event e join access_grant g on e.entity = 'grant' and e.entity_id = g.id::text
			where g.account_id = $1 and g.site_id = $2 and g.leaf <> 'administrator' and e.kind = 'grant.ended' order by e.seq desc limit 1`, s.account(t, p), site)
		acts[act] = true
	}
	if len(acts) != 1 {
		t.Errorf("%d acts ended what one had to end", len(acts))
	}
}

// mandate is by whose leave somebody acts at a site.
func (s *stack) mandate(t *testing.T, authorizer, onBehalf *walk.Person, site string) string {
	t.Helper()
	var id string
	s.query(t, &id, `select id from fact_mandate where account_id = $1 and on_behalf = $2 and site_id = $3 and ended_at is null`,
		s.account(t, authorizer), s.account(t, onBehalf), site)
	return id
}

// Every unplanned end, one after the other in one clinic. Whoever's access rests on
// it loses theirs in the same transaction; the realm follows; a relying application
// refuses at once, by back-channel logout; what is held elsewhere stays, and the
// person signs in again. What was taken for a time comes back by one word.
// proves: C18 C23
func TestEnds(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	tess := s.person(t, "Tess", "Lund")
	_, err := walk.Assist(m.site, tess, "medical-office-assistant", m.paul, m.mona)
	must(t, err)
	_, err = walk.Assist(m.site, m.mona, "office-manager", m.paul, nil)
	must(t, err)
	app := s.app(t)
	rests := []*walk.Person{tess, m.mona}
	lost := func(t *testing.T, people ...*walk.Person) {
		t.Helper()
		for _, p := range people {
			if s.holds(t, p, m.site, "on-behalf-of") {
				t.Errorf("%s still holds it", p.UserName)
			}
		}
	}
	back := func(t *testing.T, people ...*walk.Person) {
		t.Helper()
		for _, p := range people {
			if !s.holds(t, p, m.site, "on-behalf-of") {
				t.Errorf("%s has not got it back", p.UserName)
			}
		}
	}

	// The authorizer ends one.
	s.inRealm(t, tess, m.site, "on-behalf-of", "viewer")
	if got := useApp(t, tess, app).Groups; len(got) != 2 {
		t.Fatalf("the token carries %q", got)
	}
	page := get(t, m.paul, "/authorizing/"+s.mandate(t, m.paul, tess, m.site)+"/end")
	says(t, page, "Tess Lund "+m.name+" Loses access")
	began := time.Now()
	_, err = m.paul.End(page.URL.Path, "")
	must(t, err)
	answered := time.Since(began)
	lost(t, tess)
	took := signedOutOf(t, tess, app, began)
	t.Logf("the form was answered after %s, the application refuses after %s", answered.Round(time.Millisecond), took.Round(time.Millisecond))
	if !s.holds(t, m.mona, m.site, "on-behalf-of") {
		t.Error("another's access went with it")
	}
	s.inRealm(t, tess, m.site)
	s.returns(t, tess)
	says(t, get(t, tess, "/access"), "On-behalf-of user Paused")
	_, err = s.mail.Wait(tess.Email, "is paused", "")
	must(t, err)
	read(t, m.paul, "/authorizing", formTo("/offer")).with("account", s.account(t, tess)).accepted(t)
	back(t, tess)

	// The authorizer ends all at once.
	_, err = m.paul.End("/authorizing/sites/"+m.site+"/end", "")
	must(t, err)
	lost(t, rests...)
	s.endedTogether(t, m.site, rests...)
	s.inRealm(t, m.mona, m.site, "administrator")
	for _, p := range rests {
		s.returns(t, p)
	}
	for _, p := range rests {
		read(t, m.paul, "/authorizing", formTo("/offer")).with("account", s.account(t, p)).accepted(t)
	}
	back(t, rests...)

	// A registrar suspends the authorizer, and lifts it.
	s.inRealm(t, m.mona, m.site, "administrator", "on-behalf-of", "viewer")
	paulsCase := walk.Desk(m.paulRequest)
	says(t, get(t, m.desk.First, paulsCase+"/suspend"), "Tess Lund "+m.name+" Loses access")
	_, err = m.desk.First.End(paulsCase+"/suspend", "", "inquiry")
	must(t, err)
	lost(t, rests...)
	if s.holds(t, m.paul, m.site, "practitioner") {
		t.Error("who is suspended holds access")
	}
	s.endedTogether(t, m.site, append(rests, m.paul)...)
	s.inRealm(t, m.paul, m.site)
	for _, p := range append(rests, m.paul) {
		s.returns(t, p)
	}
	says(t, get(t, m.paul, "/access"), "Access is suspended or has a planned end that has come.")
	_, err = m.desk.Second.Press(paulsCase, "/lift")
	must(t, err)
	if !s.holds(t, m.paul, m.site, "practitioner") {
		t.Error("lifting gives nothing back")
	}
	back(t, rests...)
	s.inRealm(t, m.paul, m.site, "practitioner", "viewer")

	// An administrator deactivates a member, with a reason; elsewhere it stays.
	_, err = s.practiseElsewhere(t, m.desk, tess)
	must(t, err)
	s.inRealm(t, tess, m.site, "on-behalf-of", "viewer")
	useApp(t, tess, app)
	end := "/sites/" + m.site + "/members/" + s.join(t, tess, m.site, "on-behalf-of") + "/end"
	read(t, m.mona, end, formTo("/end")).with("when", "now").refused(t, s, http.StatusUnprocessableEntity) // no reason
	began = time.Now()
	_, err = m.mona.End(end, "", "left")
	must(t, err)
	lost(t, tess)
	took = signedOutOf(t, tess, app, began)
	t.Logf("deactivated, the application refuses after %s", took.Round(time.Millisecond))
	s.inRealm(t, tess, m.site)
	s.returns(t, tess)
	eventually(t, "the realm has what she holds elsewhere", func() bool { return len(s.groups(t, tess)) == 3 })
	got := useApp(t, tess, app).Groups
	if len(got) != 3 || slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, s.leaf(t, m.site, "")) }) {
		t.Errorf("after the end at one site the token carries %q", got)
	}
	_, err = s.mail.Wait(tess.Email, "access has ended", "")
	must(t, err)

	// The member leaves, and with the physician whoever acts on his behalf.
	_, err = m.paul.End("/access/"+s.join(t, m.paul, m.site, "practitioner")+"/leave", "")
	must(t, err)
	lost(t, m.mona)
	s.endedTogether(t, m.site, m.paul, m.mona)
	s.inRealm(t, m.mona, m.site, "administrator")
	s.inRealm(t, m.paul, m.site)
	s.invariants(t)
}

// practiseElsewhere gives somebody a role of their own at another worksite.
func (s *stack) practiseElsewhere(t *testing.T, desk walk.Registrars, p *walk.Person) (site string, err error) {
	t.Helper()
	if site, err = desk.OpenSite(p, p, walk.Clinic{Name: "Spruce Clinic " + p.UserName, City: "Hope"}); err != nil {
		return site, err
	}
	_, err = desk.Practise(site, p, "lpn", walk.Licensed("", "bccnm", "L770", inAYear()), desk.Second, walk.Desk)
	return site, err
}

// Two physicians authorize one assistant. One leaves: access stays, on the other.
// The last one ends it: access is paused, and nobody holds any without a live
// authorizer. A new yes brings it back at once, without new forms or a new welcome.
// proves: C18 C23
func TestTwoAuthorizers(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	both := s.people(t, "Tess Lund", "Nadia Cole")
	tess, nadia := both[0], both[1]
	_, err := m.desk.Practise(m.site, nadia, "practitioner", walk.Licensed("midwife", "bccnm", "M200", inAYear()), m.mona, walk.Inbox)
	must(t, err)
	id, err := walk.Assist(m.site, tess, "medical-office-assistant", m.paul, m.mona) // she asks both
	must(t, err)
	must(t, nadia.Approve(walk.Inbox(id), allowing))
	_, err = s.mail.Wait(tess.Email, "elcome", "")
	must(t, err)

	leave := "/access/" + s.join(t, m.paul, m.site, "practitioner") + "/leave"
	says(t, get(t, m.paul, leave), "Tess Lund "+m.name+" Keeps access by another authorizer")
	_, err = m.paul.End(leave, "")
	must(t, err)
	if !s.holds(t, tess, m.site, "on-behalf-of") {
		t.Error("access went with one of two authorizers")
	}
	page := get(t, tess, "/access")
	says(t, page, "Nadia Cole authorizes since")
	silent(t, page, "Paul Okafor authorizes since")

	_, err = nadia.End("/authorizing/"+s.mandate(t, nadia, tess, m.site)+"/end", "")
	must(t, err)
	if s.holds(t, tess, m.site, "on-behalf-of") {
		t.Error("access without a live authorizer")
	}
	s.inRealm(t, tess, m.site)
	s.returns(t, tess)
	page = get(t, tess, "/access")
	says(t, page, "Paused")
	says(t, page, "Nobody who was asked can say yes right now.")

	page, err = get(t, tess, "/authorizing").Form("/authorizing/ask").Send()
	must(t, err)
	page, asked, err := tess.Fill(page, map[string][]string{"authorizers": {s.account(t, nadia)}})
	must(t, err)
	silent(t, page, "Statements to sign")
	_, err = tess.SignAndSend(page)
	must(t, err)
	must(t, nadia.Approve(walk.Inbox(asked), allowing))
	if !s.holds(t, tess, m.site, "on-behalf-of") {
		t.Error("a new yes gave nothing: ", get(t, tess, "/access").Text())
	}
	s.inRealm(t, tess, m.site, "on-behalf-of", "viewer")
	if n := s.mails(t, tess, "elcome"); n != 1 {
		t.Errorf("%d welcomes", n)
	}
	s.invariants(t)
}

// lock keeps every worker from settling anybody, as if none ran, until the
// returned function is called.
func (s *stack) lock(t *testing.T) (unlock func()) {
	t.Helper()
	db, err := sql.Open("postgres", s.owner)
	must(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	_, err = tx.ExecContext(t.Context(), `select 1 from account for update`)
	must(t, err)
	return func() { _ = tx.Rollback(); _ = db.Close() }
}

// until is how long somebody's role at a site still lasts.
func (s *stack) until(t *testing.T, p *walk.Person, site, role string) time.Duration {
	t.Helper()
	var seconds float64
	s.query(t, &seconds, `select extract(epoch from until_at - instant()) from access_grant where account_id = $1 and site_id = $2 and role = $3 and leaf = role and ended_at is null`,
		s.account(t, p), site, role)
	return time.Duration(seconds * float64(time.Second))
}

// A physician leaves on a date. Everybody affected is told 14, 7 and 1 days before,
// each time once; called off, nothing ends. At the date nobody is let in, whether or
// not a job has run; then the realm follows.
// proves: C23
func TestPlannedEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	m := s.maple(t)
	_, err := walk.Assist(m.site, m.mona, "medical-office-assistant", m.paul, nil)
	must(t, err)
	affected := []*walk.Person{m.paul, m.mona}
	notices := func(want int) {
		t.Helper()
		for _, p := range affected {
			eventually(t, p.UserName+" is told", func() bool { return s.mails(t, p, "your last day of access is") >= want })
			if n := s.mails(t, p, "your last day of access is"); n != want {
				t.Errorf("%s was told %d times, want %d", p.UserName, n, want)
			}
		}
	}
	join := s.join(t, m.paul, m.site, "practitioner")
	leave := "/access/" + join + "/leave"
	last := func(days int) string {
		var now time.Time
		s.query(t, &now, `select instant()`)
		return now.AddDate(0, 0, days).Format(time.DateOnly)
	}
	day := 24 * time.Hour

	s.inRealm(t, m.paul, m.site, "practitioner", "viewer")
	_, err = m.paul.End(leave, last(20))
	must(t, err)
	notices(0)
	says(t, get(t, m.paul, "/access"), "Planned end")
	_, err = m.paul.Press("/access", "/call-off")
	must(t, err)
	silent(t, get(t, m.paul, "/access"), "Planned end")
	if left := s.until(t, m.mona, m.site, "on-behalf-of"); left < 300*day {
		t.Errorf("called off, and the assistant's access still ends in %s", left)
	}

	_, err = m.paul.End(leave, last(20))
	must(t, err)
	end := s.until(t, m.paul, m.site, "practitioner")
	if left := s.until(t, m.mona, m.site, "on-behalf-of"); (left - end).Abs() > time.Minute {
		t.Errorf("the physician's access ends in %s, the assistant's in %s", end, left)
	}
	for i, before := range []time.Duration{14 * day, 7 * day, 1 * day} {
		to := s.until(t, m.paul, m.site, "practitioner") - before + time.Second
		if before == 7*day { // no worker runs for three days, and the day comes and goes
			s.move(t, to-day)
			unlock := s.lock(t)
			s.move(t, 3*day)
			unlock()
		} else {
			s.move(t, to)
		}
		notices(i + 1)
	}
	s.move(t, s.until(t, m.paul, m.site, "practitioner")-time.Minute)
	for _, p := range affected {
		again(t, p)
	}
	says(t, get(t, m.paul, "/access"), "Planned end")
	unlock := s.lock(t) // from here on no job can run
	s.move(t, 2*time.Minute)
	if n := s.count(t, `access_grant where account_id = $1 and role = 'practitioner' and ended_at is null`, s.account(t, m.paul)); n == 0 {
		t.Error("a job has run: this shows nothing")
	}
	silent(t, get(t, m.paul, "/access"), "Practitioner In place")
	silent(t, get(t, m.paul, "/access"), "Planned end")
	silent(t, get(t, m.paul, "/authorizing"), "Invite somebody by mail")
	silent(t, get(t, m.mona, "/access"), "On-behalf-of user In place")
	says(t, get(t, m.mona, "/access"), "Group / Site Administrator In place")
	s.move(t, 3*day)
	unlock()
	began := time.Now()
	s.inRealm(t, m.paul, m.site)
	s.inRealm(t, m.mona, m.site, "administrator")
	t.Logf("workers are back, and the realm follows after %s", time.Since(began).Round(time.Millisecond))
	notices(3)
	for _, p := range affected { // it ended when it was to, whenever that was noted
		if n := s.count(t, `receipt r join act on act.id = r.act_id and act.actor_kind = 'worker' join receipt_grant x on x.receipt_id = r.id and not x.kept
			join access_grant g on g.id = x.grant_id and g.leaf = g.role and g.ended_at = g.until_at and g.ended_at < r.at - interval '2 days' where r.account_id = $1`, s.account(t, p)); n != 1 {
			t.Errorf("%d receipts of what ended for %s", n, p.UserName)
		}
	}
	s.invariants(t)
}

// The statement on direct care is signed again each year. Whoever forgets is told
// before; then access is paused, also that which rests on it, and signing brings it
// back at once.
// proves: C2 C3 C23
func TestExpiredAttestation(t *testing.T) {
	t.Parallel()
	s := start(t)
	m := s.maple(t)
	_, err := walk.Assist(m.site, m.mona, "medical-office-assistant", m.paul, nil)
	must(t, err)
	left := s.until(t, m.paul, m.site, "practitioner")
	if days := left.Hours() / 24; days < 364.9 || days > 365 {
		t.Errorf("a statement is good for %.1f days", days)
	}
	s.move(t, left-23*time.Hour)
	_, err = s.mail.Wait(m.paul.Email, "your last day of access is", "")
	must(t, err)
	s.move(t, 23*time.Hour+time.Minute) // Paul signed first: hers still lasts, his does not
	s.inRealm(t, m.paul, m.site)
	s.inRealm(t, m.mona, m.site, "administrator")
	for _, p := range []*walk.Person{m.paul, m.mona} {
		s.returns(t, p)
	}
	page := get(t, m.paul, "/access")
	says(t, page, "Practitioner Paused")
	page, err = page.Follow("/sign/" + walk.Program + "/direct-care-only")
	must(t, err)
	_, err = page.FormWith("agree").Tick("agree").Send()
	must(t, err)
	if !s.holds(t, m.paul, m.site, "practitioner") {
		t.Error("signing again gave nothing: ", get(t, m.paul, "/access").Text())
	}
	s.inRealm(t, m.paul, m.site, "practitioner", "viewer")
	page = get(t, m.mona, "/access")
	if to := page.Link("/sign/" + walk.Program + "/direct-care-only"); to != "" {
		page, err = page.Follow(to)
		must(t, err)
		_, err = page.FormWith("agree").Tick("agree").Send()
		must(t, err)
	}
	s.inRealm(t, m.mona, m.site, "administrator", "on-behalf-of", "viewer")
	s.invariants(t)
}
