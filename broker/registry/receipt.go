package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Kinds of a receipt's steps, in their order. What the realm is asked to do is named
// as provisioning names it.
const (
	StepLeave     = "leave"
	StepConsents  = "consents"
	StepSignedOut = "end-sessions"
	StepRemove    = "remove"
	StepReadBack  = "read-back"
	StepVerify    = "verify"
)

// checksAfter are when an end is looked at again once it was read back: a paused
// worker may still fire an old write, and Keycloak has no conditional ones.
var checksAfter = []time.Duration{5 * time.Second, 35 * time.Second, 5 * time.Minute}

// pushLatest is how long a signed event waits for Keycloak's own end of the sessions.
// An application that is told while that session lives signs its person in again
// without a question, with the old groups; one that is never told is worse.
const pushLatest = 10 * time.Second

// openReceipt notes that access of an account ended: what, what stayed, and each step
// that will have to be shown done. It is part of the transaction that ends it.
func (tx *Tx) openReceipt(account string, ended []grantRow) error {
	id := NewID()
	var receipt struct {
		Sub    string
		Closed bool
	}
	if err := tx.GetContext(tx.ctx, &receipt, `with r as (insert into receipt (id, account_id, rev, act_id, at, sub, sessions)
		select $1, a.id, a.wanted_rev, $3, $4, coalesce(a.sub, ''), (select count(*) from session s where s.account_id = a.id
			and s.ended_at is null and s.ends_at > $4 and s.seen_at > $4 - make_interval(secs => $5))
		from account a where a.id = $2 returning sub)
		select r.sub, a.state = 'closed' as closed from r, account a where a.id = $2`, id, account, tx.actID, tx.At, IdleAfter.Seconds()); err != nil {
		return err
	}
	var ids []string
	for _, g := range ended {
		ids = append(ids, g.ID)
	}
	if _, err := tx.ExecContext(tx.ctx, `insert into receipt_grant (receipt_id, grant_id, kept)
		select $1, id, not id = any($3) from access_grant where account_id = $2 and (id = any($3) or ended_at is null)`, id, account, pq.Array(ids)); err != nil {
		return err
	}
	if err := tx.planReceipt(id, receipt.Closed); err != nil {
		return err
	}
	if account == tx.subject || tx.receipt == "" {
		tx.receipt = id
	}
	if receipt.Sub == "" {
		return nil // no application can know them
	}
	return tx.tellApplications(id)
}

// planReceipt notes the steps: the groups that no other grant keeps the person in
// first, the checks last.
func (tx *Tx) planReceipt(id string, closed bool) error {
	if _, err := tx.ExecContext(tx.ctx, `with lost as (
			select distinct g.site_id, g.leaf, coalesce(rg.kc_id, '') as kc_id from receipt_grant x join access_grant g on g.id = x.grant_id
			left join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
			where x.receipt_id = $1 and not x.kept and not exists (select 1 from receipt_grant y join access_grant o on o.id = y.grant_id
				where y.receipt_id = $1 and y.kept and o.site_id = g.site_id and o.leaf = g.leaf))
		insert into receipt_step (receipt_id, n, kind, object, site_id, leaf)
		select $1, row_number() over (order by site_id, leaf), 'leave', kc_id, site_id, leaf from lost`, id); err != nil {
		return err
	}
	type step struct{ kind, object string }
	steps := []step{{StepConsents, ""}, {StepSignedOut, ""}}
	if closed {
		steps = append(steps, step{StepRemove, ""})
	}
	steps = append(steps, step{StepReadBack, ""})
	for _, after := range checksAfter {
		steps = append(steps, step{StepVerify, itoa(int(after.Seconds()))})
	}
	for _, s := range steps {
		if _, err := tx.ExecContext(tx.ctx, `insert into receipt_step (receipt_id, n, kind, object)
			select $1, coalesce(max(n), 0) + 1, $2, $3 from receipt_step where receipt_id = $1`, id, s.kind, s.object); err != nil {
			return err
		}
	}
	return nil
}

// tellApplications puts a signed event on its way to each application that asked for
// them and sees a program in which something ended.
func (tx *Tx) tellApplications(receipt string) error {
	var clients []string
	if err := tx.SelectContext(tx.ctx, &clients, `select client_id from application where event_url <> '' and removed_at is null
		and programs && (select array_agg(distinct s.program) from receipt_grant x join access_grant g on g.id = x.grant_id join site s on s.id = g.site_id
			where x.receipt_id = $1 and not x.kept) order by client_id`, receipt); err != nil {
		return err
	}
	for _, client := range clients {
		if _, err := tx.ExecContext(tx.ctx, `insert into push (id, receipt_id, client_id, due_at) values ($1, $2, $3, $4)`,
			NewID(), receipt, client, tx.At.Add(pushLatest)); err != nil {
			return err
		}
	}
	return nil
}

// openReceipts are those that a run at a revision carries out: of the account, up to
// that revision, not confirmed. Arguments: the account, the revision.
const openReceipts = `(select id from receipt where account_id = $1 and rev <= $2 and confirmed_at is null)`

// receiptSent notes that the call of a step goes out; of one that was done and read
// back before, that it has to be done again.
func receiptSent(ctx context.Context, t *sqlx.Tx, w AccountWork, kind, object string) error {
	if !w.Owes {
		return nil
	}
	_, err := t.ExecContext(ctx, `update receipt_step s set sent_at = coalesce(sent_at, instant()), tried_at = instant(), tries = tries + 1,
			again = again + case when exists (select 1 from receipt_step b where b.receipt_id = s.receipt_id and b.kind = 'read-back' and b.done_at is not null) then 1 else 0 end
		where receipt_id in `+openReceipts+` and kind = $3 and object = $4`, w.Account.ID, w.Rev, kind, object)
	return err
}

// receiptDone notes how the call of a step ended.
func receiptDone(ctx context.Context, t *sqlx.Tx, w AccountWork, kind, object, outcome string) error {
	if !w.Owes && kind != StepSignedOut {
		return nil
	}
	if outcome != stepDone {
		_, err := t.ExecContext(ctx, `update receipt_step set answer = $5 where receipt_id in `+openReceipts+` and kind = $3 and object = $4 and done_at is null`,
			w.Account.ID, w.Rev, kind, object, outcome)
		return err
	}
	if _, err := t.ExecContext(ctx, `update receipt_step set done_at = instant() where receipt_id in `+openReceipts+` and kind = $3 and object = $4 and done_at is null`,
		w.Account.ID, w.Rev, kind, object); err != nil || kind != StepSignedOut {
		return err
	}
	if err := signedOut(ctx, t, w); err != nil {
		return err
	}
	return wakeWorkers(ctx, t) // there may be applications to tell
}

// signedOut follows Keycloak's end of all sessions: the portal's own end too, also
// where the logout token was lost on its way here, and the applications are told. Those
// that were told before, because Keycloak did not answer, are told again: they may
// have let the person in anew.
func signedOut(ctx context.Context, t *sqlx.Tx, w AccountWork) error {
	for _, query := range []string{
		`update receipt set logged_out_at = clock_timestamp() where id in ` + openReceipts,
		`insert into push (id, receipt_id, client_id, due_at) select gen_random_uuid(), receipt_id, client_id, instant() from push
			where receipt_id in ` + openReceipts + ` group by receipt_id, client_id having count(*) = count(sent_at)`,
		`update push set due_at = instant() where receipt_id in ` + openReceipts + ` and sent_at is null`,
		`update session set ended_at = instant(), end_reason = 'access-ended', refresh_token = null where account_id = $1 and ended_at is null
			and started_at <= (select sent_at from step where target = $1 and rev = $2 and kind = '` + StepSignedOut + `' order by n desc limit 1)`,
	} {
		if _, err := t.ExecContext(ctx, query, w.Account.ID, w.Rev); err != nil {
			return err
		}
	}
	return nil
}

// confirmReceipts notes that the realm, read back, shows what is wanted at a revision:
// what was not to be done any more is done too, the checks that were due are, and the
// first such reading sets when they are.
func confirmReceipts(ctx context.Context, t *sqlx.Tx, w AccountWork) error {
	if !w.Owes {
		return nil
	}
	if _, err := t.ExecContext(ctx, `update receipt_step set done_at = instant() where receipt_id in `+openReceipts+` and done_at is null
		and (kind <> 'verify' or due_at <= $3)`, w.Account.ID, w.Rev, w.At); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `update receipt_step set due_at = instant() + make_interval(secs => object::int) where receipt_id in `+openReceipts+`
		and kind = 'verify' and due_at is null`, w.Account.ID, w.Rev); err != nil {
		return err
	}
	_, err := t.ExecContext(ctx, `update receipt r set tries = 0, answer = '', token_life = coalesce(nullif($3, 0), token_life),
		confirmed_at = case when not exists (select 1 from receipt_step s where s.receipt_id = r.id and s.done_at is null) then instant() end
		where id in `+openReceipts, w.Account.ID, w.Rev, int(w.TokenLife.Seconds()))
	return err
}
