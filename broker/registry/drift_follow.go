package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// RealmChange is one entry of the realm's own log of changes.
type RealmChange struct {
	ID       string
	At       time.Time // by the realm's clock
	Kind     string    // provisioning.ChangeKind
	Sub      string
	Group    string `db:"group_id"`
	ByClient string `db:"by_client"`
	ByUser   string `db:"by_user"`
	Ours     bool   // made with our writer's credential
}

// FollowWork is the right to read the realm's log for a while.
type FollowWork struct {
	Lease string
	Since *time.Time `db:"seen_at"` // of the last change that was read; nil: none yet
	Gap   *float64   // seconds since the log was last read; nil: never
}

// ClaimFollow takes the reading of the realm's log, unless another replica has read it
// within every, or is reading.
func (r *Registry) ClaimFollow(ctx context.Context, every time.Duration) (w FollowWork, ok bool, err error) {
	w.Lease = NewID()
	err = r.db.GetContext(ctx, &w, `with before as (select seen_at, polled_at from realm_follow)
		update realm_follow set lease = $1, lease_until = clock_timestamp() + interval '30 seconds'
		where (polled_at is null or polled_at <= clock_timestamp() - $2 * interval '1 second') and (lease_until is null or lease_until < clock_timestamp())
		returning seen_at, extract(epoch from clock_timestamp() - polled_at)::float8 as gap`, w.Lease, every.Seconds())
	if isNoRows(err) {
		return w, false, nil
	}
	return w, err == nil, err
}

// EndFollow gives the reading back. Read, all changes up to seen are recorded; else
// they are read again.
func (r *Registry) EndFollow(ctx context.Context, w FollowWork, read bool, seen time.Time) error {
	return r.exec(ctx, `update realm_follow set lease = null, lease_until = null, polled_at = case when $2 then clock_timestamp() else polled_at end,
		seen_at = case when $2 then greatest(seen_at, $3) else seen_at end where lease = $1`, w.Lease, read, seen)
}

// Followed is what changes of the realm came to.
type Followed struct {
	Found  []Difference
	Groups []RealmChange // groups were changed by others: they are to be looked at
	People []RealmChange // people were changed by others: likewise
}

// Follow looks at changes that were read, each once over all replicas. One of ours that
// a step explains is well. One of ours that no step explains is an alarm. One of
// somebody else's that makes the realm differ from the record is drift, and the account
// that it is about is behind.
func (r *Registry) Follow(ctx context.Context, changes []RealmChange) (f Followed, err error) {
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	var known []string
	if err := r.db.SelectContext(ctx, &known, `select id from realm_change where id = any($1)`, pq.Array(ids)); err != nil {
		return f, err
	}
	skip := map[string]bool{}
	for _, id := range known {
		skip[id] = true
	}
	var waiting []RealmChange
	if err := r.db.SelectContext(ctx, &waiting, `select id, at, kind, sub, group_id, by_client, by_user, ours from realm_change where state = 'waiting' order by at, id limit 1000`); err != nil {
		return f, err
	}
	var fresh, ours []RealmChange
	for _, c := range append(waiting, changes...) {
		if skip[c.ID] && !isIn(waiting, c.ID) {
			continue
		}
		fresh = append(fresh, c)
		if c.Ours {
			ours = append(ours, c)
		}
	}
	explained := map[string]bool{}
	for some := range slices.Chunk(ours, 200) {
		if err := r.inTx(ctx, func(t *sqlx.Tx) error {
			these, err := explain(ctx, t, r.issuer, some)
			maps.Copy(explained, these)
			return err
		}); err != nil {
			return f, err
		}
	}
	for _, c := range fresh {
		if explained[c.ID] {
			continue
		}
		if err := r.followOne(ctx, c, &f); err != nil {
			return f, fmt.Errorf("change %s: %w", c.ID, err)
		}
	}
	return f, nil
}

func isIn(list []RealmChange, id string) bool {
	for _, c := range list {
		if c.ID == id {
			return true
		}
	}
	return false
}

func (r *Registry) followOne(ctx context.Context, c RealmChange, f *Followed) error {
	if !c.Ours {
		return r.foreign(ctx, c, f)
	}
	state := ""
	err := r.inTx(ctx, func(t *sqlx.Tx) (err error) {
		state, err = explainAlone(ctx, t, r.issuer, c)
		return err
	})
	if err != nil || state != "alarm" {
		return err
	}
	var lost bool // the record was restored from before the change: its steps are gone, and the brake says so once
	if err := r.db.GetContext(ctx, &lost, `select exists (select 1 from brake where kind = $1 and held_at + interval '1 minute' >= $2)`, BrakeOlder, c.At); err != nil {
		return err
	}
	if lost {
		return r.inTx(ctx, func(t *sqlx.Tx) error {
			_, err := noteChange(ctx, t, c, "foreign", nil)
			return err
		})
	}
	return r.recorded(ctx, c, "alarm", f, func(tx *Tx) ([]Difference, error) {
		d, err := tx.about(c)
		if err != nil {
			return nil, err
		}
		d.Alarm = true
		out := []Difference{d}
		if d.Kind != DriftCall { // what it changed is one thing, that it was done another
			d.Kind = DriftCall
			out = append(out, d)
			out[0].Alarm = false
		}
		return out, nil
	})
}

// errKnown: another replica has looked at the change already.
var errKnown = errors.New("registry: this change was looked at")

// recorded notes a change and, in the same act, what differs by it.
func (r *Registry) recorded(ctx context.Context, c RealmChange, state string, f *Followed, differs func(*Tx) ([]Difference, error)) error {
	var found []Difference
	_, err := r.Do(ctx, driftAct(c.ID), Touch{}, func(tx *Tx) (string, error) {
		found = nil
		fresh, err := noteChange(ctx, tx, c, state, nil)
		if err != nil || !fresh {
			return "", errors.Join(err, errKnown)
		}
		all, err := differs(tx)
		if err != nil {
			return "", err
		}
		for _, d := range all {
			d.FoundBy, d.Change, d.ByClient, d.ByUser = "event", c.ID, c.ByClient, c.ByUser
			fresh, err := tx.found(&d)
			if err != nil {
				return "", err
			}
			if fresh {
				found = append(found, d)
			}
			if err := tx.behind(d.Account); err != nil {
				return "", err
			}
		}
		return "", nil
	})
	if errors.Is(err, errKnown) {
		return nil
	}
	f.Found = append(f.Found, found...)
	return err
}

// behind makes an account's place in the realm be looked at again.
func (tx *Tx) behind(account string) error {
	if account == "" {
		return nil
	}
	_, err := tx.ExecContext(tx.ctx, `update account set wanted_rev = wanted_rev + 1, retry_at = '-infinity', tries = 0 where id = $1`, account)
	return err
}

// stepRow is a step that explains a change.
type stepRow struct {
	Target string
	Rev, N int64
}

// noteChange records that a change was looked at; false when it was before.
func noteChange(ctx context.Context, e sqlx.ExecerContext, c RealmChange, state string, by *stepRow) (bool, error) {
	var target, rev, n any
	if by != nil {
		target, rev, n = by.Target, by.Rev, by.N
	}
	res, err := e.ExecContext(ctx, `insert into realm_change (id, at, kind, sub, group_id, by_client, by_user, ours, state, target, rev, n)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (id) do update set state = excluded.state, target = excluded.target, rev = excluded.rev, n = excluded.n
			where realm_change.state = 'waiting' and excluded.state <> 'waiting'`, c.ID, c.At, c.Kind, c.Sub, c.Group, c.ByClient, c.ByUser, c.Ours, state, target, rev, n)
	if err != nil {
		return false, err
	}
	changed, err := res.RowsAffected()
	return changed == 1, err
}

// about tells what a change of memberships made differ: nothing where the record wants
// it so. For any other change it is that the change was made.
func (tx *Tx) about(c RealmChange) (Difference, error) {
	d := Difference{Kind: DriftCall, Group: c.Group, Sub: c.Sub}
	var of struct {
		Account, Site *string
		Leaf          *string
		Wanted        bool
	}
	if err := tx.GetContext(tx.ctx, &of, `select (select id from account where issuer = $1 and sub = $2 and sub <> '') as account, rg.site_id as site, rg.leaf,
			exists (select 1 from access_grant g join account a on a.id = g.account_id where a.issuer = $1 and a.sub = $2 and g.site_id = rg.site_id and g.leaf = rg.leaf
				and g.ended_at is null and g.from_at <= $4 and g.until_at > $4) as wanted
		from (select 1) one left join realm_group rg on rg.kc_id = $3`, tx.r.issuer, c.Sub, c.Group, tx.At); err != nil {
		return d, err
	}
	d.Account, d.Site, d.Leaf = value(of.Account), value(of.Site), value(of.Leaf)
	switch {
	case c.Kind == "joined" && d.Account == "":
		d.Kind = DriftStranger
	case c.Kind == "joined" && !of.Wanted:
		d.Kind = DriftSurplus
	case c.Kind == "left" && of.Wanted:
		d.Kind = DriftMissing
	}
	return d, nil
}

// foreign looks at what somebody else changed.
func (r *Registry) foreign(ctx context.Context, c RealmChange, f *Followed) error {
	switch c.Kind {
	case "joined", "left":
		return r.recorded(ctx, c, "foreign", f, func(tx *Tx) ([]Difference, error) {
			d, err := tx.about(c)
			if err == nil && c.Kind == "left" && d.Kind == DriftCall {
				err = tx.noSurplus(d)
			}
			if err != nil || d.Kind == DriftCall {
				return nil, err
			}
			if d.Site == "" { // no group of ours; where it is under our root, a look at the account tells
				return nil, tx.behind(d.Account)
			}
			known, err := tx.attribute(c, d)
			if err != nil || known {
				return nil, err
			}
			return []Difference{d}, nil
		})
	case "group-made", "group-changed", "group-removed":
		f.Groups = append(f.Groups, c)
	case "person-changed", "person-removed":
		f.People = append(f.People, c)
	}
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		_, err := noteChange(ctx, t, c, "foreign", nil)
		return err
	})
}

// attribute names who made a difference that was found, and perhaps put right, before
// the change that made it was read.
func (tx *Tx) attribute(c RealmChange, d Difference) (bool, error) {
	var row struct {
		ID      string
		Version int64
	}
	err := tx.GetContext(tx.ctx, &row, `update drift set change_id = $4, by_client = $5, by_user = $6, version = version + 1, changed_at = $7
		where id = (select id from drift where kind = $1 and sub = $2 and group_id = $3 and change_id = '' and found_at > $7::timestamptz - interval '1 minute'
			order by found_at desc limit 1 for update) returning id, version`, d.Kind, d.Sub, d.Group, c.ID, c.ByClient, c.ByUser, tx.At)
	if isNoRows(err) {
		return false, nil
	}
	tx.event("drift", row.ID, row.Version, "drift.attributed", map[string]string{"change": c.ID, "by_client": c.ByClient, "by_user": c.ByUser})
	return err == nil, err
}
