package registry

import (
	"context"
	"fmt"
	"time"
)

// Projection is what the realm should show, all of it, at one moment.
type Projection struct {
	At       time.Time
	Accounts []ProjectedAccount
	Wanted   []Projected      // where At is within what was granted
	Ended    []Projected      // and everything else that was ever held
	Open     []OpenDifference // of memberships, that wait for people or are to stay as they are
}

// ProjectedAccount is somebody of whom the realm knows, or is to.
type ProjectedAccount struct {
	ID, Sub, State string
	UserName       string `db:"user_name"`
	Behind         bool   // work on it is under way or waits
}

// Projected is one membership, by the realm's ids.
type Projected struct {
	Account, Sub string
	Group        string    `db:"kc_id"`
	Since        time.Time // it has been wanted; or has ended
}

// Projection reads it. A site whose groups are not made yet has none.
func (r *Registry) Projection(ctx context.Context) (p Projection, err error) {
	if p.At, err = r.Now(ctx); err != nil {
		return p, err
	}
	if err := r.db.SelectContext(ctx, &p.Accounts, `select id, coalesce(sub, '') as sub, state, user_name, wanted_rev > applied_rev as behind
		from account where state in ('asked','live','closed')`); err != nil {
		return p, err
	}
	const held = `select g.account_id as account, coalesce(a.sub, '') as sub, rg.kc_id, `
	const of = ` as since from access_grant g join account a on a.id = g.account_id
		join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf `
	if err := r.db.SelectContext(ctx, &p.Wanted, held+`min(g.from_at)`+of+`where g.ended_at is null and g.from_at <= $1 and g.until_at > $1 and a.state = 'live'
		group by 1, 2, 3`, p.At); err != nil {
		return p, err
	}
	if err := r.db.SelectContext(ctx, &p.Ended, held+`max(least(g.until_at, g.ended_at))`+of+`where least(g.until_at, g.ended_at) <= $1 group by 1, 2, 3`, p.At); err != nil {
		return p, err
	}
	return p, r.db.SelectContext(ctx, &p.Open, `select kind, sub, group_id from drift where done_at is null and doing in ('report','person','held')
		and kind in ('surplus','stranger','missing','forbidden','person-missing','group-missing') order by id`)
}

// OpenDifference is a difference that is on record and that nothing is done about by
// itself. Sub or Group is empty where it is about all groups or everybody.
type OpenDifference struct {
	Kind, Sub string
	Group     string `db:"group_id"`
}

// overdue is for how long something may be half done before it counts as lost (I5),
// and lostAfter how many tries, half a minute apart at the most, that is.
const (
	overdue   = 15 * time.Minute
	lostAfter = 32
)

// Unfinished demands that nothing that was begun stays half done (I5): an account or
// site that nobody takes up or that fails again and again, and a call that was sent
// and of which nobody knows what became.
func (r *Registry) Unfinished(ctx context.Context) ([]Violation, error) {
	var rows []struct {
		What string
		Age  float64
	}
	err := r.db.SelectContext(ctx, &rows, `select what, extract(epoch from instant() - since)::float8 as age from (
		select 'account ' || id as what, greatest(changed_at, retry_at) as since, tries from account where wanted_rev > applied_rev and state <> 'refused'
		union all select 'site ' || id, greatest(changed_at, retry_at), tries from site where wanted_rev > applied_rev and opened_at is not null
		union all select 'step ' || s.kind || ' of account ' || s.target, s.sent_at, 0 from step s join account a on a.id = s.target
			where s.sent_at is not null and s.done_at is null and s.rev > a.applied_rev
		union all select 'the end of access of account ' || account_id, at, 0 from receipt where confirmed_at is null
			and not exists (select 1 from receipt_step n where n.receipt_id = receipt.id and n.done_at is null and n.due_at > (select instant()) - interval '1 minute')) w
		where since < (select instant()) - $1 * interval '1 second' or tries >= $2 order by 1`, overdue.Seconds(), lostAfter)
	var out []Violation
	for _, row := range rows {
		out = append(out, Violation{"I5", fmt.Sprintf("%s is half done, for %s", row.What, time.Duration(row.Age*float64(time.Second)).Round(time.Second))})
	}
	return out, err
}

// Unconfirmed says, an application a line, how many events of ours it has not confirmed.
// They are sent until it does.
func (r *Registry) Unconfirmed(ctx context.Context) (lines []string, err error) {
	err = r.db.SelectContext(ctx, &lines, `select 'application ' || client_id || ' has not confirmed ' || count(*) || ' events' from push
		where confirmed_at is null group by client_id order by client_id`)
	return lines, err
}

// FollowsFromStep tells whether a recorded step explains a change that was made in the
// realm with our credential, at a moment of the realm's clock: it was sent, to that end,
// for that person. A creation that adopts joins too, and takes no step for that.
func (r *Registry) FollowsFromStep(ctx context.Context, kind, sub, object string, at time.Time) (ok bool, err error) {
	err = r.db.GetContext(ctx, &ok, `select exists (select 1 from step s
		where s.target in (select id from account where sub = $2 union all select id from drift where sub = $2 and $2 <> '') and s.sent_at is not null
			and coalesce(s.sent_wall, $4) between $4::timestamptz - interval '1 day' and $4::timestamptz + interval '10 seconds'
			and (s.kind = $1 and s.object = $3 or $1 = 'join' and s.kind = 'create' and s.sent_wall > $4::timestamptz - interval '2 minutes'))`, kind, sub, object, at)
	return ok, err
}
