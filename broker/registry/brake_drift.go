package registry

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/provisioning"
)

// PassBrake tells which of the asked removals, that no recorded end explains, may be
// carried out now, and notes that they may: as many as the limit lets pass within an
// hour, and what two people released. The others are held, in a plan that people see.
//
// Where whole, asked is all that a complete look at the realm found: the plan becomes
// it, and a brake of which nothing is left is settled. Whoever looks at one account
// only adds to the plan. Once held, everything unexplained is: nothing passes by and by
// because an hour went.
func (r *Registry) PassBrake(ctx context.Context, asked []provisioning.Effect, whole bool) (provisioning.Effects, error) {
	all := provisioning.NewEffects(asked)
	if r.rehearses {
		return r.rehearsed.pass(all, func(so provisioning.Effects) (provisioning.Effects, error) { return r.passBrake(ctx, so, whole) })
	}
	return r.passBrake(ctx, all, whole)
}

func (r *Registry) passBrake(ctx context.Context, all provisioning.Effects, whole bool) (provisioning.Effects, error) {
	var w weighed
	err := r.inTx(ctx, func(t *sqlx.Tx) error {
		now, err := nowIn(ctx, t)
		if err == nil {
			w, err = weigh(ctx, t, all, whole, now)
		}
		if err != nil || w.changes {
			return err
		}
		return w.permit(ctx, t, now)
	})
	if err != nil || !w.changes {
		return w.pass, err
	}
	_, err = r.Do(ctx, Act{By: worker(), Kind: "brake.weigh"}, Touch{}, func(tx *Tx) (id string, err error) {
		if w, err = weigh(ctx, tx.Tx, all, whole, tx.At); err != nil {
			return "", err
		}
		switch {
		case w.held != nil && len(w.stop) == 0 && w.changes:
			err = tx.settleBrake(w.held)
		case len(w.stop) > 0:
			id, err = tx.hold(holding{kind: BrakeDrift, plan: w.stop, total: w.total})
		}
		if err != nil {
			return "", err
		}
		return id, w.permit(ctx, tx.Tx, tx.At)
	})
	return w.pass, err
}

// rehearsed is what rehearsals asked so far. Nothing of it was noted, so that each asks
// for all of it: what passes alone is stopped as one of many, as it will be.
type rehearsed struct {
	mu    sync.Mutex
	asked provisioning.Effects
}

func (x *rehearsed) pass(asked provisioning.Effects, weigh func(provisioning.Effects) (provisioning.Effects, error)) (provisioning.Effects, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = provisioning.NewEffects(slices.Concat(x.asked, asked))
	passed, err := weigh(x.asked)
	return passed.Without(passed.Without(asked)), err
}

// Removed notes that a removal which passed the brake was carried out: should the
// membership come back, it is another.
func (r *Registry) Removed(ctx context.Context, sub, group string) error {
	return r.exec(ctx, `update removal set done_at = instant() where sub = $1 and group_id = $2 and done_at is null`, sub, group)
}

// heldNow counts the memberships that the record gives.
const heldNow = `select count(*) from (select distinct account_id, site_id, leaf from access_grant where ended_at is null and until_at > $1) m`

// weighed is what may pass, what is held, and whether a brake has to change for it.
type weighed struct {
	pass, fresh provisioning.Effects // fresh: of those that pass, the ones not noted yet
	stop        provisioning.Effects // the plan that is held from now on
	held        *brakeRow
	changes     bool
	total       int
	gone        bool // asked is all that there is: what was permitted and is not asked is over
	asked       provisioning.Effects
}

func weigh(ctx context.Context, t *sqlx.Tx, asked provisioning.Effects, whole bool, at time.Time) (w weighed, err error) {
	if err := lockBrake(ctx, t); err != nil {
		return w, err
	}
	var shut bool // while the realm or the record is not to be believed, nothing goes on its word
	if err := t.GetContext(ctx, &shut, `select exists (select 1 from brake where state = 'held' and kind in ($1, $2))`, BrakeImplausible, BrakeOlder); err != nil || shut {
		return w, err
	}
	w.gone, w.asked = whole, asked
	var noted []struct {
		Sub      string
		Group    string `db:"group_id"`
		Released bool
	}
	if err := t.SelectContext(ctx, &noted, `select sub, group_id, brake_id is not null as released from removal
		where done_at is null and (brake_id is not null or at > $1)`, at.Add(-provisioning.BrakeWindow)); err != nil {
		return w, err
	}
	var may provisioning.Effects
	for _, n := range noted {
		may = append(may, provisioning.Effect{Do: provisioning.DoLeave, Sub: n.Sub, Group: n.Group})
	}
	fresh := asked.Without(may)
	w.pass = asked.Without(fresh)
	if w.held, err = heldBrake(ctx, t, BrakeDrift, ""); err != nil {
		return w, err
	}
	if w.held == nil && len(fresh) == 0 {
		return w, nil
	}
	var passed int
	if err := t.GetContext(ctx, &passed, `select count(*) from removal where brake_id is null and at > $1`, at.Add(-provisioning.BrakeWindow)); err != nil {
		return w, err
	}
	if err := t.GetContext(ctx, &w.total, heldNow, at); err != nil {
		return w, err
	}
	if w.held != nil {
		plan := fresh
		was, err := w.held.effects()
		if err != nil {
			return w, err
		}
		if !whole {
			plan = provisioning.NewEffects(slices.Concat(was.Without(fresh), fresh))
		}
		w.stop = plan
		w.changes = len(plan) != len(was) || len(plan.Without(was)) > 0
		return w, nil
	}
	if provisioning.Stops(passed, len(fresh), w.total) {
		w.stop, w.changes = fresh, true
		return w, nil
	}
	w.fresh, w.pass = fresh, asked
	return w, nil
}

// permit notes what may be carried out.
func (w weighed) permit(ctx context.Context, t *sqlx.Tx, at time.Time) error {
	if w.gone {
		subs, groups := pairs(w.asked)
		if _, err := t.ExecContext(ctx, `update removal set done_at = $1 where done_at is null
			and not exists (select 1 from unnest($2::text[], $3::text[]) asked (sub, group_id) where asked.sub = removal.sub and asked.group_id = removal.group_id)`, at, subs, groups); err != nil {
			return err
		}
	}
	return permit(ctx, t, w.fresh, "", at)
}

func permit(ctx context.Context, t *sqlx.Tx, effects provisioning.Effects, brake string, at time.Time) error {
	subs, groups := pairs(effects)
	_, err := t.ExecContext(ctx, `insert into removal (id, sub, group_id, brake_id, at)
		select gen_random_uuid(), sub, group_id, $1, $2 from unnest($3::text[], $4::text[]) asked (sub, group_id)
		on conflict (sub, group_id) where done_at is null do update set brake_id = excluded.brake_id, at = excluded.at`, null(brake), at, subs, groups)
	return err
}

func pairs(effects provisioning.Effects) (subs, groups any) {
	var s, g []string
	for _, e := range effects {
		s, g = append(s, e.Sub), append(g, e.Group)
	}
	return pq.Array(orEmpty(s)), pq.Array(orEmpty(g))
}

func nowIn(ctx context.Context, t *sqlx.Tx) (at time.Time, err error) {
	return at, t.GetContext(ctx, &at, `select instant()`)
}
