package registry

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// connect opens connections, as many as n, as they are needed. A question goes out with
// its values (binary parameters) and not before them, and PostgreSQL plans it once for
// each connection: planning was most of what it cost.
func connect(url string, n int) (*sqlx.DB, error) {
	config, err := pq.NewConfig(url)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	config.BinaryParameters = true
	c, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector{c}), "postgres")
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n) // all the lanes ask at once when one wakes them: who closed connections in between would open them anew each time
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// mostKnown is of how many statements a connection keeps track.
const mostKnown = 500

type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{postgres: opened.(postgres), known: map[string]prepared{}}, nil
}

// postgres is what database/sql uses of one of lib/pq's connections.
type postgres interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.QueryerContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type prepared interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// connection prepares a statement that it is asked for the second time: many are asked
// but once. No plan goes stale: migrations only expand, and whoever asks names the columns.
type connection struct {
	postgres
	known map[string]prepared // nil: asked once
}

func (c *connection) statement(ctx context.Context, query string) (prepared, error) {
	s, again := c.known[query]
	if s != nil {
		return s, nil
	}
	if !again {
		if len(c.known) == mostKnown {
			c.forget()
		}
		c.known[query] = nil
		return nil, nil
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.known[query] = made.(prepared)
	return c.known[query], nil
}

func (c *connection) forget() {
	for query, s := range c.known {
		if s != nil {
			s.Close() //nolint:errcheck // what cannot be closed goes with its connection
		}
		delete(c.known, query)
	}
}

// QueryContext implements driver.QueryerContext.
func (c *connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.postgres.QueryContext(ctx, query, args)
	}
	return s.QueryContext(ctx, args)
}

// ExecContext implements driver.ExecerContext. What has no values may be several
// statements, which cannot be prepared.
func (c *connection) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return c.postgres.ExecContext(ctx, query, args)
	}
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.postgres.ExecContext(ctx, query, args)
	}
	return s.ExecContext(ctx, args)
}
