package broker

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"countersign/broker/ops"
)

// The end, in its order: /readyz answers 503; nothing is cut for as long as it
// takes a load balancer to see that (noticed); the listener closes, and requests
// under way finish (grace); then the worker puts down what it has in hand. All
// together stay within the 30 seconds that platforms commonly allow.
const (
	noticed = 5 * time.Second
	grace   = 20 * time.Second
)

// drain is what is done between the end's beginning and closing the listener.
type drain struct {
	watch *ops.Product
	delay time.Duration
}

// closing ends each connection with its next answer once the product drains, so
// that whoever comes again comes by a new one, and elsewhere. Connections at rest
// are left alone meanwhile: a request may be on its way.
func (d drain) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.watch.IsDraining() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// drainDelay is 0 where nobody can ask whether the product drains, and in demos.
func (c Config) drainDelay() time.Duration {
	if c.OpsListen == "" || c.Demo {
		return 0
	}
	return noticed
}

// newServer has the limits that keep slow clients from holding what others need.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
}

// serve answers until ctx ends, and then drains.
func serve(ctx context.Context, listen string, h http.Handler, log *slog.Logger, d drain, ready func()) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := newServer(d.closing(h), log)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	d.watch.Serving()
	if ready != nil {
		ready()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	d.watch.Draining()
	log.Info("draining", "for", d.delay)
	select {
	case err := <-failed:
		return err
	case <-time.After(d.delay):
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return server.Shutdown(limit)
}

// serveOps answers the platform's questions, from before the start is through
// until all is put down. No address: nobody asks.
func serveOps(ctx context.Context, listen string, h http.Handler, log *slog.Logger) (closeOps func(), err error) {
	if listen == "" {
		return func() {}, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	server := newServer(h, log)
	go func() { _ = server.Serve(l) }() // it ends when it is closed; a probe that fails says the rest
	return func() { _ = server.Close() }, nil
}
