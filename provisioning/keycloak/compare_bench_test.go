package keycloak_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// BenchmarkCompare is the full compare of a large realm beside a bare paging loop: a
// script that reads as much and compares nothing. Both have one call in flight and take
// turns. The compare is measured as the adapter can do it, with the sentinel before and
// after and without the worker's rests, which are three quarters of what it takes there;
// what is expected lies ready in memory, while the worker asks the record for it. It
// fails when the compare does not tell exactly what was made to differ.
func BenchmarkCompare(b *testing.B) {
	f := newRealm(b)
	began := time.Now()
	l := f.large(b)
	planted := l.plant(b)
	fmt.Printf("\n%d people in %d groups made in %.0f s\n", largePeople, len(l.expected.Groups), time.Since(began).Seconds())
	l.warm(b)
	var product, bare []lap
	compare := func() { product = append(product, l.compare(b, planted)) }
	page := func() { bare = append(bare, l.page(b)) }
	for _, turn := range []func(){compare, page, page, compare} { // a minute each, where the server is slow
		turn()
	}
	report(b, product, bare)
}

// lap is what one reading of the realm took.
type lap struct {
	seconds float64
	people  float64 // of these, for the list of people
	calls   int
	heap    float64 // at most, in MB
	system  float64 // the same of all that was had of the operating system
}

func report(b *testing.B, product, bare []lap) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(cells ...any) { fmt.Fprintf(table, strings.Repeat("%v\t", len(cells))+"\n", cells...) }
	row("\nMEASURED", "N", "PRODUCT", "BARE", "RATIO OR LIMIT", "AIM", "")
	what := fmt.Sprintf("full compare of %d people in %d groups, ", largePeople, largeSites*len(largeLeaves))
	for _, m := range []struct {
		what, format string
		aim          any
		of           func(lap) float64
	}{
		{what + "time", "%.2f s", 1.1, func(l lap) float64 { return l.seconds }},
		{"  of that for the list of people", "%.2f s", "", func(l lap) float64 { return l.people }},
		{what + "calls", "%.0f", 1.1, func(l lap) float64 { return float64(l.calls) }},
	} {
		ratios := make([]float64, len(product))
		for i := range ratios {
			ratios[i] = m.of(product[i]) / m.of(bare[i])
		}
		met := ""
		if aim, told := m.aim.(float64); told {
			met = hit(median(ratios) <= aim)
		}
		row(m.what, len(product), spread(m.format, each(product, m.of)), spread(m.format, each(bare, m.of)), spread("%.3f", ratios), m.aim, met)
	}
	heap := each(product, func(l lap) float64 { return l.heap })
	system := each(product, func(l lap) float64 { return l.system })
	row(what+"greatest heap", len(product), spread("%.0f MB", heap), "", "", "", "")
	row(what+"greatest memory had of the system", len(product), spread("%.0f MB", system), "", fmt.Sprintf("%.0f MB", slices.Max(system)), "256 MB", hit(slices.Max(system) < 256))
	must(b, table.Flush())
}

func each(laps []lap, of func(lap) float64) (v []float64) {
	for _, l := range laps {
		v = append(v, of(l))
	}
	return v
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(v)-1)/2] + sorted[len(v)/2]) / 2
}

func spread(format string, v []float64) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(v), slices.Min(v), slices.Max(v))
}

func hit(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

// compare is the product's turn: as it would start, with no token and no connection.
func (l *large) compare(b *testing.B, planted []provisioning.Difference) lap {
	var calls atomic.Int64
	d := &listed{Directory: l.direct(func(keycloak.Call) { calls.Add(1) })}
	var found []provisioning.Difference
	var seen provisioning.Seen
	var err error
	var took lap
	took.heap, took.system = greatest(func() {
		began := time.Now()
		must(b, d.Sentinel(b.Context()))
		seen, err = provisioning.Compare(b.Context(), d, l.expected, func(some []provisioning.Difference) error {
			found = append(found, some...)
			return nil
		})
		must(b, err)
		must(b, d.Sentinel(b.Context()))
		took.seconds = time.Since(began).Seconds()
	})
	took.people, took.calls = d.people.Seconds(), int(calls.Load())
	slices.SortFunc(found, func(x, y provisioning.Difference) int { return strings.Compare(x.Kind, y.Kind) })
	if !slices.Equal(found, planted) {
		b.Fatalf("the compare tells %v, and what differs is %v", found, planted)
	}
	l.saw(b, "the compare", seen.People, seen.Memberships)
	return took
}

// listed is a directory that says how long it took to list all people.
type listed struct {
	provisioning.Directory
	people time.Duration
}

// People implements provisioning.Directory.
func (l *listed) People(ctx context.Context, each func([]provisioning.Member) error) error {
	began := time.Now()
	defer func() { l.people = time.Since(began) }()
	return l.Directory.People(ctx, each)
}

// saw fails the benchmark when not everything was read: the three planted differences
// are one membership less and two more.
func (l *large) saw(b *testing.B, who string, people, memberships int) {
	b.Helper()
	if people != largePeople || memberships != 2*largePeople+1 {
		b.Fatalf("%s saw %d people and %d memberships", who, people, memberships)
	}
}

// page is the bare loop's turn. It is as good as a script gets: it asks for all groups at
// once, because Keycloak does not page them rightly, for the members of leaves alone, and
// for as many rows a page as the product does.
func (l *large) page(b *testing.B) lap {
	s := l.script(b, l.spec.Realm, "reader", readerSecret)
	debug.FreeOSMemory() // as before the product's turn
	began := time.Now()
	var groups []struct{ ID, Path string }
	must(b, s.send(http.MethodGet, "/groups?search=*&max=-1&populateHierarchy=false&subGroupsCount=false", nil, &groups))
	memberships := 0
	for _, g := range groups {
		if strings.HasPrefix(g.Path, "/access/careconnect/") && strings.Count(g.Path, "/") == 4 {
			n, err := s.people("/groups/" + g.ID + "/members")
			must(b, err)
			memberships += n
		}
	}
	listing := time.Now()
	people, err := s.people("/users")
	must(b, err)
	took := lap{seconds: time.Since(began).Seconds(), people: time.Since(listing).Seconds(), calls: int(s.calls.Load())}
	l.saw(b, "the bare loop", people-1, memberships) // the stranger too
	return took
}

// warm reads a part of it: the server compiles what it runs often.
func (l *large) warm(b *testing.B) {
	s := l.script(b, l.spec.Realm, "reader", readerSecret)
	for _, g := range l.expected.Groups[:len(l.expected.Groups)/10] {
		_, err := s.people("/groups/" + g.ID + "/members")
		must(b, err)
	}
	_, err := s.people("/users")
	must(b, err)
}

// greatest does something and says how much memory this process had meanwhile at most,
// in MB: its heap, and all that it had of the operating system.
func greatest(do func()) (heap, system float64) {
	debug.FreeOSMemory() // what making the realm left behind
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			metrics.Read(samples)
			mb := func(i int) float64 { return float64(samples[i].Value.Uint64()) / (1 << 20) }
			heap, system = max(heap, mb(0)), max(system, mb(1)-mb(2))
			select {
			case <-tick.C:
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	do()
	close(stop)
	<-stopped
	return heap, system
}
