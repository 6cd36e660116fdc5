package registry

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// sampled is the name of the row that says that a minute was looked at.
const sampled = "sampled"

// Sample keeps how things stand in this minute, once for all replicas, and adds to it
// what this one has counted since it last did. Values are 0 unless told otherwise.
// Measure is asked only by the replica that comes first in the minute.
func (r *Registry) Sample(ctx context.Context, measure func(context.Context) (map[string]float64, error), counted map[string]float64) error {
	const keep = `insert into sample (at, name, value) values (date_trunc('minute', $1::timestamptz), $2, $3) on conflict (at, name) do `
	now, err := r.Now(ctx)
	if err != nil {
		return err
	}
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		first, err := t.ExecContext(ctx, keep+`nothing`, now, sampled, 1)
		if err != nil {
			return err
		}
		if n, err := first.RowsAffected(); err != nil || n == 0 {
			measure = func(context.Context) (map[string]float64, error) { return nil, err }
		}
		is, err := measure(ctx)
		if err != nil {
			return err
		}
		for name, value := range is {
			if value != 0 {
				if _, err := t.ExecContext(ctx, keep+`nothing`, now, name, value); err != nil {
					return err
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(counted)) { // in one order for all replicas: none waits for another in turn
			if counted[name] != 0 {
				if _, err := t.ExecContext(ctx, keep+`update set value = sample.value + excluded.value`, now, name, counted[name]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Samples are what was kept over a time, in steps of equal length, the last of which
// contains now.
type Samples struct {
	From  time.Time // when the first step begins
	Step  time.Duration
	Known []bool // whether anybody looked during the step; else nothing is known of it

	Most map[string][]float64 // by name, the largest value in each step
	Sum  map[string][]float64 // and all of them together
}

// Samples reads n steps up to now, for whoever may see the realm; for all others it is
// not there.
func (r *Registry) Samples(ctx context.Context, account string, step time.Duration, n int) (s Samples, err error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return s, err
	}
	if !policies.MaySeeRealm(l.ps, l.actor).OK {
		return s, Fail(NotFound, "error.not-found")
	}
	s = Samples{From: l.at.Truncate(step).Add(-time.Duration(n-1) * step), Step: step, Known: make([]bool, n), Most: map[string][]float64{}, Sum: map[string][]float64{}}
	var rows []struct {
		Name      string
		N         int
		Most, Sum float64
	}
	err = r.db.SelectContext(ctx, &rows, `select name, floor(extract(epoch from at - $1::timestamptz) / $2)::int as n, max(value) as most, sum(value) as sum
		from sample where at >= $1 and at <= $3 group by 1, 2`, s.From, step.Seconds(), l.at)
	for _, row := range rows {
		switch {
		case row.N >= n: // the clock was read before the rows
		case row.Name == sampled:
			s.Known[row.N] = true
		default:
			if s.Most[row.Name] == nil {
				s.Most[row.Name], s.Sum[row.Name] = make([]float64, n), make([]float64, n)
			}
			s.Most[row.Name][row.N], s.Sum[row.Name][row.N] = row.Most, row.Sum
		}
	}
	return s, err
}
