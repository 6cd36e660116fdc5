package registry

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Backlog is the work that the record has for workers, and what waits for an answer or
// for people, at one moment.
type Backlog struct {
	Waiting     []Pile         // accounts, urgent, sites, languages and mail
	Unconfirmed []Pile         // ends that the realm, and events that an application, has not confirmed
	Differences []Pile         // between realm and record that are open, by kind; those that are there
	Brakes      map[string]int // that are held, by kind
	Refused     int64          // messages that no mail server took
}

// Pile is what waits of one kind.
type Pile struct {
	Kind   string
	N      int64
	Oldest float64 // seconds since the oldest that is due now became due; 0 for none
}

// Backlog counts what waits. An account or site waits from its last change or, if
// that failed, from its next try; a message from when it was due.
func (r *Registry) Backlog(ctx context.Context) (b Backlog, err error) {
	const behind = `count(*), coalesce(extract(epoch from instant() - min(greatest(changed_at, retry_at)) filter (where greatest(changed_at, retry_at) <= (select instant()))), 0)`
	err = r.db.SelectContext(ctx, &b.Waiting, `select kind, n, oldest::float8 as oldest from (
		select 'accounts', `+behind+` from account where wanted_rev > applied_rev and state <> 'refused'
		union all select 'urgent', `+behind+` from account where urgent_rev > applied_rev and wanted_rev > applied_rev and state <> 'refused'
		union all select 'sites', `+behind+` from site where wanted_rev > applied_rev
		union all select 'languages', count(*), coalesce(extract(epoch from instant() - min(greatest(asked_at, due_at)) filter (where due_at <= (select instant()))), 0) from realm_language
		union all select 'mail', count(*), coalesce(extract(epoch from instant() - min(due_at) filter (where due_at <= (select instant()))), 0)
			from mail where sent_at is null and failed_at is null) w (kind, n, oldest)`)
	if err != nil {
		return b, err
	}
	if err := r.db.SelectContext(ctx, &b.Unconfirmed, `select kind, n, oldest::float8 as oldest from (
		select 'ends', count(*), coalesce(extract(epoch from instant() - min(at)), 0) from receipt r where confirmed_at is null
			and exists (select 1 from receipt_step s where s.receipt_id = r.id and s.kind <> '`+StepVerify+`' and s.done_at is null)
		union all select 'events', count(*), coalesce(extract(epoch from instant() - min(r.at)), 0) from push p join application a using (client_id) join receipt r on r.id = p.receipt_id
			where p.confirmed_at is null and a.removed_at is null and a.event_url <> '') u (kind, n, oldest)`); err != nil {
		return b, err
	}
	if err := r.db.SelectContext(ctx, &b.Differences, `select kind, count(*) as n, extract(epoch from instant() - min(found_at))::float8 as oldest
		from drift where done_at is null group by kind order by kind`); err != nil {
		return b, err
	}
	if b.Brakes, err = r.BrakesHeld(ctx); err != nil {
		return b, err
	}
	return b, r.db.GetContext(ctx, &b.Refused, `select count(*) from mail where failed_at is not null`)
}

// Pool is the state of the connections to the database.
func (r *Registry) Pool() sql.DBStats { return r.db.Stats() }

// SchemaVersion is the last migration that the database has had, and the last one
// that this binary knows.
func (r *Registry) SchemaVersion(ctx context.Context) (have, want int64, err error) {
	files, _ := migrations.ReadDir("migrations") // what is embedded can be read
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		n, _ := strconv.ParseInt(number, 10, 64) // goose has read it already
		want = max(want, n)
	}
	err = r.db.GetContext(ctx, &have, `select coalesce(max(version_id) filter (where is_applied), 0) from goose_db_version`)
	return have, want, err
}
