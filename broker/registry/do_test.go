package registry

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/policies"
)

// loaded is a registry with the built-in programs in force.
func loaded(t *testing.T) *testRegistry {
	t.Helper()
	r := newTestRegistry(t)
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{policies.OperatorProgram, "careconnect"} {
		if _, err := r.LoadProgram(t.Context(), CommandLine(), built[id]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// someone is an account that has signed in.
func (r *testRegistry) someone(name string) string {
	r.t.Helper()
	id, err := r.SignedIn(r.t.Context(), SignedIn{Issuer: testIssuer, Sub: fmt.Sprintf("sub-%x", name), UserName: name, GivenName: strings.ToUpper(name[:1]) + name[1:],
		Surname: "Test", Email: name + "@example.org", EmailVerified: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// by is a person with a fresh operation, signed in just now.
func (r *testRegistry) by(account string) By {
	r.t.Helper()
	now, err := r.Now(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return By{Account: account, Op: NewID(), AuthTime: now, ACR: "two-factor"}
}

// count counts rows as psql would.
func (r *testRegistry) count(query string, args ...any) int {
	r.t.Helper()
	var n int
	if err := r.db.GetContext(r.t.Context(), &n, `select count(*) from `+query, args...); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// asOwner runs a statement as the role that owns the schema.
func (r *testRegistry) asOwner(statement string) error {
	db, err := sql.Open("postgres", r.owner)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(r.t.Context(), statement)
	return err
}

func (r *testRegistry) sound() {
	r.t.Helper()
	found, err := r.Invariants(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, v := range found {
		r.t.Errorf("%s: %s", v.Invariant, v.What)
	}
}

// A repeated operation gives the first one's result; with other content it is
// refused.
// proves: attack A06
func TestRepeatGivesTheFirstResult(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	by := r.by(r.someone("dana"))
	draft := NewDraft{Program: "careconnect", Kind: policies.SiteRequest}
	first, err := r.Begin(t.Context(), by, draft)
	if err != nil {
		t.Fatal(err)
	}
	acts := r.count(`act`)
	again, err := r.Begin(t.Context(), by, draft)
	if err != nil || again != first {
		t.Errorf("the repeat gave %q, %v; want %q", again, err, first)
	}
	if n := r.count(`act`); n != acts {
		t.Errorf("the repeat left %d acts more", n-acts)
	}
	_, err = r.Begin(t.Context(), by, NewDraft{Program: "careconnect", Kind: policies.JoinRequest})
	if !IsKind(err, Conflict) {
		t.Errorf("the same operation with other content: %v", err)
	}
}

// What was typed cannot be guessed from what is kept of an operation, without the
// keys.
func TestOperationsHideWhatWasTyped(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	by := r.by(r.someone("dana"))
	act := Act{By: by, Kind: "test", What: "12345"}
	if _, err := r.Do(t.Context(), act, Touch{}, func(*Tx) (string, error) { return "", nil }); err != nil {
		t.Fatal(err)
	}
	guess, err := json.Marshal([]any{act.Kind, by.Account, act.For, act.What})
	if err != nil {
		t.Fatal(err)
	}
	if n := r.count(`operation where id = $1 and digest = sha256($2)`, by.Op, guess); n != 0 {
		t.Error("whoever has the database tries numbers until one fits")
	}
}

// Many at once with one operation: one act, one result.
// proves: attack A03
func TestRacersShareOneOperation(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	by := r.by(r.someone("dana"))
	acts := r.count(`act`)
	var all sync.WaitGroup
	results := make([]string, 20)
	for i := range results {
		all.Go(func() {
			var err error
			if results[i], err = r.Begin(t.Context(), by, NewDraft{Program: "careconnect", Kind: policies.SiteRequest}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, got := range results {
		if got != results[0] {
			t.Errorf("results differ: %q and %q", got, results[0])
		}
	}
	if n := r.count(`act`) - acts; n != 1 {
		t.Errorf("%d acts, want 1", n)
	}
}

// A refusal commits the act with its reasons and nothing else; its repeat is
// refused alike.
// proves: attack A05
func TestRefusalIsRecordedAlone(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	by := r.by(r.someone("dana"))
	act := Act{By: by, Kind: "test", What: 1}
	calls := 0
	refused := func(tx *Tx) (string, error) {
		calls++
		if _, err := tx.add("restriction", about{account: by.Account}, `kind`, "suspended"); err != nil {
			return "", err
		}
		return "", refuse(policies.Answer{Reasons: []string{policies.NotRegistrar}})
	}
	for range 2 {
		_, err := r.Do(t.Context(), act, Touch{}, refused)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Forbidden || e.Reasons[0] != policies.NotRegistrar {
			t.Errorf("got %v", err)
		}
	}
	if calls != 1 {
		t.Errorf("the work was done %d times", calls)
	}
	if n := r.count(`fact_restriction`); n != 0 {
		t.Error("what was refused is there")
	}
	if n := r.count(`act where kind = 'test' and refused and reasons = array['not-registrar']`); n != 1 {
		t.Errorf("%d refused acts, want 1", n)
	}
	r.sound()
}

// Neither the application's role nor the owner can change acts, events and facts,
// of which only the ends are written, once.
// proves: attack A27
func TestRecordIsOnlyAddedTo(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	r.someone("dana")
	for _, statement := range []string{
		`update act set kind = 'x'`, `delete from act`, `truncate act cascade`,
		`update event set kind = 'x'`, `delete from event`,
		`update event_private set data = ''`, `delete from event_private`,
		`update fact_signature set digest = ''`, `delete from fact_review`, `update fact_join set from_at = now()`,
		`update access_grant set from_at = now()`, `delete from access_grant`,
		`update program_version set source = ''`, `update clock set shift = '1h'`, `delete from operation`,
	} {
		if _, err := r.db.ExecContext(t.Context(), statement); !isCode(err, "42501") {
			t.Errorf("as the application's role, %s: %v", statement, err)
		}
	}
	if err := r.AcceptInvitation(t.Context(), r.by(r.someone("rosa")), r.invited()); err != nil {
		t.Fatal(err)
	}
	r.sql(`update fact_join set ended_at = now(), end_act = act_id`)
	for _, statement := range []string{`update fact_join set ended_at = now()`, `update fact_join set ended_at = null, end_act = null`} {
		if _, err := r.db.ExecContext(t.Context(), statement); !isCode(err, "42501") {
			t.Errorf("as the application's role, %s: %v", statement, err)
		}
	}
	for _, statement := range []string{
		`update act set kind = 'x'`, `delete from event`, `truncate event cascade`,
		`update fact_review set verdict = 'refuse'`, `update fact_review set need = '', ended_at = now(), end_act = act_id`,
		`update fact_review set recorded_at = now()`, `delete from fact_review`, `truncate fact_consent`,
		`update fact_join set ended_at = null, end_act = null`, `update fact_join set ended_at = now()`, `delete from fact_join`,
	} {
		if err := r.asOwner(statement); !isCode(err, "42501") {
			t.Errorf("as the owner, %s: %v", statement, err)
		}
	}
}

// Whoever gets past the triggers is found out, down to the row.
// proves: attack A27 attack A28
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	r.someone("dana")
	r.sound()
	if err := r.asOwner(`alter table event disable trigger event_never`); err != nil {
		t.Fatal(err)
	}
	if err := r.asOwner(`update event set kind = 'account.made' where kind = 'account.seen'`); err != nil {
		t.Fatal(err)
	}
	found, err := r.Invariants(t.Context())
	if err != nil || len(found) != 1 || !strings.Contains(found[0].What, "column") {
		t.Errorf("a changed column: %v, %v", found, err)
	}
	if err := r.asOwner(`delete from event_private; delete from event where kind = 'account.made'`); err != nil {
		t.Fatal(err)
	}
	found, err = r.Invariants(t.Context())
	if err != nil || len(found) != 1 || !strings.Contains(found[0].What, "account") {
		t.Errorf("a missing event: %v, %v", found, err)
	}
}

// Signed is what a fact says, not only that it is there; who did it and when; and
// a fact that is gone is missed.
// proves: attack A27 attack A28
func TestTamperedFactsAreFound(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	if err := r.AcceptInvitation(t.Context(), r.by(r.someone("rosa")), r.invited()); err != nil {
		t.Fatal(err)
	}
	bob := r.someone("bob")
	r.attests(bob, "careconnect", "direct-care-only")
	r.attests(bob, "careconnect", "direct-care-only") // which ends the first
	if _, err := r.Do(t.Context(), Act{By: r.by(bob), Kind: "test"}, Touch{}, func(tx *Tx) (string, error) {
		return tx.add("standing", about{account: bob}, `profession, body, number_hash, number_sealed, by_account`,
			"physician", "cpsbc", []byte("hashed"), []byte("sealed"), bob)
	}); err != nil {
		t.Fatal(err)
	}
	r.sound()
	for _, kind := range []string{"join", "review", "signature", "standing"} {
		if err := r.asOwner(`alter table fact_` + kind + ` disable trigger fact_ends_once`); err != nil {
			t.Fatal(err)
		}
	}
	for _, tampered := range []struct{ do, undo, says string }{
		{`update fact_signature set shown_at = shown_at - interval '1 day'`, `update fact_signature set shown_at = shown_at + interval '1 day'`, "signature"},
		{`update fact_signature set signed_in_at = signed_in_at + interval '1 hour'`, `update fact_signature set signed_in_at = signed_in_at - interval '1 hour'`, "signature"},
		{`update fact_standing set number_hash = 'another'`, `update fact_standing set number_hash = 'hashed'`, "standing"},
		{`update fact_standing set number_sealed = 'another'`, `update fact_standing set number_sealed = 'sealed'`, "standing"},
		{`update fact_signature set names = array[account_id]`, `update fact_signature set names = '{}'`, "signature"},
		{`update fact_signature set recorded_at = recorded_at - interval '1 day'`, `update fact_signature set recorded_at = recorded_at + interval '1 day'`, "signature"},
		{`update fact_signature set ended_at = ended_at + interval '1 day'`, `update fact_signature set ended_at = ended_at - interval '1 day'`, "signature"},
		{`update fact_signature set end_act = act_id where ended_at is not null`,
			`update fact_signature f set end_act = o.act_id from fact_signature o where f.ended_at is not null and o.ended_at is null`, "signature"},
		{`update fact_review set verdict = 'return'`, `update fact_review set verdict = 'approve'`, "review"},
		{`update fact_join set until_at = '2999-01-01'`, `update fact_join set until_at = 'infinity'`, "join"},
		{`alter table act disable trigger act_never; update act set at = at - interval '1 day' where kind = 'invitation.accept'`,
			`update act set at = at + interval '1 day' where kind = 'invitation.accept'`, "act differs"},
		{`delete from fact_review`, ``, "review"},
	} {
		if err := r.asOwner(tampered.do); err != nil {
			t.Fatal(err)
		}
		found, err := r.Invariants(t.Context())
		if err != nil || !slices.ContainsFunc(found, func(v Violation) bool { return v.Invariant == "I3" && strings.Contains(v.What, tampered.says) }) {
			t.Errorf("%s: %v, %v", tampered.do, found, err)
		}
		if err := r.asOwner(tampered.undo); err != nil {
			t.Fatal(err)
		}
		if tampered.undo != "" {
			r.sound()
		}
	}
}

// No name, address or free text is in what is signed: they are sealed beside it.
func TestEventsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	r.someone("zanzibar")
	if n := r.count(`event where position('anzibar' in convert_from(body, 'UTF8')) > 0`); n != 0 {
		t.Errorf("%d events name the person", n)
	}
	if n := r.count(`event_private where position('anzibar'::bytea in data) > 0`); n != 0 {
		t.Error("private data are readable")
	}
}

// The record's clock moves for every transaction at once, and only forward.
// proves: attack A30
func TestClockMovesForward(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	before, err := r.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.later(36 * time.Hour)
	after, err := r.Now(t.Context())
	if err != nil || after.Sub(before) < 36*time.Hour {
		t.Errorf("moved by %s, %v", after.Sub(before), err)
	}
	if err := MoveClock(t.Context(), r.owner, -time.Hour); err == nil {
		t.Error("the clock went back")
	}
}

// A program that did not change is not loaded again; a changed one is, as its
// next version, and its operator site is made once.
func TestLoadProgram(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.LoadProgram(t.Context(), CommandLine(), built["careconnect"]); err != nil || again {
		t.Errorf("loaded again: %v, %v", again, err)
	}
	ps, err := r.Programs(t.Context())
	if err != nil || ps["careconnect"] == nil || ps["careconnect"].Version != 1 {
		t.Fatalf("in force: %v, %v", ps, err)
	}
	if n := r.count(`site where program = 'operator' and opened_at is not null`); n != 2 {
		t.Errorf("%d operator sites, want one for each program", n)
	}
	r.sound()
}

// Who joins while a new version of a program is loaded is looked at again under it.
func TestLoadProgramMissesNobody(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	changed, err := policies.FromSource(bytes.Replace(built["careconnect"].Source, []byte("# CareConnect:"), []byte("# CareConnect, changed:"), 1))
	if err != nil {
		t.Fatal(err)
	}
	site, bob := r.opened(), r.someone("bob")
	joined, load := make(chan struct{}), make(chan error)
	go func() {
		<-joined
		_, err := r.LoadProgram(t.Context(), CommandLine(), changed)
		load <- err
	}()
	_, err = r.Do(t.Context(), Act{By: r.by(bob), Kind: "test"}, Touch{Accounts: []string{bob}}, func(tx *Tx) (string, error) {
		_, err := tx.add("join", about{account: bob, site: site, role: "lpn"}, `profession`, "")
		close(joined)
		time.Sleep(300 * time.Millisecond) // in which the version would come into force
		return "", err
	})
	if err := errors.Join(err, <-load); err != nil {
		t.Fatal(err)
	}
	if n := r.count(`account where id = $1 and next_at <= instant()`, bob); n != 1 {
		t.Error("the join stands under the former version until something else happens")
	}
}

// The first registrar is invited once, whoever asks.
func TestBootstrapOnce(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	if err := r.Bootstrap(t.Context(), CommandLine(), "rosa@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := r.Bootstrap(t.Context(), CommandLine(), "eve@example.org"); !IsKind(err, Forbidden) {
		t.Errorf("a second bootstrap: %v", err)
	}
	m, _, ok, err := r.ClaimMail(t.Context())
	if err != nil || !ok || m.Address != "rosa@example.org" {
		t.Fatalf("mail %v, %v", m, err)
	}
	rosa := r.someone("rosa")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), m.Data["secret"]); err != nil {
		t.Fatal(err)
	}
	if err := r.AcceptInvitation(t.Context(), r.by(r.someone("eve")), m.Data["secret"]); !IsKind(err, Gone) {
		t.Errorf("the link a second time: %v", err)
	}
	l, err := r.look(t.Context(), rosa)
	if err != nil || !l.actor.CanOperate(l.ps, policies.Registrar, "careconnect") {
		t.Errorf("not a registrar: %v, %v", l.actor, err)
	}
	if err := r.Bootstrap(t.Context(), CommandLine(), "eve@example.org"); !IsKind(err, Forbidden) {
		t.Errorf("a bootstrap beside a registrar: %v", err)
	}
	r.sound()
}
