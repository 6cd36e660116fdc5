package worker

import (
	"context"
	"slices"

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
