package policies

import (
	"slices"
	"time"
)

// MaySubmitSite tells whether the actor may submit (or submit again) the request
// for a new site.
func MaySubmitSite(a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case c.Request.Account != a.Account:
		return refuse(NotVisible)
	case c.Program == nil || c.Program.Sites.Kind == "":
		return refuse(UnknownProgram)
	case !c.Request.editable():
		return refuse(WrongState)
	}
	return allow(BySubject)
}

// MaySubmitJoin tells whether the actor may ask for Case.Request.Role at
// Case.Site for themself. open: the actor has another open request, or a live join,
// for that role there. t is the moment of the submission.
func MaySubmitJoin(a Actor, c Case, profession string, open bool, t time.Time) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case c.Request.Account != a.Account:
		return refuse(NotOwn)
	case c.Program == nil || c.Site.Program != c.Program.ID:
		return refuse(UnknownProgram)
	}
	role, ok := c.Program.Role(c.Request.Role)
	switch {
	case !ok:
		return refuse(RoleUnknown)
	case role.Entry == EntryInvitation:
		return refuse(ByInvitation)
	case !c.Request.editable():
		return refuse(WrongState)
	case open:
		return refuse(AlreadyOpen)
	case c.Site.shut(t) != "":
		return refuse(c.Site.shut(t))
	case !role.admits(role.ProfessionOf(profession)):
		return refuse(ProfessionNotEligible)
	}
	if role.NeedsAuthorizer() {
		if why := unfit(c, a.Account); why != "" {
			return refuse(why)
		}
	}
	return allow(BySubject)
}

// unfit is why the authorizers whom the request names cannot be asked. Naming
// nobody is right only where nobody can authorize yet: then the request waits for
// the first who can, and the form has said so.
func unfit(c Case, subject string) string {
	for _, name := range c.Request.Authorizers {
		if name == subject || !slices.Contains(c.Authorizers, name) {
			return AuthorizerUnfit
		}
	}
	if len(c.Request.Authorizers) == 0 && len(without(c.Authorizers, subject)) > 0 {
		return AuthorizersMissing
	}
	return ""
}

// MayAttest tells whether the actor may sign this agreement for the request's
// subject: only the person themself, and only what a role asks for (A26).
// Whether the text shown is still the current one is Agreement.IsCurrent (A24).
func MayAttest(a Actor, c Case, agreement string) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account != c.Request.Account:
		return refuse(NotOwn)
	case c.Program == nil:
		return refuse(UnknownProgram)
	}
	for _, r := range c.Program.Roles {
		for _, n := range r.Needs {
			if n.Kind == NeedAttest && n.Agreement == agreement {
				return allow(BySubject).asking(c.Program, ToSign)
			}
		}
	}
	return refuse(NoSuchNeed)
}

// MayDeclare tells whether the actor may sign the declaration for the site. The
// requester may: a sole practitioner is their own signing authority, and the
// rules then ask for a second registrar (A11).
func MayDeclare(a Actor, c Case) Answer {
	if a.Account == "" {
		return refuse(NotSignedIn)
	}
	if why := unsignable(c); why != "" {
		return refuse(why)
	}
	return allow(BySigningAuthority).asking(c.Program, ToSign)
}

// unsignable is why no declaration is awaited.
func unsignable(c Case) string {
	switch {
	case c.Request.Kind != SiteRequest:
		return WrongKind
	case c.Request.State != Submitted && c.Request.State != ReturnedR:
		return NotSubmitted
	case !undeclared(c):
		return NotOutstanding
	}
	return ""
}

// MayCorrectSigner tells whether the actor may change the signer's address: the
// requester, until somebody has signed.
func MayCorrectSigner(a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account != c.Request.Account:
		return refuse(NotVisible)
	}
	if why := unsignable(c); why != "" {
		return refuse(why)
	}
	return allow(BySubject)
}

// MayChange tells whether the actor may change what is asked, and send it: who
// asks, until it is sent and when it was given back.
func MayChange(a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account != c.Request.By:
		return refuse(NotVisible)
	case !c.Request.editable():
		return refuse(WrongState)
	}
	return allow(BySubject)
}

// MayWithdraw tells whether the actor may take the request back: whose it is, or
// who submitted it, while it is undecided.
func MayWithdraw(a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account != c.Request.Account && a.Account != c.Request.By:
		return refuse(NotVisible)
	case c.Request.State != Submitted && !c.Request.editable():
		return refuse(WrongState)
	}
	return allow(BySubject)
}

// editable: a draft, or given back.
func (r Request) editable() bool { return r.State == Draft || r.State == ReturnedR }
