package registry

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// Every worker asks what is due many times a minute: PostgreSQL must not hold the
// question for so dear that it compiles it.
func TestWhatIsDueIsCheap(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	var cost float64
	if err := r.db.GetContext(t.Context(), &cost, `select current_setting('jit_above_cost')`); err != nil || cost <= 0 {
		t.Fatalf("compiles above %g, %v", cost, err)
	}
	var text []byte
	if err := r.db.GetContext(t.Context(), &text, "explain (format json) "+waiting); err != nil {
		t.Fatal(err)
	}
	var plans []struct {
		Plan struct {
			Cost float64 `json:"Total Cost"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 || plans[0].Plan.Cost <= 0 || plans[0].Plan.Cost > cost/10 {
		t.Errorf("%v, compiled above %g\n%s", err, cost, text)
	}
}

// While everything that is due is claimed, nothing is: whoever asks what is due
// next sleeps, however far the record's clock was moved.
func TestNothingIsDueThatIsClaimed(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	r.later(24 * time.Hour)
	quiet := func() {
		t.Helper()
		ready, next, err := r.Waiting(t.Context())
		if err != nil || len(ready) > 0 || next < leaseLife/2 {
			t.Errorf("%v is due, the next in %s, %v", ready, next, err)
		}
	}
	due := func(lane Lane) {
		t.Helper()
		ready, next, err := r.Waiting(t.Context())
		if err != nil || next > time.Second || !slices.Equal(ready, []Lane{lane}) {
			t.Errorf("%v is due, the next in %s, %v", ready, next, err)
		}
	}
	quiet()
	if err := r.SignUp(t.Context(), SignUp{Op: NewID(), UserName: "dana", GivenName: "Dana", Surname: "Test", Email: "dana@example.org", Locale: "en"}); err != nil {
		t.Fatal(err)
	}
	due(LaneAccounts)
	if _, ok, err := r.ClaimAccount(t.Context(), false, "/access"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	quiet()
	now, err := r.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := putMail(t.Context(), r.db, r.keys, now, Mail{Address: "dana@example.org", Kind: "test", About: NewID(), Locale: "en"}); err != nil {
		t.Fatal(err)
	}
	due(LaneMail)
	if _, _, ok, err := r.ClaimMail(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	quiet()
}

// Nobody is welcomed to what the realm does not have yet: access that began while
// an earlier revision was being applied waits for its own.
// proves: C24
func TestWelcomeWaitsForTheRealm(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	bob := r.someone("bob")
	r.holds(bob, r.opened(), "lpn")
	r.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, bob)
	apply := func(meanwhile int) {
		t.Helper()
		w, ok, err := r.ClaimAccount(t.Context(), false, "/access")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		r.sql(`update account set wanted_rev = wanted_rev + $2 where id = $1`, bob, meanwhile)
		if err := r.FinishAccount(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	apply(1)
	if n := r.count(`mail where kind = 'welcome'`); n != 0 {
		t.Errorf("%d welcomes for what is not there yet", n)
	}
	apply(0)
	if n := r.count(`mail where kind = 'welcome'`); n != 1 {
		t.Errorf("%d welcomes, want 1", n)
	}
}

// Why Keycloak does not have the person is recorded and mailed as it is: a name
// that is taken is one thing, anything else that is refused another.
func TestRefusedAccount(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	for kind, refuse := range map[string]func(context.Context, string) error{"name-taken": r.NameTaken, "details-refused": r.DetailsRefused} {
		if err := r.SignUp(t.Context(), SignUp{Op: NewID(), UserName: kind, GivenName: "Dana", Surname: "Test", Email: kind + "@example.org", Locale: "en"}); err != nil {
			t.Fatal(err)
		}
		w, ok, err := r.ClaimAccount(t.Context(), false, "/access")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		for range 2 {
			if err := refuse(t.Context(), w.Account.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.count(`mail where about_id = $1 and kind = $2`, w.Account.ID, kind); n != 1 {
			t.Errorf("%s: %d mails", kind, n)
		}
		if n := r.count(`account where id = $1 and state = 'refused' and wanted_rev = applied_rev`, w.Account.ID); n != 1 {
			t.Errorf("%s: the account is still asked for", kind)
		}
		if n := r.count(`event where entity_id = $1 and kind = 'account.refused' and convert_from(body, 'UTF8')::jsonb->'data'->>'why' = $2`, w.Account.ID, kind); n != 1 {
			t.Errorf("%s: %d events", kind, n)
		}
	}
}

// A worker that was silent for so long that another took over writes nothing more
// of what the other does.
func TestStaleWorkerLeavesTheStepsAlone(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	bob := r.someone("bob")
	r.sql(`update account set wanted_rev = 1 where id = $1`, bob)
	claim := func() AccountWork {
		t.Helper()
		w, ok, err := r.ClaimAccount(t.Context(), false, "/access")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		return w
	}
	var first int
	plan := func(w AccountWork, object string) (err error) {
		first, err = r.Plan(t.Context(), w, [][2]string{{"join", object}})
		return err
	}
	stale := claim()
	if err := plan(stale, "one"); err != nil {
		t.Fatal(err)
	}
	r.sql(`update account set lease_until = clock_timestamp() - interval '1 second' where id = $1`, bob)
	now := claim()
	if err := plan(now, "two"); err != nil {
		t.Fatal(err)
	}
	n := first
	says(t, plan(stale, "one"), Conflict, "error.lease-lost")
	says(t, r.StepDone(t.Context(), stale, n, "done"), Conflict, "error.lease-lost")
	if n := r.count(`step where object = 'two' and done_at is null`); n != 1 {
		t.Error("the new worker's step was written over")
	}
	if err := r.StepDone(t.Context(), now, n, "done"); err != nil {
		t.Error(err)
	}
	if n := r.count(`step where object = 'two' and sent_at is not null and outcome = 'done'`); n != 1 {
		t.Error("the step is not on record")
	}
}

// A site whose program is not known is said to be amiss, and put back: it is tried
// again soon, and no lease holds it.
func TestSiteOfNoProgramIsPutBack(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	r.opened()
	r.sql(`update site set wanted_rev = 1`)
	if _, ok, err := r.ClaimSite(t.Context()); ok || err == nil {
		t.Errorf("claimed: %v, %v", ok, err)
	}
	if n := r.count(`site where lease is null and lease_until is null and tries = 1 and retry_at > instant()`); n != 1 {
		t.Error("it waits for a lease that nobody uses")
	}
}
