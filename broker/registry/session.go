package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// Limits of a session, in the record's time.
const (
	IdleAfter    = 15 * time.Minute // without human activity
	SessionEnds  = 12 * time.Hour   // after its start, whatever happens
	RefreshEvery = 5 * time.Minute  // at most, and only on human activity
	seenEvery    = 30 * time.Second // how exactly activity is kept
	refreshLease = 30 * time.Second // for one call to the token endpoint
)

// Message keys by which the two ways of being signed out are told apart; both
// are of kind Unsigned.
const (
	NoSession   = "error.sign-in-first"
	SessionIdle = "error.session-idle"
)

// IsIdle tells whether err says that a session is there and needs its person
// again: 15 minutes without activity, or 12 hours in all.
func IsIdle(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Key == SessionIdle
}

// Session is one sign-in of one browser. Its id is a secret of the browser; we
// keep the hash.
type Session struct {
	IDHash      []byte `db:"id_hash"`
	Issuer      string
	Sub         string
	SID         string    // Keycloak's session, opaque
	StartedAt   time.Time `db:"started_at"`
	SeenAt      time.Time `db:"seen_at"` // human activity
	EndsAt      time.Time `db:"ends_at"`
	RefreshedAt time.Time `db:"refreshed_at"`
	ACR         string
	AuthTime    time.Time `db:"auth_time"` // when the person last gave proof to Keycloak, in instant() time
}

// Person is who sends a request, with the authority held at that moment.
type Person struct {
	Account Account
	Actor   policies.Actor
	Session Session
	At      time.Time // instant() of the query that found all this
}

// Left is how long the session lasts if nothing more is done: until it pauses,
// and until it ends whatever is done. Active: Seen was called with p, so that what
// brought p here counts.
func (p Person) Left(active bool) (idle, whole time.Duration) {
	seen := p.Session.SeenAt
	if active && p.At.Sub(seen) >= seenEvery {
		seen = p.At
	}
	return IdleAfter - p.At.Sub(seen), p.Session.EndsAt.Sub(p.At)
}

// Over tells of a paused session that it was 12 hours old, and no lack of activity
// is why.
func (p Person) Over() bool { return !p.At.Before(p.Session.EndsAt) }

// personRow is a session with its account and one of its role grants, if any.
type personRow struct {
	Session
	Account  `db:"account"`
	At       time.Time
	Program  *string
	Site     *string
	SiteCode *string `db:"site_code"`
	Role     *string
}

const personQuery = `with n as materialized (select instant() as at)
	select s.id_hash, s.issuer, s.sub, s.sid, s.started_at, s.seen_at, s.ends_at, s.refreshed_at, s.acr, s.auth_time, n.at,
		a.id as "account.id", a.issuer as "account.issuer", coalesce(a.sub, '') as "account.sub", a.user_name as "account.user_name",
		a.given_name as "account.given_name", a.surname as "account.surname", a.email as "account.email",
		a.email_verified as "account.email_verified", a.locale as "account.locale", a.state as "account.state", a.version as "account.version",
		t.program, g.site_id as site, t.code as site_code, g.role
	from n cross join session s join account a on a.id = s.account_id
	left join access_grant g on g.account_id = a.id and g.leaf = g.role and g.ended_at is null and g.from_at <= n.at and g.until_at > n.at
	left join site t on t.id = g.site_id
	where s.id_hash = $1 and s.ended_at is null
	order by t.program, t.code, g.role`

// Person finds the session, its account and what the account holds, in one
// query: what was taken away a moment ago is not there any more. Of an idle
// session it gives only a name to continue as, and no authority, beside an error
// for which IsIdle is true.
func (r *Registry) Person(ctx context.Context, idHash []byte) (Person, error) {
	var rows []personRow
	if err := r.db.SelectContext(ctx, &rows, personQuery, idHash); err != nil {
		return Person{}, err
	}
	if len(rows) == 0 {
		return Person{}, Fail(Unsigned, NoSession)
	}
	first := rows[0]
	if first.At.Sub(first.SeenAt) >= IdleAfter || !first.At.Before(first.EndsAt) {
		name := Account{UserName: first.UserName, GivenName: first.GivenName, Surname: first.Surname, Locale: first.Locale}
		return Person{Account: name, Session: Session{IDHash: first.IDHash, EndsAt: first.EndsAt}, At: first.At}, Fail(Unsigned, SessionIdle)
	}
	p := Person{Account: first.Account, Actor: policies.Actor{Account: first.Account.ID}, Session: first.Session, At: first.At}
	for _, row := range rows {
		if row.Role != nil {
			p.Actor.Holds = append(p.Actor.Holds, policies.Held{Program: *row.Program, Site: *row.Site, SiteCode: *row.SiteCode, Role: *row.Role})
		}
	}
	return p, nil
}

// NewSession is what a sign-in that succeeded brings. Keycloak's clock is not
// the record's, so its moment comes as an age.
type NewSession struct {
	IDHash       []byte
	Replaces     []byte // hash of the id that the browser had before; may be nil
	Account      string
	Issuer, Sub  string
	SID, ACR     string
	AuthAge      time.Duration // since the person gave proof
	AuthTime     int64         // the same as Keycloak stamps it: it may have logged them out since
	IDToken      string
	RefreshToken string // may be empty
}

// StartSession ends the session that the browser had and starts the new one. Whom
// Keycloak has logged out since they gave proof gets none (Gone): it says so once,
// before it has forgotten the session itself, and would never end this one.
func (r *Registry) StartSession(ctx context.Context, s NewSession) error {
	idToken := r.keys.Seal([]byte(s.IDToken), idTokenOf(s.IDHash))
	refresh := r.sealRefresh(s.IDHash, s.RefreshToken)
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		if err := notLoggedOut(ctx, t, s); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, `with before as (
				update session set ended_at = instant(), end_reason = 'replaced' where id_hash = $12 and ended_at is null returning id_hash, account_id)
			insert into session
			(id_hash, account_id, issuer, sub, sid, acr, id_token, refresh_token, key_id, started_at, seen_at, refreshed_at, ends_at, auth_time, replaces)
			select $1, $2, $3, $4, $5, $6, $7, $8, $9, n.at, n.at, n.at, n.at + make_interval(secs => $10), n.at - make_interval(secs => $11),
				(select id_hash from before where account_id = $2)
			from (select instant() as at) n`,
			s.IDHash, s.Account, s.Issuer, s.Sub, s.SID, s.ACR, idToken, refresh, r.keys.SealKeyID(), SessionEnds.Seconds(), s.AuthAge.Seconds(), s.Replaces)
		return err
	})
}

// Replaced gives the hashes of the sessions that this one took the place of, one
// after the other, in its browser and for its account: the latest first, until
// somebody else was there, signed out or was logged out, or as far as sessions are
// remembered (see Forget).
func (r *Registry) Replaced(ctx context.Context, idHash []byte) (before [][]byte, err error) {
	err = r.db.SelectContext(ctx, &before, `with recursive b (id_hash, replaces, n) as (
			select id_hash, replaces, 0 from session where id_hash = $1
			union all select s.id_hash, s.replaces, b.n + 1 from b join session s on s.id_hash = b.replaces)
		select replaces from b where replaces is not null order by n`, idHash)
	return before, err
}

// Seen keeps a live session from idling out. It is for what a person does, never
// for what a page does by itself; it writes at most every 30 s.
func (r *Registry) Seen(ctx context.Context, p Person) error {
	if p.At.Sub(p.Session.SeenAt) < seenEvery {
		return nil
	}
	return r.exec(ctx, `update session set seen_at = instant() where id_hash = $1 and ended_at is null
		and seen_at > (select instant()) - make_interval(secs => $2) and ends_at > (select instant())`, p.Session.IDHash, IdleAfter.Seconds())
}

// EndSession ends a session, idle or not, and gives its ID token, by which the
// person is logged out at Keycloak; empty when there was no session to end.
func (r *Registry) EndSession(ctx context.Context, idHash []byte, reason string) (idToken string, err error) {
	var sealed []byte
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		return t.GetContext(ctx, &sealed, `update session set ended_at = instant(), end_reason = $2, refresh_token = null
			where id_hash = $1 and ended_at is null returning id_token`, idHash, reason)
	})
	if isNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	plain, err := r.keys.Unseal(sealed, idTokenOf(idHash))
	return string(plain), err
}

// Refresh is the right to refresh one session's tokens, until its lease is over.
type Refresh struct {
	IDHash       []byte
	RefreshToken string
	lease        time.Time
}

// ClaimRefresh gives the right to refresh to one caller of all replicas, and to
// none when the tokens are fresh: two at once would end the Keycloak session
// where refresh tokens rotate.
func (r *Registry) ClaimRefresh(ctx context.Context, idHash []byte) (f Refresh, ok bool, err error) {
	var row struct {
		Token []byte    `db:"refresh_token"`
		Lease time.Time `db:"refreshing_until"`
	}
	err = r.inTx(ctx, func(t *sqlx.Tx) error {
		return t.GetContext(ctx, &row, `update session set refreshing_until = instant() + make_interval(secs => $2)
			where id_hash = $1 and ended_at is null and refresh_token is not null and refreshed_at <= (select instant()) - make_interval(secs => $3)
				and (refreshing_until is null or refreshing_until <= (select instant()))
			returning refresh_token, refreshing_until`, idHash, refreshLease.Seconds(), RefreshEvery.Seconds())
	})
	if isNoRows(err) {
		return Refresh{}, false, nil
	}
	if err != nil {
		return Refresh{}, false, err
	}
	plain, err := r.keys.Unseal(row.Token, refreshTokenOf(idHash))
	return Refresh{IDHash: idHash, RefreshToken: string(plain), lease: row.Lease}, err == nil, err
}

// Refreshed keeps the new tokens, unless the lease is another's by now. A caller
// that got no answer from Keycloak does nothing: the lease runs out and the next
// activity tries again.
func (r *Registry) Refreshed(ctx context.Context, f Refresh, idToken, refreshToken string) error {
	return r.exec(ctx, `update session set refreshed_at = instant(), refreshing_until = null, id_token = $3, refresh_token = $4, key_id = $5
		where id_hash = $1 and refreshing_until = $2 and ended_at is null`,
		f.IDHash, f.lease, r.keys.Seal([]byte(idToken), idTokenOf(f.IDHash)), r.sealRefresh(f.IDHash, refreshToken), r.keys.SealKeyID())
}

// RefreshLater keeps the refresh token alone, where the tokens that came with it
// could not be judged: the one before is used up. The lease runs out, and the next
// activity tries again.
func (r *Registry) RefreshLater(ctx context.Context, f Refresh, refreshToken string) error {
	return r.exec(ctx, `update session set refresh_token = $3 where id_hash = $1 and refreshing_until = $2 and ended_at is null`,
		f.IDHash, f.lease, r.sealRefresh(f.IDHash, refreshToken))
}

func (r *Registry) sealRefresh(idHash []byte, token string) []byte {
	if token == "" {
		return nil
	}
	return r.keys.Seal([]byte(token), refreshTokenOf(idHash))
}

func idTokenOf(idHash []byte) string { return "session.id_token:" + hex.EncodeToString(idHash) }
func refreshTokenOf(idHash []byte) string {
	return "session.refresh_token:" + hex.EncodeToString(idHash)
}
