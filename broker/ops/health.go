package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"countersign/broker/registry"
)

// Product is one running product, as ops sees it. Its state is new, then serving,
// then draining.
type Product struct {
	reg     *registry.Registry
	issuer  string
	client  *http.Client
	state   atomic.Int32
	metrics *metrics

	mu     sync.Mutex // over asking Keycloak
	asked  time.Time
	silent atomic.Pointer[time.Time] // since when it has not answered; nil: it does
	calls  answers
}

// The states, in their order.
const (
	starting = iota
	serving
	draining
)

// askEvery is how old an answer of Keycloak may be: probes come from many sides.
const askEvery = 10 * time.Second

// patience is for one check: a probe waits no longer.
const patience = 2 * time.Second

// New watches a product over this record, whose issuer is Keycloak's realm.
func New(reg *registry.Registry, issuer, version string) *Product {
	p := &Product{reg: reg, issuer: issuer, client: &http.Client{}, calls: answers{n: map[string]float64{}}}
	p.metrics = newMetrics(p, version)
	return p
}

// Serving says that the start is through.
func (p *Product) Serving() { p.state.Store(serving) }

// Draining says that the end has begun: nobody new may be sent.
func (p *Product) Draining() { p.state.Store(draining) }

// IsDraining says whether the end has begun.
func (p *Product) IsDraining() bool { return p.state.Load() == draining }

// Handler answers the addresses named in the package comment.
func (p *Product) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, report{Status: "ok"}) })
	mux.HandleFunc("GET /readyz", p.ready)
	mux.HandleFunc("GET /healthz", p.ready)
	mux.Handle("GET /metrics", p.metrics.handler())
	return mux
}

// report is what /readyz says: "ok", "degraded" or "unready", and of each part why.
type report struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

func (p *Product) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	checks := map[string]string{"state": p.stage(), "database": p.database(ctx), "keycloak": p.askKeycloak(ctx)}
	switch {
	case checks["state"] != "ok" || checks["database"] != "ok":
		say(w, http.StatusServiceUnavailable, report{"unready", checks})
	case checks["keycloak"] != "ok":
		say(w, http.StatusOK, report{"degraded", checks})
	default:
		say(w, http.StatusOK, report{"ok", checks})
	}
}

func say(w http.ResponseWriter, status int, r report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(r) // a probe that hung up needs no answer
}

func (p *Product) stage() string {
	return [...]string{starting: "starting", serving: "ok", draining: "draining"}[p.state.Load()]
}

// database says "ok" where the schema is this version's or a later one's: the
// next version migrates before this one ends.
func (p *Product) database(ctx context.Context) string {
	have, want, err := p.reg.SchemaVersion(ctx)
	switch {
	case err != nil:
		return "does not answer"
	case have < want:
		return fmt.Sprintf("is at version %d of the schema, not %d: countersign migrate", have, want)
	}
	return "ok"
}

// askKeycloak says whether the realm answers; at most one question in askEvery. Where
// somebody is asking just now, what was answered last stands.
func (p *Product) askKeycloak(ctx context.Context) string {
	if p.mu.TryLock() {
		defer p.mu.Unlock()
		if time.Since(p.asked) > askEvery-time.Second { // a second before the watch's next turn
			p.ask(ctx)
		}
	}
	if p.silent.Load() != nil {
		return "does not answer: nobody can sign in"
	}
	return "ok"
}

func (p *Product) ask(ctx context.Context) {
	answers := false
	if req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(p.issuer, "/")+"/.well-known/openid-configuration", nil); err == nil {
		if resp, err := p.client.Do(req); err == nil {
			_ = resp.Body.Close() // nothing was asked of it
			answers = resp.StatusCode == http.StatusOK
		}
	}
	p.asked = time.Now()
	switch {
	case answers:
		p.silent.Store(nil)
	case p.silent.Load() == nil:
		p.silent.Store(new(p.asked))
	}
}
