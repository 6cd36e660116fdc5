package broker_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"countersign/broker"
	"countersign/broker/faulty"
	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/policies"
	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// ground is what faults are put under: the product as processes of their own that
// are killed and stopped, on a realm and a record that nobody else uses, with a
// proxy of ours before Keycloak, before PostgreSQL and before the mail server. The
// stack in it looks at all three directly.
type ground struct {
	*stack
	t         *testing.T
	kc        *faulty.HTTP
	pg        *faulty.Postgres
	smtp      *faulty.TCP
	directory *keycloak.Directory
	began     time.Time
	through   string // the record's address through the proxy
	env       []string
	mu        sync.Mutex // over what runs at a replica: a proxy kills while the test goes on
	replicas  []*replica
	desk      walk.Registrars
	site      string
	request   string       // by which Paul asked
	paul      *walk.Person // a physician: in two groups
	mona      *walk.Person // the clinic's administrator
	rows      []tableRow
}

// replica is one process of the product.
type replica struct {
	*local.Program
	listen string
}

// tableRow is a line of the table that is shown at the end.
type tableRow struct {
	fault      string
	injected   int
	violations int
	slowest    time.Duration // from the fault's end, or the decision where that came later, to convergence
	writes     int           // to people in Keycloak, while it lasted
	needed     int           // of the same work without a fault; 0: not compared
}

// newGround starts one replica, a clinic with a physician and an administrator,
// and registrars.
func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{t: t, began: time.Now()}
	var err error
	g.kc, err = faulty.NewHTTP(servers.Keycloak)
	must(t, err)
	t.Cleanup(g.kc.Close)
	g.smtp, err = faulty.NewTCP(servers.SMTP)
	must(t, err)
	t.Cleanup(g.smtp.Close)
	g.stack, err = layStack(func(c *broker.Config) {
		c.Keycloak = g.kc.URL
		_, port, _ := strings.Cut(g.smtp.Address, ":")
		_, err := fmt.Sscan(port, &c.SMTPPort)
		must(t, err)
	})
	must(t, err)
	t.Cleanup(g.stop)
	// The realm's issuer is the proxy, for people's browsers and for the product alike.
	direct := *g.stack
	direct.config.Keycloak = servers.Keycloak
	var settings object
	direct.keycloak(t, "", &settings)
	settings["attributes"].(object)["frontendUrl"] = g.kc.URL
	direct.alter(t, "PUT", "", settings)
	g.directory = keycloak.New(keycloak.Config{URL: servers.Keycloak, Realm: g.name, Root: g.config.Root, PortalClientID: g.config.PortalID,
		WriterID: g.config.WriterID, WriterSecret: string(g.config.WriterSecret), ReaderID: g.config.ReaderID, ReaderSecret: string(g.config.ReaderSecret)})
	g.pg, g.through, err = faulty.NewPostgres(string(g.config.Database))
	must(t, err)
	t.Cleanup(g.pg.Close)
	g.env = environment(g.config, g.through)
	g.replicas = []*replica{{listen: g.config.Listen}}
	g.begin(0)
	// From here on the stack looks past the proxy; its people have come through it.
	m := g.maple(t)
	g.desk, g.site, g.paul, g.mona, g.request = m.desk, m.site, m.paul, m.mona, m.paulRequest
	g.stack = &direct
	return g
}

// environment is what a replica is told, besides where it listens.
func environment(c broker.Config, database string) []string {
	return []string{"DATABASE_URL=" + database, "COUNTERSIGN_KEYS=" + c.Keys, "COUNTERSIGN_PUBLIC_URL=" + c.PublicURL,
		"COUNTERSIGN_KEYCLOAK_URL=" + c.Keycloak, "COUNTERSIGN_REALM=" + c.Realm, "COUNTERSIGN_SMTP_HOST=" + c.SMTPHost,
		fmt.Sprintf("COUNTERSIGN_SMTP_PORT=%d", c.SMTPPort), "COUNTERSIGN_SMTP_TLS=none", "COUNTERSIGN_OPS_LISTEN=127.0.0.1:0",
		"COUNTERSIGN_TRUSTED_PROXIES=127.0.0.1/32", "COUNTERSIGN_PORTAL_SECRET=" + string(c.PortalSecret),
		"COUNTERSIGN_WRITER_SECRET=" + string(c.WriterSecret), "COUNTERSIGN_READER_SECRET=" + string(c.ReaderSecret)}
}

// begin starts the nth replica and waits until it serves.
func (g *ground) begin(n int) {
	g.t.Helper()
	file, err := commandLine()
	must(g.t, err)
	g.beginWith(n, file)
}

func (g *ground) beginWith(n int, file string) {
	g.t.Helper()
	r := g.replicas[n]
	p, err := local.StartProgram(file, append(slices.Clone(g.env), "COUNTERSIGN_LISTEN="+r.listen), "serve")
	must(g.t, err)
	g.mu.Lock()
	r.Program = p
	g.mu.Unlock()
	g.t.Cleanup(func() { _ = p.Signal(syscall.SIGCONT); p.Stop() }) // one that is stopped does not hear that it is to end
	eventually(g.t, "a replica serves", func() bool {
		select {
		case <-p.Done():
			g.t.Fatalf("the product ended at its start: %v", p.Err())
		default:
		}
		page, err := walk.New("http://" + r.listen).Get("/")
		return err == nil && page.Status < 500
	})
}

// another starts one more replica, at a port of its own.
func (g *ground) another() (n int) {
	g.t.Helper()
	port, err := freePort()
	must(g.t, err)
	g.replicas = append(g.replicas, &replica{listen: fmt.Sprintf("127.0.0.1:%d", port)})
	g.begin(len(g.replicas) - 1)
	return len(g.replicas) - 1
}

// kill ends a replica as a power failure does, and returns when it is gone.
func (g *ground) kill(n int) {
	g.mu.Lock()
	p := g.replicas[n].Program
	g.mu.Unlock()
	_ = p.Signal(syscall.SIGKILL) // gone already is as good
	<-p.Done()
}

// suspends and lifts are decisions of a registrar about somebody, recorded past the
// proxies: what the portal commits.
func (g *ground) suspends(p *walk.Person) {
	g.t.Helper()
	must(g.t, g.registry.Suspend(g.t.Context(), g.registrar(), walk.Program, g.account(g.t, p), []string{"other"}, ""))
}

func (g *ground) lifts(p *walk.Person) {
	g.t.Helper()
	must(g.t, g.registry.Lift(g.t.Context(), g.registrar(), walk.Program, g.account(g.t, p)))
}

// registrar is who decides, with a second factor.
func (g *ground) registrar() registry.By {
	by := g.as(g.t, g.desk.First)
	by.ACR = policies.TwoFactor.String()
	return by
}

// bound is how long convergence may take after a fault (I6, I12) where many tests share
// the machine: a worker that failed five times waits for half a minute by itself.
const bound = 2 * time.Minute

// converges waits until the record wants nothing more of the realm and the realm
// holds exactly what it wants, asked of Keycloak itself, and says how long it took.
func (g *ground) converges(what string) time.Duration {
	g.t.Helper()
	began := time.Now()
	why := "no look was taken"
	for pause := 20 * time.Millisecond; time.Since(began) < bound; time.Sleep(pause) {
		if why = g.apart(); why == "" {
			return time.Since(began)
		}
		pause = min(pause*5/4, 200*time.Millisecond)
	}
	for _, r := range g.replicas {
		g.t.Log(r.Said())
	}
	g.t.Fatalf("%s: not converged within %s: %s", what, bound, why)
	return 0
}

// apart says what record and realm differ in, empty where they agree.
func (g *ground) apart() string {
	if n := g.count(g.t, `account where wanted_rev > applied_rev and state <> 'refused'`); n > 0 {
		return fmt.Sprintf("%d accounts are behind", n)
	}
	for _, p := range []*walk.Person{g.paul, g.mona} {
		var sub, paths string
		g.query(g.t, &sub, `select sub from account where id = $1`, g.account(g.t, p))
		g.query(g.t, &paths, `select coalesce(string_agg(distinct '/access/' || s.program || '/' || s.code || '/' || g.leaf, ' '), '')
			from access_grant g join site s on s.id = g.site_id
			where g.account_id = $1 and g.ended_at is null and g.until_at > instant()`, g.account(g.t, p))
		held, err := g.directory.Memberships(g.t.Context(), sub)
		if err != nil {
			return err.Error()
		}
		if want := strings.Fields(paths); !same(want, held) {
			return fmt.Sprintf("%s holds %v, want %v", p.UserName, held, want)
		}
	}
	return ""
}

func same(want []string, held []provisioning.Group) bool {
	var have []string
	for _, h := range held {
		have = append(have, h.Path)
	}
	slices.Sort(want)
	slices.Sort(have)
	return slices.Equal(want, have)
}

// cost counts the writes to people in Keycloak since before, each try of each. What is
// read is no measure: the longer a fault lasts the more checks of earlier ends fall due.
func (g *ground) cost(before faulty.Counts) (n int) {
	for what, after := range g.kc.Counts().Calls {
		if method, path, _ := strings.Cut(what, " "); method != http.MethodGet && strings.HasPrefix(path, "users") {
			n += after - before.Calls[what]
		}
	}
	return n
}

// under puts the product under a fault: do brings it about, does some work and ends
// it, and says how often it was injected and the slowest convergence. Then nothing
// may be wrong anywhere.
func (g *ground) under(fault string, needed int, do func() (injected int, slowest time.Duration)) {
	g.t.Helper()
	before := g.kc.Counts()
	injected, slowest := do()
	writes := g.cost(before)
	g.kc.Set(nil)
	g.pg.Set(nil)
	r := tableRow{fault: fault, injected: injected, slowest: slowest, writes: writes, needed: needed}
	for _, v := range g.wrong() {
		r.violations++
		g.t.Errorf("after %s: %s %s", fault, v.Invariant, v.What)
	}
	if injected == 0 {
		g.t.Errorf("%s was never injected", fault)
	}
	g.rows = append(g.rows, r)
}

// wrong is what countersign audit invariants finds.
func (g *ground) wrong() []registry.Violation {
	g.t.Helper()
	found, err := g.registry.Invariants(context.Background())
	must(g.t, err)
	realm, err := broker.FindInvariants(context.Background(), g.registry, g.directory, g.began)
	must(g.t, err)
	return append(found, realm.Violations...)
}

// table is what was seen, a line a fault.
func (g *ground) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tinjected\tviolations\tconverged in s\twrites\tneeded\twrites per needed")
	for _, r := range g.rows {
		needed, share := "", ""
		if r.needed > 0 {
			needed, share = fmt.Sprint(r.needed), fmt.Sprintf("%.2f", float64(r.writes)/float64(r.needed))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%d\t%s\t%s\n", r.fault, r.injected, r.violations, r.slowest.Seconds(), r.writes, needed, share)
	}
	w.Flush()
	return b.String()
}

// show puts the table into the test's log, which make faults shows.
func (g *ground) show() { g.t.Log("\n" + g.table()) }

// once is a function that does something the first time it is called.
func once(f func()) func() {
	var first sync.Once
	return func() { first.Do(f) }
}
