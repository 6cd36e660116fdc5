package faulty

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"

	_ "github.com/lib/pq" // what the product speaks

	"countersign/broker/local"
)

// Commits are told apart by what they write, prepared before or not; an answer that is lost leaves the row, and a
// connection that ends before its commit leaves none.
func TestPostgres(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, stop, err := local.TestingDatabase(ctx)
	must(t, err)
	defer stop()
	name := fmt.Sprintf("faulty_%d", os.Getpid())
	must(t, a.CreateDatabase(ctx, name, ""))
	defer func() { must(t, a.DropDatabase(context.Background(), name)) }()
	p, through, err := NewPostgres(a.OwnerURL(name))
	must(t, err)
	defer p.Close()
	db, err := sql.Open("postgres", through)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, `create table thing (n int primary key)`)
	must(t, err)
	const insert = "insert into thing\nvalues ($1)"
	prepared, err := db.PrepareContext(ctx, insert)
	must(t, err)
	write := func(n int) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after a commit it has nothing to do
		if _, err := tx.ExecContext(ctx, `select 1 where $1 > 0`, n); err != nil {
			return err
		}
		if n%2 == 1 { // once and for all, or each time
			_, err = tx.StmtContext(ctx, prepared).ExecContext(ctx, n)
		} else {
			_, err = tx.ExecContext(ctx, insert, n)
		}
		if err != nil {
			return err
		}
		return tx.Commit()
	}
	rows := func() (n int) {
		t.Helper()
		must(t, db.QueryRowContext(ctx, `select count(*) from thing`).Scan(&n))
		return n
	}
	must(t, write(1))
	p.Set(Calls(Always(Fault{Lose: true}), "commit insert into thing"))
	if err := write(2); err == nil || rows() != 2 {
		t.Errorf("a commit whose answer is lost: %v, %d rows", err, rows())
	}
	p.Set(Calls(Nth(1, Fault{Before: p.Reset}), "commit"))
	if err := write(3); err == nil {
		t.Error("a connection that was reset commits")
	}
	p.Set(nil)
	p.Refuse()
	if err := write(4); err == nil {
		t.Error("a server that is down takes a commit")
	}
	must(t, p.Pass())
	must(t, write(5))
	if n := rows(); n < 3 || n > 4 { // 3 was on its way when its connection ended
		t.Errorf("%d rows", n)
	}
	if n := p.Counts().Calls["commit insert into thing"]; n != 4 {
		t.Errorf("counted %v", p.Counts())
	}
}
