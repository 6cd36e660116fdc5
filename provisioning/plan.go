package provisioning

import (
	"slices"
	"strings"
	"time"
)

// Wanted is what the record says about one account.
type Wanted struct {
	Account     string     // our account id
	Sub         string     // the person in the directory; empty until they exist
	Create      *NewPerson // who to create when Sub is empty; Groups is filled from Wanted.Groups
	Setup       *Setup     // send the setup mail; nil when it was sent or is not ours to send
	Groups      []Group    // every leaf under our root that the person is to be in
	Remove      bool       // the account is closed: the person whom we made is to go
	Forget      bool       // the second factors are lost: they go, and every session with them
	EndSessions bool       // something ended: log out everywhere, whether or not a group is left over
	LoggedOut   time.Time  // when that was done last, for an end that is still looked at; zero: nothing is
	Kept        []Group    // groups in which nothing changes for now, whatever is wanted: see Record.Differs
}

// Held is what the directory says about the same account.
type Held struct {
	Groups   []Group   // every leaf under our root that the person is in
	Sessions []Session // read only where Wanted.LoggedOut is given
}

// Session is one that the person has at the directory, offline ones too.
type Session struct {
	Began   time.Time
	Offline bool
}

// survivors are the sessions that a log-out should have ended: those that began
// before it. The directory counts in whole seconds, so one that begins in the same
// second counts as one of them, and is ended once more.
func (w Wanted) survivors(h Held) []Session {
	if w.LoggedOut.IsZero() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(h.Sessions), func(s Session) bool { return s.Began.After(w.LoggedOut) })
}

// Kind names what a step does.
type Kind string

// The kinds of step, in the order in which a plan has them.
const (
	KindCreate      Kind = "create"
	KindLeave       Kind = "leave"
	KindForget      Kind = "forget-factors"
	KindConsents    Kind = "consents"
	KindEndSessions Kind = "end-sessions"
	KindJoin        Kind = "join"
	KindSetup       Kind = "setup"
	KindRemove      Kind = "remove"
)

// Step is one call to the directory. Doing it twice is the same as doing it once,
// except that a repeated setup sends a second mail.
type Step struct {
	Kind   Kind
	Object string // the group's id for join and leave, otherwise empty
}

// Plan lists the steps from held to wanted, in an order that depends only on its
// arguments. Leaving always ends sessions, a group that no decision explains too:
// a token shows it until then. So does a session that outlived an earlier log-out.
func Plan(w Wanted, h Held) []Step {
	if w.Remove {
		if w.Sub == "" {
			return []Step{{Kind: KindRemove}}
		}
		// A person who is removed takes their sessions along without a word to anybody.
		return []Step{{Kind: KindEndSessions}, {Kind: KindRemove}}
	}
	var steps []Step
	if w.Sub == "" && w.Create != nil {
		steps = append(steps, Step{Kind: KindCreate})
		// The groups are embedded in the creation. What an adopted person held
		// beside them shows in the read-back, and the next plan mends it.
		h.Groups = w.Groups
	}
	surplus := w.surplus(h)
	for _, g := range surplus {
		steps = append(steps, Step{KindLeave, g.ID})
	}
	if w.Forget {
		steps = append(steps, Step{Kind: KindForget})
	}
	// After the factors: no session that rests on a lost one is left.
	if w.EndSessions || w.Forget || len(surplus) > 0 || len(w.survivors(h)) > 0 {
		steps = append(steps, Step{Kind: KindConsents}, Step{Kind: KindEndSessions})
	}
	for _, g := range w.missing(h) {
		steps = append(steps, Step{KindJoin, g.ID})
	}
	if w.Setup != nil {
		steps = append(steps, Step{Kind: KindSetup})
	}
	return steps
}

// surplus are the groups to leave.
func (w Wanted) surplus(h Held) []Group {
	return without(h.Groups, slices.Concat(w.Groups, w.Kept))
}

// missing are the groups to join.
func (w Wanted) missing(h Held) []Group {
	return without(w.Groups, slices.Concat(h.Groups, w.Kept))
}

// without returns the groups of a whose id is not in b, once each, ordered by
// path and id.
func without(a, b []Group) []Group {
	skip := make(map[string]bool, len(a)+len(b))
	for _, g := range b {
		skip[g.ID] = true
	}
	var rest []Group
	for _, g := range a {
		if !skip[g.ID] {
			skip[g.ID] = true
			rest = append(rest, g)
		}
	}
	slices.SortFunc(rest, func(x, y Group) int {
		if c := strings.Compare(x.Path, y.Path); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return rest
}
