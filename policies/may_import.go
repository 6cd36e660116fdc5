package policies

import (
	"slices"
	"time"
)

// A batch is one decision about many people at once, taken on paper or in a meeting and
// carried out from the command line: a registrar's, because a registrar approves what
// has no site's administrator yet. It takes the place of reviews and of nothing else:
// what a person signs stays their own act, and who is to act on somebody's behalf
// still needs that person's yes.

// MayDecideBatch tells whether approver, whose decision it is said to be, may decide a
// batch of requests of the program: whoever may approve each of them.
func MayDecideBatch(ps Programs, approver Actor, program string) Answer {
	if p := ps[program]; p == nil || program == OperatorProgram {
		return refuse(UnknownProgram) // operators come by invitation only
	}
	if !approver.CanOperate(ps, Registrar, program) {
		return refuse(NotRegistrar)
	}
	return allow(ByRegistrar)
}

// MayImport tells whether a batch that approver decided may ask for Case.Request.Role at
// Case.Site in the name of Case.Request.Account ("" for who has no account yet), and
// approve it in advance. open: the subject has a live wish for that role there, or an
// open request. Case.Authorizers are those who may authorize there or will once they
// have signed: an import may bring both. t is the moment of the import.
//
// Who decides about others is never made by a batch: such roles are entered by
// invitation.
func MayImport(ps Programs, approver Actor, c Case, profession string, open bool, t time.Time) Answer {
	if a := MayDecideBatch(ps, approver, c.program()); !a.OK {
		return a
	}
	role, ok := c.Program.Role(c.Request.Role)
	switch {
	case !ok:
		return refuse(RoleUnknown)
	case c.Site.Program != c.Program.ID:
		return refuse(SiteUnknown)
	case !role.ByBatch():
		return refuse(ByInvitation)
	case approver.Account == c.Request.Account:
		return refuse(OwnRequest)
	case c.Site.shut(t) != "":
		return refuse(c.Site.shut(t))
	case open:
		return refuse(AlreadyOpen)
	case !role.admits(role.ProfessionOf(profession)):
		return refuse(ProfessionNotEligible)
	case !role.NeedsAuthorizer():
		return allow(ByRegistrar)
	case len(c.Request.Authorizers) == 0:
		return refuse(AuthorizersMissing)
	}
	if why := unfit(c, c.Request.Account); why != "" {
		return refuse(why)
	}
	return allow(ByRegistrar)
}

// ByBatch tells whether a batch may give the role: not who decides about others, and not
// what is entered by invitation.
func (r Role) ByBatch() bool { return r.Entry != EntryInvitation && !r.Can(Administer) }

// MetByBatch are the needs of the role that a batch decision meets: approvals that a
// registrar may give, in any case or where nobody else can; and the finding that a
// licence is good, where the decision says that the licences were looked up.
func (r Role) MetByBatch(licences bool) []Need {
	return keep(r.Needs, func(n Need) bool {
		return n.Kind == NeedApprove && slices.Contains(n.approvers(), ByRegistrar) || n.Kind == NeedStanding && licences
	})
}
