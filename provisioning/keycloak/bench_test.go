package keycloak_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/provisioning"
)

// BenchmarkAdminAPI is the ground that every later ratio rests on: calls per
// second of Keycloak's admin API under the realm's own service accounts, at 1, 4
// and 8 workers, once by a plain HTTP client and once through the adapter (whose
// creation looks the account up first). Run it alone on an idle machine:
//
//	go test -run '^$' -bench AdminAPI -benchtime 400x ./provisioning/keycloak
func BenchmarkAdminAPI(b *testing.B) {
	f := newRealm(b)
	leaf := f.leaf(b)
	writer, reader := token(b, f.spec.Realm, "writer", writerSecret), token(b, f.spec.Realm, "reader", readerSecret)
	plain := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	raw := func(bearer, method, path string, body any) error {
		var sent io.Reader
		if body != nil {
			encoded, err := json.Marshal(body)
			if err != nil {
				return err
			}
			sent = bytes.NewReader(encoded)
		}
		r, err := http.NewRequestWithContext(context.Background(), method, stack.Keycloak+"/admin/realms/"+f.spec.Realm+path, sent)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Set("Content-Type", "application/json")
		resp, err := plain.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode < 300 {
			return err
		}
		return fmt.Errorf("%s %s: %d", method, path, resp.StatusCode)
	}
	var n atomic.Int64
	person := func() provisioning.NewPerson { return someone(fmt.Sprintf("bench-%d", n.Add(1))) }
	var subs []string
	for range 200 {
		sub, err := f.CreatePerson(b.Context(), person())
		must(b, err)
		subs = append(subs, sub)
	}
	any1 := func() string { return subs[int(n.Add(1))%len(subs)] }
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"plain/create", func() error {
			p := person()
			return raw(writer, http.MethodPost, "/users", map[string]any{
				"username": p.UserName, "email": p.Email, "firstName": p.GivenName, "lastName": p.Surname, "enabled": true,
				"attributes": map[string][]string{"countersign_account": {p.Account}},
			})
		}},
		{"plain/join", func() error { return raw(writer, http.MethodPut, "/users/"+any1()+"/groups/"+leaf, nil) }},
		{"plain/read", func() error { return raw(reader, http.MethodGet, "/users/"+any1(), nil) }},
		{"adapter/create", func() error { _, err := f.CreatePerson(context.Background(), person()); return err }},
		{"adapter/join", func() error { return f.Join(context.Background(), any1(), leaf) }},
		{"adapter/read", func() error { _, err := f.Person(context.Background(), any1()); return err }},
	} {
		for range 200 { // the server compiles what it runs often
			must(b, c.call())
		}
		for _, workers := range []int{1, 4, 8} {
			b.Run(fmt.Sprintf("%s/workers=%d", c.name, workers), func(b *testing.B) { inParallel(b, workers, c.call) })
		}
	}
}

func (f *fixture) leaf(t testing.TB) string {
	_, groups := f.member(t, "bench-0", "s1")
	return groups["viewer"]
}

func inParallel(b *testing.B, workers int, call func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
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
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "calls/s")
}
