package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// child is a process of ours in a process group of its own, so that Ctrl-C on the terminal reaches
// only us and we stop the children in order.
type child struct {
	name string
	cmd  *exec.Cmd
	tail *tail
	done chan struct{} // closed when the process has been waited for
	err  error         // of Wait; to be read after done
}

// nursery is the thread from which every child is started. It lives as long as the process: the
// kernel sends Pdeathsig when the starting thread ends, which Go otherwise may do at any time.
var nursery = sync.OnceValue(func() chan<- func() {
	births := make(chan func())
	go func() {
		runtime.LockOSThread()
		for birth := range births {
			birth()
		}
	}()
	return births
})

// startChild starts cmd; when we die, however that happens, it gets the signal onDeath. Its output
// goes to log (nil for none), and the last of it is kept for error messages.
func startChild(name string, cmd *exec.Cmd, onDeath syscall.Signal, log io.Writer) (*child, error) {
	c := &child{name: name, cmd: cmd, tail: &tail{}, done: make(chan struct{})}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = onDeath
	out := io.Writer(c.tail)
	if log != nil {
		out = io.MultiWriter(log, c.tail)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = out
	}
	born := make(chan error)
	nursery() <- func() { born <- cmd.Start() }
	if err := <-born; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// runChild starts cmd and waits for its end. When ctx ends first, the whole group is ended.
func runChild(ctx context.Context, name string, cmd *exec.Cmd) error {
	c, err := startChild(name, cmd, syscall.SIGTERM, nil)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
		if c.err != nil {
			return c.died()
		}
		return nil
	case <-ctx.Done():
		c.stop(syscall.SIGTERM, 5*time.Second)
		c.killGroup()
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
}

// stop sends sig and waits for the end; after patience the whole group is killed. What the process
// then says of its own end is of no interest: Keycloak's clean stop is exit status 143.
func (c *child) stop(sig syscall.Signal, patience time.Duration) {
	select {
	case <-c.done:
		return
	default:
	}
	// Errors here mean that it is gone already, which is what we want.
	_ = c.cmd.Process.Signal(sig)
	select {
	case <-c.done:
	case <-time.After(patience):
		c.killGroup()
		<-c.done
	}
}

// killGroup kills what the process started and left behind, and itself. A command that ends on a
// signal need not take its own children along. That nobody is left is no error.
func (c *child) killGroup() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// died describes an end that nobody asked for, with the last lines that the process wrote. The exit
// status of a run stays reachable for errors.As.
func (c *child) died() error {
	how := c.err
	if how == nil {
		how = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended: %w\n%s", c.name, how, c.tail)
}

// tail keeps the last 4 KiB written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 4096; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}

// logFile opens a child's log anew: what it says of an earlier start is of no use.
func logFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}
