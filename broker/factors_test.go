package broker_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/broker/walk"
)

// credentials are the kinds that Keycloak has of somebody, and their id there.
func (s *stack) credentials(t *testing.T, p *walk.Person) (sub string, kinds []string) {
	t.Helper()
	s.query(t, &sub, `select sub from account where user_name = $1`, p.UserName)
	var all []struct{ Type string }
	s.keycloak(t, "/users/"+sub+"/credentials", &all)
	for _, c := range all {
		kinds = append(kinds, c.Type)
	}
	slices.Sort(kinds)
	return sub, kinds
}

// movesTo is somebody with another mail address, which their next sign-in tells us.
func (s *stack) movesTo(t *testing.T, p *walk.Person, email string) {
	t.Helper()
	sub, _ := s.credentials(t, p)
	var u map[string]any
	s.keycloak(t, "/users/"+sub, &u)
	u["email"] = email
	s.alter(t, http.MethodPut, "/users/"+sub, u)
	p.Browser = walk.New(s.config.PublicURL)
	_, err := p.SignIn(p.UserName, p.Password)
	must(t, err)
	get(t, p, "/access")
}

// A phone is lost: the administrator of the site resets it, with a reason; one of
// another site cannot see that there is anything to reset, and nobody does it for
// themself. The old codes are no longer asked for, every session is over, and the
// person is told at the address of now and at the one of before. Who knows the
// password, and nobody who has the mailbox alone, sets up a new one on the way in.
// Support does the same for whom they find by the exact user name.
// proves: attack A40 attack A56 attack A3
func TestLostFactor(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	people := s.people(t, "Tilda Lund", "Nils Brandt", "Sune Tan")
	tilda, nils, sune := people[0], people[1], people[2]
	_, err := walk.Assist(m.site, tilda, "medical-office-assistant", m.paul, m.mona)
	must(t, err)
	_, err = m.desk.OpenSite(nils, nils, walk.Clinic{Name: m.name + " North", City: "Victoria"})
	must(t, err)
	before := tilda.Email
	s.movesTo(t, tilda, "new."+before)
	old := walk.Phone(s.config.Issuer(), tilda.UserName)
	if _, kinds := s.credentials(t, tilda); !slices.Contains(kinds, "otp") || old == "" {
		t.Fatalf("no second factor to lose: %v", kinds)
	}

	factors := "/sites/" + m.site + "/members/" + s.join(t, tilda, m.site, "on-behalf-of") + "/factors"
	asks := read(t, m.mona, factors, formTo("/factors")).with("reasons", "lost").with("words", "She came in person.")
	for _, p := range []*walk.Person{nils, tilda, m.paul} {
		asks.by(t, p).refused(t, s, http.StatusNotFound)
		page, err := p.Get(factors)
		must(t, err)
		if page.Status != http.StatusNotFound {
			t.Errorf("%s sees it: %d", p.UserName, page.Status)
		}
	}
	own := "/sites/" + m.site + "/members/" + s.join(t, m.mona, m.site, "administrator") + "/factors"
	says(t, get(t, m.mona, own), "Somebody else has to reset yours.")
	asks.anew().to(own).refused(t, s, http.StatusForbidden)
	asks.anew().with("words", "").refused(t, s, http.StatusUnprocessableEntity)
	asks.anew().with("reasons", "because").refused(t, s, http.StatusUnprocessableEntity)

	asks.anew().accepted(t)
	says(t, get(t, m.mona, factors), "Last reset")
	eventually(t, "the second factor is gone", func() bool {
		_, kinds := s.credentials(t, tilda)
		return slices.Equal(kinds, []string{"password"})
	})
	s.signedOut(t, tilda)
	eventually(t, "Keycloak has no session of hers", func() bool { return s.sessions(t, tilda) == 0 })
	eventually(t, "the page says that it is done", func() bool {
		page, err := m.mona.Get(factors)
		return err == nil && strings.Contains(page.Text(), "Done")
	})
	for _, address := range []string{before, "new." + before} {
		mail, err := s.mail.Wait(address, "second factor was reset", "")
		must(t, err)
		to, err := plain(walk.New(s.config.PublicURL)).Get(mail.Link("/sign-in-methods"))
		must(t, err)
		if to.Status != http.StatusSeeOther {
			t.Errorf("with the mailbox alone: %d", to.Status)
		}
	}
	if n := s.count(t, `event where kind = 'account.factors-reset' and entity_id = $1 and convert_from(body, 'UTF8') like '%"lost"%'
		and convert_from(body, 'UTF8') not like '%in person%' and commitment is not null`, s.account(t, tilda)); n != 1 {
		t.Errorf("%d events tell of it", n)
	}

	tilda.Browser = walk.New(s.config.PublicURL)
	_, err = tilda.SignIn(tilda.UserName, tilda.Password)
	must(t, err)
	says(t, get(t, tilda, "/access"), "On-behalf-of user")
	if now := walk.Phone(s.config.Issuer(), tilda.UserName); now == old {
		t.Error("the lost phone still serves")
	}
	_, kept := s.credentials(t, tilda)

	link, err := m.desk.First.Invite("support", sune.Email)
	must(t, err)
	_, err = sune.Accept(link)
	must(t, err)
	find := read(t, sune, "/desk/"+walk.Program+"/factors", formTo("/factors"))
	find.with("user-name", "nobody-at-all").refused(t, s, http.StatusUnprocessableEntity)
	find.with("user-name", m.desk.First.UserName[1:]).refused(t, s, http.StatusUnprocessableEntity)
	desk := "/desk/" + walk.Program + "/factors/"
	says(t, get(t, sune, desk+s.account(t, m.desk.First)), "Only a registrar can reset")
	read(t, sune, desk+s.account(t, nils), formTo("/factors")).with("reasons", "stolen").with("words", "Video call.").accepted(t)
	eventually(t, "the second factor is gone", func() bool {
		_, kinds := s.credentials(t, nils)
		return slices.Equal(kinds, []string{"password"})
	})
	if _, kinds := s.credentials(t, tilda); !slices.Equal(kinds, kept) {
		t.Errorf("what was set up since is gone: %v, was %v", kinds, kept)
	}
	s.invariants(t)
}

// The only registrar loses the second factor: whoever runs the server resets it by a
// command, with a reason; the record says whence, the person is told, and nobody sees
// a secret. It is no way past a page: of whom somebody can reset there, and of whoever
// operates nothing, it takes nothing away.
// proves: attack A40
func TestLostFactorOfTheLastRegistrar(t *testing.T) {
	t.Parallel()
	s := start(t)
	people := s.people(t, "Rosa Almeida", "Ravi Shah", "Ann Lee")
	rosa, ravi, ann := people[0], people[1], people[2]
	s.firstRegistrar(t, rosa)
	get(t, rosa, "/desk/careconnect")
	if _, kinds := s.credentials(t, rosa); !slices.Contains(kinds, "otp") {
		t.Fatalf("no second factor to lose: %v", kinds)
	}
	reset := func(p, want string, more ...string) {
		t.Helper()
		out, err := s.command(t, "", append([]string{"access", "reset-factors", p, "--reason", "lost", "--words", "She sits beside me."}, more...)...)
		if !strings.Contains(out, want) || (err == nil) != strings.HasPrefix(out, "recorded") {
			t.Errorf("%s: %v %s, want %q", p, err, out, want)
		}
	}
	resets := func(p *walk.Person) int {
		t.Helper()
		return s.count(t, `event e join act a on a.id = e.act_id where e.kind = 'account.factors-reset' and e.entity_id = $1 and a.actor_kind = 'cli' and a.actor is null
			and convert_from(e.body, 'UTF8') like '%"lost"%' and convert_from(e.body, 'UTF8') like '%"command-line"%'
			and convert_from(e.body, 'UTF8') not like '%beside me%' and e.commitment is not null`, s.account(t, p))
	}
	reset("nobody-at-all", "nobody with an account here has the user name nobody-at-all")
	reset(ann.UserName, "operates no program")
	reset(rosa.UserName, "--reason must be one of", "--reason", "because")
	reset(rosa.UserName, "words", "--words", " ")
	if n := resets(rosa) + resets(ann); n != 0 {
		t.Errorf("refused, and %d events tell of it", n)
	}

	old := walk.Phone(s.config.Issuer(), rosa.UserName)
	reset(rosa.UserName, "recorded")
	eventually(t, "the second factor is gone", func() bool {
		_, kinds := s.credentials(t, rosa)
		return slices.Equal(kinds, []string{"password"})
	})
	s.signedOut(t, rosa)
	eventually(t, "Keycloak has no session of hers", func() bool { return s.sessions(t, rosa) == 0 })
	mail, err := s.mail.Wait(rosa.Email, "second factor was reset", "/sign-in-methods")
	must(t, err)
	if !strings.Contains(mail.Text, "whoever runs this service reset") {
		t.Errorf("the mail does not say who did it: %s", mail.Text)
	}
	if n := resets(rosa); n != 1 {
		t.Errorf("%d events tell of it", n)
	}
	rosa.Browser = walk.New(s.config.PublicURL)
	_, err = rosa.SignIn(rosa.UserName, rosa.Password)
	must(t, err)
	get(t, rosa, "/desk/careconnect")
	if now := walk.Phone(s.config.Issuer(), rosa.UserName); now == old {
		t.Error("the lost phone still serves")
	}

	s.invited(t, rosa, ravi)
	get(t, ravi, "/desk/careconnect")
	_, kept := s.credentials(t, ravi)
	reset(ravi.UserName, "others can, at "+s.config.PublicURL+"/desk/careconnect/factors: "+rosa.UserName)
	if n := s.count(t, `act where kind = 'account.reset-factors' and for_actor = $1 and refused and reasons = '{others-reset}'`, s.account(t, ravi)); n != 1 || resets(ravi) != 0 {
		t.Errorf("%d acts tell of the refusal, and %d events of a reset", n, resets(ravi))
	}
	says(t, get(t, rosa, "/desk/careconnect/factors/"+s.account(t, ravi)), "Ravi Shah") // as the command said
	if _, kinds := s.credentials(t, ravi); !slices.Equal(kinds, kept) {
		t.Errorf("refused, and gone: %v, was %v", kinds, kept)
	}

	// A second registrar of all programs spares the command, as README says.
	page := get(t, rosa, "/desk/operator/operators")
	_, err = page.FormWith("email").Set("role", "registrar").Set("email", ann.Email).Send()
	must(t, err)
	invitation, err := s.mail.Wait(ann.Email, "", "/invitation")
	must(t, err)
	_, err = ann.Accept(invitation.Link("/invitation"))
	must(t, err)
	reset(rosa.UserName, "/desk/careconnect/factors: "+ann.UserName)
	s.invariants(t)
}
