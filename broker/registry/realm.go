package registry

import (
	"context"

	"countersign/policies"
)

// Realm is how the realm follows the record, as operators see it.
type Realm struct {
	Backlog Backlog
	Drift   int  // open differences
	Keeps   bool // the person who looks decides about the realm
}

// Realm reads it for whoever may see it; for all others it is not there.
func (r *Registry) Realm(ctx context.Context, account string) (x Realm, err error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return x, err
	}
	if !policies.MaySeeRealm(l.ps, l.actor).OK {
		return x, Fail(NotFound, "error.not-found")
	}
	x.Keeps = policies.MayKeepRealm(l.ps, l.actor).OK
	if err := r.db.GetContext(ctx, &x.Drift, `select count(*) from drift where done_at is null`); err != nil {
		return x, err
	}
	x.Backlog, err = r.Backlog(ctx)
	return x, err
}
