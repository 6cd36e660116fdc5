package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker/local"
)

var (
	servers *local.Addresses
	// program is the built command, with the sample application beside it.
	program string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	a, stop, err := local.Testing(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	servers = a
	dir, err := os.MkdirTemp("", "countersign-command")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if program, err = build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the command and the sample application into a folder.
func build(dir string, flags ...string) (string, error) {
	args := append(append([]string{"build"}, flags...), "-o", dir+"/", "countersign/cmd/countersign", "countersign/cmd/relying-app")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return filepath.Join(dir, "countersign"), nil
}

// lines keeps what a program says, for whoever waits for it.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String is all of it.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// running is a command that runs until it is told to end.
type running struct {
	cmd  *exec.Cmd
	said *lines
	done chan struct{}
}

// begin starts a command; it ends with the test at the latest.
func begin(t *testing.T, path string, env []string, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.Command(path, args...), said: &lines{}, done: make(chan struct{})}
	r.cmd.Env = append(os.Environ(), env...)
	r.cmd.Stdout, r.cmd.Stderr = r.said, r.said
	must(t, r.cmd.Start())
	go func() { _ = r.cmd.Wait(); close(r.done) }() // the exit status is in ProcessState
	t.Cleanup(func() { r.end(t, os.Kill) })
	return r
}

// says waits until the command has said something.
func (r *running) says(t *testing.T, what string, within time.Duration) {
	t.Helper()
	for deadline := time.After(within); !strings.Contains(r.said.String(), what); {
		select {
		case <-r.done:
			if !strings.Contains(r.said.String(), what) {
				t.Fatalf("it ended without saying %q:\n%s", what, r.said)
			}
		case <-deadline:
			t.Fatalf("it does not say %q:\n%s", what, r.said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end sends a signal and gives the exit status; -1 after a kill.
func (r *running) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	_ = r.cmd.Process.Signal(signal) // it may have ended already
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		t.Errorf("it did not end within a minute of %s:\n%s", signal, r.said)
		_ = r.cmd.Process.Kill()
		<-r.done
	}
	return r.cmd.ProcessState.ExitCode()
}

// says runs a command to its end and gives what it said and its exit status.
func says(t *testing.T, path string, env []string, args ...string) (string, int) {
	t.Helper()
	r := begin(t, path, env, args...)
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		t.Fatalf("%v has not ended:\n%s", args, r.said)
	}
	return r.said.String(), r.cmd.ProcessState.ExitCode()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}
