package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// TestStackEnv is the environment variable in which RunWith hands Addresses down to tests, as JSON.
const TestStackEnv = "COUNTERSIGN_TEST_STACK"

// Addresses are where a stack answers and what it takes to be let in.
type Addresses struct {
	Postgres           string `json:"postgres"` // database postgres, as the superuser
	OwnerPassword      string `json:"owner_password"`
	AppPassword        string `json:"app_password"`
	Keycloak           string `json:"keycloak,omitempty"` // base URL, without /realms; empty where only PostgreSQL runs
	KeycloakManagement string `json:"keycloak_management,omitempty"`
	AdminClientID      string `json:"admin_client_id,omitempty"` // service account of master, by client_credentials
	AdminClientSecret  string `json:"admin_client_secret,omitempty"`
	Vault              string `json:"vault,omitempty"`         // folder of Keycloak's vault, see PutSecret
	PlainSecrets       bool   `json:"plain_secrets,omitempty"` // that Keycloak knows no vault for the secrets of clients
	SMTP               string `json:"smtp,omitempty"`          // host:port
	Mail               string `json:"mail,omitempty"`          // base URL of the page and of /messages
}

// Testing returns the stack of the test run, or starts one in a temporary folder where a package is
// tested by itself. stop ends what was started; it is for TestMain, after the last test.
func Testing(ctx context.Context) (a *Addresses, stop func(), err error) {
	return shared(func() (*Addresses, func(), error) { return startTemporary(ctx, StackOptions{}, false) })
}

// TestingDatabase is Testing for packages that need PostgreSQL only: without the environment it
// starts no Keycloak and no mail catcher.
func TestingDatabase(ctx context.Context) (a *Addresses, stop func(), err error) {
	return shared(func() (*Addresses, func(), error) { return startTemporary(ctx, StackOptions{}, true) })
}

func shared(otherwise func() (*Addresses, func(), error)) (*Addresses, func(), error) {
	handed := os.Getenv(TestStackEnv)
	if handed == "" {
		return otherwise()
	}
	var a Addresses
	if err := json.Unmarshal([]byte(handed), &a); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", TestStackEnv, err)
	}
	return &a, func() {}, nil
}

// startTemporary starts a stack, or its PostgreSQL only, whose folder goes when it stops.
func startTemporary(ctx context.Context, o StackOptions, databaseOnly bool) (*Addresses, func(), error) {
	data, remove, err := temporaryData()
	if err != nil {
		return nil, nil, err
	}
	o.Data = data
	var s *Stack
	if databaseOnly {
		s = &Stack{}
		if err = s.startDatabases(ctx, o); err != nil {
			s.Stop()
		}
	} else {
		s, err = Start(ctx, o)
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	return &s.Addresses, func() { s.Stop(); remove() }, nil
}

// temporaryData is a data folder with free ports, for one run. Nobody else knows it: it needs no lock.
func temporaryData() (d *Data, remove func(), err error) {
	dir, err := os.MkdirTemp("", "countersign-test-")
	if err != nil {
		return nil, nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's uid passes through
		return nil, nil, err
	}
	return &Data{Dir: dir}, func() {
		// What stays behind is in the temporary folder, and the tests' verdict does not hang on it.
		_ = removeCluster(dir)
		_ = os.RemoveAll(dir)
	}, nil
}

// RunWith starts a stack for tests, runs the command argv with its Addresses in the environment, and
// stops both. When ctx ends the command is interrupted, and killed if it has not ended 10 s later.
// Measured is as in KeycloakOptions. The error of a command that failed is its *exec.ExitError, bare.
func RunWith(ctx context.Context, argv []string, measured bool) error {
	if len(argv) == 0 {
		return errors.New("no command to run with the local stack")
	}
	a, stop, err := startTemporary(ctx, StackOptions{Measured: measured, Log: func(step string) { fmt.Fprintln(os.Stderr, step) }}, false)
	if err != nil {
		return err
	}
	defer stop()
	handed, err := json.Marshal(a)
	if err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), TestStackEnv+"="+string(handed))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	c, err := startChild(filepath.Base(argv[0]), cmd, syscall.SIGTERM, nil)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		// The whole group: go test does not pass an interrupt on to the tests that it runs.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		c.stop(syscall.SIGINT, 10*time.Second)
		c.killGroup()
		return ctx.Err()
	}
}
