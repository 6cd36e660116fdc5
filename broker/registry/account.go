package registry

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// Account is a Keycloak user as we know it. Sub is empty until Keycloak has the
// person.
type Account struct {
	ID, Issuer    string
	Sub           string
	UserName      string `db:"user_name"`
	GivenName     string `db:"given_name"`
	Surname       string
	Email         string
	EmailVerified bool   `db:"email_verified"`
	Locale        string // of pages and mails: "en" or "es"
	LocaleChosen  bool   `db:"locale_chosen"` // by the person, here; no token changes it then
	State         string // unconfirmed, asked, live, refused, closed
	Setup         bool   `db:"setup"` // Keycloak is still to mail them how to begin
	Imported      bool   // by a decision about many: they did not ask for it
	Version       int64
}

// Name is how the person is shown to others.
func (a Account) Name() string {
	if n := strings.TrimSpace(a.GivenName + " " + a.Surname); n != "" {
		return n
	}
	return a.UserName
}

const accountColumns = `id, issuer, coalesce(sub, '') as sub, user_name, given_name, surname, email, email_verified, locale, locale_chosen, state, (origin = 'sign-up' and setup_at is null and setup_lost_at is null) as setup, batch_id is not null as imported, version`

// Account reads one account by id.
func (r *Registry) Account(ctx context.Context, id string) (Account, error) {
	return getAccount(ctx, r.db, id)
}

func getAccount(ctx context.Context, q sqlx.QueryerContext, id string) (Account, error) {
	var a Account
	if !validID(id) {
		return a, Fail(NotFound, "error.not-found")
	}
	err := sqlx.GetContext(ctx, q, &a, `select `+accountColumns+` from account where id = $1`, id)
	if isNoRows(err) {
		return a, Fail(NotFound, "error.not-found")
	}
	return a, err
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// AccountMade records the subject that Keycloak gave to an account that we made.
func (r *Registry) AccountMade(ctx context.Context, id, sub string) error {
	return r.asked(ctx, id, Act{Kind: "account.made", What: []string{id, sub}}, func(tx *Tx, a Account) error {
		tx.event("account", id, a.Version+1, "account.made", map[string]string{"sub": sub})
		_, err := tx.ExecContext(ctx, `update account set state = 'live', sub = $2, version = version + 1, changed_at = $3 where id = $1`, id, sub, tx.At)
		return err
	})
}

// NameTaken records that Keycloak knows the user name as somebody else's, and
// mails that to whoever asked.
func (r *Registry) NameTaken(ctx context.Context, id string) error {
	return r.accountRefused(ctx, id, func(a Account) Mail {
		return Mail{Address: a.Email, Kind: "name-taken", About: a.ID, Locale: a.Locale, Data: map[string]string{"user_name": a.UserName}}
	})
}

// DetailsRefused records that Keycloak's own rules refuse something else that the
// person gave, and mails that to whoever asked.
func (r *Registry) DetailsRefused(ctx context.Context, id string) error {
	return r.accountRefused(ctx, id, func(a Account) Mail {
		return Mail{Address: a.Email, Kind: "details-refused", About: a.ID, Locale: a.Locale, Data: map[string]string{"user_name": a.UserName}}
	})
}

// accountRefused ends the asking; the mail's kind is the event's reason. Who was
// imported asked for nothing: the registrar whose decision it was is told instead, and
// what was approved in advance is over.
func (r *Registry) accountRefused(ctx context.Context, id string, tell func(Account) Mail) error {
	return r.asked(ctx, id, Act{Kind: "account.refused", What: id}, func(tx *Tx, a Account) error {
		m := tell(a)
		tx.event("account", id, a.Version+1, "account.refused", map[string]string{"why": m.Kind})
		if _, err := tx.ExecContext(ctx, `update account set state = 'refused', look_at = null, continue_to = null, wanted_rev = applied_rev, version = version + 1, changed_at = $2 where id = $1`, id, tx.At); err != nil {
			return err
		}
		if a.Imported {
			if err := tx.withdrawUnused(a); err != nil {
				return err
			}
			return tx.tellNotImported(a)
		}
		return tx.mail(m)
	})
}

// asked changes an account that Keycloak does not have yet; told again, it is nothing.
func (r *Registry) asked(ctx context.Context, id string, act Act, change func(*Tx, Account) error) error {
	act.By = worker()
	_, err := r.Do(ctx, act, Touch{Accounts: []string{id}}, func(tx *Tx) (string, error) {
		a, err := getAccount(ctx, tx, id)
		if err != nil || a.State != "asked" {
			return "", err
		}
		return "", change(tx, a)
	})
	return err
}

// SignedIn is what a verified ID token says about a person.
type SignedIn struct {
	Issuer, Sub, UserName, GivenName, Surname, Email string
	EmailVerified                                    bool
	Locale                                           string // "" where the token says none
	Visit                                            string // the language in which the person came
}

// SignedIn finds the account of a subject, or makes it at the first sign-in;
// name and mail are taken over, and the language unless the person chose one here,
// as an event when they differ.
func (r *Registry) SignedIn(ctx context.Context, s SignedIn) (string, error) {
	var a Account
	err := r.db.GetContext(ctx, &a, `select `+accountColumns+` from account where issuer = $1 and sub = $2`, s.Issuer, s.Sub)
	switch {
	case isNoRows(err):
		s.Locale = cmp.Or(s.Locale, s.Visit, policies.English)
		id, err := r.firstSignIn(ctx, s)
		if isCode(err, "23505") { // another tab was first
			return r.SignedIn(ctx, s)
		}
		return id, err
	case err != nil:
		return "", err
	}
	if a.State == "closed" { // until Keycloak has forgotten them too
		return "", Fail(Gone, "error.account-closed")
	}
	if s.Locale == "" || a.LocaleChosen {
		s.Locale = a.Locale
	}
	same := a.UserName == s.UserName && a.GivenName == s.GivenName && a.Surname == s.Surname &&
		a.Email == s.Email && a.EmailVerified == s.EmailVerified && a.Locale == s.Locale
	if same {
		return a.ID, nil
	}
	_, err = r.Do(ctx, Act{By: worker(), Kind: "account.refresh", What: s}, Touch{Accounts: []string{a.ID}}, func(tx *Tx) (string, error) {
		if a, err = getAccount(ctx, tx, a.ID); err != nil {
			return "", err
		}
		if a.LocaleChosen { // perhaps since it was looked at
			s.Locale = a.Locale
		}
		_, err := tx.ExecContext(ctx, `update account set user_name = $2, given_name = $3, surname = $4, email = $5, email_verified = $6,
			locale = $7, look_at = case when $6 then null else look_at end, version = version + 1, changed_at = $8 where id = $1`,
			a.ID, s.UserName, s.GivenName, s.Surname, s.Email, s.EmailVerified, s.Locale, tx.At)
		tx.privateEvent("account", a.ID, a.Version+1, "account.refreshed", map[string]any{"email_verified": s.EmailVerified, "locale": s.Locale},
			map[string]string{"user_name": s.UserName, "given_name": s.GivenName, "surname": s.Surname, "email": s.Email})
		if err == nil && s.EmailVerified {
			err = settleSetup(ctx, tx, a.ID)
		}
		return "", err
	})
	return a.ID, err
}

func (r *Registry) firstSignIn(ctx context.Context, s SignedIn) (string, error) {
	return r.Do(ctx, Act{By: worker(), Kind: "account.first-sign-in", What: s}, Touch{}, func(tx *Tx) (string, error) {
		id := NewID()
		_, err := tx.ExecContext(ctx, `insert into account
			(id, issuer, sub, user_name, given_name, surname, email, email_verified, locale, origin, state, changed_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'realm', 'live', $10)`,
			id, s.Issuer, s.Sub, s.UserName, s.GivenName, s.Surname, s.Email, s.EmailVerified, s.Locale, tx.At)
		tx.privateEvent("account", id, 1, "account.seen", map[string]string{"sub": s.Sub},
			map[string]string{"user_name": s.UserName, "given_name": s.GivenName, "surname": s.Surname, "email": s.Email})
		return id, err
	})
}

// heldRow is one open role grant, as authority needs it.
type heldRow struct {
	Account string
	Program string
	Site    string
	Code    string
	Role    string
}

// actorAt reads what an account holds at a moment: its roles, not its entitlements.
func actorAt(ctx context.Context, q sqlx.QueryerContext, account string, at time.Time) (policies.Actor, error) {
	rows, err := held(ctx, q, `g.account_id = $2`, at, account)
	a := policies.Actor{Account: account}
	for _, h := range rows {
		a.Holds = append(a.Holds, policies.Held{Program: h.Program, Site: h.Site, SiteCode: h.Code, Role: h.Role})
	}
	return a, err
}

// held lists open role grants at a moment.
func held(ctx context.Context, q sqlx.QueryerContext, where string, at time.Time, args ...any) ([]heldRow, error) {
	var rows []heldRow
	err := sqlx.SelectContext(ctx, q, &rows, `select g.account_id as account, s.program, g.site_id as site, s.code, g.role
		from access_grant g join site s on s.id = g.site_id
		where g.leaf = g.role and g.ended_at is null and g.from_at <= $1 and g.until_at > $1 and `+where+` order by 1, 2, 3, 5`,
		append([]any{at}, args...)...)
	return rows, err
}

// holders lists the accounts that hold a capability at a site at a moment.
func (tx *Tx) holders(site string, c policies.Capability) ([]string, error) {
	return holders(tx.ctx, tx.Tx, tx.Programs, site, c, tx.At)
}

func holders(ctx context.Context, q sqlx.QueryerContext, ps policies.Programs, site string, c policies.Capability, at time.Time) ([]string, error) {
	rows, err := held(ctx, q, `g.site_id = $2`, at, site)
	var out []string
	for _, h := range rows {
		if p := ps[h.Program]; p != nil {
			if role, ok := p.Role(h.Role); ok && role.Can(c) {
				out = append(out, h.Account)
			}
		}
	}
	return slices.Compact(out), err
}

// operators lists the accounts that hold a capability over a program.
func operators(ctx context.Context, q sqlx.QueryerContext, ps policies.Programs, program string, c policies.Capability, at time.Time) ([]string, error) {
	var site string
	err := sqlx.GetContext(ctx, q, &site, `select id from site where program = $1 and code = $2`, policies.OperatorProgram, program)
	if isNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return holders(ctx, q, ps, site, c, at)
}

// accountsNamed gives the names of accounts for pages.
func accountsNamed(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]Account, error) {
	var rows []Account
	err := sqlx.SelectContext(ctx, q, &rows, `select `+accountColumns+` from account where id = any($1)`, pq.Array(orEmpty(ids)))
	out := map[string]Account{}
	for _, a := range rows {
		out[a.ID] = a
	}
	return out, err
}
