package faulty

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// Gate is where connections come in. It listens at a port of its own, which stays the same however
// often it is shut.
type Gate struct {
	Address string // host:port

	mu      sync.Mutex
	changed chan struct{} // closed when the gate is shut or opened
	held    bool
	shut    bool
	inside  net.Listener
	open    map[*net.TCPConn]bool
	arrived chan net.Conn
	ended   chan struct{}
	counted *atomic.Int64
}

func newGate(counted *atomic.Int64) (*Gate, error) {
	g := &Gate{changed: make(chan struct{}), open: map[*net.TCPConn]bool{}, arrived: make(chan net.Conn), ended: make(chan struct{}), counted: counted}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g.Address = l.Addr().String()
	g.listen(l)
	return g, nil
}

func (g *Gate) listen(l net.Listener) {
	g.inside = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case g.arrived <- c:
			case <-g.ended:
				c.Close()
				return
			}
		}
	}()
}

// Refuse resets every connection and lets nobody in any more: the server is down.
func (g *Gate) Refuse() {
	g.mu.Lock()
	if !g.shut {
		g.shut = true
		g.inside.Close()
	}
	g.mu.Unlock()
	g.Reset()
}

// Hold takes connections and calls and answers none, old or new: the network swallows all.
func (g *Gate) Hold() { g.set(true) }

// Pass lets everybody in, and what was held go on.
func (g *Gate) Pass() error {
	g.set(false)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		return nil
	}
	l, err := net.Listen("tcp", g.Address)
	if err != nil {
		return err
	}
	g.shut = false
	g.listen(l)
	return nil
}

// Reset ends every connection with RST, as a server does that was restarted.
func (g *Gate) Reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.open {
		abort(c)
		g.counted.Add(1)
	}
	clear(g.open)
}

func (g *Gate) set(held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if held != g.held {
		g.held = held
		close(g.changed)
		g.changed = make(chan struct{})
	}
}

// wait returns at once where the gate passes, and otherwise when it does again; false when it ended.
func (g *Gate) wait(gone <-chan struct{}) bool {
	for first := true; ; first = false {
		g.mu.Lock()
		held, changed := g.held, g.changed
		g.mu.Unlock()
		if !held {
			return true
		}
		if first {
			g.counted.Add(1)
		}
		select {
		case <-changed:
		case <-gone:
			return false
		case <-g.ended:
			return false
		}
	}
}

// Accept implements net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	select {
	case <-g.ended:
		return nil, net.ErrClosed
	case c := <-g.arrived:
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return nil, errors.New("faulty: no TCP connection")
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open[tcp] = true
		return &passing{TCPConn: tcp, gate: g}, nil
	}
}

// Close implements net.Listener: the gate is gone for good.
func (g *Gate) Close() error {
	g.Refuse()
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.ended:
	default:
		close(g.ended)
	}
	return nil
}

// Addr implements net.Listener.
func (g *Gate) Addr() net.Addr { return g.inside.Addr() }

// passing is a connection that is through the gate.
type passing struct {
	*net.TCPConn
	gate *Gate
}

// Close implements net.Conn.
func (c *passing) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.open, c.TCPConn)
	c.gate.mu.Unlock()
	return c.TCPConn.Close()
}

// abort ends a connection with RST. That it is closed already is as good.
func abort(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
