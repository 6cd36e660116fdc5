package local

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Two thirds of Keycloak's first start are the 200 change sets that make its tables, one by one. What
// came of them is kept beside the server, once for this machine: the tables and the list of the change
// sets, and not one row of a realm, so that each start makes keys and secrets of its own. Whatever
// goes wrong here, Keycloak makes its tables itself, and nothing is said.

// schema is the file of Keycloak's tables beside the server of that home: another version, another file.
func schema(home string) string { return filepath.Join(home, "countersign-schema.sql") }

// layTables fills Keycloak's database if it is empty, wholly or not at all. It tells whether it still is.
func (p *Postgres) layTables(ctx context.Context, home, password string) (empty bool) {
	db, err := sql.Open("postgres", p.URL(keycloakDatabase, keycloakDatabase, password))
	if err != nil {
		return false
	}
	defer db.Close()
	ask := func() bool {
		err := db.QueryRowContext(ctx, "SELECT to_regclass('databasechangelog') IS NULL").Scan(&empty)
		return err == nil && empty
	}
	if !ask() {
		return false
	}
	if _, err := os.Stat(schema(home)); err != nil {
		return true
	}
	_ = p.asKeycloak(ctx, "psql", password, "-q", "-X", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-o", os.DevNull, "-f", schema(home))
	return ask()
}

// keepTables writes down the tables of the Keycloak that has just started on an empty database.
func (p *Postgres) keepTables(ctx context.Context, home, password string) {
	draft, err := os.CreateTemp(home, "schema-*.sql") // others may keep theirs at the same time
	if err != nil {
		return
	}
	defer os.Remove(draft.Name())
	defer draft.Close()
	// Rows only of databasechangelog and its lock: of no table that begins otherwise.
	err = p.asKeycloak(ctx, "pg_dump", password, "--no-owner", "--no-privileges", "--exclude-table-data=[^d]*", "--exclude-table-data=d[^a]*", "-f", draft.Name())
	if err == nil {
		_ = os.Rename(draft.Name(), schema(home))
	}
}

// asKeycloak runs a program of PostgreSQL on Keycloak's database.
func (p *Postgres) asKeycloak(ctx context.Context, program, password string, args ...string) error {
	bin, err := postgresPrograms()
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(bin, program), append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(p.Port), "-U", keycloakDatabase, "-d", keycloakDatabase}, args...)...)
	cmd.Env = append(plainEnv(), "PGPASSWORD="+password)
	return runChild(ctx, program, cmd)
}
