package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// SignUp is what the sign-up page takes.
type SignUp struct {
	Op, UserName, GivenName, Surname, Email, Locale string
	// Confirm asks for a click in a mail of ours before anything is made in
	// Keycloak: the way for whom no challenge was solved.
	Confirm bool
	// Return is where the person was going: their first sign-in leads there, on
	// whatever device. A path of ours, which the portal has checked.
	Return string
}

// An account that nobody verifies is told of its end, and ended (never sooner than
// a mail that was read on Monday after a week away).
const (
	unverifiedNotice = 5 * 24 * time.Hour // after the sign-up, by one mail
	unverifiedLife   = 7 * 24 * time.Hour

	// Who was imported did not sit at the sign-up page, and may be away for weeks.
	importedNotice = 28 * 24 * time.Hour
	importedLife   = 30 * 24 * time.Hour
)

// unusedFor is after how long an account that nobody uses is told of its end, and ended.
func (a Account) unusedFor() (notice, life time.Duration) {
	if a.Imported {
		return importedNotice, importedLife
	}
	return unverifiedNotice, unverifiedLife
}

// SignUp records that somebody asks for an account; the worker makes it in
// Keycloak. It answers alike whether the name or address is known: what really
// happened goes by mail.
//
//   - a name and address that wait for their person already: the mail to begin
//     comes again
//   - an address that somebody has verified: a mail says so, and lets whoever
//     shares the mailbox go on
//   - no challenge (Confirm): a mail asks for a click
//   - otherwise the worker makes the account, and Keycloak's mail follows
func (r *Registry) SignUp(ctx context.Context, s SignUp) error {
	act := Act{By: By{Op: s.Op}, Kind: "account.ask", What: s}
	_, err := r.Do(ctx, act, Touch{}, func(tx *Tx) (string, error) {
		if err := tx.mailTo(s.Email); err != nil {
			return "", err
		}
		if again, err := tx.setupAgain(s, false); err != nil || again {
			return "", err
		}
		known, err := tx.verifiedAddress(s.Email)
		if err != nil {
			return "", err
		}
		return tx.addAccount(s, known)
	})
	return err
}

// SignUpInvited is SignUp for whoever holds an invitation: its link proves the
// address, so there is no challenge, and the first sign-in leads to what it is
// about.
func (r *Registry) SignUpInvited(ctx context.Context, s SignUp, secret string) error {
	act := Act{By: By{Op: s.Op}, Kind: "account.ask-invited", What: []any{s, r.keys.hexHash("invitation", secret)}}
	_, err := r.Do(ctx, act, Touch{}, func(tx *Tx) (string, error) {
		inv, err := r.findInvitation(ctx, tx, secret, tx.At, ` for update`)
		if err != nil {
			return "", err
		}
		if inv.Purpose == "sign-up" {
			return "", Fail(NotFound, "error.link-unknown")
		}
		s.Email, s.Return = inv.Email, inv.path(secret)
		if err := tx.mailTo(s.Email); err != nil {
			return "", err
		}
		if again, err := tx.setupAgain(s, true); err != nil || again {
			return "", err
		}
		return tx.addAccount(s, false) // the mailbox is theirs, whoever else shares it
	})
	return err
}

// path is the page that an invitation's link opens.
func (i Invitation) path(secret string) string {
	if i.Purpose == "declarant" {
		return "/declare/" + i.About + "?s=" + secret
	}
	return "/invitation?s=" + secret
}

// setupAgain makes the mail to begin come again where this name and address wait
// for their person. Where their first sign-in leads, only who has proved the mailbox
// can change: a stranger can type a name and an address.
func (tx *Tx) setupAgain(s SignUp, proved bool) (bool, error) {
	var id string
	err := tx.GetContext(tx.ctx, &id, `select id from account where user_name = $1 and lower(email) = lower($2)
		and origin = 'sign-up' and not email_verified and state in ('asked', 'live') limit 1`, s.UserName, s.Email)
	if isNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = tx.ExecContext(tx.ctx, `update account set setup_at = null, setup_since = null, setup_lost_at = null, wanted_rev = wanted_rev + 1, retry_at = '-infinity', tries = 0,
		continue_to = case when $3 then coalesce($2, continue_to) else coalesce(continue_to, $2) end where id = $1`, id, tx.r.sealPath(id, s.Return), proved)
	if err != nil {
		return false, err
	}
	return true, settleSetup(tx.ctx, tx, id)
}

// verifiedAddress tells whether somebody has proved that the address is theirs.
func (tx *Tx) verifiedAddress(email string) (known bool, err error) {
	err = tx.GetContext(tx.ctx, &known, `select exists (select 1 from account where lower(email) = lower($1) and state = 'live' and email_verified)`, email)
	return known, err
}

// addAccount writes the account down, for the worker to make or, where a click is
// wanted first, to wait for it.
func (tx *Tx) addAccount(s SignUp, known bool) (string, error) {
	id, state, rev := NewID(), "asked", 1
	if known || s.Confirm {
		state, rev = "unconfirmed", 0
	}
	if _, err := tx.ExecContext(tx.ctx, `insert into account
		(id, issuer, user_name, given_name, surname, email, locale, origin, state, wanted_rev, changed_at, look_at, continue_to)
		values ($1, $2, $3, $4, $5, $6, $7, 'sign-up', $8, $9, $10, $11, $12)`,
		id, tx.r.issuer, s.UserName, s.GivenName, s.Surname, s.Email, s.Locale, state, rev, tx.At, tx.At.Add(unverifiedNotice), tx.r.sealPath(id, s.Return)); err != nil {
		return "", err
	}
	tx.privateEvent("account", id, 1, "account.asked", map[string]string{"locale": s.Locale, "state": state},
		map[string]string{"user_name": s.UserName, "given_name": s.GivenName, "surname": s.Surname, "email": s.Email})
	if state == "asked" {
		return id, nil
	}
	secret, err := tx.invite("sign-up", id, "", "", "", s.Email)
	if err != nil {
		return "", err
	}
	if known {
		return id, tx.mail(Mail{Address: s.Email, Kind: "address-known", About: id, Locale: s.Locale,
			Data: map[string]string{"secret": secret, "user_name": s.UserName}})
	}
	return id, tx.mail(Mail{Address: s.Email, Kind: "sign-up-confirm", About: id, Locale: s.Locale,
		Data: map[string]string{"secret": secret, "user_name": s.UserName}})
}

// ConfirmSignUp is the click that a sign-up without a challenge waits for.
func (r *Registry) ConfirmSignUp(ctx context.Context, op, secret string) error {
	inv, err := r.confirmable(ctx, secret)
	if err != nil && !IsKind(err, Gone) { // one that is used may be this very form, sent twice
		return err
	}
	act := Act{By: By{Op: op}, Kind: "account.confirm", What: r.keys.hexHash("invitation", secret)}
	_, err = r.Do(ctx, act, Touch{Accounts: []string{inv.About}}, func(tx *Tx) (string, error) {
		inv, err := r.findInvitation(ctx, tx, secret, tx.At, ` for update`)
		if err != nil {
			return "", err
		}
		a, err := getAccount(ctx, tx, inv.About)
		if err != nil {
			return "", err
		}
		if a.State != "unconfirmed" {
			return "", Fail(Gone, "error.link-expired")
		}
		if err := tx.mailTo(a.Email); err != nil {
			return "", err
		}
		if err := tx.useInvitation(inv); err != nil {
			return "", err
		}
		tx.event("account", a.ID, a.Version+1, "account.confirmed", nil)
		_, err = tx.ExecContext(ctx, `update account set state = 'asked', wanted_rev = 1, version = version + 1, changed_at = $2 where id = $1`, a.ID, tx.At)
		return "", err
	})
	return err
}

// confirmable finds the sign-up that a mailed link stands for; used ones are Gone.
func (r *Registry) confirmable(ctx context.Context, secret string) (Invitation, error) {
	inv, err := r.Invitation(ctx, secret)
	if inv.Purpose != "sign-up" && (err == nil || IsKind(err, Gone)) {
		return Invitation{}, Fail(NotFound, "error.link-unknown")
	}
	return inv, err
}

// Confirmable gives the user name of the sign-up that a mailed link stands for.
func (r *Registry) Confirmable(ctx context.Context, secret string) (string, error) {
	inv, err := r.confirmable(ctx, secret)
	if err != nil {
		return "", err
	}
	a, err := r.Account(ctx, inv.About)
	return a.UserName, err
}

func (r *Registry) sealPath(id, path string) []byte {
	if path == "" {
		return nil
	}
	return r.keys.Seal([]byte(path), "continue:"+id)
}

// Continue gives, once, where the person was going when they signed up; empty where
// nowhere. It is kept here and not in a cookie: the mail may be opened elsewhere.
func (r *Registry) Continue(ctx context.Context, account string) (string, error) {
	var sealed []byte
	err := r.inTx(ctx, func(t *sqlx.Tx) error {
		return t.GetContext(ctx, &sealed, `with was as (select continue_to from account where id = $1 and continue_to is not null for update)
			update account set continue_to = null from was where id = $1 returning was.continue_to`, account)
	})
	if isNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	path, err := r.keys.Unseal(sealed, "continue:"+account)
	return string(path), err
}
