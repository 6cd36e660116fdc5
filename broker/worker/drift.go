package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// Differs implements provisioning.Record. What no decision explains is recorded; while
// the realm is only observed it stays, and else the brake is asked.
func (r *record) Differs(ctx context.Context, surplus, missing []provisioning.Group) ([]provisioning.Group, error) {
	stays, found, err := r.Registry.Differs(ctx, r.work, leaves(surplus), leaves(missing))
	tellFound(r.log, found)
	if err != nil {
		return nil, err
	}
	kept := groups(stays)
	held, err := r.braked(ctx, slices.DeleteFunc(slices.Clone(surplus), func(g provisioning.Group) bool { return slices.Contains(kept, g) }))
	if err == nil && len(surplus) > 0 {
		err = r.Braked(ctx, r.work.Account.ID, leaves(held))
	}
	return append(kept, held...), err
}

func leaves(list []provisioning.Group) (out []registry.Leaf) {
	for _, g := range list {
		out = append(out, registry.Leaf{ID: g.ID, Path: g.Path})
	}
	return out
}

func groups(list []registry.Leaf) (out []provisioning.Group) {
	for _, g := range list {
		out = append(out, provisioning.Group{ID: g.ID, Path: g.Path})
	}
	return out
}

// refusedAgain is how often in a row the writer must have been refused before that is
// said to be about one person: a token that is refused once, or a right that is just
// being given back, passes.
const refusedAgain = 3

// drifted leaves to a person what trying again would not help: somebody who was deleted,
// and somebody whom the writer may not touch although it may touch others. It gives back
// whatever is to be tried again as usual, and nil where the account is done with or put
// back.
func (w *Worker) drifted(ctx context.Context, work registry.AccountWork, err error) error {
	d := registry.Difference{Account: work.Account.ID, Sub: work.Account.Sub, FoundBy: "account"}
	var put func() error
	switch {
	case errors.Is(err, provisioning.ErrNoPerson):
		d.Kind = registry.DriftNoPerson // holds nothing there: what the record says is said when somebody has decided
		put = func() error { return w.Registry.FinishAccount(ctx, work) }
	case errors.Is(err, provisioning.ErrForbidden) && work.Tries >= refusedAgain && work.Account.Sub != "" && w.mayElsewhere(ctx, work.Account.ID):
		d.Kind = registry.DriftForbidden
		put = func() error { return w.Registry.LaterYet(ctx, work) }
	case errors.Is(err, provisioning.ErrNotFound): // one of the groups: it is left out once that is known
		return errors.Join(err, w.lookAtGroups(ctx, nil))
	default:
		return err
	}
	found, failed := w.Registry.Report(ctx, d)
	tellFound(w.Log, found)
	if failed != nil {
		return errors.Join(err, failed)
	}
	if failed := put(); failed != nil {
		return errors.Join(err, failed)
	}
	return nil
}

// mayElsewhere tells whether the writer may touch others: what they hold is given to
// them again, which changes nothing.
func (w *Worker) mayElsewhere(ctx context.Context, account string) bool {
	others, err := w.Registry.Elsewhere(ctx, account)
	if err != nil {
		return false
	}
	for _, o := range others {
		if w.Directory.Join(ctx, o[0], o[1]) == nil {
			return true
		}
	}
	return false
}

// stranger takes somebody without an account here out of one of our groups. What a list
// said is read again first.
func (w *Worker) stranger(ctx context.Context) (bool, error) {
	work, ok, err := w.Registry.ClaimStranger(ctx)
	if err != nil || !ok {
		return false, err
	}
	if err := w.removeStranger(ctx, work); err != nil {
		return true, errors.Join(fmt.Errorf("stranger of drift %s: %w", work.ID, err), w.Registry.StrangerLater(ctx, work))
	}
	return true, nil
}

func (w *Worker) removeStranger(ctx context.Context, work registry.StrangerWork) error {
	if _, known, err := w.Registry.KnownBySub(ctx, work.Sub); err != nil || known { // signed in meanwhile: the account's lane sees to it
		return errors.Join(err, w.Registry.StrangerGone(ctx, work, registry.OutGone))
	}
	in, path, err := w.isMember(ctx, work)
	if err != nil {
		return err
	}
	if !in {
		return w.Registry.StrangerGone(ctx, work, registry.OutGone)
	}
	ask := provisioning.Effect{Do: provisioning.DoLeave, Sub: work.Sub, Group: work.Group, Path: path}
	passed, err := w.Registry.PassBrake(ctx, []provisioning.Effect{ask}, false)
	if err != nil {
		return err
	}
	if len(passed) == 0 {
		return w.Registry.StrangerHeld(ctx, work)
	}
	for _, step := range []struct {
		kind provisioning.Kind
		call func() error
	}{
		{provisioning.KindLeave, func() error { return w.Directory.Leave(ctx, work.Sub, work.Group) }},
		{provisioning.KindConsents, func() error { return w.Directory.RevokeConsents(ctx, work.Sub) }},
		{provisioning.KindEndSessions, func() error { return w.Directory.EndSessions(ctx, work.Sub) }},
	} {
		n, err := w.Registry.StrangerStep(ctx, work, string(step.kind))
		if err != nil {
			return err
		}
		outcome := step.call()
		how := "done"
		if outcome != nil {
			how = outcome.Error()
		}
		if err := errors.Join(outcome, w.Registry.StrangerStepDone(ctx, work, n, how)); err != nil {
			return err
		}
	}
	if in, _, err := w.isMember(ctx, work); err != nil || in {
		return errors.Join(err, provisioning.ErrNotConverged)
	}
	return errors.Join(w.Registry.Removed(ctx, work.Sub, work.Group), w.Registry.StrangerGone(ctx, work, registry.OutRemoved))
}

// isMember asks the directory; who is gone is in nothing.
func (w *Worker) isMember(ctx context.Context, work registry.StrangerWork) (in bool, path string, err error) {
	held, err := w.Directory.Memberships(ctx, work.Sub)
	if errors.Is(err, provisioning.ErrNotFound) {
		return false, "", nil
	}
	for _, g := range held {
		if g.ID == work.Group {
			return true, g.Path, err
		}
	}
	return false, "", err
}
