package worker

import (
	"context"
	"errors"
	"testing"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// losing is a directory whose answers to creations get lost, and that notes whether it
// was told of an earlier try.
type losing struct {
	*provisioning.Memory
	lost   bool
	before []bool
}

func (l *losing) CreatePerson(ctx context.Context, p provisioning.NewPerson) (string, error) {
	l.before = append(l.before, p.Before)
	sub, err := l.Memory.CreatePerson(ctx, p)
	if l.lost {
		return "", errors.New("the answer got lost")
	}
	return sub, err
}

// A creation whose answer got lost is adopted though its person was renamed there
// meanwhile, and though the next worker was killed before it sent anything; a first
// creation looks for nobody.
// proves: F03
func TestARenamedPersonIsAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	d := &losing{Memory: b.shut.Memory, lost: true}
	b.Directory = d
	ana := registry.NewID()
	b.sql(`insert into account (id, issuer, user_name, given_name, surname, email, locale, origin, state, changed_at, wanted_rev)
		values ($1, 'http://localhost/realms/test', 'ana', 'A', 'B', 'x@example.test', 'en', 'sign-up', 'asked', instant(), 1)`, ana)
	all := func(ctx context.Context) (bool, error) { return b.account(ctx, false) }
	b.turn(all)
	must(t, d.Elsewhere().Rename(d.Everybody()[0].Sub, "ana-ruiz"))

	// Planned, and killed.
	b.sql(`update account set retry_at = '-infinity'`)
	work, ok, err := b.Registry.ClaimAccount(ctx, false, "/access")
	must(t, err)
	if !ok || !work.Before {
		t.Fatalf("claimed %v, sent before %v", ok, work.Before)
	}
	_, err = b.Registry.Plan(ctx, work, [][2]string{{"create", ""}})
	must(t, err)
	b.sql(`update account set lease_until = clock_timestamp() - interval '1 second'`)

	d.lost = false
	b.turn(all)
	if people := d.Everybody(); len(people) != 1 || people[0].Account != ana {
		t.Errorf("got %+v", people)
	}
	if len(d.before) != 2 || d.before[0] || !d.before[1] {
		t.Errorf("looked first: %v", d.before)
	}
	var sub string
	must(t, b.db.QueryRow(`select sub from account where id = $1`, ana).Scan(&sub))
	if sub != d.Everybody()[0].Sub {
		t.Errorf("the record has %s", sub)
	}
}
