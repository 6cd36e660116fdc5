package broker_test

import (
	"database/sql"
	"testing"

	_ "github.com/lib/pq" // tests look into the record as psql would
)

// query looks into the record as psql would: as the owner, reading one row.
func (s *stack) query(t *testing.T, into any, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("postgres", s.owner)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(into); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
