package registry

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Rehearsal is the same record, of which everything that is written is undone at once:
// what would be done is then told by the code that does it.
func (r *Registry) Rehearsal() *Registry {
	return &Registry{db: r.db, keys: r.keys, url: r.url, issuer: r.issuer, rehearses: true, rehearsed: r.rehearsed}
}

// commit ends a transaction: undone where this is a rehearsal.
func (r *Registry) commit(t *sqlx.Tx) error {
	if r.rehearses {
		return t.Rollback()
	}
	return t.Commit()
}

// Scope says whose place in the realm is meant: one account's, by its id or user name;
// one site's and that of everybody who holds or held something there, by its id, its
// code, or program/code where the code is used twice; or all.
type Scope struct {
	Account, Site string
	All           bool
}

// Targets are the sites and accounts of a scope, each in the order of their ids.
func (r *Registry) Targets(ctx context.Context, s Scope) (sites, accounts []string, err error) {
	const live = `state <> 'refused' and (state <> 'closed' and sub is not null or wanted_rev > applied_rev)`
	switch {
	case s.All:
		if err = r.db.SelectContext(ctx, &sites, `select id from site where opened_at is not null order by id`); err != nil {
			return nil, nil, err
		}
		return sites, accounts, r.db.SelectContext(ctx, &accounts, `select id from account where `+live+` order by id`)
	case s.Site != "":
		program, code, both := strings.Cut(s.Site, "/")
		if !both {
			program, code = "", s.Site
		}
		if err = r.db.SelectContext(ctx, &sites, `select id from site where (id::text = $1 or code = $1) and (program = $2 or $2 = '') and opened_at is not null`, code, program); err != nil {
			return nil, nil, err
		}
		if len(sites) != 1 {
			return nil, nil, fmt.Errorf("%d open sites are called %s; name one by its id, or as program/code", len(sites), s.Site)
		}
		return sites, accounts, r.db.SelectContext(ctx, &accounts, `select id from account where `+live+`
			and id in (select account_id from access_grant where site_id = $1) order by id`, sites[0])
	}
	if err = r.db.SelectContext(ctx, &accounts, `select id from account where (id::text = $1 or user_name = lower($1)) and `+live, s.Account); err == nil && len(accounts) == 0 {
		err = fmt.Errorf("nobody whom Keycloak should have has the id or user name %s", s.Account)
	}
	return nil, accounts, err
}

// Reclaim is ClaimAccount for one account, behind or not: it is behind by one revision
// then, so that what is looked at is a revision of its own. Not ok where somebody else
// has it in hand; in a rehearsal that is no hindrance.
func (r *Registry) Reclaim(ctx context.Context, account, root string) (w AccountWork, ok bool, err error) {
	return r.claimAccount(ctx, ` and id = $3`, root, func(t *sqlx.Tx) error { return r.fallBehind(ctx, t, "account", account) }, account)
}

// ReclaimSite is Reclaim for a site.
func (r *Registry) ReclaimSite(ctx context.Context, site string) (w SiteWork, ok bool, err error) {
	return r.claimSite(ctx, ` and id = $3`, func(t *sqlx.Tx) error { return r.fallBehind(ctx, t, "site", site) }, site)
}

func (r *Registry) fallBehind(ctx context.Context, t *sqlx.Tx, table, id string) error {
	free := `(lease_until is null or lease_until < clock_timestamp())`
	if r.rehearses {
		free = `true`
	}
	_, err := t.ExecContext(ctx, `update `+table+` set wanted_rev = greatest(wanted_rev, applied_rev + 1), retry_at = '-infinity', lease_until = null where id = $1 and `+free, id)
	return err
}

// IsEven tells whether the realm, read back, showed of an account what was wanted at a
// revision; and what became of the account where nothing more is wanted.
func (r *Registry) IsEven(ctx context.Context, account string, rev int64) (even bool, state string, err error) {
	var row struct {
		Even  bool
		State string
	}
	err = r.db.GetContext(ctx, &row, `select applied_rev >= $2 as even, state from account where id = $1`, account, rev)
	return row.Even, row.State, err
}
