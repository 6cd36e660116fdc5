package policies

import (
	"slices"
	"testing"
	"time"
)

// actor holds roles at the clinic, and operator roles over careconnect as
// "op:<role>".
func actor(account string, roles ...string) Actor {
	a := Actor{Account: account}
	for _, r := range roles {
		if len(r) > 3 && r[:3] == "op:" {
			a.Holds = append(a.Holds, Held{Program: OperatorProgram, Site: "op", SiteCode: "careconnect", Role: r[3:]})
			continue
		}
		a.Holds = append(a.Holds, Held{Program: "careconnect", Site: "clinic", SiteCode: "c1", Role: r})
	}
	return a
}

// joinCase is ann's submitted request to be on-behalf-of at the clinic, which
// asks doc to authorize her and has nothing met yet.
func joinCase(t testing.TB, ps Programs) Case {
	t.Helper()
	c := Case{
		Program: ps["careconnect"], Site: town().Sites["clinic"],
		Request:        Request{Kind: JoinRequest, State: Submitted, Account: "ann", By: "ann", Role: "on-behalf-of", Authorizers: []string{"doc"}},
		Administrators: []string{"chief"}, Authorizers: []string{"doc", "dora"}, Registrars: []string{"rita", "rob"},
	}
	for _, n := range role(t, ps, "on-behalf-of").Needs {
		c.Needs = append(c.Needs, NeedState{Need: n, State: Outstanding})
	}
	return c
}

// siteCase is founder's submitted request for a worksite.
func siteCase(t testing.TB, ps Programs, declared State) Case {
	t.Helper()
	c := joinCase(t, ps)
	c.Site.OpenedAt = day(1)
	c.Request = Request{Kind: SiteRequest, State: Submitted, Account: "founder", By: "founder"}
	c.Administrators, c.Needs = nil, nil
	for _, n := range c.Program.Sites.Needs {
		c.Needs = append(c.Needs, NeedState{Need: n, State: Outstanding})
	}
	c.Needs[0].State = declared
	if declared == Met {
		c.Signer = "owner"
	}
	return c
}

func wantAnswer(t *testing.T, what string, got Answer, want string) {
	t.Helper()
	if len(got.Reasons) != 1 || got.Reasons[0] != want || got.OK != (want[:3] == "as-") {
		t.Errorf("%s: %+v, want %s", what, got, want)
	}
	if got.OK && "as-"+string(got.Capacity) != want {
		t.Errorf("%s: capacity %s, want %s", what, got.Capacity, want)
	}
	if !slices.Contains(ReasonCodes(), want) {
		t.Errorf("%s is not among ReasonCodes", want)
	}
}

// Who may review which need of a request to join.
//
// proves: C19 C22 X5 attack A01 attack A02 attack A05 attack A08 attack A09 attack A13
func TestMayReviewJoin(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	const confirm, authorize = "approve:group-administrator", "approve:authorizer"
	nobody, onlySubject := func(c *Case) { c.Administrators = nil }, func(c *Case) { c.Administrators = []string{"ann"} }
	state := func(s string) func(*Case) { return func(c *Case) { c.Request.State = s } }
	need := func(key string, s State) func(*Case) {
		return func(c *Case) {
			i := slices.IndexFunc(c.Needs, func(n NeedState) bool { return n.Need.Key() == key })
			c.Needs[i].State = s
		}
	}
	elsewhere := actor("chief", "administrator")
	elsewhere.Holds[0].Site = "other"
	for name, c := range map[string]struct {
		who    Actor
		need   string
		change func(*Case)
		want   string
	}{
		"the administrator confirms":         {actor("chief", "administrator"), confirm, nil, AsGroupAdmin},
		"not signed in":                      {Actor{}, confirm, nil, NotSignedIn},
		"the subject, an administrator":      {actor("ann", "administrator"), confirm, nil, OwnRequest},
		"the subject, a registrar":           {actor("ann", "op:registrar"), confirm, nobody, OwnRequest},
		"an administrator elsewhere":         {elsewhere, confirm, nil, NotVisible},
		"a colleague":                        {actor("bob", "practitioner"), confirm, nil, NotVisible},
		"who was an administrator":           {actor("chief"), confirm, nil, NotVisible},
		"support sees only":                  {actor("sue", "op:support"), confirm, nil, NotAdministrator},
		"registrar, but there is one":        {actor("rita", "op:registrar"), confirm, nil, OthersDecide},
		"registrar, nobody is there":         {actor("rita", "op:registrar"), confirm, nobody, AsRegistrar},
		"registrar, only the subject":        {actor("rita", "op:registrar"), confirm, onlySubject, AsRegistrar},
		"registrar who asked for her":        {actor("rita", "op:registrar"), confirm, func(c *Case) { nobody(c); c.Request.By = "rita" }, RequestedByYou},
		"registrar who signed for the site":  {actor("rita", "op:registrar"), confirm, func(c *Case) { nobody(c); c.Signer = "rita" }, AsRegistrar},
		"an administrator who asked for her": {actor("chief", "administrator"), confirm, func(c *Case) { c.Request.By = "chief" }, AsGroupAdmin},
		"a draft":                            {actor("chief", "administrator"), confirm, state(Draft), NotVisible},
		"returned":                           {actor("chief", "administrator"), confirm, state(ReturnedR), NotSubmitted},
		"granted":                            {actor("chief", "administrator"), confirm, state(Granted), NotSubmitted},
		"refused":                            {actor("chief", "administrator"), confirm, state(RefusedR), NotSubmitted},
		"withdrawn":                          {actor("chief", "administrator"), confirm, state(Withdrawn), NotSubmitted},
		"already met":                        {actor("chief", "administrator"), confirm, need(confirm, Met), NotOutstanding},
		"no such need":                       {actor("chief", "administrator"), "approve:king", nil, NoSuchNeed},
		"nobody reviews a signature":         {actor("chief", "administrator"), "attest:direct-care-only", nil, NoSuchNeed},
		"the authorizer says yes":            {actor("doc", "practitioner"), authorize, nil, AsAuthorizerReason},
		"a second one, after the first":      {actor("doc", "practitioner"), authorize, func(c *Case) { need(authorize, Met)(c); state(Granted)(c) }, AsAuthorizerReason},
		"a second one, before the rest":      {actor("doc", "practitioner"), authorize, need(authorize, Met), AsAuthorizerReason},
		"an authorizer twice":                {actor("doc", "practitioner"), authorize, func(c *Case) { c.Reviews = []Review{{By: "doc", Need: authorize}} }, ReviewedByYou},
		"another word by the same":           {actor("doc", "practitioner"), authorize, func(c *Case) { c.Reviews = []Review{{By: "doc", Need: confirm}} }, AsAuthorizerReason},
		"an authorizer of a refused one":     {actor("doc", "practitioner"), authorize, state(RefusedR), NotSubmitted},
		"one who is not named":               {actor("dora", "practitioner", "administrator"), authorize, nil, NotNamed},
		"named, but gone":                    {actor("doc"), authorize, nil, NotVisible},
		"named, but administers only":        {actor("doc", "administrator"), authorize, nil, NotAuthorizer},
		"named, but on-behalf-of":            {actor("doc", "on-behalf-of", "administrator"), authorize, nil, NotAuthorizer},
		"the subject, an authorizer":         {actor("ann", "practitioner"), authorize, func(c *Case) { c.Request.Authorizers = []string{"ann"} }, OwnRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := joinCase(t, ps)
			if c.change != nil {
				c.change(&x)
			}
			wantAnswer(t, "approve", MayReview(ps, c.who, x, c.need), c.want)
			wantAnswer(t, "turn down", MayTurnDown(ps, c.who, x, c.need), c.want)
			wantAnswer(t, "without programs", MayReview(nil, Actor{Account: "z", Holds: c.who.Holds}, x, c.need), NotVisible)
		})
	}
}

// Who may approve a worksite: a registrar who neither asked nor signed, after the
// declaration; and a second one who did not approve.
//
// proves: C9 C12 attack A10 attack A11 attack A13
func TestMayReviewSite(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	const one, two = "approve:registrar", "approve:second-registrar"
	by := func(who, need string, v Verdict) []Review {
		return []Review{{By: who, Need: need, Verdict: v}}
	}
	for name, c := range map[string]struct {
		who      Actor
		need     string
		declared State
		signer   string
		reviews  []Review
		approve  string
		turnDown string
	}{
		"a registrar":               {actor("rita", "op:registrar"), one, Met, "owner", nil, AsRegistrar, AsRegistrar},
		"before the declaration":    {actor("rita", "op:registrar"), one, Outstanding, "", nil, NotDeclaredYet, AsRegistrar},
		"the requester":             {actor("founder", "op:registrar"), one, Met, "owner", nil, OwnRequest, OwnRequest},
		"the signer":                {actor("rita", "op:registrar"), one, Met, "rita", nil, SignedByYou, SignedByYou},
		"the signer, second":        {actor("rita", "op:registrar"), two, Met, "rita", nil, SignedByYou, SignedByYou},
		"the signer, no registrar":  {actor("owner"), one, Met, "owner", nil, NotRegistrar, NotRegistrar},
		"a stranger":                {actor("bob"), one, Met, "owner", nil, NotVisible, NotVisible},
		"a stranger, undeclared":    {actor("bob"), one, Outstanding, "", nil, NotVisible, NotVisible},
		"an administrator there":    {actor("chief", "administrator"), one, Met, "owner", nil, NotRegistrar, NotRegistrar},
		"the second":                {actor("rob", "op:registrar"), two, Met, "founder", by("rita", one, Approved), AsSecondRegistrar, AsSecondRegistrar},
		"the first as second":       {actor("rita", "op:registrar"), two, Met, "founder", by("rita", one, Approved), ReviewedByYou, ReviewedByYou},
		"the second as first":       {actor("rob", "op:registrar"), one, Met, "founder", by("rob", two, Approved), ReviewedByYou, ReviewedByYou},
		"who had returned it":       {actor("rita", "op:registrar"), two, Met, "founder", by("rita", one, Returned), AsSecondRegistrar, AsSecondRegistrar},
		"who had it back":           {actor("rita", "op:registrar"), one, Met, "owner", by("rita", one, Returned), AsRegistrar, AsRegistrar},
		"second before declaration": {actor("rob", "op:registrar"), two, Outstanding, "", nil, NotDeclaredYet, AsSecondRegistrar},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := siteCase(t, ps, c.declared)
			x.Signer, x.Reviews = c.signer, c.reviews
			wantAnswer(t, "approve", MayReview(ps, c.who, x, c.need), c.approve)
			wantAnswer(t, "turn down", MayTurnDown(ps, c.who, x, c.need), c.turnDown)
		})
	}
}

// Words of the vocabulary that name nobody who reviews are never a way in.
func TestMayReviewNobodysNeed(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	c := joinCase(t, ps)
	c.Needs = []NeedState{{Need: Need{Kind: NeedApprove, By: BySigningAuthority}, State: Outstanding}}
	wantAnswer(t, "signing authority", MayReview(ps, actor("rita", "op:registrar"), c, "approve:signing-authority"), NoSuchNeed)
	c.Needs[0].Need.By, c.Administrators = ByGroupAdministrator, nil // and no else
	wantAnswer(t, "no else", MayReview(ps, actor("rita", "op:registrar"), c, "approve:group-administrator"), NotAdministrator)
}

// Deciders are who has it now.
//
// proves: attack A01 attack A11
func TestDeciders(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	c := joinCase(t, ps)
	confirm := Need{Kind: NeedApprove, By: ByGroupAdministrator, Else: ByRegistrar}
	check := func(what string, n Need, wantAs Approver, want ...string) {
		t.Helper()
		if as, who := Deciders(c, n); as != wantAs || !slices.Equal(who, want) {
			t.Errorf("%s: %s %v, want %s %v", what, as, who, wantAs, want)
		}
	}
	check("administrator", confirm, ByGroupAdministrator, "chief")
	check("authorizer", Need{Kind: NeedApprove, By: ByAuthorizer}, ByAuthorizer, "doc")
	c.Administrators = []string{"ann"}
	check("else", confirm, ByRegistrar, "rita", "rob")
	check("no else", Need{Kind: NeedApprove, By: ByGroupAdministrator}, ByGroupAdministrator)
	c = siteCase(t, ps, Met)
	c.Reviews = []Review{{By: "rita", Need: "approve:registrar", Verdict: Approved}}
	check("second", Need{Kind: NeedApprove, By: BySecondRegistrar}, BySecondRegistrar, "rob")
	c.Registrars = []string{"rita"} // the only registrar: a second is needed, and there is none
	check("no second", Need{Kind: NeedApprove, By: BySecondRegistrar}, BySecondRegistrar)
}

// Who sees a request; for all others it does not exist.
//
// proves: attack A02 attack A15
func TestMaySee(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	join, site := joinCase(t, ps), siteCase(t, ps, Met)
	draft := join
	draft.Request.State = Draft
	named := join
	named.Request.By, named.Signer = "chief", "owner"
	other := actor("rita", "op:registrar")
	other.Holds[0].SiteCode = "another-program"
	for name, c := range map[string]struct {
		who  Actor
		c    Case
		want string
	}{
		"nobody":                     {Actor{}, join, NotSignedIn},
		"the subject":                {actor("ann"), join, AsSubject},
		"the subject of another's":   {actor("ann"), named, AsSubject},
		"who submitted it":           {actor("chief"), named, AsSubject},
		"the requester of a site":    {actor("founder"), site, AsSubject},
		"its requester, of a join":   {actor("founder"), join, NotVisible},
		"the signer of a site":       {actor("owner"), site, AsSigningAuthority},
		"its signer, of a join":      {actor("owner"), named, NotVisible},
		"the administrator":          {actor("chief", "administrator"), join, AsGroupAdmin},
		"a registrar":                {actor("rita", "op:registrar"), join, AsRegistrar},
		"support":                    {actor("sue", "op:support"), join, AsSupport},
		"an auditor":                 {actor("aud", "op:auditor"), join, NotVisible},
		"another program's":          {other, join, NotVisible},
		"a named authorizer":         {actor("doc", "practitioner"), join, AsAuthorizerReason},
		"an authorizer not named":    {actor("dora", "practitioner"), join, NotVisible},
		"a named one who left":       {actor("doc"), join, NotVisible},
		"a stranger":                 {actor("bob"), join, NotVisible},
		"a draft, its subject":       {actor("ann"), draft, AsSubject},
		"a draft, a registrar":       {actor("rita", "op:registrar"), draft, NotVisible},
		"a draft, the administrator": {actor("chief", "administrator"), draft, NotVisible},
		"a case without a program":   {actor("rita", "op:registrar"), Case{Request: join.Request}, NotVisible},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAnswer(t, "see", MaySee(ps, c.who, c.c), c.want)
		})
	}
}

// Authority comes from open grants in known programs only.
func TestActorCan(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	a := actor("a", "practitioner", "op:registrar")
	a.Holds = append(a.Holds, Held{Program: "gone", Site: "clinic", Role: "administrator"}, Held{Program: "careconnect", Site: "clinic", Role: "gone"})
	if !a.Can(ps, Authorize, "clinic") || a.Can(ps, Authorize, "other") || a.Can(ps, Administer, "clinic") {
		t.Error("Can does not follow the grants")
	}
	if !a.CanOperate(ps, Registrar, "careconnect") || a.CanOperate(ps, Support, "careconnect") || a.CanOperate(ps, Registrar, "") || a.CanOperate(nil, Registrar, "careconnect") {
		t.Error("CanOperate does not follow the grants")
	}
}

// Who may sponsor: every role of the program, at the worksite, elsewhere, and no
// longer holding it. Only practitioners, only there, never for themselves.
//
// proves: C17 C22 attack A08 attack A09
func TestMayAuthorizeTable(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	c := joinCase(t, ps)
	for _, code := range append([]string{""}, allRoles...) {
		for _, where := range []string{"clinic", "other"} {
			a := actor("doc", code)
			a.Holds[0].Site = where
			want := NotAuthorizer
			if code == "practitioner" && where == "clinic" {
				want = AsAuthorizerReason
			}
			wantAnswer(t, code+" at "+where, MayAuthorize(ps, a, c, "ann"), want)
			wantReview := want
			if want == NotAuthorizer && (where == "other" || code != "administrator") {
				wantReview = NotVisible
			}
			wantAnswer(t, code+" reviews at "+where, MayReview(ps, a, c, "approve:authorizer"), wantReview)
		}
	}
	wantAnswer(t, "oneself", MayAuthorize(ps, actor("doc", "practitioner"), c, "doc"), OwnRequest)
	wantAnswer(t, "nobody", MayAuthorize(ps, Actor{}, c, "ann"), NotSignedIn)
}

// Asking to join: what may be asked, by whom, where, and in which profession.
//
// proves: C1 C13 C17 C19 attack A13 attack A18
func TestMaySubmitJoin(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	for name, c := range map[string]struct {
		change     func(*Case)
		profession string
		open       bool
		want       string
	}{
		"as it should be":             {nil, "office-manager", false, AsSubject},
		"submitted again":             {func(c *Case) { c.Request.State = ReturnedR }, "office-manager", false, AsSubject},
		"for somebody else":           {func(c *Case) { c.Request.Account = "bob" }, "office-manager", false, NotOwn},
		"no program":                  {func(c *Case) { c.Program = nil }, "office-manager", false, UnknownProgram},
		"a site of another program":   {func(c *Case) { c.Site.Program = "x" }, "office-manager", false, UnknownProgram},
		"no such role":                {func(c *Case) { c.Request.Role = "boss" }, "office-manager", false, RoleUnknown},
		"administrator":               {func(c *Case) { c.Request.Role = "administrator" }, "", false, ByInvitation},
		"submitted already":           {func(c *Case) { c.Request.State = Submitted }, "office-manager", false, WrongState},
		"withdrawn":                   {func(c *Case) { c.Request.State = Withdrawn }, "office-manager", false, WrongState},
		"asked for already":           {nil, "office-manager", true, AlreadyOpen},
		"not open yet":                {func(c *Case) { c.Site.OpenedAt = day(1) }, "office-manager", false, SiteNotOpen},
		"closed":                      {func(c *Case) { c.Site.ClosedAt = d0 }, "office-manager", false, SiteClosed},
		"closes later":                {func(c *Case) { c.Site.ClosedAt = day(1) }, "office-manager", false, AsSubject},
		"a profession of another":     {nil, "physician", false, ProfessionNotEligible},
		"no profession":               {nil, "", false, ProfessionNotEligible},
		"the only profession":         {func(c *Case) { c.Request.Role = "pharmacist" }, "", false, AsSubject},
		"an authorizer who is none":   {func(c *Case) { c.Request.Authorizers = []string{"nell"} }, "office-manager", false, AuthorizerUnfit},
		"oneself as authorizer":       {func(c *Case) { c.Request.Authorizers = []string{"ann"}; c.Authorizers = []string{"ann"} }, "office-manager", false, AuthorizerUnfit},
		"nobody named":                {func(c *Case) { c.Request.Authorizers = nil }, "office-manager", false, AuthorizersMissing},
		"nobody named, none is there": {func(c *Case) { c.Request.Authorizers, c.Authorizers = nil, nil }, "office-manager", false, AsSubject},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := joinCase(t, ps)
			x.Request.State = Draft
			if c.change != nil {
				c.change(&x)
			}
			wantAnswer(t, "join", MaySubmitJoin(actor("ann"), x, c.profession, c.open, d0), c.want)
		})
	}
	wantAnswer(t, "nobody", MaySubmitJoin(Actor{}, joinCase(t, ps), "", false, d0), NotSignedIn)
}

// Every act of the requester or signer on a request, in every state: what is not
// listed here is refused.
//
// proves: C12 attack A13
func TestStates(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	acts := map[string]struct {
		do        func(Case) Answer
		ok        []string // the states in which it may be done
		otherwise string
	}{
		"submit site":    {func(c Case) Answer { return MaySubmitSite(actor("founder"), c) }, []string{Draft, ReturnedR}, WrongState},
		"change":         {func(c Case) Answer { return MayChange(actor("founder"), c) }, []string{Draft, ReturnedR}, WrongState},
		"withdraw":       {func(c Case) Answer { return MayWithdraw(actor("founder"), c) }, []string{Draft, Submitted, ReturnedR}, WrongState},
		"correct signer": {func(c Case) Answer { return MayCorrectSigner(actor("founder"), c) }, []string{Submitted, ReturnedR}, NotSubmitted},
		"declare":        {func(c Case) Answer { return MayDeclare(actor("owner"), c) }, []string{Submitted, ReturnedR}, NotSubmitted},
	}
	for name, a := range acts {
		for _, state := range []string{Draft, Submitted, ReturnedR, Granted, RefusedR, Withdrawn} {
			c := siteCase(t, ps, Outstanding)
			c.Request.State = state
			got := a.do(c)
			if got.OK != slices.Contains(a.ok, state) {
				t.Errorf("%s in state %s: %+v", name, state, got)
			}
			if !got.OK && got.Reasons[0] != a.otherwise {
				t.Errorf("%s in state %s: %v, want %s", name, state, got.Reasons, a.otherwise)
			}
		}
	}
}

// What the requester, the signer and the person themself may do, and others not.
//
// proves: C9 attack A02 attack A11 attack A26
func TestOwnActs(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	site, join := siteCase(t, ps, Outstanding), joinCase(t, ps)
	founder, bob, nobody := actor("founder"), actor("bob", "administrator", "op:registrar"), Actor{}
	draft := site
	draft.Request.State = Draft
	noSites := draft
	noSites.Program = ps[OperatorProgram]
	byChief := join
	byChief.Request.By = "chief"
	wantAnswer(t, "submit", MaySubmitSite(bob, draft), NotVisible)
	wantAnswer(t, "submit", MaySubmitSite(nobody, draft), NotSignedIn)
	wantAnswer(t, "submit", MaySubmitSite(founder, noSites), UnknownProgram)
	noSites.Program = nil
	wantAnswer(t, "submit", MaySubmitSite(founder, noSites), UnknownProgram)
	wantAnswer(t, "change", MayChange(bob, draft), NotVisible)
	wantAnswer(t, "change", MayChange(nobody, draft), NotSignedIn)
	wantAnswer(t, "change what another sent for one", MayChange(actor(join.Request.Account), byChief), NotVisible)
	wantAnswer(t, "withdraw", MayWithdraw(bob, site), NotVisible)
	wantAnswer(t, "withdraw", MayWithdraw(nobody, site), NotSignedIn)
	wantAnswer(t, "withdraw what one submitted", MayWithdraw(actor("chief"), byChief), AsSubject)

	wantAnswer(t, "declare", MayDeclare(actor("owner"), site), AsSigningAuthority)
	wantAnswer(t, "declare for one's own", MayDeclare(founder, site), AsSigningAuthority)
	wantAnswer(t, "declare", MayDeclare(nobody, site), NotSignedIn)
	wantAnswer(t, "declare twice", MayDeclare(actor("owner"), siteCase(t, ps, Met)), NotOutstanding)
	wantAnswer(t, "declare on a join", MayDeclare(founder, join), WrongKind)
	wantAnswer(t, "correct", MayCorrectSigner(founder, site), AsSubject)
	wantAnswer(t, "correct", MayCorrectSigner(bob, site), NotVisible)
	wantAnswer(t, "correct", MayCorrectSigner(nobody, site), NotSignedIn)
	wantAnswer(t, "correct on a join", MayCorrectSigner(actor("ann"), join), WrongKind)
	wantAnswer(t, "correct after signing", MayCorrectSigner(founder, siteCase(t, ps, Met)), NotOutstanding)

	wantAnswer(t, "attest", MayAttest(actor("ann"), join, "direct-care-only"), AsSubject)
	wantAnswer(t, "attest for another", MayAttest(bob, join, "direct-care-only"), NotOwn)
	wantAnswer(t, "attest", MayAttest(nobody, join, "direct-care-only"), NotSignedIn)
	wantAnswer(t, "attest a declaration", MayAttest(actor("ann"), join, "worksite-privacy-security"), NoSuchNeed)
	wantAnswer(t, "attest nowhere", MayAttest(actor("ann"), Case{Request: join.Request}, "direct-care-only"), UnknownProgram)
}

// The members of a worksite: who manages them, who ends what, and that the last
// administrator stays until a registrar lets them go.
//
// proves: C7 attack A02 attack A17
func TestManage(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	one := joinCase(t, ps)
	two := one
	two.Administrators = []string{"chief", "vice"}
	noProgram := one
	noProgram.Program = nil
	chief, vice, rita, bob, nobody := actor("chief", "administrator"), actor("vice", "administrator"), actor("rita", "op:registrar"), actor("bob", "practitioner"), Actor{}

	wantAnswer(t, "members", MayAdminister(ps, chief, one), AsGroupAdmin)
	wantAnswer(t, "members", MayAdminister(ps, rita, one), AsRegistrar)
	wantAnswer(t, "members", MayAdminister(ps, bob, one), NotVisible)
	wantAnswer(t, "members", MayAdminister(ps, nobody, one), NotSignedIn)

	wantAnswer(t, "deactivate", MayDeactivate(ps, chief, one, "ann", "on-behalf-of"), AsGroupAdmin)
	wantAnswer(t, "deactivate", MayDeactivate(ps, rita, one, "ann", "on-behalf-of"), AsRegistrar)
	wantAnswer(t, "deactivate", MayDeactivate(ps, bob, one, "ann", "on-behalf-of"), NotVisible)
	wantAnswer(t, "deactivate", MayDeactivate(ps, nobody, one, "", "on-behalf-of"), NotSignedIn)
	wantAnswer(t, "oneself", MayDeactivate(ps, chief, two, "chief", "administrator"), OwnAccess)
	wantAnswer(t, "the other of two", MayDeactivate(ps, vice, two, "chief", "administrator"), AsGroupAdmin)
	wantAnswer(t, "the last, who acts no longer", MayDeactivate(ps, vice, one, "chief", "administrator"), LastAdministrator)
	wantAnswer(t, "the last, by a registrar", MayDeactivate(ps, rita, one, "chief", "administrator"), AsRegistrar)
	wantAnswer(t, "the last, another role", MayDeactivate(ps, vice, one, "chief", "practitioner"), AsGroupAdmin)

	wantAnswer(t, "leave", MayLeave(bob, one, "practitioner"), AsSubject)
	wantAnswer(t, "leave", MayLeave(nobody, one, "practitioner"), NotSignedIn)
	wantAnswer(t, "the last leaves", MayLeave(chief, one, "administrator"), LastAdministrator)
	wantAnswer(t, "the last leaves another role", MayLeave(chief, one, "practitioner"), AsSubject)
	wantAnswer(t, "one of two leaves", MayLeave(chief, two, "administrator"), AsSubject)
	none := one
	none.Administrators = nil
	wantAnswer(t, "leave before there is one", MayLeave(bob, none, "administrator"), AsSubject)
	wantAnswer(t, "leave nothing", MayLeave(chief, noProgram, "administrator"), AsSubject)

	wantAnswer(t, "name", MayNameAdministrator(ps, chief, one, "bob", d0), AsGroupAdmin)
	wantAnswer(t, "name", MayNameAdministrator(ps, rita, one, "bob", d0), AsRegistrar)
	wantAnswer(t, "name", MayNameAdministrator(ps, bob, one, "ann", d0), NotVisible)
	wantAnswer(t, "name oneself", MayNameAdministrator(ps, rita, one, "rita", d0), OwnRequest)
	wantAnswer(t, "a stranger, oneself", MayNameAdministrator(ps, bob, one, "bob", d0), NotVisible)
	wantAnswer(t, "name again", MayNameAdministrator(ps, chief, two, "vice", d0), AlreadyHeld)
	closed := one
	closed.Site.ClosedAt = d0
	wantAnswer(t, "name where it is closed", MayNameAdministrator(ps, chief, closed, "bob", d0), SiteClosed)
	wantAnswer(t, "name nowhere", MayNameAdministrator(ps, chief, noProgram, "bob", d0), RoleUnknown)

	wantAnswer(t, "end", MayEndMandate(ps, actor("doc"), one, "doc", "ann"), AsAuthorizerReason)
	wantAnswer(t, "end", MayEndMandate(ps, actor("ann"), one, "doc", "ann"), AsSubject)
	wantAnswer(t, "end", MayEndMandate(ps, chief, one, "doc", "ann"), AsGroupAdmin)
	wantAnswer(t, "end", MayEndMandate(ps, rita, one, "doc", "ann"), AsRegistrar)
	wantAnswer(t, "end", MayEndMandate(ps, bob, one, "doc", "ann"), NotVisible)
	wantAnswer(t, "end", MayEndMandate(ps, nobody, one, "doc", "ann"), NotSignedIn)
}

// Who may lift a restriction: nobody what others put on them.
//
// proves: attack A22
func TestMayCallOff(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	c := joinCase(t, ps)
	chief, rita, ann := actor("chief", "administrator"), actor("rita", "op:registrar"), actor("ann")
	own := Restriction{Account: "ann", Site: "clinic", By: "ann", Span: Span{From: day(3)}}
	begun := Restriction{Account: "ann", Site: "clinic", By: "ann", Span: Span{From: d0}}
	chiefs := Restriction{Account: "ann", Site: "clinic", By: "chief", Span: Span{From: day(3)}}
	suspended := Restriction{Account: "ann", Program: "careconnect", By: "rita", Span: always}
	ritas := Restriction{Account: "ann", Site: "clinic", By: "rita", Span: always}
	foreign := Restriction{Account: "ann", Program: "x", By: "rita", Span: always}
	wantAnswer(t, "own plan", MayCallOff(ps, ann, c, own, d0), AsSubject)
	wantAnswer(t, "own plan, begun", MayCallOff(ps, ann, c, begun, d0), OwnAccess)
	wantAnswer(t, "the administrator's", MayCallOff(ps, ann, c, chiefs, d0), OwnAccess)
	wantAnswer(t, "a suspension", MayCallOff(ps, ann, c, suspended, d0), OwnAccess)
	wantAnswer(t, "member's plan", MayCallOff(ps, chief, c, own, d0), AsGroupAdmin)
	wantAnswer(t, "own word", MayCallOff(ps, chief, c, chiefs, d0), AsGroupAdmin)
	wantAnswer(t, "a registrar's", MayCallOff(ps, chief, c, ritas, d0), SetByOthers)
	wantAnswer(t, "a suspension", MayCallOff(ps, chief, c, suspended, d0), NotVisible)
	wantAnswer(t, "a colleague", MayCallOff(ps, actor("bob"), c, chiefs, d0), NotVisible)
	wantAnswer(t, "at another site", MayCallOff(ps, chief, c, Restriction{Account: "ann", Site: "other", By: "chief", Span: always}, d0), NotVisible)
	wantAnswer(t, "of every program", MayCallOff(ps, rita, c, Restriction{Account: "ann", Span: always}, d0), NotVisible)
	wantAnswer(t, "registrar", MayCallOff(ps, rita, c, suspended, d0), AsRegistrar)
	wantAnswer(t, "another program's", MayCallOff(ps, rita, c, foreign, d0), NotVisible)
	wantAnswer(t, "nobody", MayCallOff(ps, Actor{}, c, own, d0), NotSignedIn)
}

// What only a registrar of the program may do, and never on themself.
//
// proves: attack A01 attack A10
func TestRegistrarActs(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	rita, chief, nobody := actor("rita", "op:registrar"), actor("chief", "administrator"), Actor{}
	c := joinCase(t, ps)
	c.Request.Role, c.Needs = "lpn", nil
	for _, n := range role(t, ps, "lpn").Needs {
		c.Needs = append(c.Needs, NeedState{Need: n, State: Outstanding})
	}
	mine, granted, withdrawn := c, c, c
	mine.Request.Account = "rita"
	granted.Request.State, withdrawn.Request.State = Granted, Withdrawn
	wantAnswer(t, "standing", MayRecordStanding(ps, rita, c), AsRegistrar)
	wantAnswer(t, "a renewal", MayRecordStanding(ps, rita, granted), AsRegistrar)
	wantAnswer(t, "withdrawn", MayRecordStanding(ps, rita, withdrawn), NotSubmitted)
	wantAnswer(t, "one's own", MayRecordStanding(ps, rita, mine), OwnRequest)
	wantAnswer(t, "administrator", MayRecordStanding(ps, chief, c), NotRegistrar)
	wantAnswer(t, "stranger", MayRecordStanding(ps, actor("bob"), c), NotVisible)
	wantAnswer(t, "nobody", MayRecordStanding(ps, nobody, c), NotSignedIn)
	wantAnswer(t, "not asked", MayRecordStanding(ps, rita, joinCase(t, ps)), NoSuchNeed)

	wantAnswer(t, "suspend", MaySuspend(ps, rita, "careconnect", "ann"), AsRegistrar)
	wantAnswer(t, "suspend oneself", MaySuspend(ps, rita, "careconnect", "rita"), OwnAccess)
	wantAnswer(t, "suspend elsewhere", MaySuspend(ps, rita, "nowhere", "ann"), NotRegistrar)
	wantAnswer(t, "suspend", MaySuspend(ps, chief, "careconnect", "ann"), NotRegistrar)
	wantAnswer(t, "suspend", MaySuspend(ps, nobody, "careconnect", "ann"), NotSignedIn)

	wantAnswer(t, "invite", MayInviteOperator(ps, rita, "careconnect", "support"), AsRegistrar)
	wantAnswer(t, "invite", MayInviteOperator(ps, actor("sue", "op:support"), "careconnect", "support"), NotRegistrar)
	wantAnswer(t, "invite to what", MayInviteOperator(ps, rita, "careconnect", "king"), RoleUnknown)
	wantAnswer(t, "invite", MayInviteOperator(ps, nobody, "careconnect", "support"), NotSignedIn)
	first := Actor{Account: "first", Holds: []Held{{Program: OperatorProgram, Site: "op2", SiteCode: OperatorProgram, Role: "registrar"}}}
	wantAnswer(t, "invite to any program", MayInviteOperator(ps, first, "careconnect", "registrar"), AsRegistrar)
	wantAnswer(t, "invite to no program", MayInviteOperator(ps, first, "nowhere", "registrar"), NotRegistrar)
	wantAnswer(t, "invite to the operators' own program", MayInviteOperator(ps, rita, OperatorProgram, "registrar"), NotRegistrar)
	wantAnswer(t, "operators", MayKeepOperators(ps, rita, "careconnect"), AsRegistrar)
	wantAnswer(t, "operators", MayKeepOperators(ps, nobody, "careconnect"), NotSignedIn)
	wantAnswer(t, "invite without operators", MayInviteOperator(Programs{}, rita, "careconnect", "support"), RoleUnknown)
}

// Asking further authorizers: by the person themself, for a role that needs one
// and that they hold or wish to hold there.
//
// proves: C19 C23 attack A09 attack A13
func TestMayAskAuthorizers(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	for name, c := range map[string]struct {
		change func(*Case)
		want   string
	}{
		"as it should be":          {func(*Case) {}, AsSubject},
		"for somebody else":        {func(c *Case) { c.Request.Account = "bob" }, NotOwn},
		"no program":               {func(c *Case) { c.Program = nil }, UnknownProgram},
		"another kind":             {func(c *Case) { c.Request.Kind = JoinRequest }, WrongKind},
		"submitted already":        {func(c *Case) { c.Request.State = Submitted }, WrongState},
		"a role that needs none":   {func(c *Case) { c.Request.Role = "lpn" }, RoleUnknown},
		"no wish to hold it there": {func(c *Case) { c.Needs = nil }, NoSuchNeed},
		"nobody named":             {func(c *Case) { c.Request.Authorizers = nil }, AuthorizersMissing},
		"one who cannot":           {func(c *Case) { c.Request.Authorizers = []string{"nell"} }, AuthorizerUnfit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := joinCase(t, ps)
			x.Request.Kind, x.Request.State = MandateRequest, Draft
			c.change(&x)
			wantAnswer(t, "ask", MayAskAuthorizers(actor("ann"), x), c.want)
		})
	}
	wantAnswer(t, "nobody", MayAskAuthorizers(Actor{}, joinCase(t, ps)), NotSignedIn)
}

// A mail that came back is seen to by one: who asked for it, the administrators of
// its site, or the registrars of its program; and by nobody else.
func TestMaySettleMail(t *testing.T) {
	t.Parallel()
	var nobody Programs
	own := MailTodo{Account: "ana"}
	for name, c := range map[string]struct {
		a  Actor
		t  MailTodo
		ok bool
	}{
		"whose it is":      {Actor{Account: "ana"}, own, true},
		"somebody else":    {Actor{Account: "ben"}, own, false},
		"nobody":           {Actor{}, MailTodo{}, false},
		"no administrator": {Actor{Account: "ben"}, MailTodo{Site: "s1"}, false},
		"no registrar":     {Actor{Account: "ben"}, MailTodo{Program: "p1"}, false},
	} {
		if got := MaySettleMail(nobody, c.a, c.t); got.OK != c.ok {
			t.Errorf("%s: %v", name, got)
		}
	}
	ps := programs(t)
	for role, want := range map[string]bool{"registrar": true, "support": false} {
		a := Actor{Account: "rosa", Holds: []Held{{Program: OperatorProgram, SiteCode: "careconnect", Role: role}}}
		if got := MaySettleMail(ps, a, MailTodo{Program: AnyProgram}); got.OK != want {
			t.Errorf("of any program, %s: %v", role, got)
		}
	}
}

// Who can put an address right sees to a mail that did not arrive; nobody is told of
// an account that nobody used, and nobody is asked to reach themselves.
// proves: A37
func TestWhoSeesToMail(t *testing.T) {
	t.Parallel()
	all := LostMail{Reader: "rita", Requester: "ana", Sender: "cleo", Site: "s1", Administrators: []string{"rita", "ben"}, Program: "p1"}
	as := func(kind string, change ...func(*LostMail)) LostMail {
		m := all
		m.Kind = kind
		for _, c := range change {
			c(&m)
		}
		return m
	}
	for name, c := range map[string]struct {
		m    LostMail
		want MailTodo
	}{
		"a declaration":          {as("declaration-asked"), MailTodo{Account: "ana"}},
		"an operator":            {as("operator-invited"), MailTodo{Program: "p1"}},
		"an offer":               {as("mandate-offered"), MailTodo{Account: "cleo"}},
		"a member":               {as("welcome"), MailTodo{Site: "s1"}},
		"the only administrator": {as("to-confirm", func(m *LostMail) { m.Administrators = []string{"rita"} }), MailTodo{Program: "p1"}},
		"before a site opens":    {as("request-returned", func(m *LostMail) { m.Site, m.Administrators = "", nil }), MailTodo{Program: "p1"}},
		"to begin, invited":      {as("account-setup"), MailTodo{Account: "cleo"}},
		"to begin, by themself":  {LostMail{Kind: "account-setup", Reader: "rita"}, MailTodo{Program: AnyProgram}},
		"an unused account":      {as("sign-up-confirm"), MailTodo{}},
		"a known address":        {as("address-known"), MailTodo{}},
		"about nothing known":    {LostMail{Kind: "welcome"}, MailTodo{}},
	} {
		if got, ok := WhoSeesToMail(c.m); got != c.want || ok != (c.want != MailTodo{}) {
			t.Errorf("%s: %+v %v", name, got, ok)
		}
	}
}

// Pauses grow from seconds to a quarter of an hour and no further, and come to an
// end after five days (RFC 5321 4.5.4.1).
func TestMailPause(t *testing.T) {
	t.Parallel()
	last := time.Duration(0)
	for tries := range 600 {
		pause, again := MailPause(tries, 119*time.Hour)
		if !again || pause < last || pause <= 0 || pause > 15*time.Minute {
			t.Fatalf("try %d: %s %v", tries, pause, again)
		}
		last = pause
	}
	if first, _ := MailPause(1, 0); first > 5*time.Second || last != 15*time.Minute {
		t.Errorf("from %s to %s", first, last)
	}
	if _, again := MailPause(1, 120*time.Hour); again {
		t.Error("a mail is tried for ever")
	}
}
