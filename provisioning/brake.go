package provisioning

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// The brake stops what would take access from many people and follows from no
// decision about them: removals that no recorded end explains, lapses that a
// version of a program would cause, and whatever would be done on the strength of
// an answer that cannot be right. What follows from one recorded decision, end date
// or birthday never comes here.

// BrakeWindow is how far back unexplained removals are counted together, so that a
// thousand single ones cannot creep past where one thousandfold one would be stopped.
const BrakeWindow = time.Hour

// Limit is how many removals of a total pass the brake: five, or one in two hundred,
// whichever is more.
func Limit(total int) int { return max(5, (total+199)/200) }

// Stops tells whether the brake stops asked removals more, of a total, where passed of
// them went through within BrakeWindow.
func Stops(passed, asked, total int) bool { return asked > 0 && passed+asked > Limit(total) }

// Effect is one thing that would be done to one person's access. It holds ids, codes
// and group paths, and names nobody.
type Effect struct {
	Do      string `json:"do"`                // DoLeave, DoJoin or DoLapse
	Account string `json:"account,omitempty"` // ours; empty for somebody whom the record does not know
	Site    string `json:"site,omitempty"`    // of a lapse
	Role    string `json:"role,omitempty"`    // of a lapse
	Leaf    string `json:"leaf,omitempty"`    // of a lapse
	Sub     string `json:"sub,omitempty"`     // of a membership: who is in the group
	Group   string `json:"group,omitempty"`   // of a membership: the group's id
	Path    string `json:"path,omitempty"`    // of a membership: the group's path, as it was seen
}

// What an effect does.
const (
	DoLeave = "leave" // a membership that no recorded end explains is taken away
	DoJoin  = "join"  // a membership that the directory lost is given back
	DoAdopt = "adopt" // a membership that nobody decided on goes on for a while
	DoKeep  = "keep"  // likewise, because the role gives it
	DoLapse = "lapse" // a role, or what it gives, is no longer held under another version
)

// same leaves out what only describes: what is done to whom.
func (e Effect) same() Effect {
	if e.Group != "" {
		return Effect{Do: e.Do, Sub: e.Sub, Group: e.Group}
	}
	return e
}

func (e Effect) fields() []string {
	return []string{e.Do, e.Account, e.Site, e.Role, e.Leaf, e.Sub, e.Group, e.Path}
}

// Effects are a plan as a person sees and releases it: in one order, each once.
type Effects []Effect

// NewEffects puts effects in order and leaves out repeats.
func NewEffects(list []Effect) Effects {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b Effect) int { return slices.Compare(a.fields(), b.fields()) })
	seen := map[Effect]bool{}
	return slices.DeleteFunc(out, func(e Effect) bool {
		again := seen[e.same()]
		seen[e.same()] = true
		return again
	})
}

// Without gives the effects that are not among others.
func (l Effects) Without(others Effects) Effects {
	skip := map[Effect]bool{}
	for _, o := range others {
		skip[o.same()] = true
	}
	return slices.DeleteFunc(slices.Clone(l), func(e Effect) bool { return skip[e.same()] })
}

// Digest is SHA-256, in hexadecimal, over the kind of a brake, what it is about and
// every effect, each field with its length before it. It does not depend on the order
// in which they were found.
func (l Effects) Digest(kind, about string) string {
	h := sha256.New()
	write := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	for _, s := range []string{"countersign/brake/v1", kind, about} {
		write(s)
	}
	for _, e := range NewEffects(l) {
		for _, f := range e.fields() {
			write(f)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Counts are how many there are by one account of things: the record's or the realm's.
type Counts struct {
	People      int `json:"people"`      // who are in the realm and carry our mark
	Memberships int `json:"memberships"` // in groups under our root
}

// Implausible tells why what a realm listed cannot be believed, where the record has
// confirmed so many there: "empty" when it lists nobody or nothing, "people-missing" or
// "memberships-missing" when it lists fewer by more than one in ten and more than the
// brake lets pass; "" when it can be. More than was confirmed is never implausible.
//
// The record's counts must be of what was once read back, or whatever is still on its
// way would be missed.
func Implausible(confirmed, listed Counts) string {
	far := func(have, see int) bool { return have-see > max(Limit(have), have/10) }
	switch {
	case confirmed.People > 0 && listed.People == 0, confirmed.Memberships > Limit(0) && listed.Memberships == 0:
		return "empty"
	case far(confirmed.People, listed.People):
		return "people-missing"
	case far(confirmed.Memberships, listed.Memberships):
		return "memberships-missing"
	}
	return ""
}
