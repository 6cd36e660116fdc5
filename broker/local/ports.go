package local

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// DefaultPortBase is the first port of a demo that was not told another.
const DefaultPortBase = 7400

// Ports of a stack and of what the demo starts beside it. A zero port is one that the system picks.
type Ports struct {
	Portal, Keycloak, Management, Postgres, SMTP, Mail, RelyingApp int
}

// PortsFrom returns the seven ports that begin at base, in the order in which Ports names them.
func PortsFrom(base int) Ports {
	return Ports{base, base + 1, base + 2, base + 3, base + 4, base + 5, base + 6}
}

// claimPort returns port once nothing listens on it, or any free port for 0. A predecessor that was
// killed needs a moment to end, hence the wait.
func claimPort(ctx context.Context, port int) (int, error) {
	for deadline := time.Now().Add(5 * time.Second); ; {
		l, err := net.Listen("tcp", loopback(port))
		if err == nil {
			defer l.Close()
			return l.Addr().(*net.TCPAddr).Port, nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("port %d is in use by another program: %w", port, err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// loopback is the address of a port on 127.0.0.1; nothing of a local stack listens elsewhere.
func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// pause waits for d or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
