package policies

import (
	"testing"
	"time"
)

// operator holds one role over one program.
func operator(program, role string) Actor {
	return Actor{Account: "ona", Holds: []Held{{Program: OperatorProgram, Site: "op", SiteCode: program, Role: role}}}
}

// Who sees how the realm follows the record, and who decides what is done to it: any
// office sees; only the operators' own registrar and security decide.
// proves: attack A65
func TestMaySeeAndKeepRealm(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	everything := operator("careconnect", "support")
	everything.Holds = append(everything.Holds, Held{Program: OperatorProgram, Site: "op0", SiteCode: OperatorProgram, Role: "security"})
	for name, c := range map[string]struct {
		who       Actor
		see, keep string
	}{
		"nobody":                       {Actor{}, NotSignedIn, NotSignedIn},
		"nobody who holds an office":   {Actor{Holds: everything.Holds}, NotSignedIn, NotSignedIn},
		"a stranger":                   {actor("eve"), NotVisible, NotVisible},
		"an administrator of a site":   {actor("chief", "administrator"), NotVisible, NotVisible},
		"a site that is called so":     {Actor{Account: "eve", Holds: []Held{{Program: "careconnect", SiteCode: OperatorProgram, Role: "registrar"}}}, NotVisible, NotVisible},
		"a program's registrar":        {operator("careconnect", "registrar"), AsRegistrar, NotRealmKeeper},
		"a program's security":         {operator("careconnect", "security"), AsSecurity, NotRealmKeeper},
		"a program's support":          {operator("careconnect", "support"), AsSupport, NotRealmKeeper},
		"a program's auditor":          {operator("careconnect", "auditor"), AsAuditor, NotRealmKeeper},
		"the operators' registrar":     {operator(OperatorProgram, "registrar"), AsRegistrar, AsRegistrar},
		"the operators' security":      {operator(OperatorProgram, "security"), AsSecurity, AsSecurity},
		"the operators' support":       {operator(OperatorProgram, "support"), AsSupport, NotRealmKeeper},
		"the operators' auditor":       {operator(OperatorProgram, "auditor"), AsAuditor, NotRealmKeeper},
		"support here, security there": {everything, AsSecurity, AsSecurity},
		"a role that is not there":     {operator(OperatorProgram, "owner"), NotVisible, NotVisible},
	} {
		wantAnswer(t, name+", sees", MaySeeRealm(ps, c.who), c.see)
		wantAnswer(t, name+", keeps", MayKeepRealm(ps, c.who), c.keep)
	}
	keeps := MayKeepRealm(ps, operator(OperatorProgram, "registrar"))
	wantAnswer(t, "long after the sign-in", keeps.Given(SignIn{Strength: TwoFactor, Age: time.Hour}), SignInTooOld)
}

// It takes two people to release what a brake holds.
// proves: attack A71
func TestMayRelease(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	keeper := operator(OperatorProgram, "security")
	wantAnswer(t, "the first", MayRelease(ps, keeper, ""), AsSecurity)
	wantAnswer(t, "the second", MayRelease(ps, keeper, "rosa"), AsSecurity)
	wantAnswer(t, "the same person again", MayRelease(ps, keeper, "ona"), ReleasedAlready)
	wantAnswer(t, "a program's registrar", MayRelease(ps, operator("careconnect", "registrar"), ""), NotRealmKeeper)
	wantAnswer(t, "a stranger", MayRelease(ps, actor("eve"), ""), NotVisible)
	wantAnswer(t, "long after the sign-in", MayRelease(ps, keeper, "rosa").Given(SignIn{Strength: TwoFactor, Age: time.Hour}), SignInTooOld)
}
