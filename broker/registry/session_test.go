package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/policies"
)

// signedIn makes an account and a session for it.
func (r *testRegistry) signedIn(sub, sid, secret string) NewSession {
	r.t.Helper()
	ctx := context.Background()
	account, err := r.SignedIn(ctx, SignedIn{Issuer: testIssuer, Sub: sub, UserName: sub, GivenName: "Given", Surname: sub, Email: sub + "@example.org", EmailVerified: true})
	if err != nil {
		r.t.Fatal(err)
	}
	s := NewSession{IDHash: hashOf(secret), Account: account, Issuer: testIssuer, Sub: sub, SID: sid, ACR: "1", AuthAge: time.Minute,
		IDToken: "id token of " + secret, RefreshToken: "refresh token of " + secret}
	if err := r.StartSession(ctx, s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

func (r *testRegistry) person(secret string) Person {
	r.t.Helper()
	p, err := r.Person(context.Background(), hashOf(secret))
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *testRegistry) nobody(secret string, idle bool) {
	r.t.Helper()
	p, err := r.Person(context.Background(), hashOf(secret))
	if !IsKind(err, Unsigned) || IsIdle(err) != idle || p.Actor.Account != "" || p.Actor.Holds != nil {
		r.t.Fatalf("%+v, %v", p, err)
	}
}

// Authority is the open grants of the moment, read with the session: a grant that
// ends or lapses is gone at the next request, whatever any token still says.
//
// proves: attack A23 attack A55
func TestPersonHolds(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ada, ruth := r.signedIn("ada", "s1", "ada's"), r.signedIn("ruth", "s2", "ruth's")
	site := NewID()
	r.sql(`insert into site (id, program, code, name, tz, opened_at, changed_at) values ($1, 'careconnect', 's-1', 'One', 'UTC', instant(), instant())`, site)
	grant := func(account, role, leaf, from, until string) string {
		id := NewID()
		r.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, until_at, changed_at)
			values ($1, $2, $3, $4, $5, '{}', instant() + $6::interval, instant() + $7::interval, instant())`, id, account, site, role, leaf, from, until)
		return id
	}
	ends := grant(ada.Account, "practitioner", "practitioner", "-1 hour", "100 years")
	grant(ada.Account, "practitioner", "viewer", "-1 hour", "100 years") // an entitlement is no authority here
	grant(ada.Account, "pharmacist", "pharmacist", "-1 hour", "5 minutes")
	grant(ada.Account, "resident", "resident", "1 hour", "100 years")
	grant(ruth.Account, "administrator", "administrator", "-1 hour", "100 years")

	want := func(roles ...string) {
		t.Helper()
		p := r.person("ada's")
		var holds []policies.Held
		for _, role := range roles {
			holds = append(holds, policies.Held{Program: "careconnect", Site: site, SiteCode: "s-1", Role: role})
		}
		if d := cmp.Diff(policies.Actor{Account: ada.Account, Holds: holds}, p.Actor); d != "" {
			t.Fatal(d)
		}
	}
	want("pharmacist", "practitioner")
	r.later(6 * time.Minute)
	want("practitioner")
	r.sql(`update access_grant set ended_at = instant() where id = $1`, ends)
	want()

	p := r.person("ada's")
	if p.Account.UserName != "ada" || p.Account.Email != "ada@example.org" || p.Session.SID != "s1" || p.Session.ACR != "1" {
		t.Errorf("%+v", p)
	}
	if age := p.Session.StartedAt.Sub(p.Session.AuthTime); age != time.Minute {
		t.Errorf("proof was given %s before the start", age)
	}
}

// A session knows the ones that it took the place of, as long as they were the same
// account's, and alive.
//
// proves: attack A51
func TestReplaced(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	last := r.signedIn("ada", "s1", "1")
	start := func(account, secret, replaces string) {
		t.Helper()
		s := last
		s.IDHash, s.Replaces, s.Account = hashOf(secret), hashOf(replaces), account
		if err := r.StartSession(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	want := func(of string, secrets ...string) {
		t.Helper()
		var hashes [][]byte
		for _, s := range secrets {
			hashes = append(hashes, hashOf(s))
		}
		got, err := r.Replaced(ctx, hashOf(of))
		if d := cmp.Diff(hashes, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", of, err, d)
		}
	}
	ada, ruth := last.Account, r.signedIn("ruth", "s2", "ruth's").Account
	start(ada, "2", "1")
	start(ada, "3", "2")
	want("3", "2", "1")
	want("1")
	start(ada, "thief's", "1") // is over: nothing is replaced
	want("thief's")
	start(ruth, "4", "3")
	want("4")
	start(ada, "5", "4")
	want("5")
	if _, err := r.EndSession(ctx, hashOf("5"), "sign-out"); err != nil {
		t.Fatal(err)
	}
	start(ada, "6", "5")
	want("6")
	want("nobody's")
}

// Idle after 15 minutes, over after 12 hours; activity keeps a live session and
// revives none.
//
// proves: attack A52
func TestSessionIdles(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	s := r.signedIn("ada", "s1", "x")
	stale := r.person("x")
	// The record's clock runs on between two calls: the slack is a slow machine's.
	const slack = 3 * time.Minute
	r.later(IdleAfter - slack)
	p := r.person("x")
	if err := r.Seen(ctx, p); err != nil {
		t.Fatal(err)
	}
	r.later(IdleAfter - slack)
	r.person("x")
	r.later(slack)
	r.nobody("x", true)
	stale.At = stale.At.Add(time.Hour)
	if err := r.Seen(ctx, stale); err != nil { // a request that was under way
		t.Fatal(err)
	}
	r.nobody("x", true)
	idle, _ := r.Person(ctx, s.IDHash)
	if idle.Account.Name() != "Given ada" || idle.Account.ID != "" || idle.Account.Email != "" {
		t.Errorf("an idle session tells %+v", idle.Account)
	}
	raw, err := r.EndSession(ctx, s.IDHash, "someone-else")
	if err != nil || raw != s.IDToken {
		t.Errorf("%q, %v", raw, err)
	}
	r.nobody("x", false)
	if raw, err := r.EndSession(ctx, s.IDHash, "sign-out"); err != nil || raw != "" {
		t.Errorf("ending twice: %q, %v", raw, err)
	}
	r.nobody("unknown", false)
}

// Tokens and verifiers are sealed, each for its own row.
func TestSessionSealed(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	a, b := r.signedIn("ada", "s1", "a"), r.signedIn("ruth", "s2", "b")
	var id, refresh []byte
	if err := r.db.QueryRowContext(ctx, `select id_token, refresh_token from session where id_hash = $1`, a.IDHash).Scan(&id, &refresh); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(id, []byte("token of")) || bytes.Contains(refresh, []byte("token of")) {
		t.Error("tokens are readable in the database")
	}
	r.sql(`update session set id_token = $2 where id_hash = $1`, b.IDHash, id)
	if raw, err := r.EndSession(ctx, b.IDHash, "sign-out"); err == nil {
		t.Errorf("a row opened what was sealed for another: %q", raw)
	}
}

// Of fifty callbacks with one state, one gets it.
//
// proves: attack A46
func TestTakeSignInOnce(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	age := 900
	in := SignIn{StateHash: hashOf("state"), BrowserHash: hashOf("browser"), Nonce: "n", Verifier: "v", ReturnTo: "/inbox", Prompt: "login", MaxAge: &age}
	if err := r.StartSignIn(ctx, in); err != nil {
		t.Fatal(err)
	}
	if _, err := r.TakeSignIn(ctx, in.StateHash, hashOf("another browser")); !IsKind(err, Gone) {
		t.Fatal(err)
	}
	r.later(time.Minute)
	var took atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			got, err := r.TakeSignIn(ctx, in.StateHash, in.BrowserHash)
			switch {
			case err == nil:
				took.Add(1)
				if got.Age < time.Minute || got.Age > 2*time.Minute {
					t.Errorf("age %s", got.Age)
				}
				got.Age = 0
				if d := cmp.Diff(in, got); d != "" {
					t.Error(d)
				}
			case !IsKind(err, Gone):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if took.Load() != 1 {
		t.Errorf("%d callbacks took one sign-in", took.Load())
	}
}

// One caller of many refreshes; after its lease another may, and the first one's
// late answer is not kept.
func TestClaimRefresh(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	s := r.signedIn("ada", "s1", "x")
	claim := func() (Refresh, bool) {
		f, ok, err := r.ClaimRefresh(ctx, s.IDHash)
		if err != nil {
			t.Error(err)
		}
		return f, ok
	}
	if _, ok := claim(); ok {
		t.Fatal("fresh tokens were refreshed")
	}
	r.later(RefreshEvery)
	won := make(chan Refresh, 20)
	var all sync.WaitGroup
	for range cap(won) {
		all.Go(func() {
			if f, ok := claim(); ok {
				won <- f
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d of %d may refresh", len(won), cap(won))
	}
	late := <-won
	if late.RefreshToken != s.RefreshToken {
		t.Errorf("token %q", late.RefreshToken)
	}
	r.later(refreshLease)
	second, ok := claim()
	if !ok {
		t.Fatal("the lease never ends")
	}
	if err := errors.Join(r.Refreshed(ctx, second, "id 2", "refresh 2"), r.Refreshed(ctx, late, "id late", "refresh late")); err != nil {
		t.Fatal(err)
	}
	r.later(RefreshEvery)
	if f, ok := claim(); !ok || f.RefreshToken != "refresh 2" {
		t.Errorf("%q %v", f.RefreshToken, ok)
	}
	if raw, err := r.EndSession(ctx, s.IDHash, "sign-out"); err != nil || raw != "id 2" {
		t.Errorf("%q %v", raw, err)
	}
	r.later(RefreshEvery)
	if _, ok := claim(); ok {
		t.Error("an ended session is refreshed")
	}
}

// A logout token ends what it names, once, and never another person's sessions.
//
// proves: attack A53
func TestLoggedOut(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	r.signedIn("ada", "s1", "desk")
	r.signedIn("ada", "s1", "second tab")
	r.signedIn("ada", "s2", "phone")
	r.signedIn("ruth", "s3", "ruth's")
	n := LogoutNotice{Issuer: testIssuer, JTI: "j1", SID: "s1", Sub: "ruth", Expires: time.Minute}
	if _, err := r.LoggedOut(ctx, n); !IsKind(err, Invalid) {
		t.Fatalf("sid of another: %v", err)
	}
	n.Issuer, n.Sub = "https://other.example", "ada"
	if ended, err := r.LoggedOut(ctx, n); ended != 0 || err != nil {
		t.Fatalf("another issuer: %d %v", ended, err)
	}
	n.Issuer = testIssuer // the refused one left nothing: its jti is still unused
	var once, total atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			ended, err := r.LoggedOut(ctx, n)
			switch {
			case err == nil:
				once.Add(1)
				total.Add(ended)
			case !IsKind(err, Conflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if once.Load() != 1 || total.Load() != 2 {
		t.Errorf("%d times, %d sessions", once.Load(), total.Load())
	}
	r.nobody("desk", false)
	r.nobody("second tab", false)
	r.person("phone")
	if ended, err := r.LoggedOut(ctx, LogoutNotice{Issuer: testIssuer, JTI: "j2", Sub: "ada", Expires: time.Minute}); ended != 1 || err != nil {
		t.Errorf("by subject: %d %v", ended, err)
	}
	r.nobody("phone", false)
	r.person("ruth's")
}

// Of a session that starts while Keycloak logs it out, nothing is left, whichever
// comes first: by its sid, or by its subject.
func TestLoggedOutAtStart(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	s := r.signedIn("ada", "s0", "first")
	for n := range 20 {
		s.SID, s.IDHash, s.AuthTime = fmt.Sprint("s", n), hashOf(fmt.Sprint("browser ", n)), int64(10*n)
		out := LogoutNotice{Issuer: testIssuer, JTI: fmt.Sprint("j", n), SID: s.SID, Sub: "ada", Issued: s.AuthTime, Expires: time.Minute}
		if n%2 == 1 {
			out.SID = ""
		}
		var both sync.WaitGroup
		both.Go(func() {
			if err := r.StartSession(ctx, s); err != nil && !IsKind(err, Gone) {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := r.LoggedOut(ctx, out); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		r.nobody(fmt.Sprint("browser ", n), false)
		s.IDHash, s.AuthTime = hashOf(fmt.Sprint("later ", n)), out.Issued+1
		if err := r.StartSession(ctx, s); err != nil {
			t.Errorf("after new proof: %v", err)
		}
	}
}

// What nobody can meet any more is removed; what is open stays.
func TestForget(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	ctx := context.Background()
	count := func(want int) {
		t.Helper()
		var n int
		if err := r.db.GetContext(ctx, &n, `select (select count(*) from session) + (select count(*) from sign_in) + (select count(*) from used_jti)`); err != nil || n != want {
			t.Errorf("%d rows, want %d (%v)", n, want, err)
		}
	}
	r.signedIn("ada", "s1", "x")
	if _, err := r.LoggedOut(ctx, LogoutNotice{Issuer: testIssuer, JTI: "j1", SID: "s1", Expires: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := r.StartSignIn(ctx, SignIn{StateHash: hashOf("a"), BrowserHash: hashOf("b"), Nonce: "n", Verifier: "v", ReturnTo: "/"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	count(3)
	r.later(25 * time.Hour)
	r.signedIn("ada", "s2", "y")
	if err := r.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	count(1)
}
