package registry

import (
	"context"
	"time"
)

// StrangerWork is a membership of somebody without an account here, which is to go.
type StrangerWork struct {
	ID, Sub, Lease string
	Group          string `db:"group_id"`
	Tries          int
}

// strangers are those that the mode lets go. What a list showed waits while somebody is
// being made whom the record cannot know yet.
const strangers = `kind = 'stranger' and done_at is null and doing in ('repair','held')
	and (found_by = 'event' or found_at < (select instant()) - interval '2 minutes' or not exists (select 1 from account where state = 'asked' and wanted_rev > applied_rev))`

// ClaimStranger takes one that is due.
func (r *Registry) ClaimStranger(ctx context.Context) (w StrangerWork, ok bool, err error) {
	w.Lease = NewID()
	err = r.db.GetContext(ctx, &w, `update drift set lease = $1, lease_until = clock_timestamp() + $2 * interval '1 second'
		where id = (select id from drift where `+strangers+` and retry_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp())
			order by retry_at, id limit 1 for update skip locked)
		returning id, sub, group_id, tries`, w.Lease, time.Minute.Seconds())
	if isNoRows(err) {
		return w, false, nil
	}
	return w, err == nil, err
}

// StrangerHeld puts one back that the brake holds; it is asked about again in a while.
func (r *Registry) StrangerHeld(ctx context.Context, w StrangerWork) error {
	return r.exec(ctx, `update drift set doing = 'held', lease = null, lease_until = null, retry_at = clock_timestamp() + interval '15 seconds' where id = $1 and lease = $2`, w.ID, w.Lease)
}

// StrangerStep notes a call about a stranger before it goes out, and gives its number.
func (r *Registry) StrangerStep(ctx context.Context, w StrangerWork, kind string) (n int, err error) {
	return n, r.db.GetContext(ctx, &n, `insert into step (target, rev, n, kind, object, sent_at, sent_wall)
		select id, 0, (select coalesce(max(n) + 1, 0) from step where target = $1 and rev = 0), $3, case $3 when 'leave' then group_id else '' end, instant(), clock_timestamp()
		from drift where id = $1 and lease = $2 returning n`, w.ID, w.Lease, kind)
}

// StrangerStepDone notes how it ended.
func (r *Registry) StrangerStepDone(ctx context.Context, w StrangerWork, n int, outcome string) error {
	return r.exec(ctx, `update step set done_at = instant(), done_wall = clock_timestamp(), outcome = $3 where target = $1 and rev = 0 and n = $2`, w.ID, n, outcome)
}

// StrangerGone ends it: removed by us, or gone.
func (r *Registry) StrangerGone(ctx context.Context, w StrangerWork, outcome string) error {
	return r.settleDrifts(ctx, map[string]string{w.ID: outcome})
}

// StrangerLater puts it back after a failure.
func (r *Registry) StrangerLater(ctx context.Context, w StrangerWork) error {
	return r.exec(ctx, `update drift set lease = null, lease_until = null, tries = tries + 1, retry_at = clock_timestamp() + $3 * interval '1 second'
		where id = $1 and lease = $2`, w.ID, w.Lease, waitAfter(w.Tries).Seconds())
}

// Calling notes a call to the realm that belongs to no run of an account, before it
// goes out; called, afterwards, that it is over. Without the note the change that it
// makes would be taken for somebody else's with our credential.
func (r *Registry) Calling(ctx context.Context, kind, target string) (called func(), err error) {
	id := NewID()
	if err := r.exec(ctx, `insert into realm_call (id, kind, target) values ($1, $2, $3)`, id, kind, target); err != nil {
		return nil, err
	}
	return func() {
		_ = r.exec(context.WithoutCancel(ctx), `update realm_call set done_at = clock_timestamp() where id = $1`, id) // not known to be over, it explains more, for a day
	}, nil
}

// forgetChanges drops what was needed to look at each change once.
var forgetChanges = []string{
	`delete from realm_change where seen_at < clock_timestamp() - interval '1 day' and state <> 'waiting'`,
	`delete from realm_call where sent_at < clock_timestamp() - interval '1 day'`,
}
