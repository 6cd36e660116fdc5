package policies

import (
	"slices"
	"testing"
)

// Who resets whose lost factors.
// proves: attack A40
func TestMayResetFactors(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	site := joinCase(t, ps)
	desk := Case{Program: ps["careconnect"]}
	elsewhere := site
	elsewhere.Site.ID = "other-clinic"
	ann, rob := actor("ann", "practitioner"), actor("rob", "op:registrar")
	both := Actor{Account: "both", Holds: append(rob.Holds, Held{Program: OperatorProgram, Site: "op2", SiteCode: "small", Role: "support"})}
	for name, c := range map[string]struct {
		who     Actor
		c       Case
		subject Actor
		want    string
	}{
		"nobody":                               {Actor{}, site, ann, NotSignedIn},
		"an administrator, a member":           {actor("chief", "administrator"), site, ann, AsGroupAdmin},
		"another administrator":                {actor("chief", "administrator"), site, actor("mona", "administrator"), AsGroupAdmin},
		"an administrator, themself":           {actor("chief", "administrator"), site, actor("chief", "administrator"), OwnFactors},
		"an administrator, elsewhere":          {actor("chief", "administrator"), elsewhere, ann, NotVisible},
		"an administrator, at the desk":        {actor("chief", "administrator"), desk, ann, NotVisible},
		"a member":                             {actor("bob", "practitioner"), site, ann, NotVisible},
		"a member, themself":                   {ann, site, ann, NotVisible},
		"a stranger":                           {actor("eve"), desk, ann, NotVisible},
		"support, at the desk":                 {actor("sue", "op:support"), desk, ann, AsSupport},
		"support, themself":                    {actor("sue", "op:support"), desk, actor("sue", "op:support"), OwnFactors},
		"a registrar, at the desk":             {actor("rita", "op:registrar"), desk, ann, AsRegistrar},
		"a registrar, at the site":             {actor("rita", "op:registrar"), site, ann, AsRegistrar},
		"an auditor":                           {actor("aud", "op:auditor"), desk, ann, NotVisible},
		"support, of a registrar":              {actor("sue", "op:support"), desk, rob, OperatorFactors},
		"support, of support":                  {actor("sue", "op:support"), desk, actor("sam", "op:support"), OperatorFactors},
		"an administrator, of a registrar":     {actor("chief", "administrator"), site, actor("rob", "practitioner", "op:registrar"), OperatorFactors},
		"a registrar, of another":              {actor("rita", "op:registrar"), desk, rob, AsRegistrar},
		"a registrar, of one of programs more": {actor("rita", "op:registrar"), desk, both, OperatorFactors},
		"a registrar, themself":                {rob, desk, rob, OwnFactors},
		"a program that is not there":          {rob, Case{}, ann, NotVisible},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAnswer(t, "reset", MayResetFactors(ps, c.who, c.c, c.subject), c.want)
		})
	}
}

// Whoever runs the server is the last way in, past nobody who could do it on a page:
// a registrar of every program that the person operates.
// proves: attack A40
func TestMayResetFromCommandLine(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	first := actor("rob", "op:registrar")
	first.Holds = append(first.Holds, Held{Program: OperatorProgram, Site: "op0", SiteCode: OperatorProgram, Role: "registrar"})
	second := first
	second.Account = "rita"
	for name, c := range map[string]struct {
		subject Actor
		others  []Actor
		want    string
		able    string
	}{
		"nobody's operator":             {actor("ann", "administrator"), nil, NotOperator, ""},
		"the only registrar":            {first, nil, AsCommandLine, ""},
		"beside support":                {first, []Actor{actor("sue", "op:support")}, AsCommandLine, ""},
		"beside one of fewer programs":  {first, []Actor{actor("ravi", "op:registrar")}, AsCommandLine, ""},
		"beside one of the same":        {first, []Actor{actor("sue", "op:support"), second}, OthersReset, "rita"},
		"support, beside a registrar":   {actor("sue", "op:support"), []Actor{first}, OthersReset, "rob"},
		"support, beside other support": {actor("sue", "op:support"), []Actor{actor("sam", "op:support")}, AsCommandLine, ""},
	} {
		got, able := MayResetFromCommandLine(ps, c.subject, c.others)
		wantAnswer(t, name, got, c.want)
		if named := slices.ContainsFunc(able, func(a Actor) bool { return a.Account == c.able }); named != (c.able != "") || len(able) > 1 {
			t.Errorf("%s: %v", name, able)
		}
	}
}
