package policies

import "testing"

// Who sees that access ended, or stayed: nobody learns from a receipt what the person
// holds elsewhere.
// proves: attack A65 A02
func TestMaySeeEnd(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	ended := End{Subject: "ann", By: "paul", Program: "careconnect", Site: "s1", SiteCode: "one"}
	lapsed, elsewhere, office := ended, ended, ended
	lapsed.By = ""
	elsewhere.By, elsewhere.Site = "", "s2"
	office.By, office.Program, office.SiteCode = "", OperatorProgram, "careconnect"
	chief := Actor{Account: "chief", Holds: []Held{{Program: "careconnect", Site: "s1", Role: "administrator"}}}
	for name, c := range map[string]struct {
		who  Actor
		end  End
		want string
	}{
		"nobody":                           {Actor{}, ended, NotSignedIn},
		"a stranger":                       {Actor{Account: "eve"}, ended, NotVisible},
		"a stranger, where nobody did it":  {Actor{Account: "eve"}, lapsed, NotVisible},
		"whose it was":                     {Actor{Account: "ann"}, ended, AsSubject},
		"whoever ended it":                 {Actor{Account: "paul"}, ended, AsAuthorizerReason},
		"the same, of what time ended":     {Actor{Account: "paul"}, lapsed, NotVisible},
		"the same, of what stayed":         {Actor{Account: "paul"}, elsewhere, NotVisible},
		"the site's administrator":         {chief, lapsed, AsGroupAdmin},
		"the same, of another site":        {chief, elsewhere, NotVisible},
		"the program's registrar":          {operator("careconnect", "registrar"), elsewhere, AsRegistrar},
		"its support":                      {operator("careconnect", "support"), ended, AsSupport},
		"its auditor":                      {operator("careconnect", "auditor"), ended, AsAuditor},
		"its security":                     {operator("careconnect", "security"), ended, AsSecurity},
		"another program's registrar":      {operator("other", "registrar"), ended, NotVisible},
		"its registrar, of an office":      {operator("careconnect", "registrar"), office, AsRegistrar},
		"the site's, of an office over it": {Actor{Account: "chief", Holds: []Held{{Program: "careconnect", Site: "s9", Role: "administrator"}}}, office, NotVisible},
	} {
		wantAnswer(t, name, MaySeeEnd(ps, c.who, c.end), c.want)
	}
}
