package registry

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/provisioning"
)

// place fills in which groups an account should be in now, and which of its grants are
// over. While the record is not believed, since older, only what was decided since then
// counts: what it wanted before is not given, what it ended before is no reason to take
// away, and an account of which nothing was decided is let be.
func (w *AccountWork) place(ctx context.Context, t *sqlx.Tx, account, root string, older *time.Time) error {
	var rows []struct {
		ID     *string `db:"kc_id"` // nil: the group is not made yet
		Path   string
		Wanted bool
		Open   bool      // if only from a later moment on
		Since  time.Time // when it was decided
	}
	if err := t.SelectContext(ctx, &rows, `select rg.kc_id, $2 || '/' || s.program || '/' || s.code || '/' || g.leaf as path,
			bool_or(g.ended_at is null and g.from_at <= now.at and g.until_at > now.at)
				and not exists (select 1 from drift d where d.group_id = rg.kc_id and d.kind = 'group-missing' and d.done_at is null) as wanted,
			bool_or(g.ended_at is null and g.until_at > now.at) as open,
			max(case when g.ended_at is null and g.until_at > now.at then g.from_at else least(g.ended_at, g.until_at) end) as since
		from (select instant() as at) now, access_grant g join site s on s.id = g.site_id left join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
		where g.account_id = $1 group by 1, 2 order by 2`, account, root); err != nil {
		return err
	}
	w.Frozen = older != nil
	for _, row := range rows {
		if row.ID == nil {
			w.Waits = w.Waits || row.Wanted
			continue
		}
		if older != nil && row.Since.Before(*older) {
			continue
		}
		w.Frozen = false
		if row.Wanted {
			w.Groups = append(w.Groups, Leaf{*row.ID, row.Path})
		}
		if !row.Open {
			w.Over = append(w.Over, Leaf{*row.ID, row.Path})
		}
	}
	return nil
}

// realmBehind is by how much the realm's clock may be behind the record's.
const realmBehind = time.Minute

// KnownUntil is until when the record surely knew of all that the product did in the
// realm: when it last recorded something on its own or on a person's word, or when two
// people said that it is reconciled. The command line does not count, because it is used
// on a record that was just restored. Ever is false where nothing was recorded yet. Where
// the clock was moved, it may be earlier than that, never later.
func (r *Registry) KnownUntil(ctx context.Context) (at time.Time, ever bool, err error) {
	var last *time.Time
	err = r.db.GetContext(ctx, &last, `select greatest((select max(at) from act where actor_kind <> 'cli') - $2 * interval '1 second',
		(select max(second_at) from brake where kind = $1)) - shift from clock`, BrakeOlder, realmBehind.Seconds())
	if err != nil || last == nil {
		return at, false, err
	}
	return *last, true, nil
}

// CheckOlder looks at what our own credential changed in the realm for changes that
// follow from no step on record. Where there are any, the realm has seen decisions that
// the record does not know: it is older, as after the restore of a backup. A brake then
// holds everything but what is decided from now on, with the list of what would be undone.
func (r *Registry) CheckOlder(ctx context.Context, changes []provisioning.Change) (held bool, err error) {
	unknown, err := r.unknownSteps(ctx, changes)
	if err != nil || len(unknown) == 0 {
		return false, err
	}
	_, err = r.Do(ctx, Act{By: worker(), Kind: "brake.weigh"}, Touch{}, func(tx *Tx) (string, error) {
		if err := lockBrake(tx.ctx, tx); err != nil {
			return "", err
		}
		plan, err := tx.undone(unknown)
		if err != nil {
			return "", err
		}
		was, err := heldBrake(tx.ctx, tx, BrakeOlder, "")
		if err != nil {
			return "", err
		}
		if was != nil { // noticed before the last start: this time less of it was looked at
			before, err := was.effects()
			if err != nil {
				return "", err
			}
			plan = provisioning.NewEffects(slices.Concat(before.Without(plan), plan))
		}
		var total int
		if err := tx.GetContext(tx.ctx, &total, heldNow, tx.At); err != nil {
			return "", err
		}
		return tx.hold(holding{kind: BrakeOlder, reason: "unknown-steps", plan: plan, total: total})
	})
	return err == nil, err
}

// stepsOf are the kinds of step from which a change of ours follows. When is not asked:
// a step that was sent long ago may have arrived late, or be carried out anew.
var stepsOf = map[provisioning.ChangeKind][]string{
	provisioning.ChangeJoined: {"join"}, provisioning.ChangeLeft: {"leave"}, provisioning.ChangePersonMade: {"create"}, provisioning.ChangePersonRemoved: {"remove"},
}

// unknownSteps are the changes of ours that follow from no step. Of somebody who was
// just made and whose answer was lost, the record does not have the sub: as many are no
// sign as creations are under way.
func (r *Registry) unknownSteps(ctx context.Context, changes []provisioning.Change) (unknown []provisioning.Change, err error) {
	var made []provisioning.Change
	for _, c := range changes {
		kinds, ours := stepsOf[c.Kind]
		if !c.Ours || !ours {
			continue
		}
		var row struct{ Known, Explained bool }
		if err := r.db.GetContext(ctx, &row, `select exists (select 1 from account where issuer = $1 and sub = $2) as known,
			exists (select 1 from step s left join account a on a.issuer = $1 and a.sub = $2
				where s.kind = any($3) and s.sent_at is not null and (a.id is null or s.target = a.id) and ($4 = '' or s.object = $4)) as explained`,
			r.issuer, c.Sub, pq.Array(kinds), c.GroupID); err != nil {
			return nil, err
		}
		switch c.Kind {
		case provisioning.ChangePersonMade:
			if !row.Known {
				made = append(made, c)
			}
		case provisioning.ChangePersonRemoved:
			if row.Known && !row.Explained {
				unknown = append(unknown, c)
			}
		default:
			if !row.Explained || c.Kind == provisioning.ChangeJoined && !row.Known {
				unknown = append(unknown, c)
			}
		}
	}
	var making int
	err = r.db.GetContext(ctx, &making, `select count(distinct s.target) from step s join account a on a.id = s.target where s.kind = 'create' and s.sent_at is not null and a.sub is null`)
	if len(made) > making {
		unknown = append(unknown, made...)
	}
	return unknown, err
}

// undone is what the record, taken at its word, would undo of changes: who was put into
// a group would be taken out, and who was taken out of one that the record still gives
// them would be put back.
func (tx *Tx) undone(changes []provisioning.Change) (plan provisioning.Effects, err error) {
	last := map[[2]string]provisioning.Change{}
	for _, c := range changes {
		if c.GroupID != "" {
			last[[2]string{c.Sub, c.GroupID}] = c
		}
	}
	var effects []provisioning.Effect
	for _, c := range last {
		var row struct {
			Account string
			Gives   bool
		}
		if err := tx.GetContext(tx.ctx, &row, `select coalesce((select id::text from account where issuer = $1 and sub = $2), '') as account,
			exists (select 1 from access_grant g join account a on a.id = g.account_id join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
				where a.issuer = $1 and a.sub = $2 and rg.kc_id = $3 and g.ended_at is null and g.until_at > $4) as gives`, tx.r.issuer, c.Sub, c.GroupID, tx.At); err != nil {
			return nil, err
		}
		e := provisioning.Effect{Do: provisioning.DoLeave, Account: row.Account, Sub: c.Sub, Group: c.GroupID, Path: c.Path}
		switch {
		case c.Kind == provisioning.ChangeLeft && row.Gives:
			e.Do = provisioning.DoJoin
		case c.Kind != provisioning.ChangeJoined || row.Gives:
			continue
		}
		effects = append(effects, e)
	}
	return provisioning.NewEffects(effects), nil
}
