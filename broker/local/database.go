package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/lib/pq"
)

// Roles of the product. The owner makes the schema; the app role is what the product runs as.
const (
	OwnerRole = "countersign_owner"
	AppRole   = "countersign_app"
)

// EnsureRole makes a role that may log in, or gives it this password if it exists.
func (a Addresses) EnsureRole(ctx context.Context, role, password string) error {
	db, err := sql.Open("postgres", a.Postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	known := false
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&known); err != nil {
		return fmt.Errorf("role %s: %w", role, err)
	}
	verb := "CREATE"
	if known {
		verb = "ALTER"
	}
	if _, err := db.ExecContext(ctx, verb+" ROLE "+pq.QuoteIdentifier(role)+" LOGIN PASSWORD "+pq.QuoteLiteral(password)); err != nil {
		return fmt.Errorf("role %s: %w", role, err)
	}
	return nil
}

// EnsureDatabase makes a database that belongs to owner and that besides only guests may enter. One
// that exists stays as it is.
func (a Addresses) EnsureDatabase(ctx context.Context, name, owner string, guests ...string) error {
	known, err := a.hasDatabase(ctx, name)
	if err != nil {
		return err
	}
	if known { // a kill may have come between making and closing it
		return a.closeDatabase(ctx, name, guests)
	}
	return a.createDatabase(ctx, name, "", owner, guests)
}

// CreateDatabase makes a database of the product. With a template it is that database's copy, which
// takes some 15 ms; nobody may be connected to the template. An existing name is an error.
func (a Addresses) CreateDatabase(ctx context.Context, name, template string) error {
	return a.createDatabase(ctx, name, template, OwnerRole, []string{AppRole})
}

// DropDatabase removes a database and ends the connections to it. One that is gone is no error.
func (a Addresses) DropDatabase(ctx context.Context, name string) error {
	return execSQL(ctx, a.Postgres, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)+" WITH (FORCE)")
}

// Template makes the database name for others to copy, and has fill put the schema into it; ownerURL
// is its address for the owner. Of several test programs that ask for one name at a time, one fills
// and the others wait. A template that exists is complete, and is not filled again: the name says
// which schema it has.
func (a Addresses) Template(ctx context.Context, name string, fill func(ownerURL string) error) error {
	db, err := sql.Open("postgres", a.Postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx) // the lock belongs to one connection and ends with it
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return err
	}
	known, err := a.hasDatabase(ctx, name)
	if err != nil || known {
		return err
	}
	draft := name + "_new"
	if err := a.DropDatabase(ctx, draft); err != nil {
		return err
	}
	if err := a.CreateDatabase(ctx, draft, ""); err != nil {
		return err
	}
	if err := fill(a.OwnerURL(draft)); err != nil {
		return errors.Join(err, a.DropDatabase(ctx, draft))
	}
	_, err = conn.ExecContext(ctx, "ALTER DATABASE "+pq.QuoteIdentifier(draft)+" RENAME TO "+pq.QuoteIdentifier(name))
	return err
}

// DatabaseURL returns the address of a database for a role.
func (a Addresses) DatabaseURL(database, role, password string) string {
	admin, err := url.Parse(a.Postgres)
	if err != nil {
		return "" // Addresses are made by this package alone
	}
	return databaseURL(admin.Host, database, role, password)
}

// OwnerURL returns the address of a database of the product for the role that makes its schema.
func (a Addresses) OwnerURL(database string) string {
	return a.DatabaseURL(database, OwnerRole, a.OwnerPassword)
}

// AppURL returns the address of a database of the product for the role that the product runs as.
func (a Addresses) AppURL(database string) string {
	return a.DatabaseURL(database, AppRole, a.AppPassword)
}

func (a Addresses) hasDatabase(ctx context.Context, name string) (bool, error) {
	db, err := sql.Open("postgres", a.Postgres)
	if err != nil {
		return false, err
	}
	defer db.Close()
	known := false
	err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&known)
	return known, err
}

func (a Addresses) createDatabase(ctx context.Context, name, template, owner string, guests []string) error {
	if template == "" {
		template = "template0" // template1 may be in use by somebody
	}
	if err := execSQL(ctx, a.Postgres, "CREATE DATABASE "+pq.QuoteIdentifier(name)+" OWNER "+pq.QuoteIdentifier(owner)+" TEMPLATE "+pq.QuoteIdentifier(template)); err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	if err := a.closeDatabase(ctx, name, guests); err != nil {
		return errors.Join(err, a.DropDatabase(ctx, name))
	}
	return nil
}

// closeDatabase lets in the owner and the guests and nobody else: what PostgreSQL gives to PUBLIC is
// taken back.
func (a Addresses) closeDatabase(ctx context.Context, name string, guests []string) error {
	quoted := pq.QuoteIdentifier(name)
	access := "REVOKE ALL ON DATABASE " + quoted + " FROM PUBLIC"
	for _, guest := range guests {
		access += "; GRANT CONNECT ON DATABASE " + quoted + " TO " + pq.QuoteIdentifier(guest)
	}
	if err := execSQL(ctx, a.Postgres, access); err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	return nil
}

// execSQL runs a statement on a connection of its own.
func execSQL(ctx context.Context, address, statement string) error {
	db, err := sql.Open("postgres", address)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func databaseURL(host, database, role, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: host, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}
