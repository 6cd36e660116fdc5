package policies

import "slices"

// MayReview tells whether the actor may approve this need of this request now,
// and in which capacity. need is a Need.Key.
func MayReview(ps Programs, a Actor, c Case, need string) Answer {
	ans := MayTurnDown(ps, a, c, need)
	if ans.OK && undeclared(c) {
		return refuse(NotDeclaredYet) // C9: first the declaration, then the approval (A13)
	}
	return ans
}

// MayTurnDown tells whether the actor may return or refuse at this need: as
// MayReview, but nobody need wait for a declaration to say no.
func MayTurnDown(ps Programs, a Actor, c Case, need string) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == c.Request.Account:
		return refuse(OwnRequest)
	case !MaySee(ps, a, c).OK:
		return refuse(NotVisible)
	}
	state, ok := c.need(need)
	if !ok || state.Need.Kind != NeedApprove {
		return refuse(NoSuchNeed)
	}
	as, why := capacity(ps, a, c, state.Need)
	if why != "" {
		return refuse(why)
	}
	if why := unready(c, state); why != "" {
		return refuse(why)
	}
	if why := biased(a.Account, c, state.Need, as); why != "" {
		return refuse(why)
	}
	return allow(as).asking(c.Program, ToDecide)
}

// Deciders are the accounts that may meet an approve need now, and in which
// capacity; nobody when nobody can. Inboxes and trackers are made of it.
func Deciders(c Case, n Need) (Approver, []string) {
	as, from := n.By, c.Registrars
	switch n.By {
	case ByGroupAdministrator:
		from = c.Administrators
		if n.Else != "" && len(without(from, c.Request.Account)) == 0 {
			as, from = n.Else, c.Registrars
		}
	case ByAuthorizer:
		from = keep(c.Request.Authorizers, func(s string) bool { return slices.Contains(c.Authorizers, s) })
	case ByRegistrar, BySecondRegistrar, BySigningAuthority, BySubject, BySupport:
	}
	return as, keep(without(from, c.Request.Account), func(s string) bool { return biased(s, c, n, as) == "" })
}

// capacity gives the one in which the actor would decide, or why there is none.
func capacity(ps Programs, a Actor, c Case, n Need) (as Approver, why string) {
	switch n.By {
	case ByRegistrar, BySecondRegistrar:
		if !a.CanOperate(ps, Registrar, c.program()) {
			return "", NotRegistrar
		}
	case ByGroupAdministrator:
		if a.Can(ps, Administer, c.Site.ID) {
			return ByGroupAdministrator, ""
		}
		if n.Else != ByRegistrar || !a.CanOperate(ps, Registrar, c.program()) {
			return "", NotAdministrator
		}
		if len(without(c.Administrators, c.Request.Account)) > 0 {
			return "", OthersDecide
		}
		return n.Else, ""
	case ByAuthorizer:
		if !a.Can(ps, Authorize, c.Site.ID) {
			return "", NotAuthorizer
		}
		if !slices.Contains(c.Request.Authorizers, a.Account) {
			return "", NotNamed
		}
	case BySigningAuthority, BySubject, BySupport:
		return "", NoSuchNeed
	}
	return n.By, ""
}

// unready is why a need is not up for a verdict. A person may name several
// authorizers: once the first has said yes, the others still may.
func unready(c Case, s NeedState) string {
	if s.Need.By == ByAuthorizer && (c.Request.State == Submitted || c.Request.State == Granted) {
		return ""
	}
	switch {
	case c.Request.State != Submitted:
		return NotSubmitted
	case s.State != Outstanding:
		return NotOutstanding
	}
	return ""
}

// biased is why this account, though it has the authority, may not use it here.
func biased(account string, c Case, n Need, as Approver) string {
	registrar := as == ByRegistrar || as == BySecondRegistrar
	switch {
	case registrar && account == c.Signer && c.Request.Kind == SiteRequest:
		return SignedByYou
	case registrar && account == c.Request.By:
		return RequestedByYou
	}
	for _, r := range c.Reviews {
		if r.By != account {
			continue
		}
		if n.By == ByAuthorizer && r.Need == n.Key() {
			return ReviewedByYou // one word each
		}
		if r.Need == otherRegistrar(n) && r.Verdict == Approved {
			return ReviewedByYou // two registrars are two people
		}
	}
	return ""
}

// otherRegistrar is the key of the need that the same registrar may not meet too.
func otherRegistrar(n Need) string {
	switch n.By {
	case ByRegistrar:
		return Need{Kind: NeedApprove, By: BySecondRegistrar}.Key()
	case BySecondRegistrar:
		return Need{Kind: NeedApprove, By: ByRegistrar}.Key()
	case ByGroupAdministrator, ByAuthorizer, BySigningAuthority, BySubject, BySupport:
	}
	return ""
}

func undeclared(c Case) bool {
	return slices.ContainsFunc(c.Needs, func(s NeedState) bool { return s.Need.Kind == NeedDeclare && s.State != Met })
}

// MaySee tells whether the actor may see the request at all. For everybody else
// it is as if it did not exist (A02).
func MaySee(ps Programs, a Actor, c Case) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case a.Account == c.Request.Account, a.Account == c.Request.By:
		return allow(BySubject)
	case c.Request.State == Draft:
		return refuse(NotVisible) // not yet asked, so nobody else's business
	case a.CanOperate(ps, Registrar, c.program()):
		return allow(ByRegistrar)
	case a.CanOperate(ps, Support, c.program()):
		return allow(BySupport)
	case a.Account == c.Signer && c.Request.Kind == SiteRequest:
		return allow(BySigningAuthority)
	case a.Can(ps, Administer, c.Site.ID):
		return allow(ByGroupAdministrator)
	case a.Can(ps, Authorize, c.Site.ID) && slices.Contains(c.Request.Authorizers, a.Account):
		return allow(ByAuthorizer)
	}
	return refuse(NotVisible)
}

func (c Case) need(key string) (NeedState, bool) {
	for _, s := range c.Needs {
		if s.Need.Key() == key {
			return s, true
		}
	}
	return NeedState{}, false
}

func (c Case) program() string {
	if c.Program == nil {
		return ""
	}
	return c.Program.ID
}

func without(list []string, one string) []string {
	return keep(list, func(s string) bool { return s != one })
}
