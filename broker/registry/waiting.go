package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Lane is a kind of work that workers do.
type Lane string

// Lanes, as the worker's doc has them.
const (
	LaneDue        Lane = "due"
	LaneSites      Lane = "sites"
	LaneUrgent     Lane = "urgent"
	LaneAccounts   Lane = "accounts"
	LaneEvents     Lane = "events"
	LaneLanguage   Lane = "language"
	LaneMail       Lane = "mail"
	LaneUnverified Lane = "unverified"
	LaneStrangers  Lane = "strangers"
)

// urgently tells of an account that is behind whether something ended that is not
// confirmed yet.
const urgently = `(urgent_rev > applied_rev or exists (select 1 from receipt r where r.account_id = account.id and r.confirmed_at is null))`

// waiting is how many seconds are left, in each lane, until something is due; none or
// less where something is, and some of it since ever (-infinity). What is claimed is not due before its lease is over; leases
// run by the machine's clock. The clock is one row, but PostgreSQL guesses 2,000 where
// nothing was ever counted, and a price of 2,000 times all this has it compile the
// question for 50 ms each time: hence the limit.
const waiting = `with c as materialized (select shift, instant() as now from clock limit 1)
	select lane, extract(epoch from greatest(due, now - interval '1 second') - now)::float8 as left from c, lateral (
	select 'due' as lane, least((select min(next_at) from account), (select min(due_at) from reverify),
		(select min(coalesce(s.due_at, r.at)) from receipt_step s join receipt r on r.id = s.receipt_id join account a on a.id = r.account_id
			where s.done_at is null and r.confirmed_at is null and a.wanted_rev = a.applied_rev)) as due
	union all select 'sites', min(greatest(retry_at, lease_until + shift)) from site where wanted_rev > applied_rev and opened_at is not null
	union all select case when ` + urgently + ` then 'urgent' else 'accounts' end, min(greatest(retry_at, lease_until + shift))
		from account where wanted_rev > applied_rev and state <> 'refused' group by 1
	union all select 'events', min(greatest(p.due_at, w.until_at, p.lease_until + shift)) from push p join application a using (client_id)
		left join push_pause w using (client_id) where p.confirmed_at is null and a.removed_at is null and a.event_url <> ''
	union all select 'language', min(greatest(due_at, lease_until + shift)) from realm_language
	union all select 'mail', min(greatest(due_at, lease_until + shift)) from mail where sent_at is null and failed_at is null
	union all select 'unverified', min(look_at) from account
	union all select 'strangers', min(greatest(retry_at, lease_until)) + shift from drift where ` + strangers + `) l where due is not null`

// Waiting tells which lanes have work that is due, and when the next becomes so, in at
// most half a minute. What is due and not taken soon is asked about again: whoever takes
// it may have looked while somebody else held it.
func (r *Registry) Waiting(ctx context.Context) (ready []Lane, next time.Duration, err error) {
	var lanes []struct {
		Lane Lane
		Left float64
	}
	next = 30 * time.Second
	err = r.db.SelectContext(ctx, &lanes, waiting)
	for _, l := range lanes {
		left := time.Duration(min(l.Left, next.Seconds()) * float64(time.Second))
		if left <= 0 {
			ready, left = append(ready, l.Lane), 250*time.Millisecond
		}
		next = min(next, max(left, 10*time.Millisecond))
	}
	return ready, next, err
}

// Due settles the accounts whose time has come, and makes those behind whose check
// after an end is due; more tells that there may be others.
func (r *Registry) Due(ctx context.Context) (more bool, err error) {
	const some = 100
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `select id from account where next_at <= (select instant()) order by next_at limit $1`, some); err != nil {
		return false, err
	}
	var failed error // one account that cannot be settled holds up no other
	for _, id := range ids {
		if err := r.Settle(ctx, id); err != nil {
			failed = errors.Join(failed, fmt.Errorf("account %s: %w", id, err))
		}
	}
	return failed == nil && len(ids) == some, errors.Join(failed, r.recheck(ctx))
}

// recheck makes accounts whose check is due behind by one revision: the worker
// then reads them back and repairs what a paused writer may have undone. An end that
// a worker carried out which knows of no receipts is looked at too.
func (r *Registry) recheck(ctx context.Context) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		var ids []string
		if err := t.SelectContext(ctx, &ids, `with gone as (delete from reverify where due_at <= (select instant()) returning account_id)
			select account_id from gone union select r.account_id from receipt r join receipt_step s on s.receipt_id = r.id
				where r.confirmed_at is null and s.done_at is null and coalesce(s.due_at, r.at) <= (select instant())`); err != nil || len(ids) == 0 {
			return err
		}
		if _, err := t.ExecContext(ctx, `update account set wanted_rev = wanted_rev + 1, retry_at = '-infinity' where id = any($1) and wanted_rev = applied_rev`, pq.Array(ids)); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}

// execAndWake is exec for what is to be tried again: whoever watches what is due
// looks anew, instead of sleeping past it.
func (r *Registry) execAndWake(ctx context.Context, query string, args ...any) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		if _, err := t.ExecContext(ctx, query, args...); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}

// wakeWorkers tells all workers, at commit, that there may be something to do.
func wakeWorkers(ctx context.Context, e sqlx.ExecerContext) error { return wakeLane(ctx, e, "") }

// wakeLane is wakeWorkers for what one lane has to do, which need not be asked for first.
func wakeLane(ctx context.Context, e sqlx.ExecerContext, lane Lane) error {
	_, err := e.ExecContext(ctx, `select pg_notify('work', $1)`, lane)
	return err
}
