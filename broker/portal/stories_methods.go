package portal

import "countersign/policies"

// methodStories are the pages on which a person sees how they sign in.
func methodStories(v *visit, _ places, _ *policies.Program) []story {
	return []story{
		{"sign-in-methods", asMember(v.methodsPage(true, ""))},
		{"sign-in-methods-one-factor", asMember(v.methodsPage(false, ""))},
		{"sign-in-methods-done", asMember(v.methodsPage(true, "success"))},
	}
}
