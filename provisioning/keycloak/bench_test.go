package keycloak_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// BenchmarkAdminAPI is the ground that every later ratio rests on: calls per
// second of Keycloak's admin API under the realm's own service accounts, at 1, 4
// and 8 workers, by a plain HTTP client and through the adapter. The two take turns, so
// that both meet the same machine. It prints a table; run it alone on an idle machine with `make bench`.
func BenchmarkAdminAPI(b *testing.B) {
	f := newRealm(b)
	f.Directory = f.direct(nil)
	leaf := f.leaf(b)
	writer, reader := f.script(b, f.spec.Realm, "writer", writerSecret), f.script(b, f.spec.Realm, "reader", readerSecret)
	var n atomic.Int64
	person := func() provisioning.NewPerson { return someone(fmt.Sprintf("bench-%d", n.Add(1))) }
	var subs []string
	for range 200 {
		sub, err := f.CreatePerson(b.Context(), person())
		must(b, err)
		subs = append(subs, sub)
	}
	any1 := func() string { return subs[int(n.Add(1))%len(subs)] }
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\ncalls/s\tworkers\tplain\tadapter\tratio\t\n")
	for _, c := range []struct {
		name           string
		plain, adapter func() error
	}{
		{"create", func() error {
			p := person()
			return writer.send(http.MethodPost, "/users", map[string]any{
				"username": p.UserName, "email": p.Email, "firstName": p.GivenName, "lastName": p.Surname, "enabled": true,
				"attributes": map[string][]string{"countersign_account": {p.Account}},
			}, nil)
		}, func() error { _, err := f.CreatePerson(context.Background(), person()); return err }},
		{"join", func() error { return writer.send(http.MethodPut, "/users/"+any1()+"/groups/"+leaf, nil, nil) },
			func() error { return f.Join(context.Background(), any1(), leaf) }},
		{"read", func() error { return reader.send(http.MethodGet, "/users/"+any1()+"/groups?first=0&max=500", nil, nil) },
			func() error { _, err := f.Memberships(context.Background(), any1()); return err }},
	} {
		inParallel(b, 4, 200, c.plain) // the server compiles what it runs often
		inParallel(b, 4, 200, c.adapter)
		for _, workers := range []int{1, 4, 8} {
			var plain, adapter time.Duration
			for range rounds {
				plain += inParallel(b, workers, calls, c.plain)
				adapter += inParallel(b, workers, calls, c.adapter)
			}
			perSecond := func(took time.Duration) float64 { return rounds * calls / took.Seconds() }
			fmt.Fprintf(table, "%s\t%d\t%.0f\t%.0f\t%.2f\t\n", c.name, workers, perSecond(plain), perSecond(adapter), plain.Seconds()/adapter.Seconds())
		}
	}
	must(b, table.Flush())
}

// direct is the adapter without the recording proxy before Keycloak.
func (f *fixture) direct(called func(keycloak.Call)) *keycloak.Directory {
	return keycloak.New(keycloak.Config{URL: stack.Keycloak, Realm: f.spec.Realm, PortalClientID: "portal", WriterID: "writer", WriterSecret: writerSecret,
		ReaderID: "reader", ReaderSecret: readerSecret, Timeout: time.Minute, Called: called})
}

// Each figure stands on this many calls.
const rounds, calls = 5, 80

func (f *fixture) leaf(t testing.TB) string {
	_, groups := f.member(t, "bench-0", "s1")
	return groups["viewer"]
}

// inParallel makes so many calls and says how long they took.
func inParallel(b *testing.B, workers, calls int, call func() error) time.Duration {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(calls))
	var wait sync.WaitGroup
	began := time.Now()
	for range workers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	return time.Since(began)
}
