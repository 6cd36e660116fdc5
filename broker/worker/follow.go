package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// How the realm's own log of changes is read: one call about every followEvery, over all
// replicas. What was in the making while a later change was seen already shows within
// overlap (measured: 58 ms); each change is looked at once all the same.
const (
	followEvery = 2 * time.Second
	overlap     = 5 * time.Second
	longGap     = 10 * time.Minute // unread for longer: some of it may be forgotten there
)

// following reads the realm's log for as long as ctx lasts.
func (w *Worker) following(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.followChanges(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("work failed", "lane", "follow", "err", err)
		}
		pause(ctx, followEvery)
	}
}

// followChanges reads the log once, unless another replica does.
func (w *Worker) followChanges(ctx context.Context) error {
	work, ok, err := w.Registry.ClaimFollow(ctx, followEvery-200*time.Millisecond)
	if err != nil || !ok {
		return err
	}
	since := time.Now().Add(-time.Minute) // never read: the first compare tells what was before
	if work.Since != nil {
		since = work.Since.Add(-overlap)
	}
	seen, err := w.readChanges(ctx, since)
	err = errors.Join(err, w.Registry.EndFollow(context.WithoutCancel(ctx), work, err == nil, seen))
	if err == nil {
		err = w.planAdoption(ctx)
	}
	if err == nil && work.Gap != nil && *work.Gap > longGap.Seconds() {
		err = w.Registry.CompareSoon(ctx)
	}
	return err
}

// readChanges looks at what changed since, and gives the time of the last change.
func (w *Worker) readChanges(ctx context.Context, since time.Time) (seen time.Time, err error) {
	seen = since
	all, err := w.Directory.Changes(ctx, since)
	if err != nil {
		return seen, err
	}
	changes := make([]registry.RealmChange, len(all))
	for i, c := range all {
		changes[i] = registry.RealmChange{ID: c.ID, At: c.At, Kind: string(c.Kind), Sub: c.Sub, Group: c.GroupID,
			ByClient: c.ByClient, ByUser: c.ByUser, Ours: c.Ours}
		if c.At.After(seen) {
			seen = c.At
		}
	}
	f, err := w.Registry.Follow(ctx, changes)
	tellFound(w.Log, f.Found)
	if err != nil {
		return since, err
	}
	for _, c := range f.People {
		if err := w.lookAtPerson(ctx, c); err != nil {
			return since, err
		}
	}
	if len(f.Groups) > 0 {
		err = w.lookAtGroups(ctx, f.Groups)
	}
	if err != nil {
		return since, err
	}
	return seen, nil
}

// tellFound says in the log what was found: ids and codes.
func tellFound(log *slog.Logger, found []registry.Difference) {
	for _, d := range found {
		msg := "the realm differs from the record"
		if d.Alarm {
			msg = "a change with our own credential that follows from no step"
		}
		log.Warn(msg, "drift", d.ID, "kind", d.Kind, "account", d.Account, "site", d.Site, "leaf", d.Leaf, "group", d.Group, "sub", d.Sub,
			"found_by", d.FoundBy, "by_client", d.ByClient, "by_user", d.ByUser)
	}
}

// lookAtPerson tells what became of somebody whom somebody else changed.
func (w *Worker) lookAtPerson(ctx context.Context, c registry.RealmChange) error {
	known, ok, err := w.Registry.KnownBySub(ctx, c.Sub)
	if err != nil || !ok {
		return err
	}
	d := registry.Difference{Account: known.Account, Sub: known.Sub, FoundBy: "event", Change: c.ID, ByClient: c.ByClient, ByUser: c.ByUser}
	p, err := w.Directory.Person(ctx, c.Sub)
	var differs []provisioning.Difference
	switch {
	case errors.Is(err, provisioning.ErrNotFound):
		differs = []provisioning.Difference{{Kind: provisioning.PersonMissing}}
	case err != nil:
		return fmt.Errorf("person of account %s: %w", known.Account, err)
	case known.Made:
		differs = provisioning.ComparePeople(map[string]string{known.Sub: known.UserName}, []provisioning.Member{p})
	}
	var all []registry.Difference
	for _, f := range differs {
		d.Kind = f.Kind
		all = append(all, d)
	}
	found, err := w.Registry.Report(ctx, all...)
	tellFound(w.Log, found)
	return err
}
