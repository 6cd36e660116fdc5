package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Postgres is a running PostgreSQL server, a child of ours that listens on 127.0.0.1 only.
type Postgres struct {
	Port     int
	password string // of the superuser postgres
	child    *child
}

// StartPostgres starts the cluster that belongs to the data folder and makes it at first. Port 0
// picks a free one. A cluster that is not durable loses its last transactions, or all, when the
// machine fails: that is for tests.
func StartPostgres(ctx context.Context, data *Data, port int, durable bool) (*Postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	as, err := postgresUID()
	if err != nil {
		return nil, err
	}
	password, err := data.Secret("postgres", 16)
	if err != nil {
		return nil, err
	}
	cluster, err := findCluster(data.Dir, as)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(cluster); errors.Is(err, fs.ErrNotExist) {
		err = initCluster(ctx, bin, cluster, password, as)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	log, err := logFile(filepath.Join(data.Dir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the server holds its own
	for deadline := time.Now().Add(20 * time.Second); ; {
		p := &Postgres{password: password}
		if p.Port, err = claimPort(ctx, port); err != nil {
			return nil, err
		}
		if p.child, err = startChild("postgres", p.command(bin, cluster, durable, as), syscall.SIGINT, log); err != nil {
			return nil, err
		}
		err = p.ready(ctx)
		if err == nil {
			return p, nil
		}
		p.Stop()
		// A predecessor that was killed with its parent may still be writing its last, and a free port
		// may have been taken from under us.
		passing := strings.Contains(err.Error(), "postmaster.pid") || port == 0 && strings.Contains(err.Error(), "could not bind")
		if !passing || time.Now().After(deadline) {
			return nil, err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (p *Postgres) command(bin, cluster string, durable bool, as *syscall.Credential) *exec.Cmd {
	args := []string{"-D", cluster, "-p", strconv.Itoa(p.Port), "-h", "127.0.0.1", "-k", "", "-c", "max_connections=300"}
	if !durable {
		args = append(args, "-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir = cluster
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd
}

// ready waits for the first answer to a query: an open port is not readiness.
func (p *Postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := execSQL(ctx, p.URL("postgres", "postgres", p.password), "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-p.child.done:
			return p.child.died()
		case <-ctx.Done():
			return fmt.Errorf("postgres is not ready: %w", err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// URL returns the address of a database for a role, in the form that lib/pq reads.
func (p *Postgres) URL(database, role, password string) string {
	return databaseURL(loopback(p.Port), database, role, password)
}

// Stop ends the server at once and in order: open transactions are rolled back.
func (p *Postgres) Stop() { p.child.stop(syscall.SIGINT, 10*time.Second) }
