package registry

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Why is one fact that a grant stands on, or one thing that happened.
type Why struct {
	fact   string
	Kind   string // join, review, signature, mandate, standing, adopted
	At     time.Time
	Until  *time.Time
	Who    string // name of who did it; empty for oneself or nobody
	Detail string // capacity, agreement and version, regulating body
	Batch  string // reference of the batch by which it was decided; empty for none
}

// whys explains facts, in the order of their times.
func whys(ctx context.Context, q sqlx.QueryerContext, facts []string) ([]Why, error) {
	var rows []struct {
		ID     string
		Kind   string
		At     time.Time
		Until  time.Time
		Who    *string
		Detail string
		Batch  string
	}
	err := sqlx.SelectContext(ctx, q, &rows, `with f as (
		select id, 'join' as kind, recorded_at as at, until_at as until, null::uuid as who, role as detail, request_id, act_id from fact_join where id = any($1)
		union all select id, 'review', recorded_at, until_at, by_account, capacity, request_id, act_id from fact_review where id = any($1)
		union all select id, 'signature', recorded_at, until_at, account_id, agreement || ' ' || agreement_version, request_id, act_id from fact_signature where id = any($1)
		union all select id, 'mandate', recorded_at, until_at, account_id, '', request_id, act_id from fact_mandate where id = any($1)
		union all select id, 'standing', recorded_at, until_at, by_account, body, request_id, act_id from fact_standing where id = any($1)
		union all select f.id, 'adopted', f.recorded_at, f.until_at, a.second_by, '', f.request_id, f.act_id from fact_adopted f join adoption a on a.id = f.adoption_id where f.id = any($1))
		select f.id, f.kind, f.at, f.until, f.who, f.detail, coalesce(b.ref, '') as batch from f left join act on act.id = f.act_id and act.kind = 'batch.row'
		left join request r on r.id = f.request_id and act.id is not null left join import_batch b on b.id = r.batch_id order by f.at, f.id`, pq.Array(orEmpty(facts)))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, value(row.Who))
	}
	named, err := accountsNamed(ctx, q, sorted(ids))
	var out []Why
	for _, row := range rows {
		w := Why{fact: row.ID, Kind: row.Kind, At: row.At, Until: timeOrNil(open(row.Until)), Detail: row.Detail, Batch: row.Batch}
		if a, ok := named[value(row.Who)]; ok {
			w.Who = a.Name()
		}
		out = append(out, w)
	}
	return out, err
}

// Access is one role that a person holds at one site.
type Access struct {
	Join, Program, Role string
	Site                Site
	Leaves              []string // what it gives, without the role itself
	Since               time.Time
	Until               *time.Time // nil: no end is known
	Planned             bool       // a planned end is on it that can be called off
	Ready               bool       // the realm has it
	Why                 []Why
	// Adopted is the request by which the person makes their own what they hold for a
	// while only; empty: they hold it in ordinary ways. Asks: it is theirs to send.
	Adopted string
	Asks    bool
}

// heldBy is held of one account, wherever.
func (l looker) heldBy(account string) ([]Access, error) {
	by, err := l.held([]string{account}, "")
	return by[account], err
}

// held reads the open grants of accounts, one entry for each role: all, or those at one
// site.
func (l looker) held(accounts []string, site string) (map[string][]Access, error) {
	var rows []struct {
		grantRow
		Join    string
		Ready   bool
		Planned bool
		Adopted string
		Asks    bool
	}
	if err := l.r.db.SelectContext(l.ctx, &rows, `select g.id, g.account_id, g.site_id, g.role, g.leaf, g.basis, g.from_at, g.until_at, g.version,
		coalesce((select j.id from fact_join j where j.account_id = g.account_id and j.site_id = g.site_id and j.role = g.role and j.ended_at is null)::text, '') as join,
		g.shown_at is not null or a.applied_rev >= a.wanted_rev as ready,
		exists (select 1 from fact_restriction x where x.account_id = g.account_id and x.site_id = g.site_id and x.role = g.role and x.ended_at is null and x.from_at > $2) as planned,
		coalesce(q.id::text, '') as adopted, coalesce(q.state = 'returned', false) as asks
		from access_grant g join account a on a.id = g.account_id
		left join lateral (select f.request_id from fact_adopted f where f.id = any(g.basis) limit 1) fa on true left join request q on q.id = fa.request_id
		where g.account_id = any($1) and g.ended_at is null and g.from_at <= $2 and g.until_at > $2 and $3 in ('', g.site_id::text) order by g.from_at, g.id`, pq.Array(accounts), l.at, site); err != nil {
		return nil, err
	}
	var facts []string
	sites, out := map[string]Site{}, map[string][]Access{}
	for _, row := range rows {
		facts = append(facts, row.Basis...)
	}
	explained, err := whys(l.ctx, l.r.db, sorted(facts))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Leaf != row.Role {
			continue
		}
		site, known := sites[row.Site]
		if !known {
			if site, err = readSite(l.ctx, l.r.db, row.Site); err != nil {
				return nil, err
			}
			sites[row.Site] = site
		}
		a := Access{Join: row.Join, Program: site.Program, Role: row.Role, Site: site, Since: row.From,
			Until: timeOrNil(open(row.Until)), Planned: row.Planned, Ready: row.Ready, Adopted: row.Adopted, Asks: row.Asks}
		basis := slices.Clone([]string(row.Basis))
		for _, leaf := range rows {
			if leaf.Account == row.Account && leaf.Site == row.Site && leaf.Role == row.Role && leaf.Leaf != leaf.Role {
				a.Leaves = append(a.Leaves, leaf.Leaf)
				basis = append(basis, leaf.Basis...)
			}
		}
		for _, w := range explained {
			if slices.Contains(basis, w.fact) {
				a.Why = append(a.Why, w)
			}
		}
		out[row.Account] = append(out[row.Account], a)
	}
	return out, nil
}
