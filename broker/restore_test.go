package broker_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"countersign/broker"
	"countersign/broker/registry"
)

// postgres finds one of PostgreSQL's programs.
func postgres(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	must(t, err)
	if len(found) == 0 {
		t.Fatalf("no %s on this machine", name)
	}
	return found[len(found)-1]
}

// A record that is in use is dumped, restored into another database by its owner,
// and holds together there with the same keys; with other keys it does not.
func TestRestore(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.registrars(t)
	s.person(t, "Nina", "Petrov")
	dump := filepath.Join(t.TempDir(), "record.dump")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), postgres(t, name), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	run("pg_dump", "-Fc", "-f", dump, s.owner)
	restored := s.database + "_restored"
	must(t, servers.CreateDatabase(t.Context(), restored, ""))
	t.Cleanup(func() {
		if err := servers.DropDatabase(context.Background(), restored); err != nil {
			t.Error(err)
		}
	})
	run("pg_restore", "--exit-on-error", "-d", servers.OwnerURL(restored), dump)
	must(t, registry.Migrate(t.Context(), servers.OwnerURL(restored)))

	violations := func(keys string) int {
		t.Helper()
		c := s.config
		c.Database, c.Keys = broker.Secret(servers.AppURL(restored)), keys
		reg, err := broker.Open(t.Context(), c)
		must(t, err)
		defer reg.Close()
		found, err := reg.Invariants(t.Context())
		must(t, err)
		return len(found)
	}
	if n := violations(s.config.Keys); n != 0 {
		t.Errorf("the restored record has %d violations", n)
	}
	others := filepath.Join(t.TempDir(), "keys")
	must(t, registry.NewKeys(others))
	if violations(others) == 0 {
		t.Error("other keys open the restored record")
	}
	var events, there int
	s.query(t, &events, `select count(*) from event`)
	other := &stack{owner: servers.OwnerURL(restored)}
	other.query(t, &there, `select count(*) from event`)
	if there == 0 || there > events {
		t.Errorf("%d events, restored %d", events, there)
	}
}
