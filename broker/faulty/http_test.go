package faulty

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// ask calls a proxy as a client with no patience does.
func ask(p *HTTP, method, path string) (status int, body string, err error) {
	req, err := http.NewRequest(method, p.URL+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := (&http.Client{Timeout: 300 * time.Millisecond}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// Every fault is what it says, and after it the server answers as before.
func TestHTTP(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		fmt.Fprint(w, `[1,2,{"a":[3]},4]`)
	}))
	t.Cleanup(server.Close)
	p, err := NewHTTP(server.URL)
	must(t, err)
	t.Cleanup(p.Close)
	const path = "/admin/realms/r/users/0197a5ff-0000-7000-8000-000000000000/groups/0197a5ff-0000-7000-8000-000000000001"
	var order []string
	late := errors.New("late")
	for _, test := range []struct {
		name    string
		rule    Rule
		reached int64 // how often the server hears of it
		status  int
		body    string
		err     error
	}{
		{"none", nil, 1, 200, `[1,2,{"a":[3]},4]`, nil},
		{"status", Always(Unavailable(429)), 0, 429, "", nil},
		{"lost", Always(Fault{Lose: true}), 1, 0, "", syscall.ECONNRESET},
		{"dropped", Always(Fault{Drop: true}), 0, 0, "", syscall.ECONNRESET},
		{"empty", Always(Fault{Body: Empty}), 1, 200, `[]`, nil},
		{"half", Always(Fault{Body: Half}), 1, 200, `[1,2]`, nil},
		{"late", Always(Fault{Delay: time.Second}), 0, 0, "", late},
		{"slow", Always(Fault{BytesPerSecond: 10}), 1, 200, "", late},
		{"hooks", Always(Fault{Before: func() { order = append(order, fmt.Sprint("before ", reached.Load())) },
			After: func() { order = append(order, fmt.Sprint("after ", reached.Load())) }}), 1, 200, `[1,2,{"a":[3]},4]`, nil},
		{"others only", Calls(Always(Fault{Answer: 500}), "DELETE users"), 1, 200, `[1,2,{"a":[3]},4]`, nil},
	} {
		p.Set(test.rule)
		before := reached.Load()
		status, body, err := ask(p, http.MethodPut, path)
		if status != test.status || test.body != "" && body != test.body || reached.Load()-before != test.reached {
			t.Errorf("%s: %d %q, the server heard of %d: %v", test.name, status, body, reached.Load()-before, err)
		}
		if (err != nil) != (test.err != nil) || err != nil && test.err != late && !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", test.name, err, test.err)
		}
	}
	if !slices.Equal(order, []string{"before 5", "after 6"}) {
		t.Errorf("the hooks were called as %q", order)
	}
	p.Set(nil)

	p.Refuse()
	if _, _, err := ask(p, http.MethodGet, path); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refused: %v", err)
	}
	must(t, p.Pass())
	p.Hold()
	if _, _, err := ask(p, http.MethodGet, path); err == nil {
		t.Error("held, and there is an answer")
	}
	must(t, p.Pass())
	if status, _, err := ask(p, http.MethodGet, path); status != 200 {
		t.Errorf("open again: %d %v", status, err)
	}
	counts := p.Counts()
	if n := counts.Calls["PUT users/*/groups/*"]; n != 10 || counts.All() < 11 || counts.Faults < 8 {
		t.Errorf("counted %v", counts)
	}
}

// Chance is by seed, First and Nth hit once.
func TestRules(t *testing.T) {
	t.Parallel()
	hits := func(r Rule, n int) (out []int) {
		for i := range n {
			if r(Call{What: "GET users", Path: fmt.Sprint("/", i%3)}).any() {
				out = append(out, i)
			}
		}
		return out
	}
	fault := Fault{Answer: 503}
	a, b := hits(Share(1, 0.2, fault), 1000), hits(Share(1, 0.2, fault), 1000)
	if !slices.Equal(a, b) || len(a) < 150 || len(a) > 250 {
		t.Errorf("of 1000 calls at 0.2: %d and %d", len(a), len(b))
	}
	if got := hits(First(fault), 9); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("first hits %v", got)
	}
	if got := hits(Nth(4, fault), 9); !slices.Equal(got, []int{3}) {
		t.Errorf("the fourth is %v", got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
