package policies

import (
	"slices"
	"testing"
	"time"
)

var allRoles = []string{"administrator", "practitioner", "pharmacist", "lpn", "rpn", "resident", "social-worker", "on-behalf-of"}

// Every role of CareConnect with all needs met gives exactly its leaves.
//
// proves: C1 C7 C14 C15 C17 C18 C20 C21
func TestEveryRoleGivesItsLeaves(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	for _, code := range allRoles {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			want := []string{"clinic/" + code + "/" + code, "clinic/" + code + "/viewer"}
			if code == "administrator" {
				want = want[:1] // being administrator gives no patient information
			}
			slices.Sort(want)
			f := clinicWith(t, ps, "ann", code)
			wantHeld(t, Decide(ps, f, "ann", d0), want...)
			wantHeld(t, Decide(ps, f, "somebody", d0)) // facts about others give nothing
			wantHeld(t, Decide(Programs{}, f, "ann", d0))
		})
	}
}

// Each need of each role, in each state: whatever does not meet it withholds
// all, with the need's name.
//
// proves: C2 C3 C4 C19 C20 C21 attack A01 attack A13 attack A16 attack A23
func TestEveryNeedOfEveryRole(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	for _, code := range allRoles {
		for _, n := range role(t, ps, code).Needs {
			f, id := clinicWith(t, ps, "ann", code), "ann@clinic/"+n.Key()
			missing := NeedOutstanding + " " + n.Key()
			lost := missing
			if n.By == ByAuthorizer {
				lost = NoLiveAuthorizer + " " + n.Key()
			}
			t.Run(code+"/"+n.Key(), func(t *testing.T) {
				t.Parallel()
				wantReasons(t, Decide(ps, drop(f, id), "ann", d0), missing)
				spans := map[Span]string{
					{From: day(-9), Until: d0}:      lost,    // [from, until): over at until
					{From: day(-9), Until: day(1)}:  "",      // live
					{From: d0}:                      "",      // begins at this very moment
					{From: d0.Add(time.Nanosecond)}: missing, // has not begun
				}
				for sp, want := range spans {
					g := copyOf(f)
					*span(&g, id) = sp
					if want == "" {
						if len(Decide(ps, g, "ann", d0).Held) == 0 {
							t.Errorf("%v does not meet the need", sp)
						}
						continue
					}
					wantReasons(t, Decide(ps, g, "ann", d0), want)
				}
				reviewStates(t, ps, f, n, id)
			})
		}
	}
}

// reviewStates are the ways in which a verdict does not approve.
func reviewStates(t *testing.T, ps Programs, f Facts, n Need, id string) {
	if n.Kind != NeedApprove || n.By == ByAuthorizer {
		return
	}
	missing := NeedOutstanding + " " + n.Key()
	i := slices.IndexFunc(f.Reviews, func(r Review) bool { return r.ID == id })
	change := func(do func(*Review)) Decision {
		g := copyOf(f)
		do(&g.Reviews[i])
		return Decide(ps, g, "ann", d0)
	}
	wantReasons(t, change(func(r *Review) { r.Verdict = Refused }), NeedRefused+" "+n.Key())
	wantReasons(t, change(func(r *Review) { r.Verdict = Returned }), missing)
	wantReasons(t, change(func(r *Review) { r.By = "ann" }), missing)
	wantReasons(t, change(func(r *Review) { r.Capacity = ByAuthorizer }), missing)
	wantReasons(t, change(func(r *Review) { r.Capacity = "" }), missing)
	wantReasons(t, change(func(r *Review) { r.Request = "another" }), missing)
	g := copyOf(f)
	g.Reviews = append(g.Reviews, Review{ID: "no", Request: "ann@clinic", By: "x", Need: n.Key(), Verdict: Refused, Span: always})
	wantReasons(t, Decide(ps, g, "ann", d0), NeedRefused+" "+n.Key())
	if n.Else != "" {
		if d := change(func(r *Review) { r.Capacity = n.Else }); len(d.Held) == 0 {
			t.Errorf("the else-branch does not meet %s: %v", n.Key(), reasons(d))
		}
	}
}

// What lies outside a role's needs withholds as well: sites, restrictions,
// professions, unknown words.
//
// proves: C1 C13 attack A15 attack A18
func TestObstacles(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	base := clinicWith(t, ps, "ann", "pharmacist")
	site := func(do func(*Site)) Facts {
		f := copyOf(base)
		s := f.Sites["clinic"]
		do(&s)
		f.Sites["clinic"] = s
		return f
	}
	restricted := func(r Restriction) Facts {
		f := copyOf(base)
		r.ID, r.Span = "r", always
		f.Restrictions = []Restriction{r}
		return f
	}
	joined := func(do func(*Join)) Facts {
		f := copyOf(base)
		do(&f.Joins[0])
		return f
	}
	licence := joined(func(j *Join) { j.Profession = "" })
	licence.Standings[0].Profession = "midwife"
	gone := copyOf(base)
	delete(gone.Sites, "clinic")
	for name, c := range map[string]struct {
		f    Facts
		want []string
	}{
		"not opened":             {site(func(s *Site) { s.OpenedAt = time.Time{} }), []string{SiteNotOpen}},
		"opens later":            {site(func(s *Site) { s.OpenedAt = day(1) }), []string{SiteNotOpen}},
		"closed now":             {site(func(s *Site) { s.ClosedAt = d0 }), []string{SiteClosed}},
		"closes later":           {site(func(s *Site) { s.ClosedAt = day(1) }), nil},
		"unknown site":           {gone, []string{SiteUnknown}},
		"unknown program":        {site(func(s *Site) { s.Program = "x" }), []string{RoleUnknown}},
		"unknown role":           {joined(func(j *Join) { j.Role = "boss" }), []string{RoleUnknown}},
		"licence of another":     {licence, []string{NeedOutstanding + " standing"}},
		"wrong profession":       {joined(func(j *Join) { j.Profession = "physician" }), []string{ProfessionNotEligible, NeedOutstanding + " standing"}},
		"restricted everywhere":  {restricted(Restriction{Account: "ann"}), []string{Restricted}},
		"restricted there":       {restricted(Restriction{Account: "ann", Site: "clinic"}), []string{Restricted}},
		"restricted in the role": {restricted(Restriction{Account: "ann", Site: "clinic", Role: "pharmacist"}), []string{Restricted}},
		"program suspended":      {restricted(Restriction{Account: "ann", Program: "careconnect"}), []string{Restricted}},
		"site frozen":            {restricted(Restriction{Site: "clinic"}), []string{Restricted}},
		"another role":           {restricted(Restriction{Account: "ann", Role: "lpn"}), nil},
		"another site":           {restricted(Restriction{Account: "ann", Site: "other"}), nil},
		"another program":        {restricted(Restriction{Account: "ann", Program: "operator"}), nil},
		"another account":        {restricted(Restriction{Account: "bob"}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(ps, c.f, "ann", d0)
			if c.want == nil {
				wantHeld(t, d, "clinic/pharmacist/pharmacist", "clinic/pharmacist/viewer")
				return
			}
			wantReasons(t, d, c.want...)
		})
	}
}

// Access is per worksite: what is held at one says nothing about another.
//
// proves: C13 attack A15
func TestEachWorksiteByItself(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := clinicWith(t, ps, "ann", "lpn")
	join(&f, role(t, ps, "lpn"), "ann", "other", always)
	wantHeld(t, Decide(ps, f, "ann", d0), "clinic/lpn/lpn", "clinic/lpn/viewer", "other/lpn/lpn", "other/lpn/viewer")
	span(&f, "ann@clinic/join").Until = d0
	wantHeld(t, Decide(ps, f, "ann", d0), "other/lpn/lpn", "other/lpn/viewer")
}

// Two joins for one role at one site are one grant; a join that leads to nothing
// is not shown beside one that does.
func TestSecondJoinAddsNothing(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := clinicWith(t, ps, "ann", "lpn")
	again := f.Joins[0]
	again.ID, again.Request, again.From = "later", "another", day(-1)
	f.Joins = append(f.Joins, again)
	earlier := again
	earlier.ID, earlier.From = "earlier", day(-60)
	f.Joins = append(f.Joins, earlier)
	d := Decide(ps, f, "ann", d0)
	wantHeld(t, d, "clinic/lpn/lpn", "clinic/lpn/viewer")
	if len(d.Withheld) != 0 {
		t.Errorf("withheld beside held: %v", d.Withheld)
	}
	two := drop(f, "ann@clinic/join")
	if d := Decide(ps, two, "ann", d0); len(d.Withheld) != 1 || d.Withheld[0].Join != "earlier" {
		t.Errorf("withheld %v, want the earlier join only", d.Withheld)
	}
	join(&two, role(t, ps, "rpn"), "ann", "clinic", Span{From: day(-1), Until: d0})
	two.Joins = append(two.Joins, Join{ID: "b", Account: "ann", Site: "clinic", Role: "boss", Span: always})
	if d := Decide(ps, two, "ann", d0); len(d.Withheld) != 2 || d.Withheld[0].Role != "boss" {
		t.Errorf("withheld %v, want boss before lpn", d.Withheld)
	}
}

// A statement counts for its time, in its version, by the person, for the person.
//
// proves: C2 C3 attack A22 attack A26
func TestAttestations(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	p := *ps["careconnect"]
	p.Agreements = map[string]Agreement{}
	for name, a := range ps["careconnect"].Agreements {
		p.Agreements[name] = a
	}
	a := p.Agreements["direct-care-only"]
	p.Agreements["direct-care-only"] = Agreement{Name: a.Name, Versions: append(slices.Clone(a.Versions),
		AgreementVersion{Number: 2, From: day(5)},                                         // editorial
		AgreementVersion{Number: 3, From: day(10), Material: true, Grace: 48 * time.Hour}, // asks again
	)}
	ps = Programs{"careconnect": &p}
	base := clinicWith(t, ps, "ann", "lpn")
	i := slices.IndexFunc(base.Signatures, func(s Signature) bool { return s.Agreement == "direct-care-only" })
	need := NeedOutstanding + " attest:direct-care-only"
	for name, c := range map[string]struct {
		change func(*Signature)
		at     time.Time
		held   bool
	}{
		"as signed":                    {func(*Signature) {}, d0, true},
		"editorial change":             {func(*Signature) {}, day(6), true},
		"material change, in grace":    {func(*Signature) {}, day(12).Add(-1), true},
		"material change, after grace": {func(*Signature) {}, day(12), false},
		"signed the new version":       {func(s *Signature) { s.Version = 3 }, day(12), true},
		"unknown version":              {func(s *Signature) { s.Version = 9 }, d0, false},
		"by somebody else":             {func(s *Signature) { s.Account = "admin" }, d0, false},
		"signed for the site":          {func(s *Signature) { s.Declarant = true }, d0, false},
		"last moment of the year":      {func(s *Signature) { s.From = d0.Add(-365*24*time.Hour + 1) }, d0, true},
		"a year on":                    {func(s *Signature) { s.From = d0.Add(-365 * 24 * time.Hour) }, d0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := copyOf(base)
			c.change(&f.Signatures[i])
			d := Decide(ps, f, "ann", c.at)
			if c.held {
				wantHeld(t, d, "clinic/lpn/lpn", "clinic/lpn/viewer")
			} else {
				wantReasons(t, d, need)
			}
		})
	}
}

// An attestation per site counts at that site only.
//
// proves: C13
func TestAttestationPerSite(t *testing.T) {
	t.Parallel()
	p := &Program{ID: "careconnect", Agreements: map[string]Agreement{"rules": {Versions: []AgreementVersion{{Number: 1}}}}, Roles: []Role{
		{Code: "r", Needs: []Need{{Kind: NeedAttest, Agreement: "rules", Per: "site"}, {Kind: NeedInvited}}},
	}}
	ps := Programs{p.ID: p}
	f := town()
	join(&f, p.Roles[0], "ann", "clinic", always)
	wantReasons(t, Decide(ps, f, "ann", d0), NeedOutstanding+" attest:rules")
	f.Signatures[0].Site = "other"
	wantReasons(t, Decide(ps, f, "ann", d0), NeedOutstanding+" attest:rules")
	f.Signatures[0].Site = "clinic"
	wantHeld(t, Decide(ps, f, "ann", d0), "clinic/r/r")
}

// Standing is asked of regulated professions, for the profession in which the
// person asks, on somebody else's word.
//
// proves: C1
func TestStanding(t *testing.T) {
	t.Parallel()
	p := *programs(t)["careconnect"]
	p.Roles = []Role{{Code: "r", Needs: []Need{{Kind: NeedStanding}, {Kind: NeedInvited}}}}
	ps := Programs{p.ID: &p}
	base := town()
	join(&base, p.Roles[0], "ann", "clinic", always)
	for name, c := range map[string]struct {
		profession, proved, by string
		held                   bool
	}{
		"unregulated":         {"office-manager", "", "registrar", true},
		"regulated, proved":   {"midwife", "midwife", "registrar", true},
		"another profession":  {"midwife", "physician", "registrar", false},
		"unknown profession":  {"wizard", "physician", "registrar", false},
		"no profession given": {"", "physician", "registrar", true},
		"on one's own word":   {"midwife", "midwife", "ann", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := copyOf(base)
			f.Joins[0].Profession = c.profession
			f.Standings[0].Profession, f.Standings[0].By = c.proved, c.by
			d := Decide(ps, f, "ann", d0)
			if c.held {
				wantHeld(t, d, "clinic/r/r")
			} else {
				wantReasons(t, d, NeedOutstanding+" standing")
			}
			if c.profession == "office-manager" && d.Held[0].Needs[0].State != NotAsked {
				t.Errorf("standing is %s, want %s", d.Held[0].Needs[0].State, NotAsked)
			}
		})
	}
}

// The declaration of somebody else that names a person meets that person's
// affiliation; one's own does not, nor a refused one.
//
// proves: C9 attack A11
func TestDeclarationMeetsAffiliation(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := drop(clinicWith(t, ps, "ann", "on-behalf-of"), "ann@clinic/approve:group-administrator")
	declare := func(by, site string, names ...string) Facts {
		g := copyOf(f)
		g.Signatures = append(g.Signatures, Signature{ID: "decl", Account: by, Site: site, Program: "careconnect", Agreement: "worksite-privacy-security", Version: 1, Declarant: true, Names: names, Span: always})
		return g
	}
	missing := NeedOutstanding + " approve:group-administrator"
	wantReasons(t, Decide(ps, f, "ann", d0), missing)
	wantReasons(t, Decide(ps, declare("ann", "clinic", "ann"), "ann", d0), missing)
	wantReasons(t, Decide(ps, declare("doc", "clinic", "bob"), "ann", d0), missing)
	wantReasons(t, Decide(ps, declare("doc", "other", "ann"), "ann", d0), missing)
	boss := drop(clinicWith(t, ps, "ann", "administrator"), "ann@clinic/approve:registrar")
	boss.Signatures = append(boss.Signatures, declare("doc", "clinic", "ann").Signatures...)
	wantReasons(t, Decide(ps, boss, "ann", d0), NeedOutstanding+" approve:registrar") // no declaration makes an administrator
	g := declare("doc", "clinic", "ann")
	d := Decide(ps, g, "ann", d0)
	wantHeld(t, d, "clinic/on-behalf-of/on-behalf-of", "clinic/on-behalf-of/viewer")
	if !slices.Contains(d.Held[0].Basis, "decl") {
		t.Errorf("basis %v lacks the declaration", d.Held[0].Basis)
	}
	g.Reviews = append(g.Reviews, Review{ID: "no", Request: "ann@clinic", By: "chief", Need: "approve:group-administrator", Verdict: Refused, Span: always})
	wantReasons(t, Decide(ps, g, "ann", d0), NeedRefused+" approve:group-administrator")
}

// An on-behalf-of person holds what a live authorizer of that worksite holds
// there, and it ends with the last of them, and comes back with a new one.
//
// proves: C18 C19 C23 attack A09 attack A16 X3
func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	base := clinicWith(t, ps, "ann", "on-behalf-of")
	lost, both := NoLiveAuthorizer+" approve:authorizer", []string{"clinic/on-behalf-of/on-behalf-of", "clinic/on-behalf-of/viewer"}
	suspended := copyOf(base)
	suspended.Restrictions = []Restriction{{ID: "s", Account: "doc", Span: always}}
	expired := copyOf(base)
	span(&expired, "doc@clinic/standing").Until = d0
	left := copyOf(base)
	span(&left, "doc@clinic/join").Until = d0
	elsewhere := copyOf(base)
	elsewhere.Joins = slices.Clone(base.Joins)
	i := slices.IndexFunc(elsewhere.Joins, func(j Join) bool { return j.Account == "doc" })
	elsewhere.Joins[i].Site = "other"
	chained := clinicWith(t, ps, "ann", "on-behalf-of")
	join(&chained, role(t, ps, "on-behalf-of"), "bob", "clinic", always)
	chained.Mandates[0].Authorizer = "bob" // who is on-behalf-of himself
	nurse := clinicWith(t, ps, "ann", "on-behalf-of")
	join(&nurse, role(t, ps, "lpn"), "nell", "clinic", always)
	nurse.Mandates[0].Authorizer = "nell" // who may not authorize (C22)
	self := copyOf(base)
	self.Mandates[0].Authorizer = "ann"
	join(&self, role(t, ps, "practitioner"), "ann", "clinic", always) // so that only the rule stands in the way
	ended := copyOf(base)
	span(&ended, "ann@clinic/approve:authorizer").Until = d0
	for name, f := range map[string]Facts{"ended": ended, "suspended": suspended, "licence expired": expired, "left": left, "holds it elsewhere": elsewhere, "chain": chained, "cannot authorize": nurse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReasons(t, Decide(ps, f, "ann", d0), lost)
		})
	}
	moved := copyOf(base)
	moved.Mandates[0].Site = "other"
	wantReasons(t, Decide(ps, moved, "ann", d0), NeedOutstanding+" approve:authorizer") // a yes is for one worksite
	back := copyOf(ended)                                                               // who was away starts anew: of what was before, nothing is lost
	span(&back, "ann@clinic/join").From = d0
	wantReasons(t, Decide(ps, back, "ann", d0), NeedOutstanding+" approve:authorizer")
	if d := Decide(ps, self, "ann", d0); slices.Contains(held(d), "clinic/on-behalf-of/viewer") {
		t.Error("a person authorized themself")
	}
	two := copyOf(suspended) // a second authorizer keeps the access, on their word alone
	join(&two, role(t, ps, "practitioner"), "dora", "clinic", always)
	two.Mandates = append(two.Mandates, Mandate{ID: "m2", Authorizer: "dora", OnBehalf: "ann", Site: "clinic", Span: always})
	d := Decide(ps, two, "ann", d0)
	wantHeld(t, d, both...)
	if b := d.Held[1].Basis; !slices.Contains(b, "m2") || slices.Contains(b, "ann@clinic/approve:authorizer") {
		t.Errorf("basis %v, want the live mandate and not the dead one", b)
	}
}

// An authorizer's no refuses nothing: the need waits for another's yes, and that
// is enough.
//
// proves: C19
func TestAuthorizersNo(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := drop(clinicWith(t, ps, "ann", "on-behalf-of"), "ann@clinic/approve:authorizer")
	f.Reviews = append(f.Reviews, Review{ID: "no", Request: "ann@clinic", By: "dora", Need: "approve:authorizer", Capacity: ByAuthorizer, Verdict: Refused, Span: always})
	wantReasons(t, Decide(ps, f, "ann", d0), NeedOutstanding+" approve:authorizer")
	f.Mandates = []Mandate{{ID: "m", Authorizer: "doc", OnBehalf: "ann", Site: "clinic", Span: always}}
	wantHeld(t, Decide(ps, f, "ann", d0), "clinic/on-behalf-of/on-behalf-of", "clinic/on-behalf-of/viewer")
}

// What is capped stays capped: authorizers who hold no entitlement pass on none,
// and a role with gifts of its own that needs an authorizer gives those.
//
// proves: C18 C23
func TestCapOfTheAuthorizer(t *testing.T) {
	t.Parallel()
	byAuthorizer := Need{Kind: NeedApprove, By: ByAuthorizer}
	p := &Program{ID: "careconnect", Entitlements: []string{"a", "b"}, Roles: []Role{
		{Code: "empty", Needs: []Need{{Kind: NeedInvited}}, May: []Capability{Authorize}},
		{Code: "giver", Needs: []Need{{Kind: NeedInvited}}, Gives: []string{"a"}},
		{Code: "as", Needs: []Need{byAuthorizer}, AsHolder: true},
		{Code: "own", Needs: []Need{byAuthorizer}, Gives: []string{"b"}},
	}}
	ps := Programs{p.ID: p}
	f := town()
	join(&f, p.Roles[0], "doc", "clinic", always)
	join(&f, p.Roles[2], "ann", "clinic", always)
	join(&f, p.Roles[3], "bob", "clinic", always)
	wantReasons(t, Decide(ps, f, "ann", d0), NoLiveAuthorizer)
	wantHeld(t, Decide(ps, f, "bob", d0), "clinic/own/b", "clinic/own/own")
	// All that the authorizer holds there in their own right is passed on, once.
	join(&f, p.Roles[1], "doc", "clinic", always)
	p.Roles[0].Gives = []string{"a"}
	wantHeld(t, Decide(ps, f, "ann", d0), "clinic/as/a", "clinic/as/as")
}

// Operators: only an invitation that a registrar gave lets one in.
func TestOperators(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	for _, r := range ps[OperatorProgram].Roles {
		f := Facts{Sites: map[string]Site{"op": {ID: "op", Program: OperatorProgram, OpenedAt: day(-9)}}}
		join(&f, r, "rita", "op", always)
		wantHeld(t, Decide(ps, f, "rita", d0), "op/"+r.Code+"/"+r.Code)
		wantReasons(t, Decide(ps, drop(f, "rita@op/invited"), "rita", d0), NeedOutstanding+" invited")
		f.Reviews[0].By = "rita"
		wantReasons(t, Decide(ps, f, "rita", d0), NeedOutstanding+" invited")
	}
}

// A need of sites in a role is never met: default deny.
func TestDeclareInARoleIsNeverMet(t *testing.T) {
	t.Parallel()
	p := &Program{ID: "careconnect", Roles: []Role{{Code: "r", Needs: []Need{{Kind: NeedDeclare, Agreement: "x"}}}}}
	f := town()
	join(&f, p.Roles[0], "ann", "clinic", always)
	wantReasons(t, Decide(Programs{p.ID: p}, f, "ann", d0), NeedOutstanding+" declare:x")
}

// Two programs may call an agreement alike: what was signed for one counts for
// that one only.
func TestAgreementsOfTwoProgramsWithOneName(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	twin := *ps["careconnect"]
	twin.ID = "twin"
	ps["twin"] = &twin
	f := clinicWith(t, ps, "doc", "practitioner")
	f.Sites["there"] = Site{ID: "there", Program: "twin", Request: "req-there", Requester: "founder", OpenedAt: day(-100)}
	join(&f, role(t, ps, "practitioner"), "doc", "there", always)
	wantHeld(t, Decide(ps, f, "doc", d0), "clinic/practitioner/practitioner", "clinic/practitioner/viewer")
	for i := range f.Signatures {
		f.Signatures[i].Program = "twin"
	}
	wantHeld(t, Decide(ps, f, "doc", d0), "there/practitioner/practitioner", "there/practitioner/viewer")
	f.Signatures = []Signature{{ID: "decl", Account: "owner", Site: "there", Program: "careconnect", Agreement: "worksite-privacy-security", Version: 1, Declarant: true, Span: always}}
	if s := DecideSite(&twin, f, "there", d0).Needs[0]; s.State != Outstanding {
		t.Errorf("another program's declaration: %s", s.State)
	}
}
