package registry

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"countersign/policies"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Registry is the record in one Postgres database.
type Registry struct {
	db       *sqlx.DB
	keys     *Keys
	url      string
	issuer   string
	programs programCache

	rehearses bool       // whatever is written is undone
	rehearsed *rehearsed // what all rehearsals of it asked the brake
}

// lib/pq cannot scan infinity otherwise; these stand for "for ever" and "always was".
var (
	minusInfinity = time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC)
	infinity      = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	enableOnce    sync.Once
)

// Open connects as the application's role. Issuer is the OIDC issuer whose
// subjects are our accounts.
func Open(ctx context.Context, url string, keys *Keys, issuer string) (*Registry, error) {
	enableOnce.Do(func() { pq.EnableInfinityTs(minusInfinity, infinity) })
	db, err := connect(url, 20)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("registry: %w", err), db.Close())
	}
	return &Registry{db: db, keys: keys, url: url, issuer: issuer, rehearsed: &rehearsed{}}, nil
}

// Apart is the same record over connections of its own, as many as n, which no other
// work can hold.
func (r *Registry) Apart(n int) (*Registry, error) {
	db, err := connect(r.url, n)
	if err != nil {
		return nil, err
	}
	return &Registry{db: db, keys: r.keys, url: r.url, issuer: r.issuer, rehearsed: r.rehearsed}, nil
}

// Close ends all connections.
func (r *Registry) Close() error { return r.db.Close() }

// Migrate brings the schema to this binary's version, as the owner's role.
// Several may run at once; one migrates and the others wait.
func Migrate(ctx context.Context, ownerURL string) error {
	db, err := sqlx.Open("postgres", ownerURL)
	if err != nil {
		return err
	}
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db.DB, dir, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("registry: migrate: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("registry: migrate: %w", err)
	}
	return nil
}

// Schema names what this binary's migrations make, by a digest of their texts: a
// database to copy from is right for those texts only.
func Schema() string {
	h := sha256.New()
	files, _ := migrations.ReadDir("migrations") // what is embedded can be read
	for _, f := range files {
		text, _ := migrations.ReadFile("migrations/" + f.Name())
		fmt.Fprintf(h, "%s %d\n%s", f.Name(), len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Listen calls wake whenever something was committed that workers may have to follow,
// with the lane that has to where that is known, and once after each reconnection, until
// ctx ends.
func (r *Registry) Listen(ctx context.Context, wake func(Lane)) error {
	l := pq.NewListener(r.url, 100*time.Millisecond, 10*time.Second, nil)
	defer l.Close()
	if err := l.Listen("work"); err != nil {
		return fmt.Errorf("registry: listen: %w", err)
	}
	wake("")
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-l.Notify:
			if n == nil { // connected anew
				n = &pq.Notification{}
			}
			wake(Lane(n.Extra))
		}
	}
}

// Shift is how far instant() runs ahead of the machine's clock.
func (r *Registry) Shift(ctx context.Context) (time.Duration, error) {
	var seconds float64
	err := r.db.GetContext(ctx, &seconds, `select extract(epoch from shift) from clock`)
	return time.Duration(seconds * float64(time.Second)), err
}

// MoveClock moves instant() forward for every process at once, as the owner's
// role: for tests and demos.
func MoveClock(ctx context.Context, ownerURL string, by time.Duration) error {
	if by < 0 {
		return errors.New("registry: the clock moves forward only")
	}
	db, err := sqlx.Open("postgres", ownerURL)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err = db.ExecContext(ctx, `update clock set shift = shift + make_interval(secs => $1)`, by.Seconds()); err != nil {
		return err
	}
	return wakeWorkers(ctx, db)
}

// Now is instant(): the record's time.
func (r *Registry) Now(ctx context.Context) (time.Time, error) {
	var t time.Time
	err := r.db.GetContext(ctx, &t, `select instant()`)
	return t, err
}

// NewID makes a UUIDv7.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

func validID(s string) bool { return uuid.Validate(s) == nil && len(s) == 36 }

// programCache keeps parsed programs by their digest: a digest never means
// another text, so nothing about authority is cached.
type programCache struct {
	mu    sync.Mutex
	known map[string]*policies.Program
}
