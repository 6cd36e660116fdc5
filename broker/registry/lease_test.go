package registry

import (
	"testing"
	"time"
)

// Who works says so, and keeps what it claimed for as long as it does; who lost it
// keeps nothing. What was sent and has no answer stays on record, unless it is
// planned again: an admin event of the realm may have to follow from it.
// proves: F01 I6 I13
func TestHeldLease(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	bob := r.someone("bob")
	r.sql(`update account set wanted_rev = 1 where id = $1`, bob)
	w, ok, err := r.ClaimAccount(t.Context(), false, "/access")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	plan := func(steps ...[2]string) int {
		t.Helper()
		n, err := r.Plan(t.Context(), w, steps)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	join, other, third := [2]string{"join", "one"}, [2]string{"join", "two"}, [2]string{"join", "three"}
	plan(join, other)
	if n := r.count(`step where object = 'one' and sent_at is not null`); n != 1 || r.count(`step where sent_at is null`) != 1 {
		t.Errorf("%d steps, of which one goes out", n)
	}
	plan(third)
	if n := r.count(`step where object in ('one', 'three') and sent_at is not null`); n != 2 || r.count(`step`) != 2 {
		t.Errorf("%d steps that were sent are on record, of %d", n, r.count(`step`))
	}
	if n := plan(join, other); r.count(`step where object = 'one'`) != 1 || r.count(`step`) != 3 {
		t.Errorf("%d steps, want what was sent and what is planned", r.count(`step`))
	} else if err := r.StepDone(t.Context(), w, n, "503"); err != nil || r.count(`step where object = 'two' and sent_at is not null`) != 0 {
		t.Error("after a failure the next step counts as sent", err)
	} else if err := r.StepDone(t.Context(), w, n, "done"); err != nil || r.count(`step where object = 'two' and sent_at is not null and done_at is null`) != 1 {
		t.Error("after a step the next does not count as sent", err)
	}

	held := func(lease string) bool {
		t.Helper()
		r.sql(`update account set lease_until = clock_timestamp() + interval '5 seconds' where id = $1`, bob)
		release := r.Hold(t.Context(), "account", bob, lease)
		defer release()
		time.Sleep(leaseLife/4 + 500*time.Millisecond)
		return r.count(`account where lease_until > clock_timestamp() + interval '5 seconds'`) == 1
	}
	if !held(w.Lease) {
		t.Error("a worker that is alive loses what it works on")
	}
	if held(NewID()) {
		t.Error("a lease that was lost is kept alive")
	}
}
