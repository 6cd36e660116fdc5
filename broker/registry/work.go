package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// AccountWork is an account whose place in the realm may differ from the record.
type AccountWork struct {
	Account Account
	Lease   string
	Rev     int64 `db:"wanted_rev"`
	Urgent  bool
	Forget  bool // the second factors are to go, and have not since that was asked for
	Ended   bool // sessions have ended since something ended: not again
	Owes    bool // receipts of it are not confirmed
	Tries   int
	Groups  []Leaf // the leaves of its open grants
	Waits   bool   // a group of a site is not made yet
	Over    []Leaf // the leaves of its grants that are over, and of none that is open
	Before  bool   // a creation was sent whose outcome is not known: the person may be there
	Frozen  bool   // nothing was decided about it since the record is not believed: let it be
	At      time.Time
	Even    *time.Time // At of the last run that finished; nil: not known
	// LoggedOut is when the person was last logged out for an end that is still
	// looked at, by the machine's clock; zero for none.
	LoggedOut time.Time
	TokenLife time.Duration // how long an access token lasts; zero where it is not known. The worker's to fill.
}

// Leaf is one group of the realm.
type Leaf struct {
	ID   string `db:"kc_id"`
	Path string
}

// ClaimAccount takes one account that is behind, or whose check is due: urgent ones,
// of which something ended and is not confirmed, or others. The revision that was read
// is what finishing confirms.
func (r *Registry) ClaimAccount(ctx context.Context, urgent bool, root string) (w AccountWork, ok bool, err error) {
	only := ` and ` + urgently + ` order by urgent_rev > applied_rev desc, retry_at, id`
	if !urgent {
		only = ` and not ` + urgently + ` order by retry_at` // as the index has them: an import is long
	}
	return r.claimAccount(ctx, only, root, nil)
}

// claimAccount is ClaimAccount of the first for whom only holds, whose arguments begin at $3;
// first is done before, in the same transaction, and may be nil.
func (r *Registry) claimAccount(ctx context.Context, only, root string, first func(*sqlx.Tx) error, args ...any) (w AccountWork, ok bool, err error) {
	var row struct {
		Account
		Rev       int64 `db:"wanted_rev"`
		Urgent    bool
		Ended     bool
		Owes      bool
		Forget    bool
		Before    bool
		Tries     int
		Claimed   time.Time
		LoggedOut *time.Time `db:"logged_out"`
		Older     *time.Time // since when the record is not believed
		Even      *time.Time `db:"even_at"`
	}
	w.Lease = NewID()
	args = append([]any{w.Lease, leaseLife.Seconds()}, args...)
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		if first != nil {
			if err := first(t); err != nil {
				return err
			}
		}
		err := t.GetContext(ctx, &row, `update account set lease = $1, lease_until = clock_timestamp() + $2 * interval '1 second'
			where id = (select id from account where wanted_rev > applied_rev and state <> 'refused' and retry_at <= (select instant())
				and (lease_until is null or lease_until < clock_timestamp())`+only+` limit 1 for update skip locked)
			returning `+accountColumns+`, wanted_rev, urgent_rev > applied_rev as urgent, tries, even_at, exists (select 1 from step
				where target = account.id and rev >= urgent_rev and kind = 'end-sessions' and outcome = 'done') as ended,
				factors_rev > applied_rev and not exists (select 1 from step
				where target = account.id and rev >= factors_rev and kind = 'forget-factors' and outcome = 'done') as forget,
				sub is null and exists (select 1 from step where target = account.id and kind = 'create' and sent_at is not null) as before,
				instant() as claimed, (select max(logged_out_at) from receipt where account_id = account.id and confirmed_at is null) as logged_out,
				exists (select 1 from receipt where account_id = account.id and confirmed_at is null) as owes,
				(select max(held_at) from brake where kind = '`+BrakeOlder+`' and state = 'held') as older`, args...)
		if err != nil {
			return err
		}
		return w.place(ctx, t, row.ID, root, row.Older)
	})
	if isNoRows(err) {
		return w, false, nil
	}
	w.Account, w.Rev, w.Urgent, w.Ended, w.Owes, w.Forget, w.Tries = row.Account, row.Rev, row.Urgent, row.Ended, row.Owes, row.Forget, row.Tries
	w.Before = row.Before
	w.At, w.Even = row.Claimed, row.Even
	if row.LoggedOut != nil {
		w.LoggedOut = *row.LoggedOut
	}
	return w, err == nil, err
}

// FinishAccount confirms that the realm shows what was wanted at a revision,
// fenced by the lease; welcomes go out, and after an end the checks are due.
func (r *Registry) FinishAccount(ctx context.Context, w AccountWork) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		var now struct {
			At   time.Time
			Even bool // the realm has all that is wanted
		}
		err := t.GetContext(ctx, &now, `update account set applied_rev = $3, even_at = $4, lease = null, lease_until = null, tries = 0, retry_at = '-infinity'
			where id = $1 and lease = $2 returning instant() as at, wanted_rev = applied_rev as even`, w.Account.ID, w.Lease, w.Rev, w.At)
		if isNoRows(err) {
			return Fail(Conflict, "error.lease-lost")
		}
		if err != nil {
			return err
		}
		if w.Urgent {
			for _, after := range []time.Duration{5 * time.Second, 35 * time.Second, 5 * time.Minute} {
				if _, err := t.ExecContext(ctx, `insert into reverify (account_id, rev, due_at) values ($1, $2, $3) on conflict do nothing`,
					w.Account.ID, w.Rev, now.At.Add(after)); err != nil {
					return err
				}
			}
		}
		if err := confirmReceipts(ctx, t, w); err != nil {
			return err
		}
		if now.Even { // else what was granted meanwhile is not there yet: the next time welcomes
			if _, err := t.ExecContext(ctx, `update access_grant set shown_at = $2 where account_id = $1 and shown_at is null and ended_at is null and from_at <= $2`,
				w.Account.ID, now.At); err != nil {
				return err
			}
			welcomed, err := r.welcome(ctx, t, w.Account, now.At)
			if err != nil || !welcomed && !w.Urgent && !w.Owes {
				return err
			}
		}
		return wakeWorkers(ctx, t)
	})
}

// welcome sends the welcome package for access that the realm now has (C24), once
// for each membership, and tells whether there was one to send.
func (r *Registry) welcome(ctx context.Context, t *sqlx.Tx, a Account, at time.Time) (some bool, err error) {
	ps, err := r.programsAt(ctx, t, at)
	if err != nil {
		return false, err
	}
	var rows []struct{ Join, Program, Role, Site string }
	if err := t.SelectContext(ctx, &rows, `select j.id as join, s.program, g.role, s.name as site from access_grant g join site s on s.id = g.site_id
		join fact_join j on j.account_id = g.account_id and j.site_id = g.site_id and j.role = g.role and j.ended_at is null
		where g.account_id = $1 and g.leaf = g.role and g.ended_at is null and g.until_at > $2`, a.ID, at); err != nil {
		return false, err
	}
	for _, row := range rows {
		if role, ok := ps[row.Program].Role(row.Role); !ok || !role.Welcome {
			continue
		}
		if err := putMail(ctx, t, r.keys, at, Mail{Address: a.Email, Kind: "welcome", About: row.Join, Locale: a.Locale,
			Data: map[string]string{"name": a.Name(), "site": row.Site, "program": row.Program, "role": row.Role, "user_name": a.UserName}}); err != nil {
			return false, err
		}
		some = true
	}
	return some, nil
}

// Later puts a claimed account or site back after a failure, to be tried again:
// after one second first, and never later than half a minute apart.
func (r *Registry) Later(ctx context.Context, table, id, lease string, tries int) error {
	if table != "account" && table != "site" {
		return Fail(Invalid, "error.internal")
	}
	return r.execAndWake(ctx, `update `+table+` set lease = null, lease_until = null, tries = tries + 1, retry_at = instant() + $3 * interval '1 second'
		where id = $1 and lease = $2`, id, lease, waitAfter(tries).Seconds())
}

// AccountLater is Later for an account, with why: its open receipts say so.
func (r *Registry) AccountLater(ctx context.Context, w AccountWork, why string) error {
	err := r.fenced(ctx, w, func(t *sqlx.Tx) error {
		_, err := t.ExecContext(ctx, `update receipt set tries = tries + 1, answer = $3 where id in `+openReceipts, w.Account.ID, w.Rev, why)
		return err
	})
	return errors.Join(err, r.Later(ctx, "account", w.Account.ID, w.Lease, w.Tries))
}

// EndCarriedOut confirms of an account that waits for something else, such as a site
// whose groups are not made, that what ended is gone from the realm.
func (r *Registry) EndCarriedOut(ctx context.Context, w AccountWork) error {
	return r.fenced(ctx, w, func(t *sqlx.Tx) error { return confirmReceipts(ctx, t, w) })
}

// waitAfter is how long to wait after a failure: about a second first, never more than
// half a minute, and never all together: what failed at one moment comes back by and by.
func waitAfter(tries int) time.Duration {
	most := min(time.Second<<min(tries, 5), 30*time.Second)
	return most - rand.N(most/4)
}

// SiteWork is a site whose groups are to be made.
type SiteWork struct {
	Site
	Lease string
	Rev   int64 `db:"wanted_rev"`
	Tries int
	Roles []string `db:"-"`
	Gives []string `db:"-"` // entitlement leaves
}

// ClaimSite takes one site that is behind.
func (r *Registry) ClaimSite(ctx context.Context) (w SiteWork, ok bool, err error) {
	return r.claimSite(ctx, ``, nil)
}

// claimSite is claimAccount for sites.
func (r *Registry) claimSite(ctx context.Context, only string, first func(*sqlx.Tx) error, args ...any) (w SiteWork, ok bool, err error) {
	lease := NewID()
	args = append([]any{lease, leaseLife.Seconds()}, args...)
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		if first != nil {
			if err := first(t); err != nil {
				return err
			}
		}
		return t.GetContext(ctx, &w, `update site set lease = $1, lease_until = clock_timestamp() + $2 * interval '1 second'
			where id = (select id from site where wanted_rev > applied_rev and opened_at is not null and retry_at <= (select instant())
				and (lease_until is null or lease_until < clock_timestamp())`+only+` order by retry_at, id limit 1 for update skip locked)
			returning `+siteColumns+`, wanted_rev, tries`, args...)
	})
	w.Lease = lease
	if isNoRows(err) {
		return w, false, nil
	}
	if err != nil {
		return w, false, err
	}
	if err := r.leavesOf(ctx, &w); err != nil { // put back: nobody works on it while the lease runs
		return w, false, errors.Join(fmt.Errorf("site %s/%s: %w", w.Program, w.Code, err), r.Later(ctx, "site", w.ID, lease, w.Tries))
	}
	return w, true, nil
}

// leavesOf are the groups that a site has under its program in force.
func (r *Registry) leavesOf(ctx context.Context, w *SiteWork) error {
	ps, err := r.Programs(ctx)
	if err != nil {
		return err
	}
	p := ps[w.Program]
	if p == nil {
		return errors.New("its program is not in force")
	}
	for _, role := range p.Roles {
		w.Roles = append(w.Roles, role.Code)
	}
	w.Gives = slices.Clone(p.Entitlements)
	return nil
}

// FinishSite stores the ids of the site's groups, fenced by the lease; accounts
// that waited for them are tried at once.
func (r *Registry) FinishSite(ctx context.Context, w SiteWork, groups map[string]string) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		res, err := t.ExecContext(ctx, `update site set applied_rev = $3, lease = null, lease_until = null, tries = 0, retry_at = '-infinity' where id = $1 and lease = $2`,
			w.ID, w.Lease, w.Rev)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return Fail(Conflict, "error.lease-lost")
		}
		for leaf, id := range groups {
			if _, err := t.ExecContext(ctx, `insert into realm_group (site_id, leaf, kc_id, since) values ($1, $2, $3, instant())
				on conflict (site_id, leaf) do update set kc_id = excluded.kc_id, since = case when realm_group.kc_id = excluded.kc_id then realm_group.since else instant() end`, w.ID, leaf, id); err != nil {
				return err
			}
		}
		if _, err = t.ExecContext(ctx, `update account set retry_at = '-infinity' where wanted_rev > applied_rev
			and id in (select account_id from access_grant where site_id = $1 and ended_at is null)`, w.ID); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}

// Plan inserts the steps of a claimed account before they are run, after those of
// the same revision that were carried out, and returns the number of the first, which
// counts as sent from now on. What was sent, has no answer and is not planned again,
// stays: the realm shows it done. A creation that was sent once stays sent, whatever
// becomes of its next try.
func (r *Registry) Plan(ctx context.Context, w AccountWork, steps [][2]string) (first int, err error) {
	var kinds, objects []string
	for _, s := range steps {
		kinds, objects = append(kinds, s[0]), append(objects, s[1])
	}
	err = r.fenced(ctx, w, func(t *sqlx.Tx) error {
		var earlier bool // there are steps of this revision
		if err := t.GetContext(ctx, &earlier, `select exists (select 1 from step where target = $1 and rev = $2)`, w.Account.ID, w.Rev); err != nil {
			return err
		}
		if earlier {
			if _, err := t.ExecContext(ctx, `delete from step where target = $1 and rev = $2 and outcome <> 'done'
				and (sent_at is null or (kind, object) in (select * from unnest($3::text[], $4::text[])))`, w.Account.ID, w.Rev, pq.Array(kinds), pq.Array(objects)); err != nil {
				return err
			}
			if err := t.GetContext(ctx, &first, `select coalesce(max(n) + 1, 0) from step where target = $1 and rev = $2`, w.Account.ID, w.Rev); err != nil {
				return err
			}
		}
		if len(steps) == 0 {
			return nil
		}
		if _, err := t.ExecContext(ctx, `insert into step (target, rev, n, kind, object, sent_at, sent_wall)
			select $1, $2, $3 + s.n - 1, kind, object, case when s.n = 1 then instant() end, case when s.n = 1 then clock_timestamp() end
			from unnest($4::text[], $5::text[]) with ordinality s (kind, object, n)`, w.Account.ID, w.Rev, first, pq.Array(kinds), pq.Array(objects)); err != nil {
			return err
		}
		return receiptSent(ctx, t, w, kinds[0], objects[0])
	})
	return first, err
}

// stepDone is the outcome of a step that succeeded; of another, it is why not.
const stepDone = "done"

// StepDone notes how a step ended; where it succeeded, the next of its plan counts as
// sent from now on.
func (r *Registry) StepDone(ctx context.Context, w AccountWork, n int, outcome string) error {
	return r.fenced(ctx, w, func(t *sqlx.Tx) error {
		var steps []struct {
			N            int
			Kind, Object string
		}
		if err := t.SelectContext(ctx, &steps, `update step set outcome = case n when $3 then $4 else outcome end,
				done_at = case n when $3 then instant() end, done_wall = case n when $3 then clock_timestamp() end,
				sent_at = case n when $3 then sent_at else instant() end, sent_wall = case n when $3 then sent_wall else clock_timestamp() end
			where target = $1 and rev = $2 and (n = $3 or n = $3 + 1 and $4 = '`+stepDone+`') returning n, kind, object`, w.Account.ID, w.Rev, n, outcome); err != nil {
			return err
		}
		for _, s := range steps {
			note := func() error { return receiptDone(ctx, t, w, s.Kind, s.Object, outcome) }
			if s.N != n {
				note = func() error { return receiptSent(ctx, t, w, s.Kind, s.Object) }
			}
			if err := note(); err != nil {
				return err
			}
		}
		return nil
	})
}

// fenced writes what is done of a claimed account while the claim holds: a worker
// that was silent for too long leaves its successor's steps alone, and makes no
// further call.
func (r *Registry) fenced(ctx context.Context, w AccountWork, write func(*sqlx.Tx) error) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		var id string
		err := t.GetContext(ctx, &id, `select id from account where id = $1 and lease = $2 for share`, w.Account.ID, w.Lease)
		if isNoRows(err) {
			return Fail(Conflict, "error.lease-lost")
		}
		if err != nil {
			return err
		}
		return write(t)
	})
}
