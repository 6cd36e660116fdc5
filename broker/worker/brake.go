package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// braked gives those of the groups held beyond what is wanted that are to be left as
// they are. Where the record says that the person had one and that it is over, it goes,
// whatever the brake: that follows from a decision. The others are drift, and pass the
// brake or wait for people.
func (r *record) braked(ctx context.Context, surplus []provisioning.Group) (kept []provisioning.Group, err error) {
	var asked []provisioning.Effect
	for _, g := range surplus {
		if !slices.ContainsFunc(r.work.Over, func(l registry.Leaf) bool { return l.ID == g.ID }) {
			asked = append(asked, provisioning.Effect{Do: provisioning.DoLeave, Account: r.work.Account.ID, Sub: r.work.Account.Sub, Group: g.ID, Path: g.Path})
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	passed, err := r.PassBrake(ctx, asked, false)
	for _, e := range provisioning.NewEffects(asked).Without(passed) {
		kept = append(kept, provisioning.Group{ID: e.Group, Path: e.Path})
	}
	return kept, err
}

// CheckRecord asks the realm, before anything is done to it, whether it knows of steps of
// ours that the record does not: then the record is an older one, and a brake holds what
// it says. It waits for the realm to answer; of one that keeps no log of changes nothing
// is known.
func (w *Worker) CheckRecord(ctx context.Context) error {
	since, ever, err := w.Registry.KnownUntil(ctx)
	if err != nil || !ever { // a new record has nothing to say yet
		return err
	}
	var changes []provisioning.Change
	for {
		changes, err = w.Directory.Changes(ctx, since)
		if err == nil || ctx.Err() != nil || errors.Is(err, provisioning.ErrUnrecorded) {
			break
		}
		w.Log.Warn("Keycloak does not say what changed", "err", err)
		pause(ctx, time.Second)
	}
	if errors.Is(err, provisioning.ErrUnrecorded) {
		w.Log.Warn("whether the record is an older one cannot be told", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	held, err := w.Registry.CheckOlder(ctx, changes)
	if held {
		w.Log.Error("Keycloak shows steps of this product that the record does not know: was a backup restored? What it decided before now is held", "since", since)
	}
	return err
}
