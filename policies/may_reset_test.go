package policies

import "testing"

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
