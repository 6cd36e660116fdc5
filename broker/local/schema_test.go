package local

import (
	"context"
	"os"
	"strings"
	"testing"
)

// What one Keycloak made in an empty database the next finds there: the tables and the list of the
// change sets, and no row of a realm. A broken file leaves the database empty, for Keycloak to fill.
func TestTablesAreKeptAndLaid(t *testing.T) {
	t.Parallel()
	ctx, home := context.Background(), t.TempDir()
	first, password := keycloakDatabaseOf(t)
	if !first.layTables(ctx, home, password) {
		t.Error("nothing was kept, and the database is not empty")
	}
	mustExec(t, first.URL(keycloakDatabase, keycloakDatabase, password), `CREATE TABLE databasechangelog (id text); INSERT INTO databasechangelog VALUES ('one');
		CREATE TABLE realm (name text); INSERT INTO realm VALUES ('secret-of-this-realm'); CREATE TABLE default_client_scope (id text); INSERT INTO default_client_scope VALUES ('of-this-realm')`)
	if first.layTables(ctx, home, password) {
		t.Error("a database with tables is said to be empty")
	}
	first.keepTables(ctx, home, password)
	kept, err := os.ReadFile(schema(home))
	if err != nil || strings.Contains(string(kept), "of-this-realm") {
		t.Fatalf("kept: %v\n%s", err, kept)
	}

	second, password := keycloakDatabaseOf(t)
	if err := os.WriteFile(schema(home), append(kept, "\nSELECT nonsense;\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if !second.layTables(ctx, home, password) {
		t.Error("half a file was laid")
	}
	if err := os.WriteFile(schema(home), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if second.layTables(ctx, home, password) {
		t.Error("what was kept is not laid")
	}
	of := second.URL(keycloakDatabase, keycloakDatabase, password)
	if changes, rows := queryInt(t, of, "SELECT count(*) FROM databasechangelog"), queryInt(t, of, "SELECT count(*) FROM realm"); changes != 1 || rows != 0 {
		t.Errorf("laid: %d change sets and %d rows of realms", changes, rows)
	}
}

// keycloakDatabaseOf is a server with an empty database of Keycloak, and that role's password.
func keycloakDatabaseOf(t *testing.T) (*Postgres, string) {
	t.Helper()
	s, data := &Stack{}, emptyData(t)
	t.Cleanup(s.Stop)
	if err := s.startDatabases(context.Background(), StackOptions{Data: data}); err != nil {
		t.Fatal(err)
	}
	password, err := data.Secret("keycloak-database", 16)
	if err != nil {
		t.Fatal(err)
	}
	return s.Postgres, password
}
