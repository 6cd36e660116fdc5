package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// Mail is one message that is to go out: a row first, sent by the worker. The
// same address, kind, about and occurrence is the same mail and goes once.
type Mail struct {
	ID         string
	Address    string
	Kind       string // the template
	About      string `db:"about_id"`
	Occurrence string
	Locale     string            // or several, "es,en": one after the other in the same mail
	Data       map[string]string `db:"-"` // what the template may show; sealed, wiped when sent
	After      time.Duration     `db:"-"` // not before this much later
	Tries      int
	Return     string `db:"-"` // the token by which a bounce names it; ClaimMail sets it
}

// mail puts a message into the same transaction as the act that it tells of.
func (tx *Tx) mail(m Mail) error { return putMail(tx.ctx, tx.Tx, tx.r.keys, tx.At, m) }

// mailOutside is mail to an address that somebody typed. Where the accounts that
// have it agree on a language, the mail is in that one; else it is in every
// language, that of the person whose act it tells of first.
func (tx *Tx) mailOutside(m Mail) error {
	var known []string
	if err := tx.SelectContext(tx.ctx, &known, `select distinct locale from account where lower(email) = lower($1) and state = 'live'`, m.Address); err != nil {
		return err
	}
	others := map[string]string{"en": ",es", "es": ",en"}
	if m.Locale += others[m.Locale]; len(known) == 1 {
		m.Locale = known[0]
	}
	return tx.mail(m)
}

func putMail(ctx context.Context, e sqlx.ExecerContext, keys *Keys, at time.Time, m Mail) error {
	data, err := json.Marshal(m.Data)
	if err != nil {
		return err
	}
	id := NewID()
	_, err = e.ExecContext(ctx, `insert into mail (id, address, kind, about_id, occurrence, locale, data, due_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
		id, m.Address, m.Kind, m.About, m.Occurrence, m.Locale, keys.Seal(data, "mail:"+id), at.Add(m.After), at)
	return err
}

// ClaimMail takes one message that is due, for a minute. None: ok is false.
func (r *Registry) ClaimMail(ctx context.Context) (m Mail, lease string, ok bool, err error) {
	lease = NewID()
	var row struct {
		Mail
		Data []byte
	}
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		return t.GetContext(ctx, &row, `update mail set lease = $1, lease_until = clock_timestamp() + interval '1 minute', tries = tries + 1
			where id = (select id from mail where sent_at is null and failed_at is null and due_at <= (select instant())
				and (lease_until is null or lease_until < clock_timestamp()) order by due_at limit 1 for update skip locked)
			returning id, address, kind, about_id, occurrence, locale, tries, data`, lease)
	})
	if isNoRows(err) {
		return m, "", false, nil
	}
	if err != nil {
		return m, "", false, err
	}
	m = row.Mail
	m.Return = r.keys.bounceToken(uuid.MustParse(m.ID))
	plain, err := r.keys.Unseal(row.Data, "mail:"+m.ID)
	if err != nil {
		return m, "", false, err
	}
	return m, lease, true, json.Unmarshal(plain, &m.Data)
}

// MailSent records that the server took the message; what it carried is wiped.
func (r *Registry) MailSent(ctx context.Context, id, lease, answer string) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		var m Mail
		err := t.GetContext(ctx, &m, `update mail set sent_at = instant(), data = null, lease = null, lease_until = null, answer = $3 where id = $1 and lease = $2
			returning id, address, kind, about_id`, id, lease, answer)
		if isNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return settleByMail(ctx, t, m)
	})
}

// MailLater puts a message back after a passing failure; one that was tried for
// long enough, by the record's clock, fails as one that was refused.
func (r *Registry) MailLater(ctx context.Context, id, lease, answer string) error {
	var m struct {
		Tries int
		Age   float64 // seconds
	}
	err := r.db.GetContext(ctx, &m, `select tries, extract(epoch from instant() - created_at)::float8 as age from mail where id = $1 and lease = $2`, id, lease)
	if isNoRows(err) {
		return nil // another worker has it
	}
	if err != nil {
		return err
	}
	pause, again := policies.MailPause(m.Tries, time.Duration(m.Age*float64(time.Second)))
	if !again {
		return r.MailFailed(ctx, id, lease, "given up: "+answer)
	}
	return r.execAndWake(ctx, `update mail set due_at = instant() + make_interval(secs => $4), lease = null, lease_until = null, answer = $3 where id = $1 and lease = $2`,
		id, lease, answer, pause.Seconds())
}

// MailFailed gives up on a message that cannot be handed over; what it carried is wiped, and somebody is to see to it.
func (r *Registry) MailFailed(ctx context.Context, id, lease, answer string) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		res, err := t.ExecContext(ctx, `update mail set failed_at = instant(), data = null, lease = null, lease_until = null, answer = $3 where id = $1 and lease = $2`, id, lease, answer)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return r.openTodo(ctx, t, id)
	})
}

// inTx runs one short operational transaction: no act, no event.
func (r *Registry) inTx(ctx context.Context, fn func(*sqlx.Tx) error) error {
	t, err := r.db.BeginTxx(ctx, nil)
	if err != nil {
		return Because(Unavailable, "error.unavailable", err)
	}
	defer t.Rollback() //nolint:errcheck // after a commit it has nothing to do
	if err := fn(t); err != nil {
		return err
	}
	return r.commit(t)
}

func (r *Registry) exec(ctx context.Context, query string, args ...any) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		_, err := t.ExecContext(ctx, query, args...)
		return err
	})
}
