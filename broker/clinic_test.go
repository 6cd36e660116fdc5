package broker_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/broker/walk"
)

// get opens a page that has to be there.
func get(t *testing.T, p *walk.Person, path string) *walk.Page {
	t.Helper()
	page, err := p.Get(path)
	must(t, err)
	if page.Status != http.StatusOK {
		t.Fatalf("%s at %s: %d %s", p.UserName, path, page.Status, page.Text())
	}
	return page
}

// silent demands that a page does not say something.
func silent(t *testing.T, p *walk.Page, text string) {
	t.Helper()
	if strings.Contains(p.Text(), text) {
		t.Errorf("%s says %q: %s", p.URL, text, p.Text())
	}
}

// holds tells what the record says at this moment: no worker is waited for.
func (s *stack) holds(t *testing.T, p *walk.Person, site, role string) bool {
	t.Helper()
	return s.count(t, `access_grant where account_id = $1 and site_id = $2 and role = $3 and leaf = role
		and ended_at is null and until_at > instant()`, s.account(t, p), site, role) == 1
}

// inPlace waits until My access says that the realm has a role: that is known once
// it was read back.
func (s *stack) inPlace(t *testing.T, p *walk.Person, role string) {
	t.Helper()
	eventually(t, "My access says that it is in place", func() bool { return strings.Contains(get(t, p, "/access").Text(), role+" In place") })
}

// inRealm waits until the realm has somebody in exactly these leaves of one site.
func (s *stack) inRealm(t *testing.T, p *walk.Person, site string, leaves ...string) {
	t.Helper()
	var want []string
	for _, leaf := range leaves {
		want = append(want, s.leaf(t, site, leaf))
	}
	slices.Sort(want)
	there := s.leaf(t, site, "")
	defer func() {
		if t.Failed() {
			t.Log(s.logs)
		}
	}()
	eventually(t, p.UserName+" is in "+strings.Join(leaves, ", "), func() bool {
		got := slices.DeleteFunc(s.groups(t, p), func(path string) bool { return !strings.HasPrefix(path, there) })
		return slices.Equal(got, want)
	})
}

const (
	whoAuthorizer   = "This waits for one of these: "
	onlyOne         = "A second registrar is needed, and there is only one."
	affiliationMet  = "Confirmation that you work at this worksite Done"
	affiliationOpen = "Confirmation that you work at this worksite Missing"
)

// A clinic of two: the assistant administers it, the physician signs for it. The
// assistant confirms the physician; the declaration names the assistant, so nobody
// confirms her, and she cannot do it herself; the physician authorizes her.
// proves: C7 C17 C18 C19 attack A11
func TestSmallClinic(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t) // Mona confirmed Paul
	id, err := walk.AskToAssist(m.site, m.mona, "medical-office-assistant")
	must(t, err)
	page := get(t, m.mona, "/requests/"+id)
	says(t, page, affiliationMet)
	says(t, page, whoAuthorizer+"Paul Okafor.")
	if s.holds(t, m.mona, m.site, "on-behalf-of") {
		t.Error("access before any authorizer said yes")
	}
	if page := get(t, m.mona, walk.Inbox(id)); page.URL.Path != "/requests/"+id {
		t.Errorf("who asks is shown %s to decide", page.URL)
	}
	must(t, m.paul.Approve(walk.Inbox(id), allowing))
	if !s.holds(t, m.mona, m.site, "on-behalf-of") {
		t.Error("the authorizer's yes gave nothing")
	}
	s.inRealm(t, m.mona, m.site, "administrator", "on-behalf-of", "viewer")
	s.inPlace(t, m.mona, "On-behalf-of user")
	page = get(t, m.mona, "/access")
	for _, why := range []string{"eHealth Viewer", "Paul Okafor authorizes since", "Paul Okafor signed on"} {
		says(t, page, why)
	}
	members := get(t, m.mona, "/sites/"+m.site+"/members")
	says(t, members, "Mona Fraser confirmed as administrator of the site")
	says(t, members, "Paul Okafor authorizes since")
	silent(t, members, "found the licence good") // on whose word is people's, not a register's
	s.invariants(t)
}

// Signer and administrator are one. While there is one registrar, desk and tracker
// say that a second is needed, and she cannot be both. The administrator's own
// affiliation is a registrar's to confirm, and not hers when she becomes one.
// proves: C7 C12 C17 attack A01 attack A11
func TestSignerAdministers(t *testing.T) {
	t.Parallel()
	s := start(t)
	all := s.people(t, "Rosa Almeida", "Lena Novak", "Ravi Shah", "Finn Berg")
	rosa, lena, ravi, finn := all[0], all[1], all[2], all[3]
	s.firstRegistrar(t, rosa)
	id, err := lena.RequestSite(walk.Program, walk.Clinic{Name: "Larch Clinic", City: "Kelowna"})
	must(t, err)
	m, err := s.mail.Wait(lena.Email, "", "/declare/"+id)
	must(t, err)
	_, err = lena.Declare(m.Link("/declare/" + id))
	must(t, err)
	says(t, get(t, rosa, walk.Desk(id)), onlyOne)
	says(t, get(t, lena, "/requests/"+id), onlyOne)
	both := read(t, rosa, walk.Desk(id), decision(second)).with("verdict", "approve")
	must(t, rosa.Approve(walk.Desk(id), register))
	version := strings.Fields(s.state(t, id))[1]
	both.with("version", version).anew().refused(t, s, http.StatusForbidden)
	says(t, get(t, lena, "/requests/"+id), onlyOne)
	if n := s.count(t, `site where request_id = $1 and opened_at is not null`, id); n != 0 {
		t.Fatal("the site opened on one registrar's word")
	}

	s.invited(t, rosa, ravi)
	silent(t, get(t, lena, "/requests/"+id), onlyOne)
	must(t, ravi.Approve(walk.Desk(id), second))
	site, err := lena.FindSite(walk.Program, "Larch Clinic")
	must(t, err)

	s.invited(t, rosa, lena) // registrar, administrator and subject in one
	asked, err := lena.Join(walk.Program, site, "practitioner", walk.Licensed("physician", "cpsbc", "L900", inAYear()))
	must(t, err)
	says(t, get(t, lena, "/requests/"+asked), affiliationOpen+" This waits for a registrar.")
	own := get(t, lena, walk.Desk(asked))
	says(t, own, "Nobody decides on their own request.")
	if _, err := own.Decision(confirm).Send(); err == nil {
		t.Error("the subject is shown a decision on her own request")
	}
	must(t, rosa.RecordStanding(walk.Program, asked))
	yes := verdict(t, rosa, walk.Desk(asked), confirm, "approve")
	yes.by(t, lena).refused(t, s, http.StatusForbidden)
	yes.accepted(t)
	s.inRealm(t, lena, site, "administrator", "practitioner", "viewer")

	// From here on she confirms and authorizes others, each on its own.
	helps, err := walk.Assist(site, finn, "office-manager", lena, lena)
	must(t, err)
	if !s.holds(t, finn, site, "on-behalf-of") {
		t.Errorf("%s: confirmed and authorized, and nothing came of it: %s", helps, s.state(t, helps))
	}
	s.invariants(t)
}

// A sole practitioner asks, signs, administers and practises: two registrars open
// the worksite, a registrar confirms what she cannot confirm herself, and she has
// what anybody has.
// proves: C7 C17 C24 attack A11
func TestSolePractitioner(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk, sole := s.registrars(t), s.person(t, "Sole", "Tremblay")
	name := "Alder Midwifery " + sole.UserName
	site, err := desk.OpenSite(sole, sole, walk.Clinic{Name: name, City: "Nelson"})
	must(t, err)
	_, err = desk.Practise(site, sole, "practitioner", walk.Licensed("midwife", "bccnm", "M310", inAYear()), desk.Second, walk.Desk)
	must(t, err)
	s.inRealm(t, sole, site, "administrator", "practitioner", "viewer")
	_, err = s.mail.Wait(sole.Email, "elcome", "")
	must(t, err)
	says(t, get(t, sole, "/access"), "Ravi Shah approved as registrar")
	s.invariants(t)
}

// Every role that people ask for leads from the same kind of request to its own
// groups in Keycloak, and not before the last of its steps; none but a practitioner
// can authorize anybody, or be named as authorizer.
// proves: C4 C15 C17 C20 C21 C22
func TestEachRole(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t) // with a physician
	roles := []struct{ role, profession, body, name string }{
		{"practitioner", "nurse-practitioner", "bccnm", "Nina Park"},
		{"practitioner", "midwife", "bccnm", "Mira Stone"},
		{"pharmacist", "", "cpbc", "Phil Moore"},
		{"lpn", "", "bccnm", "Lucy Adeyemi"},
		{"rpn", "", "bccnm", "Ron Weiss"},
		{"resident", "", "cpsbc", "Rhea Nair"},
		{"social-worker", "", "bccsw", "Sven Holt"},
	}
	var names []string
	for _, r := range roles {
		names = append(names, r.name)
	}
	people := s.people(t, names...)
	for i, r := range roles {
		t.Run(r.role+" "+r.profession, func(t *testing.T) {
			p := people[i]
			id, err := p.Join(walk.Program, m.site, r.role, walk.Licensed(r.profession, r.body, "L123", inAYear()))
			must(t, err)
			for what, step := range map[string]func() error{
				"the licence found good":    func() error { return m.desk.First.RecordStanding(walk.Program, id) },
				"the affiliation confirmed": func() error { return m.mona.Approve(walk.Inbox(id), confirm) },
			} {
				if s.holds(t, p, m.site, r.role) {
					t.Error("access without " + what)
				}
				must(t, step())
			}
			s.inRealm(t, p, m.site, r.role, "viewer")
			_, err = s.mail.Wait(p.Email, "elcome", "")
			must(t, err)
			page := get(t, p, "/authorizing")
			offers := page.Form("/authorizing/sites/"+m.site).Has("op") || page.FormWith("email").Has("op")
			if want := r.role == "practitioner"; offers != want {
				t.Errorf("may offer to authorize: %v, want %v", offers, want)
			}
		})
	}
	page, err := m.mona.Get("/requests/new/" + walk.Program + "/join?site=" + m.site)
	must(t, err)
	page, err = page.FormWith("role").Set("role", "on-behalf-of").Send()
	must(t, err)
	able := []string{s.account(t, m.paul), s.account(t, people[0]), s.account(t, people[1])}
	if got := sortedCopy(page.FormWith("go").Options("authorizers")); !slices.Equal(got, sortedCopy(able)) {
		t.Errorf("the form offers %q as authorizers, want the practitioners %q", got, able)
	}
	offer := read(t, m.paul, "/authorizing", formTo("/invite")).with("role", "on-behalf-of").with("email", "new@"+s.name+".example")
	for _, p := range people[2:] {
		offer.by(t, p).refused(t, s, http.StatusForbidden, http.StatusNotFound)
	}
	s.invariants(t)
}

// Either side starts. Where nobody can authorize yet, the form says so and says who
// could before it is sent; the first who can then offers it to somebody at the site.
// An offer by mail leads a newcomer to a request that has the yes in it already.
// proves: C17 C18 C19
func TestEitherSideStarts(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk := s.registrars(t)
	all := s.people(t, "Mona Fraser", "Paul Okafor", "Tess Lund", "Ulla Frank")
	mona, paul, tess, ulla := all[0], all[1], all[2], all[3]
	name := "Cedar Clinic " + mona.UserName
	site, err := desk.OpenSite(mona, paul, walk.Clinic{Name: name, City: "Duncan", SignerName: "Paul Okafor", SignerEmail: paul.Email})
	must(t, err)

	page := get(t, tess, "/requests/new/"+walk.Program+"/join?site="+site)
	page, err = page.FormWith("role").Set("role", "on-behalf-of").Send()
	must(t, err)
	says(t, page, "Nobody at "+name+" can authorize you yet")
	says(t, page, "Practitioner")
	page, id, err := tess.Fill(page, map[string][]string{"profession": {"medical-office-assistant"}})
	must(t, err)
	_, err = tess.SignAndSend(page)
	must(t, err)
	must(t, mona.Approve(walk.Inbox(id), confirm))
	says(t, get(t, tess, "/access"), "Nobody who was asked can say yes right now.")
	if s.holds(t, tess, site, "on-behalf-of") {
		t.Error("access before any authorizer said yes")
	}

	_, err = desk.Practise(site, paul, "practitioner", walk.Licensed("physician", "cpsbc", "C100", inAYear()), mona, walk.Inbox)
	must(t, err)
	offer := read(t, paul, "/authorizing", formTo("/offer"))
	offer.with("account", s.account(t, tess)).accepted(t)
	if !s.holds(t, tess, site, "on-behalf-of") {
		t.Error("the offer gave nothing: ", get(t, tess, "/access").Text())
	}
	s.inRealm(t, tess, site, "on-behalf-of", "viewer")

	read(t, paul, "/authorizing", formTo("/invite")).with("role", "on-behalf-of").with("email", ulla.Email).accepted(t)
	m, err := s.mail.Wait(ulla.Email, "", "/invitation")
	must(t, err)
	page, err = ulla.Get(m.Link("/invitation"))
	must(t, err)
	says(t, page, "Paul Okafor")
	page, err = page.Form("/invitation").Send()
	must(t, err)
	page, id, err = ulla.Fill(page, map[string][]string{"profession": {"office-manager"}})
	must(t, err)
	_, err = ulla.SignAndSend(page)
	must(t, err)
	if s.holds(t, ulla, site, "on-behalf-of") {
		t.Error("access before anybody confirmed that she works there")
	}
	must(t, mona.Approve(walk.Inbox(id), confirm))
	s.inRealm(t, ulla, site, "on-behalf-of", "viewer")
	again, err := tess.Get(m.Link("/invitation"))
	must(t, err)
	if again.Status != http.StatusGone {
		t.Errorf("an offer that was taken answers %d: %s", again.Status, again.Text())
	}
	s.invariants(t)
}
