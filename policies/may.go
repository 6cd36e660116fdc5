package policies

// Actor is who wants to do something, with the authority that they hold now:
// the registry reads it in the same query, and the same transaction, as the act.
type Actor struct {
	Account string
	Holds   []Held
}

// Held is one open grant of a role, as far as authority needs it.
type Held struct {
	Program, Site, SiteCode, Role string
}

// Case is what is to be decided or looked at.
type Case struct {
	Program *Program
	Request Request
	Site    Site
	Needs   []NeedState // of the request's join, or of the site
	// Who could decide: accounts that now hold a role with the capability.
	Administrators []string // at this site
	Leaving        []string // of them, those whose end is planned
	Authorizers    []string // at this site
	Registrars     []string // of this program
	Reviews        []Review // of this request that still hold
	Signer         string   // the account that declared for the site, if any
}

// Request is an asking as the rules see it.
type Request struct {
	Kind, State string
	Account     string // for whom: the subject
	By          string // who submitted it (an administrator may name somebody)
	Role        string
	Authorizers []string // whom it asks to authorize
}

// Kinds of request.
const (
	SiteRequest    = "site"    // a new site; its requester also asks to administer it
	JoinRequest    = "join"    // a role at a site
	MandateRequest = "mandate" // another authorizer at a site where the person holds the role
)

// States of a request. A returned request is submitted again by its requester.
const (
	Draft     = "draft"
	Submitted = "submitted"
	ReturnedR = "returned"
	Granted   = "granted"
	RefusedR  = "refused"
	Withdrawn = "withdrawn"
)

// Can tells whether the actor holds the capability at this site.
func (a Actor) Can(ps Programs, c Capability, site string) bool {
	for _, h := range a.Holds {
		if h.Site != site {
			continue
		}
		if p := ps[h.Program]; p != nil {
			if r, ok := p.Role(h.Role); ok && r.Can(c) {
				return true
			}
		}
	}
	return false
}

// CanOperate tells whether the actor holds the capability over a program, as
// one of its operators.
func (a Actor) CanOperate(ps Programs, c Capability, program string) bool {
	operators := ps[OperatorProgram]
	if operators == nil || program == "" {
		return false
	}
	for _, h := range a.Holds {
		if h.Program != OperatorProgram || h.SiteCode != program {
			continue
		}
		if r, ok := operators.Role(h.Role); ok && r.Can(c) {
			return true
		}
	}
	return false
}
