package policies

import "slices"

// offices are what an operator may hold, in the order in which an answer names one.
var offices = []struct {
	can Capability
	as  Approver
}{{Registrar, ByRegistrar}, {Secure, BySecurity}, {Support, BySupport}, {Audit, ByAuditor}}

// MaySeeRealm tells whether the actor may see how the realm follows the record:
// whoever holds an office over any program. The realm is one for all programs, and
// what is shown of it names no person who is not theirs to see.
func MaySeeRealm(ps Programs, a Actor) Answer {
	if a.Account == "" {
		return refuse(NotSignedIn)
	}
	for _, o := range offices {
		if slices.ContainsFunc(a.Operates(), func(program string) bool { return a.CanOperate(ps, o.can, program) }) {
			return allow(o.as)
		}
	}
	return refuse(NotVisible)
}

// MayKeepRealm tells whether the actor may decide what is done to the realm: release
// a brake, change a mode, settle a difference. That reaches every program, so it takes
// a registrar, or security, of the operators themselves. Whoever sees the realm may
// know that there is something to decide.
func MayKeepRealm(ps Programs, a Actor) Answer {
	for _, o := range offices[:2] {
		if a.Account != "" && a.CanOperate(ps, o.can, OperatorProgram) {
			return allow(o.as).asking(ps[OperatorProgram], ToDecide)
		}
	}
	if ans := MaySeeRealm(ps, a); !ans.OK {
		return ans
	}
	return refuse(NotRealmKeeper)
}
