package worker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// receiver is an application's address for events, with what came there.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []string
	at     []time.Time
	answer func(n int, w http.ResponseWriter) // to the nth, from 1
}

func (b *bench) receives(client string, answer func(n int, w http.ResponseWriter)) *receiver {
	b.t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/secevent+jwt" {
			b.t.Errorf("%s %s %v", req.Method, req.Header, err)
		}
		r.mu.Lock()
		r.tokens, r.at = append(r.tokens, string(body)), append(r.at, time.Now())
		n := len(r.tokens)
		r.mu.Unlock()
		r.answer(n, w)
	}))
	b.t.Cleanup(r.Close)
	must(b.t, b.Registry.AddApplication(b.t.Context(), registry.CommandLine(), registry.Application{ClientID: client, Programs: []string{"careconnect"}, EventURL: r.URL, Owner: "a test"}))
	return r
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.tokens...)
}

func taken(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }

// endable is somebody in the realm who holds a role at an open site.
func (b *bench) endable(name, site string) (account, sub string) {
	b.t.Helper()
	sub, err := b.shut.CreatePerson(b.t.Context(), provisioning.NewPerson{Account: name, UserName: name, Email: name + "@example.test"})
	must(b.t, err)
	account, err = b.Registry.SignedIn(b.t.Context(), registry.SignedIn{Issuer: "http://localhost/realms/test", Sub: sub, UserName: name, GivenName: name, Email: name + "@example.test"})
	must(b.t, err)
	b.holds(account, site)
	return account, sub
}

// holds gives a role as if all its needs had been met: the next settling ends it.
func (b *bench) holds(account, site string) {
	b.grant(account, site)
	b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, account)
}

// run lets the lanes work that this is about, until the test is over.
func (b *bench) run() {
	ctx, stop := context.WithCancel(b.t.Context())
	var lanes sync.WaitGroup
	for _, work := range []func(context.Context) (bool, error){b.site, b.events,
		func(ctx context.Context) (bool, error) { return b.account(ctx, true) }, func(ctx context.Context) (bool, error) { return b.account(ctx, false) }} {
		lanes.Go(func() {
			for ctx.Err() == nil {
				if did, _ := work(ctx); !did {
					pause(ctx, 5*time.Millisecond)
				}
			}
		})
	}
	b.t.Cleanup(func() { stop(); lanes.Wait(); b.push.wait.Wait() })
}

func (b *bench) until(what, query string, args ...any) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var ok bool
		must(b.t, b.db.QueryRow(query, args...).Scan(&ok))
		if ok {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("not in time: %s", what)
		}
	}
}

func claimsOf(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	for i, into := range []*map[string]any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		must(t, errors.Join(err, json.Unmarshal(data, into)))
	}
	return header, claims
}

// Each application that asked for events, and sees the program, is told of an end in
// the same token until it confirms, after Keycloak's own end of the sessions; three of
// ten that are broken hold up none of the others.
// proves: F22
func TestEventsUntilConfirmed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Public = "https://portal.example"
	site := b.opened("maple")
	ana, sub := b.endable("ana", site)
	hang := make(chan struct{})
	broken := map[string]*receiver{
		"hangs": b.receives("hangs", func(_ int, w http.ResponseWriter) { <-hang }),
		"fails": b.receives("fails", func(n int, w http.ResponseWriter) {
			if n < 4 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}),
		"refuses": b.receives("refuses", func(n int, w http.ResponseWriter) {
			if n < 3 {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"err":"invalid_key","description":"unknown kid"}`)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}),
	}
	t.Cleanup(func() { close(hang) }) // before the servers close, which wait for their answers
	var well []*receiver
	for i := range 7 {
		well = append(well, b.receives(fmt.Sprint("well-", i), taken))
	}
	elsewhere := b.receives("elsewhere", taken)
	b.sql(`update application set programs = '{other}' where client_id = 'elsewhere'`)
	b.run()
	b.until("the realm has it", `select applied_rev = wanted_rev from account where id = $1`, ana)

	began := time.Now()
	must(t, b.Registry.Settle(t.Context(), ana)) // no fact holds the grant
	b.until("seven have confirmed", `select count(confirmed_at) >= 7 from push`)
	for _, r := range well {
		r.mu.Lock()
		if took := r.at[0].Sub(began); took > 5*time.Second { // a slow machine's second: what hangs holds its caller longer
			t.Errorf("one that is well was told after %s", took)
		}
		r.mu.Unlock()
	}
	if n := b.shut.Logouts(sub); n != 1 {
		t.Errorf("told before the log-out: %d", n)
	}
	header, claims := claimsOf(t, well[0].got()[0])
	if header["typ"] != "secevent+jwt" || header["alg"] != "EdDSA" || header["kid"] != "push-k1" {
		t.Errorf("header %v", header)
	}
	var act, jti string
	must(t, b.db.QueryRow(`select r.act_id, p.id from push p join receipt r on r.id = p.receipt_id where client_id = 'well-0'`).Scan(&act, &jti))
	want := map[string]any{"iss": "https://portal.example", "aud": "well-0", "jti": jti, "txn": act,
		"sub_id": map[string]any{"format": "iss_sub", "iss": "http://localhost/realms/test", "sub": sub}}
	for name, value := range want {
		if fmt.Sprint(claims[name]) != fmt.Sprint(value) {
			t.Errorf("%s is %v, want %v", name, claims[name], value)
		}
	}
	said := fmt.Sprint(claims["events"])
	if !strings.Contains(said, sessionRevoked) || !strings.Contains(said, "groups_lost:[/access/careconnect/maple/lpn]") || !strings.Contains(said, "initiating_entity:policy") {
		t.Errorf("events %v", said)
	}

	b.until("two of the broken have confirmed", `select count(confirmed_at) = 9 from push`)
	for name, tries := range map[string]int{"fails": 4, "refuses": 3} {
		got := broken[name].got()
		if len(got) != tries {
			t.Errorf("%s was told %d times", name, len(got))
		}
		for _, token := range got {
			if token != got[0] {
				t.Errorf("%s got another token", name)
			}
		}
	}
	if gap := broken["fails"].at[1].Sub(broken["fails"].at[0]); gap < time.Second {
		t.Errorf("who asked for a second was asked again after %s", gap)
	}
	var answer string
	must(t, b.db.QueryRow(`select answer from push where client_id = 'refuses'`).Scan(&answer))
	b.until("the one that hangs is not confirmed, and says why", `select bool_and(confirmed_at is null and answer like 'no answer:%') from push where client_id = 'hangs'`)
	if n := len(elsewhere.got()); n != 0 {
		t.Errorf("an application of another program was told %d times", n)
	}
	b.until("each was told once", `select count(*) = 10 from push`)
}

// An event does not wait for ever for a Keycloak that does not answer; whoever was told
// so is told again once the person is signed out, for they may have let them in anew.
func TestEventsWhileKeycloakIsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site := b.opened("maple")
	ana, _ := b.endable("ana", site)
	app := b.receives("app", taken)
	away := &leaver{Memory: b.shut.Memory}
	b.Directory = away
	b.turn(b.site)
	b.turn(func(ctx context.Context) (bool, error) { return b.account(ctx, false) })
	away.away = true
	must(t, b.Registry.Settle(t.Context(), ana))
	urgent := func(ctx context.Context) (bool, error) { return b.account(ctx, true) }
	b.turn(urgent)
	if did, _ := b.events(t.Context()); did {
		t.Fatal("told before its time")
	}
	b.sql(`update push set due_at = instant()`)
	tell := func(want int) {
		t.Helper()
		if did, err := b.events(t.Context()); !did || err != nil {
			t.Fatal(did, err)
		}
		b.push.wait.Wait()
		if n := len(app.got()); n != want {
			t.Fatalf("told %d times, want %d", n, want)
		}
	}
	tell(1)
	var tries int
	var answer string
	must(t, b.db.QueryRow(`select tries, answer from receipt where account_id = $1`, ana).Scan(&tries, &answer))
	if tries == 0 || !strings.Contains(answer, "away") {
		t.Errorf("the receipt says %d tries, %q", tries, answer)
	}
	away.away = false
	b.turn(urgent)
	tell(2)
	got := app.got()
	_, first := claimsOf(t, got[0])
	_, second := claimsOf(t, got[1])
	if first["jti"] == second["jti"] || first["txn"] != second["txn"] {
		t.Errorf("%v, then %v", first, second)
	}
}

// leaver is a directory that is away at times.
type leaver struct {
	*provisioning.Memory
	away bool
}

// Leave fails while the directory is away.
func (l *leaver) Leave(ctx context.Context, sub, group string) error {
	if l.away {
		return errors.New("away")
	}
	return l.Memory.Leave(ctx, sub, group)
}

// A log-out leaves offline sessions standing, and one that begins between the taking
// back of consents and the log-out is missed by both: it is found when the end is read
// back, and ended; one that begins later is the person's own. What the checks find
// undone is done again, and said.
// proves: I6 F12
func TestNothingOutlivesAnEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site := b.opened("maple")
	ana, sub := b.endable("ana", site)
	late := &latecomer{Memory: b.shut.Memory, sub: sub}
	b.Directory = late
	b.turn(b.site)
	b.turn(func(ctx context.Context) (bool, error) { return b.account(ctx, false) })
	must(t, errors.Join(late.SignIn(sub, false), late.SignIn(sub, true)))
	late.again = 1
	must(t, b.Registry.Settle(t.Context(), ana))
	urgent := func(ctx context.Context) (bool, error) { return b.account(ctx, true) }
	b.turn(urgent)
	open := func(undone int) {
		t.Helper()
		var n int
		must(t, b.db.QueryRow(`select count(*) from receipt_step where done_at is null`).Scan(&n))
		if n != undone {
			t.Errorf("%d steps are not done, want %d", n, undone)
		}
	}
	open(4) // the reading back, which found the offline session, and three checks
	b.turn(urgent)
	open(3)
	left, err := late.Sessions(t.Context(), sub)
	must(t, err)
	if len(left) != 0 {
		t.Errorf("%d sessions are left", len(left))
	}

	time.Sleep(1100 * time.Millisecond) // sessions count in whole seconds
	must(t, late.SignIn(sub, false))
	var group string
	must(t, b.db.QueryRow(`select object from receipt_step where kind = 'leave'`).Scan(&group))
	must(t, late.Join(t.Context(), sub, group)) // a paused worker's old write
	b.sql(`update receipt_step set due_at = instant() where kind = 'verify' and object = '5'`)
	if _, err := b.Registry.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.turn(urgent)
	open(2)
	held, err := late.Memberships(t.Context(), sub)
	must(t, err)
	var found int
	must(t, b.db.QueryRow(`select again from receipt_step where kind = 'leave'`).Scan(&found))
	if len(held) != 0 || found != 1 {
		t.Errorf("holds %v; it was found again %d times", held, found)
	}

	must(t, late.SignIn(sub, false))
	time.Sleep(10 * time.Millisecond)
	b.sql(`update receipt_step set due_at = instant() where kind = 'verify' and done_at is null`)
	b.sql(`update receipt set logged_out_at = logged_out_at - interval '2 seconds'`) // what began since is after it by a whole second
	if _, err := b.Registry.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.turn(urgent)
	open(0)
	if left, err := late.Sessions(t.Context(), sub); err != nil || len(left) != 1 {
		t.Errorf("who signed in since has %d sessions, %v", len(left), err)
	}
	b.until("the receipt is closed", `select confirmed_at is not null from receipt`)
}

// latecomer is a directory in which a person gets an offline session at the worst time.
type latecomer struct {
	*provisioning.Memory
	sub   string
	again int // how often still
}

// EndSessions lets the session begin that nothing has seen.
func (l *latecomer) EndSessions(ctx context.Context, sub string) error {
	if l.again > 0 {
		l.again--
		if err := l.SignIn(l.sub, true); err != nil {
			return err
		}
	}
	return l.Memory.EndSessions(ctx, sub)
}
