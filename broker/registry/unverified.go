package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// Unverified is an account that somebody asked for and nobody has used, whose time
// to be looked at has come.
type Unverified struct {
	ID  string
	Sub string
}

// lookAgain is how soon an account is looked at once more where Keycloak did not
// answer.
const lookAgain = time.Minute

// DueUnverified lists the accounts to look at now; each is put off by lookAgain, so
// that one that cannot be asked about holds up nothing, and two workers seldom ask
// about the same.
func (r *Registry) DueUnverified(ctx context.Context) (due []Unverified, err error) {
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		return t.SelectContext(ctx, &due, `update account set look_at = instant() + make_interval(secs => $1) where id in (
			select id from account where look_at <= (select instant()) order by look_at limit 20 for update skip locked)
			returning id, coalesce(sub, '') as sub`, lookAgain.Seconds())
	})
	return due, err
}

// Verified records that the person was there after all: Keycloak says that the
// address is theirs, though they have not signed in here yet.
func (r *Registry) Verified(ctx context.Context, id string) error {
	return r.unverified(ctx, id, "account.verified", func(tx *Tx, a Account, _ time.Duration) error {
		tx.event("account", id, a.Version+1, "account.verified", nil)
		_, err := tx.ExecContext(ctx, `update account set email_verified = true, look_at = null, version = version + 1, changed_at = $2 where id = $1`, id, tx.At)
		if err != nil {
			return err
		}
		return settleSetup(ctx, tx, id)
	})
}

// StillUnverified tells the person once that the account will be closed, and closes
// it when its time is over: the worker then takes the person that we made out of
// Keycloak, so that name and address are free for a new sign-up.
func (r *Registry) StillUnverified(ctx context.Context, id string) error {
	return r.unverified(ctx, id, "account.unverified", func(tx *Tx, a Account, age time.Duration) error {
		notice, life := a.unusedFor()
		if age >= life {
			return tx.closeAccount(a)
		}
		if age >= notice {
			if err := tx.mail(Mail{Address: a.Email, Kind: "account-closing", About: id, Locale: a.Locale, Data: map[string]string{"user_name": a.UserName}}); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `update account set look_at = $2 where id = $1`, id, tx.At.Add(life-age))
			return err
		}
		_, err := tx.ExecContext(ctx, `update account set look_at = $2 where id = $1`, id, tx.At.Add(notice-age))
		return err
	})
}

// unverified changes an account that is still looked at; told again, it is nothing.
func (r *Registry) unverified(ctx context.Context, id, kind string, change func(tx *Tx, a Account, age time.Duration) error) error {
	_, err := r.Do(ctx, Act{By: worker(), Kind: kind, What: id}, Touch{Accounts: []string{id}}, func(tx *Tx) (string, error) {
		a, err := getAccount(ctx, tx, id)
		if err != nil || a.EmailVerified {
			return "", err
		}
		switch a.State {
		case "unconfirmed", "asked", "live":
		default:
			return "", nil
		}
		var asked time.Time // one act made the account, and its event says when
		if err := tx.GetContext(ctx, &asked, `select act.at from event join act on act.id = event.act_id
			where entity = 'account' and entity_id = $1 and version = 1`, id); err != nil {
			return "", err
		}
		return "", change(tx, a, tx.At.Sub(asked))
	})
	return err
}

// closeAccount ends an account that nobody ever used, and what hangs on it: its
// drafts and what was asked for in its name are withdrawn, its own invitation stops working, where it was to continue
// is forgotten. An invitation that it came from is somebody else's, and stays good
// for as long as it says.
func (tx *Tx) closeAccount(a Account) error {
	var drafts []struct {
		ID      string
		Version int64
	}
	if err := tx.SelectContext(tx.ctx, &drafts, `update request set state = 'withdrawn', decided_at = $2, version = version + 1, changed_at = $2
		where account_id = $1 and state = 'draft' returning id, version`, a.ID, tx.At); err != nil {
		return err
	}
	for _, d := range drafts {
		tx.event("request", d.ID, d.Version, "request.withdrawn", nil)
	}
	if err := tx.withdrawUnused(a); err != nil {
		return err
	}
	var links []struct {
		ID      string
		Version int64
	}
	if err := tx.SelectContext(tx.ctx, &links, `update invitation set replaced_at = $2, version = version + 1, changed_at = $2
		where purpose = 'sign-up' and about_id = $1 and used_at is null and replaced_at is null returning id, version`, a.ID, tx.At); err != nil {
		return err
	}
	for _, l := range links {
		tx.event("invitation", l.ID, l.Version, "invitation.replaced", nil)
	}
	if err := settleSetup(tx.ctx, tx, a.ID); err != nil {
		return err
	}
	tx.event("account", a.ID, a.Version+1, "account.closed", map[string]string{"why": "never-verified"})
	_, err := tx.ExecContext(tx.ctx, `update account set state = 'closed', look_at = null, continue_to = null, wanted_rev = wanted_rev + 1,
		retry_at = '-infinity', version = version + 1, changed_at = $2 where id = $1`, a.ID, tx.At)
	return err
}
