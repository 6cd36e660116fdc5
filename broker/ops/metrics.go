package ops

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what is counted as it happens, and what is asked of the record at
// each scrape.
type metrics struct {
	all      *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	signIns  *prometheus.CounterVec
	calls    *prometheus.CounterVec
	callTook *prometheus.HistogramVec
}

func newMetrics(p *Product, version string) *metrics {
	m := &metrics{
		all: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "countersign_http_requests_total",
			Help: "Requests answered, by the pattern of the route and the class of the status."}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "countersign_http_request_seconds",
			Help: "How long answering took, by the pattern of the route.", Buckets: []float64{.005, .025, .1, .25, 1, 2.5, 10}}, []string{"route"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "countersign_sign_ins_total",
			Help: "Sign-ins that came back from Keycloak, by outcome: signed-in, refused, stale, unavailable, failed."}, []string{"outcome"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "countersign_keycloak_calls_total",
			Help: "Calls to Keycloak, by kind of call and outcome: the class of the status, failed without an answer, refused by our own list of calls."}, []string{"call", "outcome"}),
		callTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "countersign_keycloak_call_seconds",
			Help: "How long Keycloak took to answer, by kind of call.", Buckets: []float64{.01, .05, .25, 1, 5, 10}}, []string{"call"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "countersign_build_info", Help: "Always 1; the version is a label.",
		ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.all.MustRegister(m.requests, m.took, m.signIns, m.calls, m.callTook, info, &recordCollector{p}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.all, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Served counts an answered request; route is "GET /pattern/{id}".
func (p *Product) Served(route string, status int, took time.Duration) {
	p.metrics.requests.WithLabelValues(route, fmt.Sprintf("%dxx", status/100)).Inc()
	p.metrics.took.WithLabelValues(route).Observe(took.Seconds())
}

// SignIn counts a sign-in by its outcome.
func (p *Product) SignIn(outcome string) { p.metrics.signIns.WithLabelValues(outcome).Inc() }

// recordCollector asks the record at each scrape. Where the database does not
// answer, countersign_database_up is 0 and the rest is not there: a backlog that
// nobody knows is not an empty one.
type recordCollector struct{ p *Product }

var (
	up       = desc("database_up", "Whether the database answered.")
	silence  = desc("keycloak_silent_seconds", "For how long Keycloak has not answered this process; 0 where it answers.")
	waiting  = desc("waiting", "Pieces of work that wait, by kind: accounts and sites that Keycloak does not show as recorded (urgent: something ended), chosen languages that it does not have yet, mail.", "kind")
	oldest   = desc("waiting_oldest_seconds", "How long the oldest due piece of work has waited, by kind.", "kind")
	open     = desc("unconfirmed", "What is not confirmed, by kind: ends of access by Keycloak, signed events by the application.", "kind")
	openFor  = desc("unconfirmed_oldest_seconds", "For how long the oldest of them is not, by kind.", "kind")
	differ   = desc("differences_open", "Differences between Keycloak and the record that are open, by kind; a kind without one is not listed.", "kind")
	held     = desc("brakes_held", "Brakes that wait for two people, by kind.", "kind")
	undone   = desc("mail_refused", "Messages that no mail server took, of those still kept.")
	conns    = desc("database_connections", "Connections to the database, by state.", "state")
	connWait = desc("database_waits_total", "How often a connection had to be waited for.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("countersign_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c *recordCollector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c *recordCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	pool := c.p.reg.Pool()
	gauge(conns, float64(pool.InUse), "in-use")
	gauge(conns, float64(pool.Idle), "idle")
	gauge(conns, float64(pool.MaxOpenConnections), "most")
	out <- prometheus.MustNewConstMetric(connWait, prometheus.CounterValue, float64(pool.WaitCount))
	gauge(silence, c.p.Silent().Seconds())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := c.p.reg.Backlog(ctx)
	if err != nil {
		gauge(up, 0)
		return
	}
	gauge(up, 1)
	for _, w := range b.Waiting {
		gauge(waiting, float64(w.N), w.Kind)
		gauge(oldest, w.Oldest, w.Kind)
	}
	for _, u := range b.Unconfirmed {
		gauge(open, float64(u.N), u.Kind)
		gauge(openFor, u.Oldest, u.Kind)
	}
	for _, d := range b.Differences {
		gauge(differ, float64(d.N), d.Kind)
	}
	for kind, n := range b.Brakes {
		gauge(held, float64(n), kind)
	}
	gauge(undone, float64(b.Refused))
}
