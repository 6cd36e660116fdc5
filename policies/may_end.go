package policies

// End is access that one person had at one site and that ended, or that stayed when
// other access of theirs ended.
type End struct {
	Subject                 string // whose access it was
	By                      string // whose act ended it; empty for what time ended, and for what stayed
	Program, Site, SiteCode string
}

// MaySeeEnd tells whether the actor may see that access ended, or stayed, and what
// became of it in Keycloak and at applications: whose access it was, whoever ended it,
// the site's administrators, and whoever holds an office over the program. What a
// person holds elsewhere is not told to a site.
func MaySeeEnd(ps Programs, a Actor, e End) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == e.Subject:
		return allow(BySubject)
	case a.Can(ps, Administer, e.Site):
		return allow(ByGroupAdministrator)
	}
	program := e.Program
	if program == OperatorProgram {
		program = e.SiteCode
	}
	for _, o := range offices {
		if a.CanOperate(ps, o.can, program) {
			return allow(o.as)
		}
	}
	if a.Account == e.By { // an authorizer, or whoever held an office when they did it
		return allow(ByAuthorizer)
	}
	return refuse(NotVisible)
}
