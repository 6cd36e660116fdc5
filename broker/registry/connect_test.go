package registry

import (
	"fmt"
	"testing"
)

// What is asked again is planned once; what fails, or is asked in a transaction that is
// undone, is asked anew like anything else; and a connection keeps only so much.
func TestStatementsAreKept(t *testing.T) {
	t.Parallel()
	r := newTestRegistry(t)
	one, err := r.Apart(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = one.Close() })
	kept := func() (n int) {
		t.Helper()
		if err := one.db.Get(&n, `select count(*) from pg_prepared_statements where from_sql = false`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const half = `select 10 / $1::int`
	for i, by := range []int{1, 2, 0, 5, 0, 10} {
		tx, err := one.db.Beginx()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		err = tx.Get(&got, half, by)
		if by == 0 && err == nil || by != 0 && (err != nil || got != 10/by) {
			t.Errorf("try %d: 10/%d = %d, %v", i, by, got, err)
		}
		_ = tx.Rollback()
	}
	if n := kept(); n != 1 {
		t.Errorf("%d statements are prepared, want the one that was asked again", n)
	}
	for i := range mostKnown {
		for range 2 {
			if _, err := one.db.Exec(fmt.Sprintf(`select $1::int + %d`, i), i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := kept(); n == 0 || n >= mostKnown {
		t.Errorf("%d statements are prepared, of at most %d", n, mostKnown)
	}
}
