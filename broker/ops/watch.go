package ops

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"countersign/broker/registry"
)

// answers is what Keycloak did with the calls since they were last kept, by outcome.
type answers struct {
	mu sync.Mutex
	n  map[string]float64
}

func (a *answers) add(outcome string, n float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n[outcome] += n
}

func (a *answers) take() map[string]float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := maps.Clone(a.n)
	clear(a.n)
	return taken
}

// Called counts a call to Keycloak: which kind of call, the class of its outcome, and
// how long the answer took.
func (p *Product) Called(kind, outcome string, took time.Duration) {
	p.metrics.calls.WithLabelValues(kind, outcome).Inc()
	p.metrics.callTook.WithLabelValues(kind).Observe(took.Seconds())
	series := "calls.failed"
	switch outcome {
	case "2xx", "3xx":
		series = "calls.answered"
	case "4xx":
		series = "calls.refused"
	}
	p.calls.add(series, 1)
}

// Silent is for how long Keycloak has not answered, as far as this process knows; 0
// where it answers. It asks nobody.
func (p *Product) Silent() time.Duration {
	if since := p.silent.Load(); since != nil {
		return time.Since(*since)
	}
	return 0
}

// Watch asks Keycloak whether it answers, and keeps once a minute how things stand for
// the operators' charts, until ctx ends.
func (p *Product) Watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var kept time.Time
	for ctx.Err() == nil {
		asking, done := context.WithTimeout(ctx, askEvery/2)
		p.askKeycloak(asking)
		done()
		if minute := time.Now().Truncate(time.Minute); minute.After(kept) {
			kept = minute
			p.keep(ctx, log)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	p.keep(context.WithoutCancel(ctx), log) // what was counted since
}

// keep writes this minute's sample. What could not be kept is kept with the next.
func (p *Product) keep(ctx context.Context, log *slog.Logger) {
	ctx, done := context.WithTimeout(ctx, patience)
	defer done()
	counted := p.calls.take()
	if err := p.reg.Sample(ctx, p.measure, counted); err != nil {
		for name, n := range counted {
			p.calls.add(name, n)
		}
		log.Warn("the minute's figures were not kept", "err", err)
	}
}

// measure is how things stand now, by the names of the charts' series.
func (p *Product) measure(ctx context.Context) (map[string]float64, error) {
	b, err := p.reg.Backlog(ctx)
	return figures(b), err
}

func figures(b registry.Backlog) map[string]float64 {
	is := map[string]float64{}
	for _, w := range b.Waiting {
		is["waiting."+w.Kind], is["oldest."+w.Kind] = float64(w.N), w.Oldest
	}
	for _, u := range b.Unconfirmed {
		is["unconfirmed."+u.Kind], is["oldest."+u.Kind] = float64(u.N), u.Oldest
	}
	for _, d := range b.Differences {
		is["differences."+together(d.Kind)] += float64(d.N)
	}
	for _, n := range b.Brakes {
		is["brakes"] += float64(n)
	}
	return is
}

// together puts the kinds of difference that one curve counts under one name: curves of
// a dozen kinds nobody could tell apart.
func together(kind string) string {
	switch about, _, _ := strings.Cut(kind, "-"); about {
	case "person", "forbidden":
		return "people"
	case "group":
		return "groups"
	}
	return kind
}
