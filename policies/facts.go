package policies

import "time"

// Span is when a fact holds: From ≤ t < Until; a zero Until is for ever.
// The registry hands over a fact that was ended with Until no later than its end.
type Span struct{ From, Until time.Time }

// At tells whether t lies in the span.
func (s Span) At(t time.Time) bool {
	return !t.Before(s.From) && (s.Until.IsZero() || t.Before(s.Until))
}

// Facts are what is recorded about some accounts, their authorizers and their
// sites. Ids are UUIDs as text. Facts about others may be among them and change
// nothing.
type Facts struct {
	Sites        map[string]Site
	Joins        []Join
	Reviews      []Review
	Signatures   []Signature
	Mandates     []Mandate
	Restrictions []Restriction
	Standings    []Standing
	Adopted      []Adopted
}

// Site is a worksite, clinic, practice or organization as the rules see it.
type Site struct {
	ID, Program string
	Request     string    // the request that asked for it; empty for operator sites
	Requester   string    // the account that asked
	OpenedAt    time.Time // zero: not opened yet
	ClosedAt    time.Time // zero: not closed
}

// Join is the wish to hold a role at a site, from submission until withdrawn,
// left or deactivated. Every role needs a live one.
type Join struct {
	ID, Request, Account, Site, Role string
	Profession                       string // the answer bound to person.profession, or the role's only one
	Span
}

// Review is one person's verdict on one need of one request.
type Review struct {
	ID, Request, By string
	Need            string   // Need.Key
	Capacity        Approver // in which the reviewer acted; an Else shows here
	Verdict         Verdict
	Span
}

// Verdict is what a review says.
type Verdict string

// The verdicts. Return asks the person for more; it neither meets nor refuses.
const (
	Approved Verdict = "approve"
	Returned Verdict = "return"
	Refused  Verdict = "refuse"
)

// Verdicts are what an approver may say. An authorizer speaks for themselves and
// says yes or no; sending a request back is for those who check it.
func (a Approver) Verdicts() []Verdict {
	if a == ByAuthorizer {
		return []Verdict{Approved, Refused}
	}
	return []Verdict{Approved, Returned, Refused}
}

// Signature is a signed statement of one agreement version, for oneself or for
// a site.
type Signature struct {
	ID, Account string
	Site        string // of a declaration, or of an attestation per site
	Program     string // whose agreement it is: another's may have the same name
	Agreement   string
	Version     int
	Declarant   bool     // signed for the site as signing authority
	Names       []string // accounts that a declaration names
	Span
}

// Mandate lets OnBehalf act for Authorizer at one site. It exists only after
// both said yes.
type Mandate struct {
	ID, Authorizer, OnBehalf, Site string
	Span
}

// Restriction takes access away while it holds: a suspension, a planned end, a
// deactivation. Empty fields mean "any".
type Restriction struct {
	ID, Account, Program, Site, Role string
	By                               string // the account that set it; empty: the command line
	Span
}

// Standing is a registrar's finding that a person may practise: until it expires.
type Standing struct {
	ID, Account, Profession, By string
	Span
}

// Adopted is a membership that the realm had before anybody decided on it here, and
// that two people let go on for a while. It stands in for needs that Request, the wish
// made for it, still has outstanding; the wish's end is its end too.
type Adopted struct {
	ID, Request, Account, Site, Role string
	Span
}
