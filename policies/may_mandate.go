package policies

// MayAskAuthorizers tells whether the actor may ask further authorizers, at a
// site where they hold, or wish to hold, a role that needs one.
func MayAskAuthorizers(a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case c.Request.Account != a.Account:
		return refuse(NotOwn)
	case c.Program == nil || c.Site.Program != c.Program.ID:
		return refuse(UnknownProgram)
	case c.Request.Kind != MandateRequest:
		return refuse(WrongKind)
	case !c.Request.editable():
		return refuse(WrongState)
	}
	role, ok := c.Program.Role(c.Request.Role)
	switch {
	case !ok || !role.NeedsAuthorizer():
		return refuse(RoleUnknown)
	case len(c.Needs) == 0: // no wish to hold the role there
		return refuse(NoSuchNeed)
	case len(c.Request.Authorizers) == 0:
		return refuse(AuthorizersMissing)
	}
	if why := unfit(c, a.Account); why != "" {
		return refuse(why)
	}
	return allow(BySubject)
}
