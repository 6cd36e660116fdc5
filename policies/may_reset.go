package policies

import "slices"

// FactorReasons are why second factors are reset.
var FactorReasons = []string{"lost", "stolen", "broken", "new-device", "no-codes"}

// MayResetFactors tells whether the actor may have the second factors of the
// subject, who belongs to Case.Site or, where there is none, to the program, taken
// away because they are lost: an administrator of the site, and the program's
// registrars and support. Nobody does it to themself, and of somebody who operates
// programs only a registrar of each: the way to much must not lead over those who
// hold less.
func MayResetFactors(ps Programs, a Actor, c Case, subject Actor) Answer {
	var ans Answer
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case c.Site.ID != "" && a.Can(ps, Administer, c.Site.ID):
		ans = allow(ByGroupAdministrator)
	case a.CanOperate(ps, Registrar, c.program()):
		ans = allow(ByRegistrar)
	case a.CanOperate(ps, Support, c.program()):
		ans = allow(BySupport)
	default:
		return refuse(NotVisible)
	}
	if a.Account == subject.Account {
		return refuse(OwnFactors)
	}
	for _, h := range subject.Holds {
		if h.Program == OperatorProgram && !a.CanOperate(ps, Registrar, h.SiteCode) {
			return refuse(OperatorFactors)
		}
	}
	return ans.asking(c.Program, ToDecide)
}

// MayResetFromCommandLine tells whether whoever runs the server may have the second
// factors of the subject taken away: only of somebody who operates programs, and only
// where none of the other operators can do it on a page. It gives those who can.
func MayResetFromCommandLine(ps Programs, subject Actor, operators []Actor) (ans Answer, able []Actor) {
	operated := subject.Operates()
	if len(operated) == 0 {
		return refuse(NotOperator), nil
	}
	able = keep(operators, func(a Actor) bool {
		return slices.ContainsFunc(operated, func(p string) bool { return MayResetFactors(ps, a, Case{Program: ps[p]}, subject).OK })
	})
	if len(able) > 0 {
		return refuse(OthersReset), able
	}
	return allow(ByCommandLine), nil
}

// Operates lists the programs that the actor operates, in any role.
func (a Actor) Operates() []string {
	var out []string
	for _, h := range a.Holds {
		if h.Program == OperatorProgram && !slices.Contains(out, h.SiteCode) {
			out = append(out, h.SiteCode)
		}
	}
	return out
}
