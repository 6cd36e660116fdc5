package policies

import (
	"slices"
	"testing"
	"time"
)

// The vocabulary reads as it is written, and the shipped programs ask a second
// factor of everybody who sees patient information, or decides who may.
func TestStrengthOfPrograms(t *testing.T) {
	t.Parallel()
	ps, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for id, p := range ps {
		for _, r := range p.Roles {
			if sees := len(r.Gives) > 0 || r.AsHolder || len(r.May) > 0; sees && r.SignIn != TwoFactor {
				t.Errorf("%s %s signs in with %s", id, r.Code, r.SignIn)
			}
		}
		if p.Acts[ToDecide].Fresh != 15*time.Minute {
			t.Errorf("%s decides with %v", id, p.Acts[ToDecide])
		}
	}
	if got := ps["careconnect"].Acts[ToSign]; got != (Proof{Fresh: 15 * time.Minute}) {
		t.Errorf("careconnect signs with %v", got)
	}
	small, err := Load(asFS(folder(t)))
	if err != nil {
		t.Fatal(err)
	}
	helper, _ := small.Role("helper")
	worker, _ := small.Role("worker")
	if helper.SignIn != TwoFactor || worker.SignIn != OneFactor || small.Acts[ToDecide] != (Proof{Strength: TwoFactor, Fresh: 10 * time.Minute}) || small.Acts[ToSign] != (Proof{Strength: OneFactor, Fresh: 20 * time.Minute}) {
		t.Errorf("read: %v %v %v", helper.SignIn, worker.SignIn, small.Acts)
	}
}

// What is asked is asked of who may, and of nobody else: a refusal stays what it
// was, and tells nothing of sign-ins. What Keycloak says in words that we do not
// know is the weakest.
func TestGiven(t *testing.T) {
	t.Parallel()
	asks := Answer{OK: true, Asks: Proof{Strength: TwoFactor, Fresh: 15 * time.Minute}}
	for _, c := range []struct {
		name string
		ans  Answer
		with SignIn
		want []string // nil: may
	}{
		{"strong and fresh", asks, SignIn{Strength: TwoFactor, Age: 14*time.Minute + 59*time.Second}, nil},
		{"weak", asks, SignIn{Strength: OneFactor, Age: 0}, []string{SignInTooWeak}},
		{"weak and old", asks, SignIn{Strength: OneFactor, Age: time.Hour}, []string{SignInTooWeak}},
		{"old", asks, SignIn{Strength: TwoFactor, Age: 16 * time.Minute}, []string{SignInTooOld}},
		{"just too old", asks, SignIn{Strength: TwoFactor, Age: 15 * time.Minute}, []string{SignInTooOld}},
		{"old, and Keycloak away", asks, SignIn{Strength: TwoFactor, Age: 16 * time.Minute, Away: true}, []string{SignInTooOld}},
		{"an end, old", asks.ending(), SignIn{Strength: TwoFactor, Age: 16 * time.Minute}, []string{SignInTooOld}},
		{"an end, old, and Keycloak away", asks.ending(), SignIn{Strength: TwoFactor, Age: 11 * time.Hour, Away: true}, nil},
		{"an end, weak, and Keycloak away", asks.ending(), SignIn{Strength: OneFactor, Away: true}, []string{SignInTooWeak}},
		{"an end that one may not bring about", refuse(NotVisible).ending(), SignIn{Strength: TwoFactor, Away: true}, []string{NotVisible}},
		{"no bound of age", Answer{OK: true, Asks: Proof{Strength: TwoFactor}}, SignIn{Strength: TwoFactor, Age: 11 * time.Hour}, nil},
		{"nothing asked", Answer{OK: true}, SignIn{Strength: OneFactor, Age: 11 * time.Hour}, nil},
		{"may not at all", refuse(NotVisible), SignIn{Strength: OneFactor, Age: time.Hour}, []string{NotVisible}},
		{"unknown words", asks, SignIn{Strength: StrengthOf("3")}, []string{SignInTooWeak}},
		{"Keycloak's own", asks, SignIn{Strength: StrengthOf("two-factor")}, nil},
	} {
		got := c.ans.Given(c.with)
		if got.OK != (c.want == nil) || c.want != nil && !slices.Equal(got.Reasons, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Each act that signs or decides asks what its program says of it.
func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	join, site := joinCase(t, ps), siteCase(t, ps, Outstanding)
	licensed := joinCase(t, ps)
	licensed.Needs = append(licensed.Needs, NeedState{Need: Need{Kind: NeedStanding}, State: Outstanding})
	chief, doc, rita, ann := actor("chief", "administrator"), actor("doc", "practitioner"), actor("rita", "op:registrar"), actor("ann")
	ends := []string{"deactivate", "end a mandate of own", "end one of others", "suspend"} // nothing else does without fresh proof while Keycloak is away
	plan := Restriction{Account: "ann", By: "chief", Program: "careconnect", Site: "clinic"}
	for name, c := range map[string]struct {
		ans  Answer
		kind ActKind
	}{
		"approve":              {MayReview(ps, chief, join, "approve:group-administrator"), ToDecide},
		"turn down":            {MayTurnDown(ps, chief, join, "approve:group-administrator"), ToDecide},
		"deactivate":           {MayDeactivate(ps, chief, join, "ann", "on-behalf-of"), ToDecide},
		"call off":             {MayCallOff(ps, chief, join, plan, d0), ToDecide},
		"call off, registrar":  {MayCallOff(ps, rita, join, plan, d0), ToDecide},
		"name administrator":   {MayNameAdministrator(ps, chief, join, "ann", d0), ToDecide},
		"authorize":            {MayAuthorize(ps, doc, join, "ann"), ToDecide},
		"end a mandate of own": {MayEndMandate(ps, doc, join, "doc", "ann"), ToDecide},
		"end one of others":    {MayEndMandate(ps, chief, join, "doc", "ann"), ToDecide},
		"standing":             {MayRecordStanding(ps, rita, licensed), ToDecide},
		"suspend":              {MaySuspend(ps, rita, "careconnect", "ann"), ToDecide},
		"lift":                 {MayLift(ps, rita, "careconnect", "ann"), ToDecide},
		"reset factors":        {MayResetFactors(ps, chief, join, ann), ToDecide},
		"invite an operator":   {MayInviteOperator(ps, rita, "careconnect", "support"), ToDecide},
		"attest":               {MayAttest(ann, join, "direct-care-only"), ToSign},
		"declare":              {MayDeclare(ann, site), ToSign},
	} {
		want := ps["careconnect"].Acts[c.kind]
		want.Ends = slices.Contains(ends, name)
		if !c.ans.OK || c.ans.Asks != want || want.Fresh == 0 {
			t.Errorf("%s: %+v, want it to ask %v", name, c.ans, want)
		}
	}
	// One's own way out is never barred by an old sign-in.
	for name, ans := range map[string]Answer{"leave": MayLeave(ann, join, "on-behalf-of"), "give up acting for another": MayEndMandate(ps, ann, join, "doc", "ann")} {
		if !ans.Given(SignIn{Strength: OneFactor, Age: 11 * time.Hour}).OK {
			t.Errorf("%s: %+v", name, ans)
		}
	}
}

// Whoever holds a role that asks for a second factor does nothing without it, at
// no site and in no program; who holds none may.
func TestMayUse(t *testing.T) {
	t.Parallel()
	ps := Programs{"p": {ID: "p", Roles: []Role{{Code: "reader", SignIn: TwoFactor}, {Code: "guest"}}}}
	for _, c := range []struct {
		name string
		who  Actor
		with Strength
		may  bool
	}{
		{"nothing held", Actor{Account: "a"}, OneFactor, true},
		{"a role that asks nothing", Actor{Account: "a", Holds: []Held{{Program: "p", Role: "guest"}}}, OneFactor, true},
		{"one that does", Actor{Account: "a", Holds: []Held{{Program: "p", Role: "guest"}, {Program: "p", Role: "reader"}}}, OneFactor, false},
		{"one that does, given", Actor{Account: "a", Holds: []Held{{Program: "p", Role: "reader"}}}, TwoFactor, true},
		{"a role that is no more", Actor{Account: "a", Holds: []Held{{Program: "p", Role: "gone"}, {Program: "q", Role: "x"}}}, OneFactor, true},
	} {
		if got := MayUse(ps, c.who, SignIn{Strength: c.with, Age: 11 * time.Hour}); got.OK != c.may || !c.may && !slices.Equal(got.Reasons, []string{SignInTooWeak}) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What an application demands follows from the roles whose entitlements it sees.
func TestLeastACR(t *testing.T) {
	t.Parallel()
	ps := Programs{"weak": {Roles: []Role{{Gives: []string{"reader"}}, {SignIn: TwoFactor}}}, "strong": {Roles: []Role{{}, {Gives: []string{"viewer"}, SignIn: TwoFactor}}}}
	for want, ids := range map[string][]string{"": {"weak", "unknown"}, "two-factor": {"weak", "strong"}} {
		if got := ps.LeastACR(ids); got != want {
			t.Errorf("%q demand %q, want %q", ids, got, want)
		}
	}
}
