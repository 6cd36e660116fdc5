package registry

import (
	"context"
	"time"

	"countersign/policies"
)

// signIn is how the actor proved who they are, as the rules look at it.
func signIn(acr string, age time.Duration) policies.SignIn {
	return policies.SignIn{Strength: policies.StrengthOf(acr), Age: max(0, age)}
}

// awayAfter is how long Keycloak must not have told any replica of its changes, who ask
// every two seconds, for it to count as away.
const awayAfter = 30 * time.Second

// SignIn is how the person proved who they are, at the moment of their request.
func (p Person) SignIn() policies.SignIn {
	return signIn(p.Session.ACR, p.At.Sub(p.Session.AuthTime))
}

// MayUse refuses a person whose sign-in is too weak for what they hold: Forbidden,
// with the reason that says so, before they have seen anything.
func (r *Registry) MayUse(ctx context.Context, p Person) error {
	ps, err := r.programsAt(ctx, r.db, p.At)
	if err != nil {
		return err
	}
	if may := policies.MayUse(ps, p.Actor, p.SignIn()); !may.OK {
		return refuse(may)
	}
	return nil
}

// Reaches tells whether a sign-in with this acr is as strong as what was asked for.
func Reaches(acr, asked string) bool {
	return policies.StrengthOf(acr) >= policies.StrengthOf(asked)
}
