package registry

import (
	"context"
	"slices"

	"github.com/lib/pq"
)

// afterAnEnd is for how long a recorded end explains that a membership is back: a
// writer that was paused may have undone it, and the checks after an end look for that.
const afterAnEnd = "10 minutes"

// Differs is told what a claimed account holds in the realm and should not, and the
// other way round. What a recorded end or a grant that the realm has not had yet
// explains is nobody's doing. The rest is recorded as drift, once, and given back as
// found; kept are the groups in which nothing is to change while the realm is only
// observed.
func (r *Registry) Differs(ctx context.Context, w AccountWork, surplus, missing []Leaf) (kept []Leaf, found []Difference, err error) {
	drifted, err := r.unexplained(ctx, w, surplus, missing)
	if err != nil || len(drifted) == 0 {
		return nil, nil, err
	}
	open, err := r.openOf(ctx, w.Account.ID)
	if err != nil {
		return nil, nil, err
	}
	isNew := func(d Difference) bool {
		return !slices.ContainsFunc(open, func(row driftRow) bool { return row.Key == d.key() })
	}
	if slices.ContainsFunc(drifted, isNew) {
		_, err = r.Do(ctx, driftAct([]any{w.Account.ID, w.Rev, w.Lease}), Touch{}, func(tx *Tx) (string, error) {
			found, err = tx.foundNew(drifted)
			return "", err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	mode, err := r.RealmMode(ctx)
	for _, g := range slices.Concat(surplus, missing) {
		if mode != ModeEnforce && slices.ContainsFunc(drifted, func(d Difference) bool { return d.Group == g.ID }) {
			kept = append(kept, g)
		}
	}
	return kept, found, err
}

// unexplained are those of the differences that follow from nothing in the record
// which the realm has not had yet.
func (r *Registry) unexplained(ctx context.Context, w AccountWork, surplus, missing []Leaf) ([]Difference, error) {
	var rows []struct {
		ID        string
		Site      *string
		Leaf      *string
		Explained bool
	}
	ids := func(groups []Leaf) any {
		out := []string{}
		for _, g := range groups {
			out = append(out, g.ID)
		}
		return pq.Array(out)
	}
	err := r.db.SelectContext(ctx, &rows, `select x.id, rg.site_id as site, rg.leaf, case when x.surplus then exists (select 1 from access_grant g
				where g.account_id = $1 and g.site_id = rg.site_id and g.leaf = rg.leaf and least(coalesce(g.ended_at, 'infinity'), g.until_at) <= (select instant())
				and (least(coalesce(g.ended_at, 'infinity'), g.until_at) >= coalesce($2::timestamptz, '-infinity') or least(coalesce(g.ended_at, 'infinity'), g.until_at) > (select instant()) - $5::interval))
			else $2::timestamptz is null or rg.since >= $2 or not exists (select 1 from access_grant g where g.account_id = $1 and g.site_id = rg.site_id and g.leaf = rg.leaf
				and g.ended_at is null and g.from_at < $2) end as explained
		from (select unnest($3::text[]) as id, true as surplus union all select unnest($4::text[]), false) x left join realm_group rg on rg.kc_id = x.id`,
		w.Account.ID, w.Even, ids(surplus), ids(missing), afterAnEnd)
	var out []Difference
	for _, row := range rows {
		if row.Explained {
			continue
		}
		d := Difference{Kind: DriftSurplus, Account: w.Account.ID, Site: value(row.Site), Leaf: value(row.Leaf), Group: row.ID, Sub: w.Account.Sub, FoundBy: "account"}
		i := slices.IndexFunc(surplus, func(g Leaf) bool { return g.ID == row.ID })
		if i < 0 {
			d.Kind = DriftMissing
		} else if row.Site == nil {
			d.Path = surplus[i].Path
		}
		out = append(out, d)
	}
	return out, err
}

// driftRow is an open difference.
type driftRow struct {
	ID, Kind, Key string
	Group         string `db:"group_id"`
	Doing         string
}

func (r *Registry) openOf(ctx context.Context, account string) (rows []driftRow, err error) {
	return rows, r.db.SelectContext(ctx, &rows, `select id, kind, key, group_id, doing from drift where account_id = $1 and done_at is null`, account)
}

// Braked notes in which groups of an account the brake holds what differs there.
func (r *Registry) Braked(ctx context.Context, account string, held []Leaf) error {
	groups := []string{}
	for _, g := range held {
		groups = append(groups, g.ID)
	}
	return r.exec(ctx, `update drift set doing = case when group_id = any($2) then 'held' else 'repair' end
		where account_id = $1 and kind = 'surplus' and done_at is null and doing = case when group_id = any($2) then 'repair' else 'held' end`, account, pq.Array(groups))
}

// SettleAccount ends the differences of an account that a run, which left kept as it
// was, has put right. Those that came to light while it ran belong to the next.
func (r *Registry) SettleAccount(ctx context.Context, w AccountWork, kept []Leaf) error {
	var rows []struct {
		ID   string
		Kind string
		Did  bool
	}
	groups := []string{}
	for _, g := range kept {
		groups = append(groups, g.ID)
	}
	if err := r.db.SelectContext(ctx, &rows, `select d.id, d.kind, exists (select 1 from step s where s.target = d.account_id and s.outcome = 'done' and s.object = d.group_id
			and s.kind = case d.kind when 'surplus' then 'leave' else 'join' end and s.done_at >= d.found_at) as did
		from drift d where account_id = $1 and done_at is null and kind in ('surplus','missing','forbidden','person-missing') and group_id <> all($2)
			and (found_by = 'account' or found_at <= $3)`, w.Account.ID, pq.Array(groups), w.At); err != nil {
		return err
	}
	outcomes := map[string]string{}
	for _, row := range rows {
		outcomes[row.ID] = OutGone
		switch {
		case row.Did && row.Kind == DriftSurplus:
			outcomes[row.ID] = OutRemoved
		case row.Did && row.Kind == DriftMissing:
			outcomes[row.ID] = OutRestored
		}
	}
	return r.settleDrifts(ctx, outcomes)
}

// Report records differences by themselves, and gives those that are new.
func (r *Registry) Report(ctx context.Context, all ...Difference) (found []Difference, err error) {
	keys := []string{}
	for _, d := range all {
		keys = append(keys, d.key())
	}
	var open []string
	if err := r.db.SelectContext(ctx, &open, `select key from drift where key = any($1) and done_at is null
		union select key from drift where key = any($1) and outcome = 'settled' and done_at > (select instant()) - interval '7 days'`, pq.Array(keys)); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(d Difference) bool { return d.FoundBy == "compare" && slices.Contains(open, d.key()) })
	if len(all) == 0 {
		return nil, nil
	}
	_, err = r.Do(ctx, driftAct(keys), Touch{}, func(tx *Tx) (string, error) {
		found, err = tx.foundNew(all)
		return "", err
	})
	return found, err
}

// LaterYet puts a claimed account back for a long time: trying again soon would not
// help, and somebody was told. Whatever changes about it is tried at once; an end is
// tried on and on as ever (I6).
func (r *Registry) LaterYet(ctx context.Context, w AccountWork) error {
	return r.execAndWake(ctx, `update account set lease = null, lease_until = null, tries = tries + 1,
		retry_at = instant() + case when urgent_rev > applied_rev then interval '30 seconds' else interval '10 minutes' end
		where id = $1 and lease = $2`, w.Account.ID, w.Lease)
}

// Elsewhere gives up to three memberships of others, which the realm has: to join them
// again changes nothing, and tells whether the writer may.
func (r *Registry) Elsewhere(ctx context.Context, account string) (others [][2]string, err error) {
	var rows []struct{ Sub, Group string }
	err = r.db.SelectContext(ctx, &rows, `select a.sub, rg.kc_id as "group" from account a
		cross join lateral (select site_id, leaf from access_grant where account_id = a.id and ended_at is null and from_at < a.even_at and until_at > (select instant()) limit 1) g
		join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
		where a.id <> $1 and a.state = 'live' and a.wanted_rev = a.applied_rev
			and not exists (select 1 from drift d where d.account_id = a.id and d.done_at is null) limit 3`, account)
	for _, row := range rows {
		others = append(others, [2]string{row.Sub, row.Group})
	}
	return others, err
}
