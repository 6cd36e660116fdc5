package policies

import (
	"slices"
	"time"
)

// Strength is how sure a sign-in made who it is. A later one is the stronger.
type Strength int

// The strengths. Keycloak names them so in the claim acr: the realm's map of
// levels (package realm) and this list are one.
const (
	OneFactor Strength = iota // a password, or whatever else is not known to be more
	TwoFactor                 // a password and a code, or a passkey that knew its person
)

// strengths are their names: in acr, and as "sign-in" in a program.
var strengths = []string{"one-factor", "two-factor"}

// String is the strength's name.
func (s Strength) String() string { return strengths[s] }

// StrengthOf reads the claim acr. What is not known is the weakest.
func StrengthOf(acr string) Strength {
	for i, name := range strengths {
		if name == acr {
			return Strength(i)
		}
	}
	return OneFactor
}

// SignIn is what is known of how the actor proved who they are.
type SignIn struct {
	Strength Strength
	Age      time.Duration // since they gave the proof
	Away     bool          // where a newer one is given, nobody answers
}

// Proof is the least sign-in that something asks for.
type Proof struct {
	Strength Strength
	Fresh    time.Duration // not older than this; 0: of any age
	Ends     bool          // it only takes access away: while nobody can give fresh proof, older does
}

// LeastACR is what an application that sees these programs' groups demands of every
// sign-in: as much as the strictest role that gives an entitlement in one of them.
// Empty where all of them do with one factor.
func (ps Programs) LeastACR(ids []string) string {
	least := OneFactor
	for _, id := range ids {
		if p := ps[id]; p != nil {
			for _, r := range p.Roles {
				if len(r.Gives) > 0 || r.AsHolder {
					least = max(least, r.SignIn)
				}
			}
		}
	}
	if least == OneFactor {
		return ""
	}
	return least.String()
}

// ActKind is what a program may ask fresh proof for.
type ActKind string

// The kinds of act.
const (
	ToSign   ActKind = "sign"   // an agreement for oneself, or a declaration for a site
	ToDecide ActKind = "decide" // about somebody else's access, or for another to act
)

// asking adds to an answer what proof the act asks for in the program: the rule
// says who may, and this with which sign-in.
func (ans Answer) asking(p *Program, kind ActKind) Answer {
	if ans.OK && p != nil {
		ans.Asks = p.Acts[kind]
	}
	return ans
}

// ending is an answer about what only takes access away: that does not wait until
// Keycloak answers again (F04).
func (ans Answer) ending() Answer {
	ans.Asks.Ends = ans.OK
	return ans
}

// Given is the answer for somebody with this sign-in: who may, but has not proved
// well or lately enough who they are, may not until they have.
func (ans Answer) Given(s SignIn) Answer {
	switch {
	case !ans.OK:
		return ans
	case s.Strength < ans.Asks.Strength:
		return refuse(SignInTooWeak)
	case ans.Asks.Fresh > 0 && s.Age >= ans.Asks.Fresh && !(ans.Asks.Ends && s.Away):
		return refuse(SignInTooOld)
	}
	return ans
}

// WillAsk is how fresh the proof must be that an act of this kind will ask for anew,
// from somebody with this sign-in who may do it; 0 where it asks for nothing more.
func (p *Program) WillAsk(kind ActKind, s SignIn) time.Duration {
	ans := (Answer{OK: true}).asking(p, kind)
	if slices.Contains(ans.Given(s).Reasons, SignInTooOld) {
		return ans.Asks.Fresh
	}
	return 0
}

// MayUse tells whether the actor may do, or see, anything at all with this
// sign-in: whoever holds a role that asks for a strength uses no less for anything,
// for what they see is what the role lets them see.
func MayUse(ps Programs, a Actor, s SignIn) Answer {
	ans := Answer{OK: true, Reasons: []string{"as-" + string(BySubject)}}
	for _, h := range a.Holds {
		if p := ps[h.Program]; p != nil {
			if r, ok := p.Role(h.Role); ok {
				ans.Asks.Strength = max(ans.Asks.Strength, r.SignIn)
			}
		}
	}
	return ans.Given(s)
}
