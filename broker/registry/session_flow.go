package registry

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// SignInWithin is how long a sign-in that was begun may take: as long as Keycloak
// lets its page stand (accessCodeLifespanLogin), or who took their time would give
// proof there and be turned away here.
const SignInWithin = 30 * time.Minute

// SignIn is a sign-in between its start and the callback. State and the
// browser's own secret are kept as hashes, the PKCE verifier sealed.
type SignIn struct {
	StateHash   []byte
	BrowserHash []byte
	Nonce       string
	Verifier    string // RFC 7636
	ReturnTo    string
	Prompt      string
	MaxAge      *int          // seconds
	Strength    string        // that the answer's acr has to have; empty: any
	Action      string        // Keycloak's kc_action, which the person chose; empty: none
	Age         time.Duration // since its start; TakeSignIn sets it
}

// StartSignIn keeps a sign-in until its callback.
func (r *Registry) StartSignIn(ctx context.Context, s SignIn) error {
	return r.exec(ctx, `insert into sign_in (state_hash, browser_hash, nonce, verifier, return_to, prompt, max_age, strength, action, started_at, key_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, instant(), $10)`,
		s.StateHash, s.BrowserHash, s.Nonce, r.keys.Seal([]byte(s.Verifier), verifierOf(s.StateHash)), s.ReturnTo, s.Prompt, s.MaxAge, s.Strength, s.Action, r.keys.SealKeyID())
}

// TakeSignIn gives a sign-in to its callback, once and to the browser that began
// it (A46). Unknown, used, old and another browser's are one answer: Gone.
func (r *Registry) TakeSignIn(ctx context.Context, stateHash, browserHash []byte) (SignIn, error) {
	var row struct {
		Nonce    string
		Verifier []byte
		ReturnTo string `db:"return_to"`
		Prompt   string
		MaxAge   *int `db:"max_age"`
		Strength string
		Action   string
		Age      float64 // seconds
	}
	err := r.inTx(ctx, func(t *sqlx.Tx) error {
		return t.GetContext(ctx, &row, `update sign_in set used_at = instant()
			where state_hash = $1 and browser_hash = $2 and used_at is null and started_at > (select instant()) - make_interval(secs => $3)
			returning nonce, verifier, return_to, prompt, max_age, strength, action, extract(epoch from used_at - started_at) as age`,
			stateHash, browserHash, SignInWithin.Seconds())
	})
	if isNoRows(err) {
		return SignIn{}, Fail(Gone, "error.sign-in-stale")
	}
	if err != nil {
		return SignIn{}, err
	}
	verifier, err := r.keys.Unseal(row.Verifier, verifierOf(stateHash))
	return SignIn{StateHash: stateHash, BrowserHash: browserHash, Nonce: row.Nonce, Verifier: string(verifier), ReturnTo: row.ReturnTo,
		Prompt: row.Prompt, MaxAge: row.MaxAge, Strength: row.Strength, Action: row.Action, Age: time.Duration(row.Age * float64(time.Second))}, err
}

func verifierOf(stateHash []byte) string { return "sign_in.verifier:" + hex.EncodeToString(stateHash) }

// LogoutNotice is a verified logout token (OpenID Connect Back-Channel Logout).
type LogoutNotice struct {
	Issuer, JTI string
	SID, Sub    string        // at least one
	Issued      int64         // iat, seconds of the issuer's clock
	Expires     time.Duration // from now, by the machine's clock
}

// LoggedOut ends the sessions that a logout token names: those of its sid, or of
// its subject where it has no sid. A token counts once (Conflict); one whose sid
// is another subject's ends nothing (Invalid). It tells how many ended; none is
// no error.
func (r *Registry) LoggedOut(ctx context.Context, n LogoutNotice) (ended int64, err error) {
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		if err := alone(ctx, t, cmp.Or(n.SID, n.Sub)); err != nil {
			return err
		}
		fresh, err := t.ExecContext(ctx, `insert into used_jti (issuer, jti, sid, sub, issued, expires_at)
			values ($1, $2, $3, $4, $5, instant() + make_interval(secs => $6)) on conflict do nothing`,
			n.Issuer, n.JTI, n.SID, n.Sub, n.Issued, n.Expires.Seconds())
		if err != nil {
			return err
		}
		if rows, err := fresh.RowsAffected(); err != nil || rows == 0 {
			return Because(Conflict, "error.logout-repeated", err)
		}
		if n.SID != "" && n.Sub != "" {
			var foreign bool
			if err := t.GetContext(ctx, &foreign, `select exists (select 1 from session where issuer = $1 and sid = $2 and sub <> $3 and ended_at is null)`,
				n.Issuer, n.SID, n.Sub); err != nil {
				return err
			}
			if foreign {
				return Fail(Invalid, "error.logout-foreign")
			}
		}
		done, err := t.ExecContext(ctx, `update session set ended_at = instant(), end_reason = 'back-channel', refresh_token = null
			where issuer = $1 and ended_at is null and (sid = $2 or ($2 = '' and sub = $3))`, n.Issuer, n.SID, n.Sub)
		if err != nil {
			return err
		}
		ended, err = done.RowsAffected()
		return err
	})
	return ended, err
}

// notLoggedOut refuses a session that a logout token has named since its person gave
// proof. Both moments are whole seconds of Keycloak's clock: of the same second, the
// logout counts as the later.
func notLoggedOut(ctx context.Context, t *sqlx.Tx, s NewSession) error {
	if err := alone(ctx, t, s.SID, s.Sub); err != nil {
		return err
	}
	var out bool
	err := t.GetContext(ctx, &out, `select exists (select 1 from used_jti
		where issuer = $1 and (sid = $2 or (sid = '' and sub = $3)) and issued >= $4)`, s.Issuer, s.SID, s.Sub, s.AuthTime)
	if err == nil && out {
		return Fail(Gone, "error.sign-in-stale")
	}
	return err
}

// alone makes the start and the logout of a session of Keycloak's, or of a person,
// wait for each other: at once, neither would see what the other does.
func alone(ctx context.Context, t *sqlx.Tx, names ...string) error {
	slices.Sort(names)
	for _, name := range names {
		if _, err := t.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext('logout:' || $1))`, name); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes what nothing can meet any more: sign-ins after an hour, used
// logout tokens after their expiry, sessions a day after their end, displays of
// texts and counters after two days, kept forms after KeptFor, used challenges
// after their expiry.
func (r *Registry) Forget(ctx context.Context) error {
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		for _, q := range append([]string{
			`delete from sign_in where started_at < (select instant()) - interval '1 hour'`,
			`delete from used_jti where expires_at < (select instant()) - interval '1 hour'`,
			`delete from session where least(ended_at, ends_at) < (select instant()) - interval '1 day'`,
			`delete from display where shown_at < (select instant()) - interval '2 days'`,
			`delete from used_challenge where expires_at < clock_timestamp() - interval '1 hour'`,
			`delete from sample where at < (select instant()) - interval '8 days'`,
			`delete from counter where slot < (select instant()) - interval '2 days'`,
			`delete from kept_form where kept_at < (select instant()) - interval '30 minutes'`, // KeptFor
		}, forgetChanges...) {
			if _, err := t.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}
