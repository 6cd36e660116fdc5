package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// SetupSent notes that Keycloak mailed a new person how to begin.
func (r *Registry) SetupSent(ctx context.Context, account string) error {
	return r.exec(ctx, `update account set setup_at = instant(), setup_since = null where id = $1`, account)
}

// SetupLater puts a claimed account back whose mail to begin Keycloak could not hand
// to the mail server: it is tried again with the pauses of a mail. Keycloak does not
// say whether the server refused the address or was not there, so that all are tried
// for as long; then it is given up, and somebody is to see to it.
func (r *Registry) SetupLater(ctx context.Context, w AccountWork) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		var age float64 // seconds
		err := t.GetContext(ctx, &age, `update account set setup_since = coalesce(setup_since, instant()) where id = $1 and lease = $2
			returning extract(epoch from instant() - setup_since)::float8`, w.Account.ID, w.Lease)
		if isNoRows(err) {
			return nil // another worker has it
		}
		if err != nil {
			return err
		}
		pause, again := policies.MailPause(w.Tries+1, time.Duration(age*float64(time.Second)))
		if !again {
			if err := r.loseSetup(ctx, t, w.Account); err != nil {
				return err
			}
		}
		if _, err := t.ExecContext(ctx, `update account set lease = null, lease_until = null, tries = tries + 1, retry_at = instant() + make_interval(secs => $2) where id = $1`,
			w.Account.ID, pause.Seconds()); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}

// loseSetup gives up on the mail to begin: the account wants it no longer, and it is
// a mail that failed.
func (r *Registry) loseSetup(ctx context.Context, t *sqlx.Tx, a Account) error {
	if _, err := t.ExecContext(ctx, `update account set setup_lost_at = instant() where id = $1`, a.ID); err != nil {
		return err
	}
	id := NewID()
	if _, err := t.ExecContext(ctx, `insert into mail (id, address, kind, about_id, occurrence, locale, due_at, failed_at, created_at, answer)
		select $1, email, 'account-setup', id, $2, locale, instant(), instant(), setup_since, 'given up: Keycloak could not hand it over' from account where id = $3`, id, id, a.ID); err != nil {
		return err
	}
	return r.openTodo(ctx, t, id)
}

// settleSetup ends what there was to see to about an account's mail to begin: it is
// asked for again, the person is there after all, or the account is over.
func settleSetup(ctx context.Context, e sqlx.ExecerContext, account string) error {
	_, err := e.ExecContext(ctx, `update mail_todo set settled_at = instant() where kind = 'account-setup' and about_id = $1 and settled_at is null`, account)
	return err
}
