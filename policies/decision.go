package policies

import "time"

// Decision is what one account holds at one moment, and why; and what it asked
// for and does not hold, and why not.
type Decision struct {
	Account  string
	At       time.Time
	Held     []Hold
	Withheld []Withheld
}

// Hold is one leaf of one role at one site. A role has a Hold for its own leaf
// and one for each entitlement that it gives.
type Hold struct {
	Site, Role, Leaf string
	Basis            []string // ids of the facts it stands on, sorted, no doubles
	Needs            []NeedState
	Adopted          string // the fact that stands in for needs that are outstanding; empty: none are
}

// Withheld is a live join that does not lead to a grant.
type Withheld struct {
	Site, Role, Join, Request string
	Needs                     []NeedState
	Reasons                   []Reason
}

// NeedState is one need and how it stands.
type NeedState struct {
	Need  Need
	State State
	Facts []string   // that meet or refuse it
	Who   []Approver // who can still meet it, when outstanding
}

// State of a need.
type State string

// The states of a need. NotAsked: its When does not hold.
const (
	Met         State = "met"
	Outstanding State = "outstanding"
	RefusedNeed State = "refused"
	NotAsked    State = "not-asked"
)

// Reason is one code from a closed list, with the facts that bear it.
type Reason struct {
	Code  string // e.g. need-outstanding, need-refused, restricted, site-not-open, site-closed, no-live-authorizer, role-unknown
	Need  string // Need.Key, where it is about one
	Facts []string
}

// Grant is a Hold with its end.
type Grant struct {
	Hold
	Until time.Time // zero: no end is known
}

// Outcome is what Effective finds.
type Outcome struct {
	Account  string
	Grants   []Grant
	Withheld []Withheld
	Next     time.Time // when to look again: the least moment at which anything changes; zero: never
}

// SiteDecision is whether a requested site may be open, and what is missing.
type SiteDecision struct {
	Open  bool
	Needs []NeedState
}

// Answer is what a MayX function says. Reasons are codes, always given; words
// for them are locale keys "reason.<code>".
type Answer struct {
	OK       bool
	Capacity Approver // in which the actor would act, where that matters
	Reasons  []string
	Asks     Proof // with which sign-in; see Given
}
