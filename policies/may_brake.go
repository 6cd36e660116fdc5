package policies

// MayRelease tells whether the actor may release what a brake holds; first is who
// released it before, empty for nobody. It takes two people who decide about the
// realm.
func MayRelease(ps Programs, a Actor, first string) Answer {
	ans := MayKeepRealm(ps, a)
	if ans.OK && a.Account == first {
		return refuse(ReleasedAlready)
	}
	return ans
}
