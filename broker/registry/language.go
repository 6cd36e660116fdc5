package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// ChooseLanguage records in which language somebody wants pages and mails. It is
// their own choice: what a token says later does not change it. The realm follows, so
// that its pages and mails do too, where the account is one that we made.
func (r *Registry) ChooseLanguage(ctx context.Context, by By, language string) error {
	if a, err := r.Account(ctx, by.Account); err != nil || a.LocaleChosen && a.Locale == language {
		return err
	}
	_, err := r.Do(ctx, Act{By: by, Kind: "account.choose-language", What: language, AnySignIn: true}, Touch{Accounts: []string{by.Account}}, func(tx *Tx) (string, error) {
		a, err := getAccount(ctx, tx, by.Account)
		if err != nil {
			return "", err
		}
		tx.event("account", a.ID, a.Version+1, "account.language-chosen", map[string]string{"locale": language})
		if _, err := tx.ExecContext(ctx, `update account set locale = $2, locale_chosen = true, version = version + 1, changed_at = $3 where id = $1`,
			a.ID, language, tx.At); err != nil {
			return "", err
		}
		_, err = tx.ExecContext(ctx, `insert into realm_language (account_id, asked_at) select id, $2 from account where id = $1 and origin = 'sign-up'
			on conflict (account_id) do update set rev = realm_language.rev + 1, due_at = '-infinity', tries = 0, asked_at = $2`, a.ID, tx.At)
		return "", err
	})
	return err
}

// LanguageWork is a language that the realm has not shown yet.
type LanguageWork struct {
	Account  string `db:"account_id"`
	Language string
	Lease    string
	Rev      int64
	Tries    int
}

// languageLease is how long a worker may take over one account's language: nobody's
// access waits for it.
const languageLease = 90 * time.Second

// ClaimLanguage takes one account whose language in the realm is behind, with the
// language that is chosen now: it is read when the row is locked, so that it is none
// before the choice that the row counts.
func (r *Registry) ClaimLanguage(ctx context.Context) (w LanguageWork, ok bool, err error) {
	lease := NewID()
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		if err := t.GetContext(ctx, &w, `update realm_language set lease = $1, lease_until = clock_timestamp() + $2 * interval '1 second'
			where account_id = (select account_id from realm_language where due_at <= (select instant())
				and (lease_until is null or lease_until < clock_timestamp()) order by due_at, account_id limit 1 for update skip locked)
			returning account_id, rev, tries`, lease, languageLease.Seconds()); err != nil {
			return err
		}
		return t.GetContext(ctx, &w.Language, `select locale from account where id = $1`, w.Account)
	})
	w.Lease = lease
	if isNoRows(err) {
		return w, false, nil
	}
	return w, err == nil, err
}

// LanguageShown records that the realm shows the language that was claimed. One that
// was chosen meanwhile is due at once.
func (r *Registry) LanguageShown(ctx context.Context, w LanguageWork) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		if _, err := t.ExecContext(ctx, `delete from realm_language where account_id = $1 and lease = $2 and rev = $3`, w.Account, w.Lease, w.Rev); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `update realm_language set lease = null, lease_until = null where account_id = $1 and lease = $2`, w.Account, w.Lease); err != nil {
			return err
		}
		return wakeWorkers(ctx, t)
	})
}

// LanguageLater puts a claimed language back after a failure, to be tried again for
// ever, as Later does.
func (r *Registry) LanguageLater(ctx context.Context, w LanguageWork) error {
	return r.execAndWake(ctx, `update realm_language set lease = null, lease_until = null, tries = tries + 1,
		due_at = case when rev = $3 then instant() + $4 * interval '1 second' else due_at end
		where account_id = $1 and lease = $2`, w.Account, w.Lease, w.Rev, waitAfter(w.Tries).Seconds())
}
