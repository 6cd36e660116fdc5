package faulty

import (
	"io"
	"net"
)

// TCP stands before any other server, such as one that takes mail: whole connections fail.
type TCP struct {
	*Gate
	rules
	target string
}

// NewTCP begins to stand before the server at host:port.
func NewTCP(target string) (*TCP, error) {
	p := &TCP{target: target}
	var err error
	if p.Gate, err = newGate(&p.faults); err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			go p.relay(c.(*passing))
		}
	}()
	return p, nil
}

// Close ends the proxy.
func (p *TCP) Close() { _ = p.Gate.Close() }

func (p *TCP) relay(c *passing) {
	defer c.Close()
	up, err := net.Dial("tcp", p.target)
	if err != nil || !p.wait(nil) {
		abort(c.TCPConn)
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, c.TCPConn) // whoever hangs up ends both directions
		_ = up.Close()
	}()
	_, _ = io.Copy(c.TCPConn, up)
}
