package registry

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/provisioning"
)

// braked fills in what the record says is over. While the record is not believed, only
// what was decided since then counts: what it wanted before is not given, what it ended
// before is no reason to take away, and an account of which nothing was decided is let be.
func (w *AccountWork) braked(ctx context.Context, t *sqlx.Tx, account, root string) error {
	var older *time.Time
	if err := t.GetContext(ctx, &older, `select max(held_at) from brake where kind = $1 and state = 'held'`, BrakeOlder); err != nil {
		return err
	}
	var rows []struct {
		Leaf
		Open  bool
		Since time.Time // when it was decided
	}
	if err := t.SelectContext(ctx, &rows, `select rg.kc_id, $2 || '/' || s.program || '/' || s.code || '/' || g.leaf as path,
			bool_or(g.ended_at is null and g.until_at > instant()) as open,
			max(case when g.ended_at is null and g.until_at > instant() then g.from_at else least(g.ended_at, g.until_at) end) as since
		from access_grant g join site s on s.id = g.site_id join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
		where g.account_id = $1 group by 1, 2 order by 2`, account, root); err != nil {
		return err
	}
	w.Frozen = older != nil
	for _, row := range rows {
		switch {
		case older != nil && row.Since.Before(*older):
			w.Groups = slices.DeleteFunc(w.Groups, func(l Leaf) bool { return l.ID == row.ID })
			continue
		case !row.Open:
			w.Over = append(w.Over, row.Leaf)
		}
		w.Frozen = false
	}
	return nil
}

// Believe tells whether what the realm listed may be acted on. Reason is empty where
// nothing speaks against it, which settles what was held for it; otherwise it says as a
// code why not ("sentinel", or what provisioning.Implausible says), and a brake holds
// everything that would be done on the strength of it. What two people released is
// believed for an hour, as long as it lists no less than what they were shown.
func (r *Registry) Believe(ctx context.Context, reason string, counts ImplausibleCount) (bool, error) {
	var known struct {
		Held     *brakeRow
		Released bool
	}
	look := func(t *sqlx.Tx, at time.Time) (err error) {
		if err := lockBrake(ctx, t); err != nil {
			return err
		}
		if known.Held, err = heldBrake(ctx, t, BrakeImplausible, ""); err != nil {
			return err
		}
		return t.GetContext(ctx, &known.Released, `select exists (select 1 from brake where kind = $1 and state = 'released' and reason = $2 and second_at > $3
			and (counts #>> '{listed,people}')::int <= $4 and (counts #>> '{listed,memberships}')::int <= $5)`,
			BrakeImplausible, reason, at.Add(-provisioning.BrakeWindow), counts.Listed.People, counts.Listed.Memberships)
	}
	err := r.inTx(ctx, func(t *sqlx.Tx) error {
		at, err := nowIn(ctx, t)
		if err != nil {
			return err
		}
		return look(t, at)
	})
	if err != nil || reason == "" && known.Held == nil {
		return err == nil, err
	}
	if reason != "" && known.Released {
		return true, nil
	}
	_, err = r.Do(ctx, Act{By: worker(), Kind: "brake.weigh"}, Touch{}, func(tx *Tx) (string, error) {
		if err := look(tx.Tx, tx.At); err != nil {
			return "", err
		}
		switch {
		case reason != "" && known.Held != nil && known.Held.Reason == reason: // the same again: no new plan with each look
			return known.Held.ID, nil
		case reason != "":
			return tx.hold(holding{kind: BrakeImplausible, reason: reason, total: counts.Confirmed.Memberships, counts: counts})
		case known.Held != nil:
			return "", tx.settleBrake(known.Held)
		}
		return "", nil
	})
	return err == nil && reason == "", err
}
