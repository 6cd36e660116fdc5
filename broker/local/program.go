package local

import (
	"os/exec"
	"syscall"
	"time"
)

// Program is a further process that ends with us, such as the sample application.
type Program struct{ child *child }

// StartProgram starts a program with an environment of its own, and arguments; its output goes
// to ours only in the error of an early end.
func StartProgram(path string, env []string, args ...string) (*Program, error) {
	cmd := exec.Command(path, args...)
	cmd.Env = env
	c, err := startChild(path, cmd, syscall.SIGTERM, nil)
	if err != nil {
		return nil, err
	}
	return &Program{c}, nil
}

// Done is closed when the program has ended; Err then says how.
func (p *Program) Done() <-chan struct{} { return p.child.done }

// Err is the last that a program said before it ended by itself.
func (p *Program) Err() error { return p.child.died() }

// Said is the last that it said so far.
func (p *Program) Said() string { return p.child.tail.String() }

// Signal sends it a signal, such as those by which tests kill and pause it.
func (p *Program) Signal(s syscall.Signal) error { return p.child.cmd.Process.Signal(s) }

// Stop ends it.
func (p *Program) Stop() { p.child.stop(syscall.SIGTERM, 5*time.Second) }
