package registry

import (
	"context"
	"time"

	"github.com/lib/pq"

	"countersign/provisioning"
)

// compareEvery is how often all of the realm is compared with the record; what is
// changed past the realm's own log, or while nobody reads it, is found then.
const compareEvery = time.Hour

// ClaimCompare takes the full compare when it is due. At is the record's time: what
// was found before it and is not found by this compare is no longer there.
func (r *Registry) ClaimCompare(ctx context.Context) (lease string, at time.Time, ok bool, err error) {
	lease = NewID()
	err = r.db.GetContext(ctx, &at, `update realm_compare set lease = $1, lease_until = clock_timestamp() + interval '1 minute', begun_at = clock_timestamp()
		where due_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp()) returning instant()`, lease)
	if isNoRows(err) {
		return "", at, false, nil
	}
	return lease, at, err == nil, err
}

// KeepCompare makes the claim last; Conflict when it is somebody else's by now.
func (r *Registry) KeepCompare(ctx context.Context, lease string) error {
	var one bool
	err := r.db.GetContext(ctx, &one, `update realm_compare set lease_until = clock_timestamp() + interval '1 minute' where lease = $1 returning one`, lease)
	if isNoRows(err) {
		return Fail(Conflict, "error.lease-lost")
	}
	return err
}

// Compared is what a full compare came to.
type Compared struct {
	Outcome     string // done, or why it was given up
	People      int64
	Memberships int64
	Calls       int64
	Took        time.Duration
}

// EndCompare records what a compare came to. One that was given up is due again soon.
func (r *Registry) EndCompare(ctx context.Context, lease string, c Compared) error {
	next := compareEvery
	if c.Outcome != "done" {
		next = time.Minute
	}
	return r.exec(ctx, `update realm_compare set lease = null, lease_until = null, ended_at = clock_timestamp(), due_at = clock_timestamp() + $2 * interval '1 second',
		outcome = $3, people = $4, memberships = $5, calls = $6, seconds = $7 where lease = $1`, lease, next.Seconds(), c.Outcome, c.People, c.Memberships, c.Calls, c.Took.Seconds())
}

// CompareSoon makes the full compare due now.
func (r *Registry) CompareSoon(ctx context.Context) error {
	return r.exec(ctx, `update realm_compare set due_at = least(due_at, clock_timestamp())`)
}

// KnownGroup is a leaf's group that the record knows in the realm.
type KnownGroup struct {
	ID      string `db:"kc_id"`
	Site    string `db:"site_id"`
	Program string
	Code    string
	Leaf    string
}

// KnownSite is a site that may have groups.
type KnownSite struct {
	Program, Code string
	Coming        bool // some of its groups are being made: the realm may have them before the record does
}

// KnownGroups are all of them, and all sites that may have some.
func (r *Registry) KnownGroups(ctx context.Context) (groups []KnownGroup, sites []KnownSite, err error) {
	if err := r.db.SelectContext(ctx, &groups, `select rg.kc_id, rg.site_id, s.program, s.code, rg.leaf from realm_group rg join site s on s.id = rg.site_id order by rg.site_id, rg.leaf`); err != nil {
		return nil, nil, err
	}
	return groups, sites, r.db.SelectContext(ctx, &sites, `select program, code, wanted_rev > applied_rev as coming from site where opened_at is not null`)
}

// KnownPerson is somebody whom the record has in the realm.
type KnownPerson struct {
	Account, Sub string
	UserName     string `db:"user_name"`
	Made         bool   // by us
}

// KnownBySub is who the record has by a sub; not ok: nobody.
func (r *Registry) KnownBySub(ctx context.Context, sub string) (p KnownPerson, ok bool, err error) {
	err = r.db.GetContext(ctx, &p, `select id as account, sub, user_name, origin = 'sign-up' as made from account where issuer = $1 and sub = $2 and state = 'live'`, r.issuer, sub)
	if isNoRows(err) {
		return p, false, nil
	}
	return p, err == nil, err
}

// KnownPeople are all of them.
func (r *Registry) KnownPeople(ctx context.Context) (people []KnownPerson, err error) {
	return people, r.db.SelectContext(ctx, &people, `select id as account, sub, user_name, origin = 'sign-up' as made from account where issuer = $1 and state = 'live'`, r.issuer)
}

// Holders are the accounts, by sub, that hold a leaf now and should be in its group.
func (r *Registry) Holders(ctx context.Context, site, leaf string) (map[string]string, error) {
	var rows []struct{ Sub, ID string }
	err := r.db.SelectContext(ctx, &rows, `select distinct a.sub, a.id from access_grant g join account a on a.id = g.account_id
		where g.site_id = $1 and g.leaf = $2 and g.ended_at is null and g.from_at <= (select instant()) and g.until_at > (select instant()) and a.state = 'live'`, site, leaf)
	out := map[string]string{}
	for _, row := range rows {
		out[row.Sub] = row.ID
	}
	return out, err
}

// Undecided are those of memberships that somebody of ours has too much, by sub and
// group, which no end on record is about: the account is even, and never had it.
func (r *Registry) Undecided(ctx context.Context, subs, groups []string) (out [][2]string, err error) {
	var rows []struct{ Sub, Group string }
	err = r.db.SelectContext(ctx, &rows, `select x.sub, x."group" from unnest($1::text[], $2::text[]) as x (sub, "group") join account a on a.issuer = $3 and a.sub = x.sub
		left join realm_group rg on rg.kc_id = x."group"
		where a.wanted_rev = a.applied_rev and not exists (select 1 from access_grant g where g.account_id = a.id and g.site_id = rg.site_id and g.leaf = rg.leaf)`,
		pq.Array(subs), pq.Array(groups), r.issuer)
	for _, row := range rows {
		out = append(out, [2]string{row.Sub, row.Group})
	}
	return out, err
}

// Suspect makes accounts be looked at again, each by itself: what a list says may be
// torn by what was changed while it was read, so nothing is done on its strength.
func (r *Registry) Suspect(ctx context.Context, accounts []string) error {
	if len(accounts) == 0 {
		return nil
	}
	return r.execAndWake(ctx, `update account set wanted_rev = wanted_rev + 1, retry_at = '-infinity' where id = any($1) and wanted_rev = applied_rev and state = 'live'`, pq.Array(accounts))
}

// DriftListed are the kinds of which a compare finds each that there is; of DriftGroups
// a look at the groups does.
var (
	DriftListed = append([]string{DriftNoPerson, DriftDisabled, DriftRenamed}, DriftGroups...)
	DriftGroups = []string{DriftNoGroup, DriftGroupName, DriftGroupMove, DriftGroupNew}
)

// SettleListed ends those differences of kinds that were open before a complete look at
// the realm and that it did not find. Of the realm's own people it lists none.
func (r *Registry) SettleListed(ctx context.Context, kinds []string, before time.Time, found []Difference) error {
	keys := []string{}
	for _, d := range found {
		keys = append(keys, d.key())
	}
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `select id from drift where done_at is null and kind = any($1) and found_at <= $2 and key <> all($3)
		and (account_id is null or exists (select 1 from account a where a.id = account_id and a.origin = 'sign-up'))`,
		pq.Array(kinds), before, pq.Array(keys)); err != nil {
		return err
	}
	outcomes := map[string]string{}
	for _, id := range ids {
		outcomes[id] = OutGone
	}
	return r.settleDrifts(ctx, outcomes)
}

// Reported are the accounts with differences that are only reported: whether they are
// still there, a look at each account tells.
func (r *Registry) Reported(ctx context.Context) (accounts []string, err error) {
	return accounts, r.db.SelectContext(ctx, &accounts, `select distinct account_id from drift where done_at is null and doing = 'report' and account_id is not null`)
}

// Counted is how many people and memberships the realm was made to have, and was read
// back to have: what a look at it must show, about.
func (r *Registry) Counted(ctx context.Context) (c provisioning.Counts, err error) {
	return c, r.db.GetContext(ctx, &c, `select (select count(*) from account where issuer = $1 and state = 'live' and origin = 'sign-up' and even_at is not null) as people,
		(select count(distinct (g.account_id, g.site_id, g.leaf)) from access_grant g join account a on a.id = g.account_id join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
			where g.ended_at is null and g.from_at < a.even_at and g.until_at > (select instant()) and a.state = 'live') as memberships`, r.issuer)
}
