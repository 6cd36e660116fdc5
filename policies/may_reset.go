package policies

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
