package broker_test

import (
	"database/sql"
	"sync"
	"testing"

	_ "github.com/lib/pq" // tests look into the record as psql would
)

// connections are kept open: to open one takes longer than all the rest.
var connections sync.Map // owner's address of a database to *sql.DB

// query looks into the record as psql would: as the owner, reading one row.
func (s *stack) query(t *testing.T, into any, query string, args ...any) {
	t.Helper()
	db, ok := connections.Load(s.owner)
	if !ok {
		opened, err := sql.Open("postgres", s.owner)
		must(t, err)
		opened.SetMaxOpenConns(2)
		db, _ = connections.LoadOrStore(s.owner, opened)
	}
	if err := db.(*sql.DB).QueryRowContext(t.Context(), query, args...).Scan(into); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
