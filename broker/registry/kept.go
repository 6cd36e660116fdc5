package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"time"

	"github.com/jmoiron/sqlx"
)

// KeptFor is how long what was typed is kept for a person who has to sign in
// first, in the record's time.
const KeptFor = 30 * time.Minute

// mostKept is how many forms of one account are kept at once; the oldest gives way.
const mostKept = 8

// KeptForm is a form that came with a sign-in that was over, or too old for the
// act: nothing was done, and what was typed waits (B29, WCAG 2.2.5).
type KeptForm struct {
	ID     string     `json:"-"`
	To     string     // path that the form was sent to
	Page   string     // path, with its query, of the page on which it was filled in
	Fields url.Values // without the session's token and the operation's id
}

// KeepForm keeps what a person typed, sealed, for the account of the session and
// for the browser whose secret has that hash. The session may be idle, but not
// ended: Unsigned. It gives the id by which it can be asked for.
func (r *Registry) KeepForm(ctx context.Context, session, browser []byte, f KeptForm) (id string, err error) {
	plain, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	id = NewID()
	var account string
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		err := t.GetContext(ctx, &account, `insert into kept_form (id, browser_hash, account_id, form, key_id, kept_at)
			select $1, $2, s.account_id, $3, $4, instant() from session s where s.id_hash = $5 and s.ended_at is null returning account_id`,
			id, browser, r.keys.Seal(plain, keptFormOf(id, browser)), r.keys.SealKeyID(), session)
		if err != nil {
			return err
		}
		_, err = t.ExecContext(ctx, `delete from kept_form where account_id = $1 and id not in
			(select id from kept_form where account_id = $1 order by kept_at desc, id desc limit $2)`, account, mostKept)
		return err
	})
	if isNoRows(err) {
		return "", Fail(Unsigned, NoSession)
	}
	return id, err
}

// KeptForms gives what is kept for an account in a browser, oldest first, and
// leaves it there. What another account has typed in that browser is discarded:
// somebody else sits there now.
func (r *Registry) KeptForms(ctx context.Context, account string, browser []byte) ([]KeptForm, error) {
	var rows []struct {
		ID   string
		Form []byte
	}
	err := r.inTx(ctx, func(t *sqlx.Tx) error {
		if _, err := t.ExecContext(ctx, `delete from kept_form where browser_hash = $1 and account_id <> $2`, browser, account); err != nil {
			return err
		}
		return t.SelectContext(ctx, &rows, `select id, form from kept_form where browser_hash = $1 and account_id = $2
			and kept_at > (select instant()) - make_interval(secs => $3) order by kept_at, id`, browser, account, KeptFor.Seconds())
	})
	if err != nil {
		return nil, err
	}
	var out []KeptForm
	for _, row := range rows {
		f := KeptForm{ID: row.ID}
		plain, err := r.keys.Unseal(row.Form, keptFormOf(row.ID, browser))
		if err == nil {
			err = json.Unmarshal(plain, &f)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// TakeKeptForm takes a kept form away and tells whether it was there still: of
// two who show it at once, one does.
func (r *Registry) TakeKeptForm(ctx context.Context, account string, browser []byte, id string) (taken bool, err error) {
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		done, err := t.ExecContext(ctx, `delete from kept_form where id = $1 and browser_hash = $2 and account_id = $3`, id, browser, account)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		taken = n == 1
		return err
	})
	return taken, err
}

// DropKeptForms discards all that is kept in a browser: somebody signs out there.
func (r *Registry) DropKeptForms(ctx context.Context, browser []byte) error {
	return r.exec(ctx, `delete from kept_form where browser_hash = $1`, browser)
}

func keptFormOf(id string, browser []byte) string {
	return "kept_form:" + id + ":" + hex.EncodeToString(browser)
}
