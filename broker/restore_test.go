package broker_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/provisioning"
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
// and holds together there with the same keys; with other keys it does not. Served
// again, it is older than the realm: nothing that was decided since is undone before
// two people released the list of it.
// proves: F24 attack A71
func TestRestore(t *testing.T) {
	t.Parallel()
	s, err := layStack()
	must(t, err)
	t.Cleanup(s.stop)
	stop, err := s.serve()
	must(t, err)
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	rosa, ravi := s.keepers(t)
	nina := s.person(t, "Nina", "Petrov")
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

	link, err := rosa.Invite("support", nina.Email) // after the backup
	must(t, err)
	_, err = nina.Accept(link)
	must(t, err)
	support := []string{"/access/operator/careconnect/support"}
	eventually(t, "Nina's support", func() bool { return slices.Equal(s.groups(t, nina), support) })
	stop()
	s.config.Database = broker.Secret(servers.AppURL(restored))
	again, err := s.serve()
	must(t, err)
	t.Cleanup(again)
	s.releases(t, []*walk.Person{rosa, ravi}, func(b registry.Brake) bool {
		return b.Kind == registry.BrakeOlder && len(b.Effects) == 1 && b.Effects[0].Do == provisioning.DoLeave && slices.Equal(s.groups(t, nina), support)
	})
	eventually(t, "what the restored record does not know is gone", func() bool { return len(s.groups(t, nina)) == 0 })
	if n := violations(s.config.Keys); n != 0 {
		t.Errorf("the reconciled record has %d violations", n)
	}
}

// keepers are two who decide about the realm: the first registrar, and a security officer
// of the operators themselves.
func (s *stack) keepers(t *testing.T) (rosa, ravi *walk.Person) {
	t.Helper()
	both := s.people(t, "Rosa Almeida", "Ravi Shah")
	rosa, ravi = both[0], both[1]
	s.firstRegistrar(t, rosa)
	page, err := rosa.Get("/desk/operator/operators")
	must(t, err)
	_, err = page.FormWith("email").Set("role", "security").Set("email", ravi.Email).Send()
	must(t, err)
	m, err := s.mail.Wait(ravi.Email, "", "/invitation")
	must(t, err)
	_, err = ravi.Accept(m.Link("/invitation"))
	must(t, err)
	return rosa, ravi
}

// releases waits for the one brake that is held, demands what it is to be, and lets two
// people release it, who were told by mail.
func (s *stack) releases(t *testing.T, who []*walk.Person, is func(registry.Brake) bool) {
	t.Helper()
	reg, err := broker.Open(t.Context(), s.config)
	must(t, err)
	defer reg.Close()
	held, err := reg.Brakes(t.Context())
	must(t, err)
	if len(held) != 1 || !is(held[0]) {
		t.Fatalf("held: %+v", held)
	}
	page := "/realm/brake/" + held[0].ID
	for _, p := range who {
		_, err := s.mail.Wait(p.Email, "", page)
		must(t, err)
		read(t, p, page, formTo("/brake/")).accepted(t)
	}
}
