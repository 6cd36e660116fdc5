package broker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/registry"
	realm "countersign/keycloak-realm"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

// seen is what the doctor told.
type seen []broker.Finding

// diagnose lets the doctor look at a product.
func (s *stack) diagnose(t *testing.T, change ...func(*broker.Config)) seen {
	t.Helper()
	c := s.config
	for _, f := range change {
		f(&c)
	}
	var all seen
	broker.Doctor(t.Context(), c, c.ServeFaults(), func(f broker.Finding) { all = append(all, f) })
	return all
}

// String is all of it.
func (a seen) String() string {
	var b strings.Builder
	for _, f := range a {
		fmt.Fprintf(&b, "%s: %s: %s → %s\n", f.Area, f.State, f.What, f.Advice)
	}
	return b.String()
}

// healthy demands that nothing was found.
func (a seen) healthy(t *testing.T) {
	t.Helper()
	if slices.ContainsFunc(a, func(f broker.Finding) bool { return f.State != broker.Fine }) {
		t.Errorf("not healthy:\n%s", a)
	}
}

// says demands one finding in an area, with words of it and of its advice.
func (a seen) says(t *testing.T, area, state, what, advice string) {
	t.Helper()
	if !slices.ContainsFunc(a, func(f broker.Finding) bool {
		return f.Area == area && f.State == state && strings.Contains(f.What, what) && strings.Contains(f.Advice, advice)
	}) {
		t.Errorf("no %s %q in %s with the advice %q:\n%s", state, what, area, advice, a)
	}
}

// apply is countersign realm apply.
func (s *stack) apply(t *testing.T) {
	t.Helper()
	built, err := policies.Builtin()
	must(t, err)
	spec, err := s.config.VaultedSpec(built, servers.PutSecret)
	must(t, err)
	_, err = keycloak.Apply(t.Context(), s.admin, spec)
	must(t, err)
}

// alter changes the realm as an administrator might in the console.
func (s *stack) alter(t *testing.T, method, path string, in any) {
	t.Helper()
	body, err := json.Marshal(in)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, s.config.Keycloak+"/admin/realms/"+s.config.Realm+path, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+s.adminToken(t))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// idOf finds a client's or a client scope's id.
func (s *stack) idOf(t *testing.T, kind, name string) string {
	t.Helper()
	var all []struct{ ID, ClientID, Name string }
	s.keycloak(t, "/"+kind, &all)
	for _, one := range all {
		if one.ClientID == name || one.ClientID == "" && one.Name == name {
			return one.ID
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return ""
}

type object = map[string]any

// A product that is as it should be is told so in every line; then things break,
// each is named with what to do, and doing that mends it.
func TestDoctor(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.app(t)
	apps, err := keycloak.Apps(t.Context(), s.admin, s.config.Realm)
	must(t, err)
	app := apps[0]
	must(t, s.registry.AddApplication(t.Context(), registry.CommandLine(), registry.Application{ClientID: app.ClientID, Programs: app.Programs, LogoutURL: app.LogoutURL, Owner: "a test"}))
	s.firstRegistrar(t, s.people(t, "Rosa Almeida")[0])
	well := s.diagnose(t)
	well.healthy(t)
	for _, area := range []string{"configuration", "keys", "database", "realm", "writer", "reader", "sign-in", "secrets", "applications", "mail", "portal", "people and work"} {
		if !slices.ContainsFunc(well, func(f broker.Finding) bool { return f.Area == area }) {
			t.Errorf("nothing is said of %s", area)
		}
	}

	portal := s.idOf(t, "clients", s.config.PortalID)
	s.alter(t, http.MethodPut, "/clients/"+portal, object{"redirectUris": []string{"https://elsewhere.example/callback"}})
	scope := s.idOf(t, "client-scopes", "access-careconnect")
	var mappers []struct{ ID string }
	s.keycloak(t, "/client-scopes/"+scope+"/protocol-mappers/models", &mappers)
	s.alter(t, http.MethodDelete, "/client-scopes/"+scope+"/protocol-mappers/models/"+mappers[0].ID, nil)
	s.alter(t, http.MethodPut, "", object{"ssoSessionIdleTimeout": 36000})
	s.alter(t, http.MethodPut, "/clients/"+s.idOf(t, "clients", app.ClientID), object{"attributes": object{"backchannel.logout.url": "https://elsewhere.example/"}})
	s.extraRight(t)
	ill := s.diagnose(t)
	ill.says(t, "sign-in", broker.Bad, "/callback is not registered, but https://elsewhere.example/callback", "countersign realm apply")
	ill.says(t, "realm", broker.Bad, "scope access-careconnect: mapper groups added", "countersign realm apply")
	ill.says(t, "realm", broker.Bad, "ssoSessionIdleTimeout", "countersign realm apply")
	ill.says(t, "applications", broker.Bad, app.ClientID+": not as it should be: attributes.backchannel.logout.url", "countersign app add "+app.ClientID)
	ill.says(t, "writer", broker.Bad, "it can more than it should: view-events", "countersign realm apply")
	ill.says(t, "realm", broker.Bad, "rights of countersign-writer: removed view-events", "countersign realm apply")
	ill.says(t, "realm", broker.Bad, "user service-account-countersign-writer holds view-events", "serve refuses")

	s.apply(t)
	app.Secret = "${vault." + app.ClientID + "}"
	_, err = keycloak.AddApp(t.Context(), s.admin, keycloak.Realm{Name: s.config.Realm, PortalClientID: s.config.PortalID, Template: realm.JSON}, app)
	must(t, err)
	s.diagnose(t).healthy(t)
}

// extraRight gives the writer a right that it must not have.
func (s *stack) extraRight(t *testing.T) {
	t.Helper()
	writer, management := s.idOf(t, "clients", s.config.WriterID), s.idOf(t, "clients", "realm-management")
	var user struct{ ID string }
	s.keycloak(t, "/clients/"+writer+"/service-account-user", &user)
	var role object
	s.keycloak(t, "/clients/"+management+"/roles/view-events", &role)
	s.alter(t, http.MethodPost, "/users/"+user.ID+"/role-mappings/clients/"+management, []any{role})
	s.alter(t, http.MethodPost, "/clients/"+writer+"/scope-mappings/clients/"+management, []any{role})
}

// What is told wrongly, or does not answer, is named with what to do.
func TestDoctorOfSurroundings(t *testing.T) {
	t.Parallel()
	s := start(t)
	type finding struct{ area, state, what, advice string }
	for _, c := range []struct {
		change func(*broker.Config)
		found  []finding
	}{
		{func(c *broker.Config) {
			c.SMTPPort, c.ReaderSecret, c.WriterSecret = 1, "another", "another"
		}, []finding{
			{"mail", broker.Bad, "127.0.0.1:1: ", "COUNTERSIGN_SMTP_"},
			{"reader", broker.Bad, "no token", "COUNTERSIGN_READER_SECRET"},
			{"writer", broker.Bad, "no token", "COUNTERSIGN_WRITER_SECRET"},
			{"people and work", broker.Warning, "no registrar", "access bootstrap"},
		}},
		{func(c *broker.Config) { c.SMTPTLS, c.PortalSecret = "starttls", "another" }, []finding{
			{"mail", broker.Bad, "TLS", "COUNTERSIGN_SMTP_"},
			{"sign-in", broker.Bad, "does not take the portal's secret", "COUNTERSIGN_PORTAL_SECRET"},
		}},
		{func(c *broker.Config) {
			c.Realm, c.Keys, c.PublicURL = "nowhere", t.TempDir(), "http://access.example.org"
		}, []finding{
			{"realm", broker.Bad, "has no realm", "realm apply"},
			{"keys", broker.Bad, "need sign", "backup"},
			{"configuration", broker.Bad, "http is for loopback only", "https://"},
		}},
		{func(c *broker.Config) {
			c.Keycloak, c.Database, c.PublicURL = "http://127.0.0.1:1", broker.Secret(s.owner), "http://127.0.0.1:1"
		}, []finding{
			{"portal", broker.Warning, "does not answer from here", "COUNTERSIGN_PUBLIC_URL"},
			{"realm", broker.Bad, "does not answer", "COUNTERSIGN_KEYCLOAK_URL"},
			{"database", broker.Bad, "owns the record", "countersign_app"},
		}},
		{func(c *broker.Config) {
			c.Keycloak, c.Database = strings.Replace(c.Keycloak, "localhost", "127.0.0.1", 1), "postgres://x@127.0.0.1:1/x?sslmode=disable"
		}, []finding{
			{"realm", broker.Bad, "calls itself", "KC_HOSTNAME"},
			{"database", broker.Bad, "refused", "DATABASE_URL"},
		}},
	} {
		told := s.diagnose(t, c.change)
		for _, f := range c.found {
			told.says(t, f.area, f.state, f.what, f.advice)
		}
	}

	other := filepath.Join(t.TempDir(), "keys")
	must(t, os.CopyFS(other, os.DirFS(s.config.Keys)))
	must(t, os.Rename(filepath.Join(other, "sign.k1"), filepath.Join(other, "sign.k2")))
	must(t, os.Chmod(filepath.Join(other, "seal.k1"), 0o644))
	ill := s.diagnose(t, func(c *broker.Config) { c.Keys = other })
	ill.says(t, "database", broker.Bad, "sign.k1, which the folder of keys lacks", "bring these files back")
	ill.says(t, "keys", broker.Warning, "seal.k1 (-rw-r--r--)", "chmod -R go=")

	s.move(t, 36*time.Hour)
	s.diagnose(t, func(c *broker.Config) { c.Demo = false }).says(t, "database", broker.Bad, "36h0m0s ahead", "another database")
	s.change(t, `delete from goose_db_version where version_id > 0`)
	s.diagnose(t).says(t, "database", broker.Bad, "the schema is at version 0", "countersign migrate")
}
