package registry

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// One replica measures a minute, all add what they counted, and a minute in which
// nobody looked is unknown and not zero. Who holds no office reads none of it.
// proves: X9
func TestSamples(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	ctx, rita := t.Context(), r.someone("rita")
	if err := r.AcceptInvitation(ctx, r.by(rita), r.invited()); err != nil {
		t.Fatal(err)
	}
	now, err := r.Now(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.later(now.Truncate(time.Minute).Add(time.Minute + time.Second).Sub(now)) // no minute ends meanwhile
	measured := 0
	is := func(value float64) func(context.Context) (map[string]float64, error) {
		return func(context.Context) (map[string]float64, error) {
			measured++
			return map[string]float64{"waiting.mail": value, "waiting.sites": 0}, nil
		}
	}
	sample := func(value, calls float64) {
		t.Helper()
		if err := r.Sample(ctx, is(value), map[string]float64{"calls.answered": calls}); err != nil {
			t.Fatal(err)
		}
	}
	failed := errors.New("no answer")
	if err := r.Sample(ctx, func(context.Context) (map[string]float64, error) { return nil, failed }, map[string]float64{"calls.answered": 99}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	r.later(3 * time.Minute)
	sample(7, 10)
	sample(8, 5) // another replica
	r.later(2 * time.Minute)
	sample(0, 0)

	if measured != 2 {
		t.Errorf("measured %d times in two minutes", measured)
	}
	s, err := r.Samples(ctx, rita, time.Minute, 10)
	if err != nil {
		t.Fatal(err)
	}
	if want := []bool{false, false, false, false, false, false, false, true, false, true}; !slices.Equal(s.Known, want) {
		t.Errorf("known %v, want %v", s.Known, want)
	}
	if want := []float64{0, 0, 0, 0, 0, 0, 0, 7, 0, 0}; !slices.Equal(s.Most["waiting.mail"], want) {
		t.Errorf("waiting %v, want %v", s.Most["waiting.mail"], want)
	}
	if want := []float64{0, 0, 0, 0, 0, 0, 0, 15, 0, 0}; !slices.Equal(s.Sum["calls.answered"], want) {
		t.Errorf("calls %v, want %v", s.Sum["calls.answered"], want)
	}
	if s.Most["waiting.sites"] != nil {
		t.Error("nothing is kept as something")
	}
	whole, err := r.Samples(ctx, rita, time.Hour, 2)
	if err != nil || whole.Most["waiting.mail"][0]+whole.Most["waiting.mail"][1] != 7 {
		t.Errorf("%+v %v", whole, err)
	}
	if _, err := r.Samples(ctx, NewID(), time.Minute, 10); !IsKind(err, NotFound) {
		t.Errorf("a stranger reads them: %v", err)
	}
	r.later(9 * 24 * time.Hour)
	if err := r.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := r.db.GetContext(ctx, &left, `select count(*) from sample`); err != nil || left != 0 {
		t.Errorf("%d left, %v", left, err)
	}
}

// What waits, is not confirmed or differs is counted by kind with its age, for whoever
// holds an office; for all others it is not there.
// proves: X9
func TestRealmCounts(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	ctx, rita, ann := t.Context(), r.someone("rita"), r.someone("ann")
	if err := r.AcceptInvitation(ctx, r.by(rita), r.invited()); err != nil {
		t.Fatal(err)
	}
	r.sql(`insert into drift (id, kind, key, found_by, mode, found_at, doing, changed_at) select gen_random_uuid(), kind, kind || n, 'compare', 'observe', instant() - interval '90 s', 'report', instant()
		from (values ('surplus'), ('group-moved')) k (kind), generate_series(1, 2) n`)
	x, err := r.Realm(ctx, rita)
	if err != nil || !x.Keeps {
		t.Fatalf("%+v %v", x, err)
	}
	if d := x.Backlog.Differences; len(d) != 2 || d[0].Kind != "group-moved" || d[1].N != 2 || d[1].Oldest < 90 || d[1].Oldest > 120 {
		t.Errorf("differences: %+v", d)
	}
	if u := x.Backlog.Unconfirmed; len(u) != 2 || u[0].N != 0 || u[1].N != 0 {
		t.Errorf("unconfirmed: %+v", u)
	}
	if err := r.Leave(ctx, r.by(ann), r.holds(ann, r.opened(), "practitioner"), ""); err != nil {
		t.Fatal(err)
	}
	x, err = r.Realm(ctx, rita)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range x.Backlog.Unconfirmed {
		if want := map[string]int64{"ends": 1, "events": 0}[u.Kind]; u.N != want || u.Oldest < 0 || u.Oldest > 60 {
			t.Errorf("after an end: %+v", u)
		}
	}
	if _, err := r.Realm(ctx, ann); !IsKind(err, NotFound) {
		t.Errorf("a stranger sees it: %v", err)
	}
}
