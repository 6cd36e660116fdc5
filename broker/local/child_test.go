package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A parent that is killed takes PostgreSQL and Keycloak with it, whatever they were doing, and the
// next start on the same folder finds a sound database and free ports.
func TestKillLeavesNothing(t *testing.T) {
	t.Parallel()
	data := emptyData(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), doomedEnv+"="+data.Dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var postgres, java int
	if _, scanErr := fmt.Sscan(line, &postgres, &java); err != nil || scanErr != nil {
		t.Fatalf("the parent said %q: %v, %v", line, err, scanErr)
	}
	time.Sleep(2 * time.Second) // Keycloak is in the midst of its first boot
	if !alive(postgres) || !alive(java) {
		t.Fatal("a child ended before its parent")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for alive(postgres) || alive(java) {
		if time.Now().After(deadline) {
			t.Fatalf("5 s after the kill: PostgreSQL alive %v, java alive %v", alive(postgres), alive(java))
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := parent.Wait(); err == nil {
		t.Error("the parent was not killed")
	}
	again, err := StartPostgres(context.Background(), data, 0, false)
	if err != nil {
		t.Fatalf("second start: %v", err)
	}
	again.Stop()
}

// alive reports whether a process runs. One that waits for its parent to read its status does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// A child that ends by itself is reported with what it said; one that ignores the signal is killed.
func TestChildEnds(t *testing.T) {
	t.Parallel()
	err := runChild(context.Background(), "sh", exec.Command("sh", "-c", "echo the reason >&2; exit 3"))
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("got %v", err)
	}
	c, err := startChild("sh", exec.Command("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"), syscall.SIGTERM, nil)
	if err != nil {
		t.Fatal(err)
	}
	for c.tail.String() != "up" {
		time.Sleep(10 * time.Millisecond)
	}
	c.stop(syscall.SIGTERM, 100*time.Millisecond)
	if alive(c.cmd.Process.Pid) {
		t.Error("still alive after stop")
	}
}

// The end of the context ends a command and what it started, even what does not heed the signal.
func TestRunChildCancelled(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.Command("sh", "-c", "(trap '' TERM; sleep 60) & echo $! >"+started+".new; mv "+started+".new "+started+"; wait")
	ended := make(chan error)
	go func() { ended <- runChild(ctx, "sh", cmd) }()
	var grandchild int
	for grandchild == 0 {
		time.Sleep(10 * time.Millisecond)
		said, _ := os.ReadFile(started)
		fmt.Sscan(string(said), &grandchild)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); alive(grandchild); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what the command started is still alive")
		}
	}
}
