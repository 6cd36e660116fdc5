package worker

import (
	"context"
	"sync"
	"testing"
	"time"

	"countersign/provisioning"
)

// stuck is a realm that answers nobody before the test is over.
type stuck struct {
	*provisioning.Memory
	over chan struct{}
	in   sync.WaitGroup // who is waiting
}

// Memberships waits.
func (s *stuck) Memberships(ctx context.Context, sub string) ([]provisioning.Group, error) {
	s.in.Done()
	<-s.over
	return nil, context.Canceled
}

// While other work holds every connection that it may, to Keycloak and to the record,
// an end is carried out as if nothing were.
// proves: F05 F17 attack A14
func TestAnEndWaitsForNobodysConnections(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site := b.opened("maple")
	ana, sub := b.endable("ana", site)
	b.turn(b.site)
	b.turn(func(ctx context.Context) (bool, error) { return b.account(ctx, false) })
	apart, err := b.Registry.Apart(2)
	must(t, err)
	t.Cleanup(func() { must(t, apart.Close()) })
	realm := &stuck{Memory: b.shut.Memory, over: make(chan struct{})}
	b.Directory, b.Urgent = realm, Way{apart, b.shut.Memory}

	var busy sync.WaitGroup
	realm.in.Add(4)
	for _, name := range []string{"bea", "cleo", "dora", "ella"} {
		b.endable(name, site)
	}
	for range 4 {
		busy.Go(func() { _, _ = b.account(t.Context(), false) })
	}
	realm.in.Wait()
	held, err := b.db.BeginTx(t.Context(), nil)
	must(t, err)
	_, err = held.Exec(`lock table realm_language in access exclusive mode`)
	must(t, err)
	for range b.Registry.Pool().MaxOpenConnections {
		busy.Go(func() { _, _, _ = b.Registry.ClaimLanguage(t.Context()) })
	}
	for end := time.Now().Add(10 * time.Second); b.Registry.Pool().InUse < b.Registry.Pool().MaxOpenConnections; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connections are not all held")
		}
	}

	began := time.Now()
	must(t, apart.Settle(t.Context(), ana)) // as the lane of what is due does
	if did, err := b.account(t.Context(), true); !did || err != nil {
		t.Fatal(did, err)
	}
	took := time.Since(began)
	b.until("it is read back", `select count(*) = 3 and bool_and(kind = 'verify') from receipt_step where done_at is null`)
	if n := b.shut.Logouts(sub); n != 1 || took > 10*time.Second { // the others are held until it is over
		t.Errorf("logged out %d times, after %s", n, took)
	}
	t.Logf("carried out after %s", took.Round(time.Millisecond))
	close(realm.over)
	must(t, held.Rollback())
	busy.Wait()
}
