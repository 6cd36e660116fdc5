package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/provisioning"
)

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
