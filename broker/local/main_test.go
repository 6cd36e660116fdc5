package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// stack is the one of the test run, or of this package when it is tested by itself.
var stack *Addresses

// doomedEnv makes this test program the parent that TestKillLeavesNothing kills.
const doomedEnv = "COUNTERSIGN_TEST_DOOMED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(doomedEnv); dir != "" {
		if err := doomed(dir); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	var stop func()
	var err error
	if stack, stop, err = Testing(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// doomed starts PostgreSQL and Keycloak in dir, prints their process ids and waits to be killed.
func doomed(dir string) error {
	ctx := context.Background()
	s := &Stack{}
	o := StackOptions{Data: &Data{Dir: dir}}
	if err := s.startDatabases(ctx, o); err != nil {
		return err
	}
	home, err := KeycloakHome(ctx, func(string) {})
	if err != nil {
		return err
	}
	password, err := o.Data.Secret("keycloak-database", 16)
	if err != nil {
		return err
	}
	s.Keycloak, err = launchKeycloak(ctx, KeycloakOptions{
		Home: home, Log: filepath.Join(dir, "keycloak.log"), HeapMB: 256,
		Database:      s.Postgres.URL(keycloakDatabase, keycloakDatabase, password),
		AdminClientID: AdminClientID, AdminClientSecret: "for this test only",
	})
	if err != nil {
		return err
	}
	fmt.Println(s.Postgres.child.cmd.Process.Pid, s.Keycloak.child.cmd.Process.Pid)
	return s.Wait(ctx)
}

// emptyData is a data folder for one test, with free ports.
func emptyData(t *testing.T) *Data {
	t.Helper()
	d, remove, err := temporaryData()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	return d
}
