package worker

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/policies"
	"countersign/provisioning"
)

// template is by the schema: on a server that is kept, an older one is another.
var template = "worker_template_" + registry.Schema()

var stack *local.Addresses

func TestMain(m *testing.M) {
	ctx := context.Background()
	a, stop, err := local.TestingDatabase(ctx)
	if err == nil {
		stack = a
		err = stack.Template(ctx, template, func(owner string) error { return registry.Migrate(ctx, owner) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// shut is a directory in which no site can be made while closed.
type shut struct {
	*provisioning.Memory
	closed bool
}

func (s *shut) EnsureSite(ctx context.Context, site provisioning.Site) (map[string]string, error) {
	if s.closed {
		return nil, errors.New("no site today")
	}
	return s.Memory.EnsureSite(ctx, site)
}

// bench is a worker over a record of its own and a directory in memory.
type bench struct {
	*Worker
	t    *testing.T
	db   *sql.DB
	shut *shut
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx, name := context.Background(), fmt.Sprintf("worker_%d_%s", os.Getpid(), strings.ToLower(t.Name()))
	must(t, stack.CreateDatabase(ctx, name, template))
	secret := &fstest.MapFile{Data: []byte(strings.Repeat("5a", 32))}
	keys, err := registry.OpenKeys(fstest.MapFS{"sign.k1": secret, "seal.k1": secret, "pepper.k1": secret})
	must(t, err)
	r, err := registry.Open(ctx, stack.AppURL(name), keys, "http://localhost/realms/test")
	must(t, err)
	db, err := sql.Open("postgres", stack.OwnerURL(name))
	must(t, err)
	t.Cleanup(func() {
		for _, err := range []error{r.Close(), db.Close(), stack.DropDatabase(ctx, name)} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	built, err := policies.Builtin()
	must(t, err)
	for _, id := range []string{policies.OperatorProgram, "careconnect"} {
		_, err = r.LoadProgram(ctx, registry.CommandLine(), built[id])
		must(t, err)
	}
	d := &shut{Memory: provisioning.NewMemory("/access")}
	b := &bench{t: t, db: db, shut: d,
		Worker: &Worker{Registry: r, Directory: d, Root: "/access", Log: slog.New(slog.DiscardHandler)}}
	b.sql(`update site set applied_rev = wanted_rev`) // the operators' own are not what is tested
	return b
}

func (b *bench) sql(query string, args ...any) {
	b.t.Helper()
	_, err := b.db.Exec(query, args...)
	must(b.t, err)
}

// opened is a site that is open in the record and that the realm does not have yet.
func (b *bench) opened(code string) (id string) {
	id = registry.NewID()
	b.sql(`insert into site (id, program, code, name, tz, opened_at, changed_at, wanted_rev) values ($1, 'careconnect', $2, $2, 'UTC', instant(), instant(), 1)`, id, code)
	return id
}

func (b *bench) grant(account, site string) {
	b.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, changed_at)
		values ($1, $2, $3, 'lpn', 'lpn', array[$1::uuid], instant(), instant())`, registry.NewID(), account, site)
}

// turn lets a lane take what there is, whether or not it is to be tried yet.
func (b *bench) turn(lane func(context.Context) (bool, error)) {
	b.t.Helper()
	b.sql(`update account set retry_at = '-infinity'`)
	b.sql(`update site set retry_at = '-infinity'`)
	if did, err := lane(b.t.Context()); !did {
		b.t.Fatalf("there was nothing to do: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An end is carried out once, however long the account then waits for a site that
// cannot be made; an end that comes meanwhile is carried out too.
func TestAnEndIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	urgent := func(ctx context.Context) (bool, error) { return b.account(ctx, true) }
	sub, err := b.shut.CreatePerson(t.Context(), provisioning.NewPerson{Account: "a", UserName: "ana", Email: "ana@example.test"})
	must(t, err)
	ana, err := b.Registry.SignedIn(t.Context(), registry.SignedIn{Issuer: "http://localhost/realms/test", Sub: sub, UserName: "ana", Email: "ana@example.test"})
	must(t, err)
	b.shut.closed = true
	b.grant(ana, b.opened("late"))
	end := func(want int) {
		t.Helper()
		b.sql(`update account set wanted_rev = wanted_rev + 1, urgent_rev = wanted_rev + 1 where id = $1`, ana)
		for range 3 {
			b.turn(urgent)
		}
		if n := b.shut.Logouts(sub); n != want {
			t.Errorf("logged out %d times, want %d", n, want)
		}
	}
	end(1)
	end(2)
	// A change that ends nothing does not bring the end back.
	b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, ana)
	b.turn(urgent)

	b.shut.closed = false
	b.turn(b.site)
	b.turn(urgent)
	if n := b.shut.Logouts(sub); n != 2 {
		t.Errorf("logged out %d times, want 2", n)
	}
	held, err := b.shut.Memberships(t.Context(), sub)
	must(t, err)
	if len(held) != 1 || held[0].Path != "/access/careconnect/late/lpn" {
		t.Errorf("holds %v", held)
	}
	var checks int
	must(t, b.db.QueryRow(`select count(*) from reverify where account_id = $1`, ana).Scan(&checks))
	if checks != 3 {
		t.Errorf("%d checks, want 3", checks)
	}
}

// A reset is carried out once, however long its end then takes: what the person set
// up since stays, also when the account is looked at again.
// proves: attack A40
func TestLostFactorsGoOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	urgent := func(ctx context.Context) (bool, error) { return b.account(ctx, true) }
	sub, err := b.shut.CreatePerson(t.Context(), provisioning.NewPerson{Account: "a", UserName: "ana", Email: "ana@example.test"})
	must(t, err)
	ana, err := b.Registry.SignedIn(t.Context(), registry.SignedIn{Issuer: "http://localhost/realms/test", Sub: sub, UserName: "ana", Email: "ana@example.test"})
	must(t, err)
	b.shut.closed = true
	b.grant(ana, b.opened("late")) // holds the account up behind its reset
	for resets := 1; resets <= 2; resets++ {
		must(t, b.shut.SetUpFactor(sub))
		b.sql(`update account set wanted_rev = wanted_rev + 1, urgent_rev = wanted_rev + 1, factors_rev = wanted_rev + 1, factors_at = instant() where id = $1`, ana)
		b.turn(urgent)
		if b.shut.Factors(sub) != 0 || b.shut.Logouts(sub) != resets {
			t.Fatalf("%d factors, logged out %d times, after %d resets", b.shut.Factors(sub), b.shut.Logouts(sub), resets)
		}
		must(t, b.shut.SetUpFactor(sub))
		b.turn(urgent)
		b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, ana)
		b.turn(urgent)
		if b.shut.Factors(sub) != 1 || b.shut.Logouts(sub) != resets {
			t.Fatalf("what was set up since the reset is gone: %d factors, logged out %d times", b.shut.Factors(sub), b.shut.Logouts(sub))
		}
	}
}
