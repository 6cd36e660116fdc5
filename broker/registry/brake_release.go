package registry

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"countersign/policies"
	"countersign/provisioning"
)

// ReleaseBrake is one of two people letting what a brake holds be done: exactly the
// plan of the digest that they were shown. It tells the state that follows: held while
// the second is awaited, released once both did.
//
// A Conflict is "error.brake-changed" when the plan is another by now (whoever looks
// again sees it; what was released of the former is void), and "error.brake-over" when
// nothing is held any more. The second release carries out: removals are due at once, a
// version comes into force in the same act.
func (r *Registry) ReleaseBrake(ctx context.Context, by By, id, digest string) (state string, err error) {
	if !validID(id) {
		return "", Fail(NotFound, "error.not-found")
	}
	var kind string
	if err := r.db.GetContext(ctx, &kind, `select kind from brake where id = $1`, id); isNoRows(err) {
		return "", Fail(NotFound, "error.not-found")
	} else if err != nil {
		return "", err
	}
	const changed = "changed"
	act := Act{By: by, Kind: "brake.release", What: []string{id, digest}}
	state, err = r.Do(ctx, act, Touch{programs: kind == BrakeLapse}, func(tx *Tx) (string, error) {
		if err := lockBrake(tx.ctx, tx); err != nil {
			return "", err
		}
		var b brakeRow
		if err := tx.GetContext(tx.ctx, &b, `select `+brakeColumns+` from brake where id = $1 for update`, id); err != nil {
			return "", err
		}
		may := policies.MayRelease(tx.Programs, tx.Actor, value(b.FirstBy)).Given(tx.SignIn)
		switch {
		case slices.Contains(may.Reasons, policies.NotVisible):
			return "", Fail(NotFound, "error.not-found")
		case !may.OK:
			return "", refuse(may)
		case b.State != BrakeHeld:
			return "", Fail(Conflict, "error.brake-over")
		case b.Digest != digest:
			return "", Fail(Conflict, "error.brake-changed")
		}
		if b.Kind == BrakeLapse {
			if other, err := tx.otherLapses(b); err != nil || other {
				return changed, err
			}
		}
		if b.FirstBy == nil {
			return BrakeHeld, tx.releaseFirst(b)
		}
		return BrakeReleased, tx.release(b)
	})
	if err == nil && state == changed {
		return BrakeHeld, Fail(Conflict, "error.brake-changed")
	}
	return state, err
}

func (tx *Tx) releaseFirst(b brakeRow) error {
	_, err := tx.ExecContext(tx.ctx, `update brake set first_by = $2, first_at = $3, version = version + 1, changed_at = $3 where id = $1`, b.ID, tx.act.By.Account, tx.At)
	tx.event("brake", b.ID, b.Version+1, "brake.release", map[string]any{"kind": b.Kind, "digest": b.Digest})
	return err
}

func (tx *Tx) release(b brakeRow) error {
	if _, err := tx.ExecContext(tx.ctx, `update brake set state = 'released', second_by = $2, second_at = $3, version = version + 1, changed_at = $3 where id = $1`,
		b.ID, tx.act.By.Account, tx.At); err != nil {
		return err
	}
	tx.event("brake", b.ID, b.Version+1, "brake.released", map[string]any{"kind": b.Kind, "digest": b.Digest, "first": value(b.FirstBy)})
	plan, err := b.effects()
	if err != nil {
		return err
	}
	switch b.Kind {
	case BrakeLapse:
		p, err := policies.FromSource(b.Source)
		if err != nil {
			return err
		}
		return tx.inForce(p, len(plan))
	case BrakeDrift, BrakeOlder: // with the latter, whatever waited goes on
		return tx.carryOut(b, plan)
	}
	return nil
}

// carryOut lets the removals of a released plan pass, and makes the accounts that they
// are about behind, so that the worker comes to them. Who is no account is the
// compare's to remove.
func (tx *Tx) carryOut(b brakeRow, plan provisioning.Effects) error {
	var accounts []string
	var leave provisioning.Effects
	for _, e := range plan {
		accounts = append(accounts, e.Account)
		if e.Do == provisioning.DoLeave {
			leave = append(leave, e)
		}
	}
	if err := permit(tx.ctx, tx.Tx, leave, b.ID, tx.At); err != nil {
		return err
	}
	_, err := tx.ExecContext(tx.ctx, `update account set retry_at = '-infinity', wanted_rev = case when wanted_rev = applied_rev then wanted_rev + 1 else wanted_rev end
		where id = any($1) or $2 and wanted_rev > applied_rev`, pq.Array(sorted(accounts)), b.Kind == BrakeOlder)
	return err
}

// otherLapses looks again at what a held version would end: where that is more than
// what people were shown, they are shown the new plan.
func (tx *Tx) otherLapses(b brakeRow) (bool, error) {
	p, err := policies.FromSource(b.Source)
	if err != nil {
		return false, err
	}
	lapses, of, err := tx.lapses(p)
	if err != nil {
		return false, err
	}
	shown, err := b.effects()
	if err != nil || len(lapses.Without(shown)) == 0 {
		return false, err
	}
	_, err = tx.hold(holding{kind: BrakeLapse, about: b.About, reason: b.Reason, plan: lapses, total: of, source: b.Source})
	return true, err
}

// keepers are the accounts that may release.
func (tx *Tx) keepers() ([]string, error) {
	var all []string
	for _, can := range []policies.Capability{policies.Registrar, policies.Secure} {
		some, err := operators(tx.ctx, tx.Tx, tx.Programs, policies.OperatorProgram, can, tx.At)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return sorted(all), nil
}

// tellKeepers mails those who may release that something is held: once for each brake.
func (tx *Tx) tellKeepers(brake, kind string) error {
	ids, err := tx.keepers()
	if err != nil {
		return err
	}
	named, err := accountsNamed(tx.ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		a := named[id]
		if err := tx.mail(Mail{Address: a.Email, Kind: "brake-held", About: brake, Occurrence: a.ID, Locale: a.Locale,
			Data: map[string]string{"name": a.Name(), "brake": brake, "kind": kind}}); err != nil {
			return err
		}
	}
	return nil
}
