package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// pushLease is how long a worker may be silent about an event: longer than a call may
// take, and as long as an application that cannot be reached is left alone by others.
const pushLease = 15 * time.Second

// Push is a signed event on its way to an application.
type Push struct {
	ID       string // the token's jti
	Client   string `db:"client_id"`
	URL      string `db:"event_url"`
	Body     []byte // the token; nil before it was first sent
	Tries    int    // that failed
	Age      float64
	Act      string
	At       time.Time // of the end, by the machine's clock
	Issuer   string    // Keycloak's, of the person
	Sub      string
	By       string         // who ended it: user (the person alone), admin or policy (time and the rules)
	Lost     pq.StringArray // what the person is in no more, as far as the application sees: /program/site/leaf
	lease    string
	IssuedAt time.Time `db:"issued_at"` // by the machine's clock
}

// ClaimPush takes one event that is due, of an application that is not among the busy
// ones. Of an application that could not be reached it gives one at a time.
func (r *Registry) ClaimPush(ctx context.Context, busy []string) (p Push, ok bool, err error) {
	lease := NewID()
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		if err := t.GetContext(ctx, &p, `with c as (update push set lease = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
				where id = (select p.id from push p join application a using (client_id) left join push_pause w using (client_id)
					where p.confirmed_at is null and p.due_at <= (select instant()) and (p.lease_until is null or p.lease_until < clock_timestamp())
						and a.removed_at is null and a.event_url <> '' and not p.client_id = any($3) and (w.until_at is null or w.until_at <= (select instant()))
					order by p.due_at limit 1 for update of p skip locked)
				returning id, client_id, receipt_id, body, tries, sent_at)
			select c.id, c.client_id, a.event_url, c.body, c.tries, coalesce(extract(epoch from instant() - c.sent_at), 0)::float8 as age, r.act_id as act, r.at - (select shift from clock) as at,
				x.issuer, r.sub, case when act.actor = r.account_id then 'user' when act.actor_kind = 'worker' then 'policy' else 'admin' end as by,
				array(select distinct '/' || s.program || '/' || s.code || '/' || g.leaf from receipt_grant y join access_grant g on g.id = y.grant_id join site s on s.id = g.site_id
					where y.receipt_id = r.id and not y.kept and s.program = any(a.programs) and not exists (select 1 from receipt_grant z join access_grant o on o.id = z.grant_id
						where z.receipt_id = r.id and z.kept and o.site_id = g.site_id and o.leaf = g.leaf) order by 1) as lost, clock_timestamp() as issued_at
			from c join application a using (client_id) join receipt r on r.id = c.receipt_id join account x on x.id = r.account_id join act on act.id = r.act_id`,
			lease, pushLease.Seconds(), pq.Array(orEmpty(busy))); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, `update push_pause set until_at = instant() + make_interval(secs => $2) where client_id = $1`, p.Client, pushLease.Seconds())
		return err
	})
	p.lease = lease
	if isNoRows(err) {
		return p, false, nil
	}
	return p, err == nil, err
}

// PushSent keeps an event's token, which never changes from then on, and that it goes out.
func (r *Registry) PushSent(ctx context.Context, p Push) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		done, err := t.ExecContext(ctx, `update push set body = coalesce(body, $3), sent_at = coalesce(sent_at, instant()), tried_at = instant()
			where id = $1 and lease = $2`, p.ID, p.lease, p.Body)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return Fail(Conflict, "error.lease-lost")
		}
		return nil
	})
}

// PushConfirmed notes that the application has taken the event. It is reachable again,
// if it was not: the others of it go out at once.
func (r *Registry) PushConfirmed(ctx context.Context, p Push) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		if _, err := t.ExecContext(ctx, `update push set confirmed_at = instant(), tries = tries + 1, answer = '', lease = null, lease_until = null
			where id = $1 and confirmed_at is null`, p.ID); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `delete from push_pause where client_id = $1`, p.Client); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}

// PushLater puts an event back that was not taken, with what the application said.
// unreachable: it was not this event's fault, and all others of it wait as well.
func (r *Registry) PushLater(ctx context.Context, p Push, answer string, unreachable bool, pause func(tries int, age time.Duration) time.Duration) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		tries, age := p.Tries+1, time.Duration(p.Age*float64(time.Second))
		if unreachable {
			var way struct {
				Tries int
				Age   float64
			}
			if err := t.GetContext(ctx, &way, `insert into push_pause (client_id, since, until_at) values ($1, instant(), instant())
				on conflict (client_id) do update set tries = push_pause.tries + 1 returning tries, extract(epoch from instant() - since)::float8 as age`, p.Client); err != nil {
				return err
			}
			wait := pause(way.Tries, time.Duration(way.Age*float64(time.Second)))
			if _, err := t.ExecContext(ctx, `update push_pause set until_at = instant() + make_interval(secs => $2) where client_id = $1`, p.Client, wait.Seconds()); err != nil {
				return err
			}
			tries, age = 0, 0 // it is the application that is waited for
		}
		wait := time.Duration(0)
		if tries > 0 {
			wait = pause(tries, age)
		}
		if _, err := t.ExecContext(ctx, `update push set tries = tries + 1, answer = $3, due_at = instant() + make_interval(secs => $4), lease = null, lease_until = null
			where id = $1 and lease = $2 and confirmed_at is null`, p.ID, p.lease, answer, wait.Seconds()); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}
