//go:build bench

package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/policies"
	"countersign/provisioning"
	"countersign/provisioning/keycloak"

	"golang.org/x/oauth2/clientcredentials"
)

// How much is measured: short enough for one run of minutes, with each count in the
// table beside its figure.
const (
	benchRounds   = 3  // of product and bare loop in turn
	benchPace     = 60 // people in each
	benchPeople   = 30 // whose writes are counted, and in each wave of an import
	benchDecided  = 30 // approvals whose way is timed, one by one
	benchSessions = 6  // people with a session at the portal and at an application
	benchRevoked  = 8  // revocations at rest, and as many during an import
)

// TestBench is `make bench`'s half of the product: each figure beside that of a bare loop
// of the same calls, in turn with it on the same server. It fails for what did not work;
// what works and misses its aim is printed as a miss.
func TestBench(t *testing.T) {
	port, err := freePort()
	must(t, err)
	s, err := layStack(func(c *broker.Config) { c.OpsListen = fmt.Sprintf("127.0.0.1:%d", port) })
	must(t, err)
	b := &bench{stack: s, t: t}
	b.begin()
	defer func() { b.halt(); b.stop() }()
	b.prepare()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer table.Flush() //nolint:errcheck // to a terminal; what was measured shows, whatever fails later
	b.row = func(cells ...any) {
		t.Log(cells...) // as it comes; the table is at the end
		fmt.Fprintf(table, strings.Repeat("%v\t", len(cells))+"\n", cells...)
	}
	b.row("\nMEASURED", "N", "PRODUCT", "BARE", "RATIO OR LIMIT", "AIM", "")
	t.Log("writes")
	b.writes()
	t.Log("paces")
	b.paces()
	t.Log("approvals")
	b.approvals()
	t.Log("deactivations")
	b.deactivations()
	t.Log("revocations")
	b.revocations()
	fmt.Fprintln(table)
	fmt.Fprintln(table, "RATIO is of medians; in brackets the least and the greatest. One replica has four lanes for accounts.")
}

type bench struct {
	*stack
	t        *testing.T
	m        maple
	code     string
	batch    registry.Batch
	known    []member // approved, and in the realm; one signature is missing
	realm    []member // in the bare loop's realm
	other    *stack   // its realm, on the same server: what the product does not know would be drift in its own
	made     atomic.Int64
	groups   []string // ids of the two leaves of a pharmacist
	tokens   [2]func() string
	client   *http.Client
	row      func(cells ...any)
	writer   *keycloak.Directory
	received []member // members, to be revoked
	halt     func()   // stops serving
}

type member struct{ account, sub, name string }

func (b *bench) prepare() {
	t := b.t
	b.m = b.maple(t)
	b.code = b.stack.code(t, b.m.site)
	b.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var err error
	b.other, err = layStack()
	must(t, err)
	t.Cleanup(b.other.stop)
	c := b.other.config
	for i, account := range [][2]string{{c.WriterID, string(c.WriterSecret)}, {c.ReaderID, string(c.ReaderSecret)}} {
		cc := clientcredentials.Config{ClientID: account[0], ClientSecret: account[1], TokenURL: c.Issuer() + "/protocol/openid-connect/token"}
		source := cc.TokenSource(context.Background())
		b.tokens[i] = func() string {
			token, err := source.Token()
			must(t, err)
			return token.AccessToken
		}
	}
	b.writer = keycloak.New(keycloak.Config{URL: c.Keycloak, Realm: c.Realm, Root: c.Root, PortalClientID: c.PortalID,
		WriterID: c.WriterID, WriterSecret: string(c.WriterSecret), ReaderID: c.ReaderID, ReaderSecret: string(c.ReaderSecret)})
	leaves, err := b.writer.EnsureSite(t.Context(), provisioning.Site{Program: walk.Program, Code: "bench", Name: "Bench", Leaves: []provisioning.Leaf{{Code: "pharmacist"}, {Code: "viewer", Entitlement: true}}})
	must(t, err)
	b.groups = []string{leaves["pharmacist"], leaves["viewer"]}
	eventually(t, "the site has its groups", func() bool { return b.count(t, `site where wanted_rev > applied_rev and opened_at is not null`) == 0 })
	b.batch, err = b.registry.DecideBatch(t.Context(), registry.NewBatch{Program: walk.Program, Approver: b.m.desk.First.UserName, Reference: "bench", Licences: true, Digest: "bench", Rows: 1})
	must(t, err)
	b.known = b.imported(4*benchRounds*benchPace + 3*benchPeople + benchDecided)
	b.realm = b.bareRealm(4*benchRounds*benchPace + benchDecided)
}

// take gives people of whom nothing was measured yet.
func take(from *[]member, n int) []member {
	out := (*from)[:n]
	*from = (*from)[n:]
	return out
}

// imported are people of whom the record has an approval and all signatures but one, and
// whom the product has made in the realm: at its own pace it would take too long.
func (b *bench) imported(n int) []member {
	out := make([]member, n)
	b.halt()
	for i := range out {
		out[i].name = fmt.Sprintf("bench%d", b.made.Add(1))
		b.imports(policies.Person{UserName: out[i].name, GivenName: "Ben", Surname: out[i].name, Email: out[i].name + "@bench.example", Language: "en"})
		b.query(b.t, &out[i].account, `update account set retry_at = '-infinity' where user_name = $1 returning id`, out[i].name)
		b.signs(out[i], "access-agreement")
	}
	b.begin()
	b.settled()
	return out
}

func (b *bench) bareRealm(n int) []member {
	out := make([]member, n)
	b.parallel(4, n, func(i int) {
		name := fmt.Sprintf("bare%d", b.made.Add(1))
		sub, err := b.writer.CreatePerson(b.t.Context(), provisioning.NewPerson{Account: registry.NewID(), UserName: name, GivenName: "Ben", Surname: name, Email: name + "@bench.example", Locale: "en"})
		must(b.t, err)
		out[i] = member{sub: sub, name: name}
	})
	return out
}

// imports approves somebody in advance as a pharmacist.
func (b *bench) imports(p policies.Person) {
	_, err := b.registry.Import(b.t.Context(), b.batch, registry.ImportRow{Site: b.code, Role: "pharmacist", Person: p,
		Answers: registry.Answers{"body": {"cpbc"}, "number": {"RX " + p.UserName}, "expires": {inAYear()}}})
	must(b.t, err)
}

func (b *bench) signs(p member, text string) {
	d, err := b.registry.Displayed(b.t.Context(), p.account, walk.Program, text, "en")
	must(b.t, err)
	must(b.t, b.registry.Attest(b.t.Context(), b.act(p.account), walk.Program, text, d.ID, ""))
}

func (b *bench) act(account string) registry.By {
	now, err := b.registry.Now(b.t.Context())
	must(b.t, err)
	return registry.By{Account: account, Op: registry.NewID(), AuthTime: now, ACR: policies.TwoFactor.String()}
}

// grants makes somebody a member: the signature is the last that was missing.
func (b *bench) grants(p member) { b.signs(p, "direct-care-only") }

// bare does by itself what the product does for a new member: look, join, join, look.
func (b *bench) bare(p member) {
	look := func() int {
		var groups []struct{ ID string }
		must(b.t, json.Unmarshal(b.call(1, http.MethodGet, "/users/"+p.sub+"/groups?first=0&max=500"), &groups))
		return len(groups)
	}
	before := look()
	for _, g := range b.groups {
		b.call(0, http.MethodPut, "/users/"+p.sub+"/groups/"+g)
	}
	if look() != before+len(b.groups) {
		b.t.Errorf("%s is not in the groups", p.name)
	}
}

func (b *bench) call(as int, method, path string) []byte {
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.config.Keycloak+"/admin/realms/"+b.other.config.Realm+path, bytes.NewReader(nil))
	must(b.t, err)
	r.Header.Set("Authorization", "Bearer "+b.tokens[as]())
	resp, err := b.client.Do(r)
	must(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(b.t, err)
	if resp.StatusCode >= 300 {
		b.t.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return body
}

func (b *bench) parallel(workers, n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// settled waits until the realm has all that is wanted.
func (b *bench) settled() {
	for end := time.Now().Add(5 * time.Minute); b.count(b.t, `account where wanted_rev > applied_rev and state <> 'refused'`) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("the realm does not follow: %s", b.logs)
		}
	}
}

// calls are the calls that left the product so far, by kind, as its own transport
// recorded them.
func (b *bench) calls() map[string]int {
	_, body := probe(b.t, b.config.OpsListen, "/metrics")
	out := map[string]int{}
	for line := range strings.Lines(body) {
		rest, ours := strings.CutPrefix(line, `countersign_keycloak_calls_total{call="`)
		if !ours {
			continue
		}
		var n float64
		kind, rest, _ := strings.Cut(rest, `"`)
		_, number, _ := strings.Cut(rest, "} ")
		_, err := fmt.Sscan(number, &n)
		must(b.t, err)
		out[kind] += int(n)
	}
	return out
}

// writes counts what each new member costs.
func (b *bench) writes() {
	people := take(&b.known, benchPeople)
	before := b.calls()
	for _, p := range people {
		b.grants(p)
	}
	b.settled()
	joins, others, reads := 0, []string{}, 0
	for kind, n := range b.calls() {
		switch n -= before[kind]; {
		case n == 0 || kind == "POST token":
		case kind == "PUT users/*/groups/*":
			joins += n
		case strings.HasPrefix(kind, "GET "):
			reads += n
		default:
			others = append(others, fmt.Sprintf("%d %s", n, kind))
		}
	}
	n := len(people)
	exact := joins == n*len(b.groups) && len(others) == 0
	b.row("writes per new member of two leaves", n, fmt.Sprintf("%.2f", float64(joins)/float64(n)), len(b.groups), strings.Join(others, ", "), "one per leaf, no other", hit(exact))
	b.row("reads per new member (with those of compares)", n, fmt.Sprintf("%.2f", float64(reads)/float64(n)), 2, "", "counted", "")
	b.received = append(b.received, people...)
}

// deactivations time the way from the commit of an end to the first refusal: at the
// portal, to a page that the person could open; at an application, by its session.
func (b *bench) deactivations() {
	var names []string
	for i := range benchSessions {
		names = append(names, fmt.Sprintf("Dee Number%d", i))
	}
	people := b.stack.people(b.t, names...)
	app := b.app(b.t)
	var portal, relying []float64
	open := "/sites/" + b.m.site + "/members/" + b.join(b.t, b.m.mona, b.m.site, "administrator") + "/end"
	for _, p := range people {
		join := b.administrates(p)
		page := get(b.t, p, open)
		if page.URL.Path != open || page.Status != http.StatusOK {
			b.t.Fatalf("%s: %s", page.URL, page.Text())
		}
		useApp(b.t, p, app)
		refused := [2]chan time.Time{b.refuses(p, page.URL.String()), b.refuses(p, app+"/api/me")}
		time.Sleep(50 * time.Millisecond)
		must(b.t, b.registry.Deactivate(b.t.Context(), b.act(b.account(b.t, b.m.desk.First)), join, "", []string{"left"}, ""))
		committed := time.Now()
		portal = append(portal, max(0, (<-refused[0]).Sub(committed).Seconds()*1000))
		relying = append(relying, max(0, (<-refused[1]).Sub(committed).Seconds()*1000))
	}
	for _, c := range []struct {
		what  string
		times []float64
		limit float64
	}{{"deactivation to refusal at the portal", portal, 50}, {"deactivation to refusal at an application", relying, 1000}} {
		b.row(c.what, len(c.times), spread(c.times, " ms"), "", fmt.Sprintf("p99 %.1f ms", quantile(c.times, 0.99)), fmt.Sprintf("p99 %.0f ms", c.limit), hit(quantile(c.times, 0.99) <= c.limit))
	}
}

// administrates makes somebody a member and an administrator of the site, and gives the
// latter's membership.
func (b *bench) administrates(p *walk.Person) (join string) {
	account := b.account(b.t, p)
	b.imports(policies.Person{UserName: p.UserName, GivenName: p.Given, Surname: p.Surname, Email: p.Email, Language: "en"})
	must(b.t, b.registry.NameAdministrator(b.t.Context(), b.act(b.account(b.t, b.m.mona)), b.m.site, account))
	request := b.open(b.t, p, b.m.site, "administrator")
	must(b.t, b.registry.Review(b.t.Context(), b.act(b.account(b.t, b.m.desk.Second)), registry.NewReview{Request: request, Version: b.number(b.t, request), Need: register, Verdict: policies.Approved}))
	b.settled()
	return b.join(b.t, p, b.m.site, "administrator")
}

// refuses asks again and again, as the person's browser, and tells when the answer was no
// for the first time.
func (b *bench) refuses(p *walk.Person, address string) chan time.Time {
	told := make(chan time.Time, 1)
	client := &http.Client{Jar: p.Client.Jar, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	go func() {
		for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
			r, err := http.NewRequest(http.MethodGet, address, nil)
			if err == nil {
				r.Header.Set("X-Forwarded-For", p.From)
				var resp *http.Response
				if resp, err = client.Do(r); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				if err == nil && resp.StatusCode != http.StatusOK {
					told <- time.Now()
					return
				}
			}
			if err != nil || time.Now().After(end) {
				b.t.Errorf("%s is not refused: %v", address, err)
				told <- time.Now()
				return
			}
		}
	}()
	return told
}

// revocations time how long an end waits until its first call goes out: at rest, and while
// an import keeps every lane busy. It waits for none that was not already in flight: so
// for no longer than at rest and the longest call together.
func (b *bench) revocations() {
	rest := b.revoke(nil)
	coming := take(&b.known, 2*benchPeople)
	done := make(chan struct{})
	busy := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(done)
		for i, p := range coming {
			if i == 20 {
				close(busy)
			}
			b.grants(p)
		}
	}()
	<-busy
	during := b.revoke(func() bool {
		return b.count(b.t, `account where wanted_rev > applied_rev and urgent_rev <= applied_rev`) > 0
	})
	<-done
	b.settled()
	var longest, usual float64
	b.query(b.t, &longest, `select coalesce(max(extract(epoch from done_at - sent_at)), 0)::float8 * 1000 from step where kind = 'join' and sent_at > clock_timestamp() - $1 * interval '1 second'`, time.Since(began).Seconds())
	b.query(b.t, &usual, `select coalesce(percentile_cont(0.5) within group (order by extract(epoch from done_at - sent_at)), 0)::float8 * 1000 from step where kind = 'join' and sent_at > clock_timestamp() - $1 * interval '1 second'`, time.Since(began).Seconds())
	limit := quantile(rest.wait, 0.99) + longest
	b.row("revocation to its first call, at rest", len(rest.wait), spread(rest.wait, " ms"), "", fmt.Sprintf("p99 %.1f ms", quantile(rest.wait, 0.99)), "", "")
	b.row("the same during an import of "+fmt.Sprint(len(coming)), len(during.wait), spread(during.wait, " ms"), "", fmt.Sprintf("p99 %.1f ms", quantile(during.wait, 0.99)),
		fmt.Sprintf("%.1f ms: rest and the longest call in flight", limit), hit(quantile(during.wait, 0.99) <= limit))
	b.row("  calls of the import meanwhile", "", fmt.Sprintf("usual %.1f ms", usual), "", fmt.Sprintf("longest %.1f ms", longest), "", "")
	b.row("revocation to out of the groups, at rest", len(rest.out), spread(rest.out, " ms"), "", "", "", "")
	b.row("the same during the import", len(during.out), spread(during.out, " ms"), "", "", fmt.Sprintf("%d of %d while lanes were busy", during.busy, len(during.out)), "")
}

type revoked struct {
	wait, out []float64
	busy      int
}

func (b *bench) revoke(busy func() bool) (out revoked) {
	people := b.received[:benchRevoked]
	b.received = b.received[benchRevoked:]
	by := b.account(b.t, b.m.desk.First)
	for _, p := range people {
		var join string
		b.query(b.t, &join, `select id from fact_join where account_id = $1 and ended_at is null`, p.account)
		if busy != nil && busy() {
			out.busy++
		}
		must(b.t, b.registry.Deactivate(b.t.Context(), b.act(by), join, "", []string{"left"}, ""))
		var committed time.Time
		b.query(b.t, &committed, `select clock_timestamp()`)
		for b.count(b.t, `account where id = $1 and urgent_rev > applied_rev`, p.account) > 0 {
			time.Sleep(2 * time.Millisecond)
		}
		var wait, gone float64
		const since = `select greatest(0, extract(epoch from %s - $2))::float8 * 1000 from step where target = $1 and kind = 'leave' and done_at is not null and sent_at > $2 - interval '1 second'`
		b.query(b.t, &wait, fmt.Sprintf(since, `min(sent_at)`), p.account, committed)
		b.query(b.t, &gone, fmt.Sprintf(since, `max(done_at)`), p.account, committed)
		out.wait, out.out = append(out.wait, wait), append(out.out, gone)
	}
	return out
}

func ms(since time.Time) float64 { return time.Since(since).Seconds() * 1000 }

func hit(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is the least value that so many of them do not exceed.
func quantile(v []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))]
}

func spread(v []float64, unit string) string {
	format := "%.1f"
	if slices.Max(v) < 10 && unit == "" {
		format = "%.2f"
	}
	return fmt.Sprintf(format+"%s ("+format+"–"+format+")", median(v), unit, slices.Min(v), slices.Max(v))
}
