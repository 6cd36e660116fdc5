package registry

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"countersign/broker/local"
)

const testIssuer = "http://localhost/realms/test"

var (
	template  = "registry_template_" + Schema()
	stack     *local.Addresses
	databases atomic.Int64
)

func TestMain(m *testing.M) {
	ctx := context.Background()
	a, stop, err := local.TestingDatabase(ctx)
	if err == nil {
		stack = a
		err = stack.Template(ctx, template, func(owner string) error { return Migrate(ctx, owner) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// testRegistry is a Registry over a database of the test's own, migrated and
// empty, as the application's role.
type testRegistry struct {
	*Registry
	t     *testing.T
	owner string // address of the database for the owner's role
}

func newTestRegistry(t *testing.T) *testRegistry {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("registry_%d_%d", os.Getpid(), databases.Add(1))
	if err := stack.CreateDatabase(ctx, name, template); err != nil {
		t.Fatal(err)
	}
	secret := &fstest.MapFile{Data: []byte(strings.Repeat("5a", 32))}
	keys, err := OpenKeys(fstest.MapFS{"sign.k1": secret, "seal.k1": secret, "pepper.k1": secret})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(ctx, stack.AppURL(name), keys, testIssuer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := stack.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return &testRegistry{Registry: r, t: t, owner: stack.OwnerURL(name)}
}

// later moves the record's clock.
func (r *testRegistry) later(by time.Duration) {
	r.t.Helper()
	if err := MoveClock(context.Background(), r.owner, by); err != nil {
		r.t.Fatal(err)
	}
}

// sql writes what a test needs and no use case brings about.
func (r *testRegistry) sql(query string, args ...any) {
	r.t.Helper()
	if _, err := r.db.ExecContext(context.Background(), query, args...); err != nil {
		r.t.Fatal(err)
	}
}
