package policies

import (
	"slices"
	"time"
)

// MayAdminister tells whether the actor may see and manage the members of
// Case.Site: its administrators, and the program's registrars.
func MayAdminister(ps Programs, a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Can(ps, Administer, c.Site.ID):
		return allow(ByGroupAdministrator)
	case a.CanOperate(ps, Registrar, c.program()):
		return allow(ByRegistrar)
	}
	return refuse(NotVisible)
}

// MayDeactivate tells whether the actor may end, now or on a date, what the
// subject holds or asks for in the role at Case.Site.
func MayDeactivate(ps Programs, a Actor, c Case, subject, role string) Answer {
	if a.Account != "" && a.Account == subject {
		return refuse(OwnAccess)
	}
	ans := MayAdminister(ps, a, c)
	if !ans.OK {
		return ans
	}
	// Only a registrar may leave a site without an administrator (A17).
	if last(c, subject, role) && !a.CanOperate(ps, Registrar, c.program()) {
		return refuse(LastAdministrator)
	}
	return ans.asking(c.Program, ToDecide).ending()
}

// MayLeave tells whether the actor may end their own role at Case.Site, now or
// on a date, or call off their wish to hold it.
func MayLeave(a Actor, c Case, role string) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case last(c, a.Account, role):
		return refuse(LastAdministrator)
	}
	return allow(BySubject)
}

// last tells whether the site would be without an administrator if the subject
// lost the role, now or once those are gone who plan to be (A17).
func last(c Case, subject, role string) bool {
	if c.Program == nil {
		return false
	}
	r, _ := c.Program.Role(role)
	stay := keep(without(c.Administrators, subject), func(s string) bool { return !slices.Contains(c.Leaving, s) })
	return r.Can(Administer) && slices.Contains(c.Administrators, subject) && len(stay) == 0
}

// MayCallOff tells whether the actor may end a restriction: a planned end, a
// deactivation or a suspension. Nobody lifts what others put on them; and of
// one's own plans, only those that have not begun at t: who has left asks anew.
func MayCallOff(ps Programs, a Actor, c Case, r Restriction, t time.Time) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == r.Account && a.Account == r.By && t.Before(r.From):
		return allow(BySubject)
	case a.Account == r.Account:
		return refuse(OwnAccess)
	case a.CanOperate(ps, Registrar, c.program()) && r.Program == c.program():
		return allow(ByRegistrar).asking(c.Program, ToDecide)
	case r.Site != c.Site.ID || !a.Can(ps, Administer, c.Site.ID):
		return refuse(NotVisible)
	case r.By != r.Account && !slices.Contains(c.Administrators, r.By):
		return refuse(SetByOthers) // a registrar's, who has reasons that the site may not know
	}
	return allow(ByGroupAdministrator).asking(c.Program, ToDecide)
}

// MayNameAdministrator tells whether the actor may propose the subject as a
// further administrator of Case.Site at t. A registrar confirms, and not the one who
// proposed (MayReview).
func MayNameAdministrator(ps Programs, a Actor, c Case, subject string, t time.Time) Answer {
	ans := MayAdminister(ps, a, c)
	switch {
	case !ans.OK:
		return ans
	case a.Account == subject:
		return refuse(OwnRequest)
	case c.Program == nil || c.Program.Sites.AdministeredBy == "":
		return refuse(RoleUnknown)
	case c.Site.shut(t) != "":
		return refuse(c.Site.shut(t))
	case slices.Contains(c.Administrators, subject):
		return refuse(AlreadyHeld)
	}
	return ans.asking(c.Program, ToDecide)
}

// MayAuthorize tells whether the actor may let onBehalf act for them at
// Case.Site, by starting it or by saying yes.
func MayAuthorize(ps Programs, a Actor, c Case, onBehalf string) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == onBehalf:
		return refuse(OwnRequest)
	case !a.Can(ps, Authorize, c.Site.ID):
		return refuse(NotAuthorizer)
	}
	return allow(ByAuthorizer).asking(c.Program, ToDecide)
}

// MayEndMandate tells whether the actor may end it: either of the two, an
// administrator of the site, or a registrar.
func MayEndMandate(ps Programs, a Actor, c Case, authorizer, onBehalf string) Answer {
	switch a.Account {
	case "":
		return refuse(NotSignedIn)
	case authorizer:
		return allow(ByAuthorizer).asking(c.Program, ToDecide).ending()
	case onBehalf:
		return allow(BySubject)
	}
	return MayAdminister(ps, a, c).asking(c.Program, ToDecide).ending()
}

// MayRecordStanding tells whether the actor may record that the request's subject
// may practise: a registrar, on the register's word and never on their own.
func MayRecordStanding(ps Programs, a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == c.Request.Account:
		return refuse(OwnRequest)
	case !MaySee(ps, a, c).OK:
		return refuse(NotVisible)
	case !a.CanOperate(ps, Registrar, c.program()):
		return refuse(NotRegistrar)
	case c.Request.State != Submitted && c.Request.State != Granted:
		return refuse(NotSubmitted) // of a granted one: the renewal
	}
	if _, ok := c.need(string(NeedStanding)); !ok {
		return refuse(NoSuchNeed)
	}
	return allow(ByRegistrar).asking(c.Program, ToDecide)
}

// MaySuspend tells whether the actor may suspend the subject in a whole program.
func MaySuspend(ps Programs, a Actor, program, subject string) Answer {
	return MayLift(ps, a, program, subject).ending()
}

// MayLift tells whether the actor may end such a suspension.
func MayLift(ps Programs, a Actor, program, subject string) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == subject:
		return refuse(OwnAccess)
	}
	return operates(ps, a, program).asking(ps[program], ToDecide)
}

// MayKeepOperators tells whether the actor may see who operates the program, and
// add to them: its registrars; and those of the operator program, for a program
// that was loaded after they came has no registrar yet who could.
func MayKeepOperators(ps Programs, a Actor, program string) Answer {
	if a.Account == "" {
		return refuse(NotSignedIn)
	}
	if _, known := ps[program]; known && a.CanOperate(ps, Registrar, OperatorProgram) {
		return allow(ByRegistrar)
	}
	return operates(ps, a, program)
}

// MayInviteOperator tells whether the actor may invite somebody to a role over
// the program, which must be one that is entered so.
func MayInviteOperator(ps Programs, a Actor, program, role string) Answer {
	if a.Account == "" {
		return refuse(NotSignedIn)
	}
	if p := ps[OperatorProgram]; p != nil {
		if r, ok := p.Role(role); ok && r.Entry == EntryInvitation {
			return MayKeepOperators(ps, a, program).asking(ps[program], ToDecide)
		}
	}
	return refuse(RoleUnknown)
}

func operates(ps Programs, a Actor, program string) Answer {
	if _, ok := ps[program]; !ok || !a.CanOperate(ps, Registrar, program) {
		return refuse(NotRegistrar)
	}
	return allow(ByRegistrar)
}
