package faulty

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Call is one exchange with a server.
type Call struct {
	What string // "PUT users/*/groups/*", "POST token"; "commit " and the first write of the transaction
	Path string // of the request, with its ids; empty for a commit
}

// Fault is what happens to a call; the zero value is nothing.
type Fault struct {
	Before         func()              // is called before the server hears of the call
	After          func()              // is called when the server has answered, before the caller hears it
	Delay          time.Duration       // until the server hears of it
	Answer         int                 // HTTP status instead of the server's answer; not for commits
	RetryAfter     string              // its header
	Drop           bool                // the connection is reset, and the server never hears of it
	Lose           bool                // the connection is reset instead of the answer
	Body           func([]byte) []byte // changes the answer; not for commits
	BytesPerSecond int                 // of the answer; 0: at once; not for commits
}

func (f Fault) any() bool {
	return f.Before != nil || f.After != nil || f.Delay > 0 || f.Answer != 0 || f.Drop || f.Lose || f.Body != nil || f.BytesPerSecond > 0
}

// Rule says which fault a call meets. Rules of one proxy are asked one at a time.
type Rule func(Call) Fault

// Calls lets only calls meet the rule whose What begins with one of these.
func Calls(rule Rule, what ...string) Rule {
	return func(c Call) Fault {
		for _, w := range what {
			if strings.HasPrefix(c.What, w) {
				return rule(c)
			}
		}
		return Fault{}
	}
}

// Always is the same fault for every call.
func Always(f Fault) Rule { return func(Call) Fault { return f } }

// Share is a rule that hits about this share of all calls, from 0 to 1, by seed; which of the faults
// is by seed too.
func Share(seed uint64, share float64, faults ...Fault) Rule {
	chance := rand.New(rand.NewPCG(seed, 0))
	return func(Call) Fault {
		if chance.Float64() >= share {
			return Fault{}
		}
		return faults[chance.IntN(len(faults))]
	}
}

// Nth hits the nth call alone, from 1.
func Nth(n int, f Fault) Rule {
	return func(Call) Fault {
		n--
		if n == 0 {
			return f
		}
		return Fault{}
	}
}

// First hits the first call of each kind and path, once: what is tried again goes through.
func First(f Fault) Rule {
	seen := map[Call]bool{}
	return func(c Call) Fault {
		if seen[c] {
			return Fault{}
		}
		seen[c] = true
		return f
	}
}

// Empty is a list without elements; what is no list stays.
func Empty(body []byte) []byte { return cut(body, func(int) int { return 0 }) }

// Half is the first half of a list, in whole elements; what is no list stays.
func Half(body []byte) []byte { return cut(body, func(n int) int { return n / 2 }) }

func cut(body []byte, keep func(n int) int) []byte {
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil || list == nil {
		return body
	}
	out, err := json.Marshal(list[:keep(len(list))])
	if err != nil {
		return body
	}
	return out
}

// Unavailable is what a server says that has too much to do.
func Unavailable(status int) Fault {
	return Fault{Answer: status, RetryAfter: map[int]string{http.StatusTooManyRequests: "1", http.StatusServiceUnavailable: "1"}[status]}
}

// Counts is what passed a proxy so far.
type Counts struct {
	Calls  map[string]int // by What, faults included
	Faults int            // calls that met one, and connections that were refused, reset or held
}

// All is the number of calls.
func (c Counts) All() (n int) {
	for _, one := range c.Calls {
		n += one
	}
	return n
}

// rules is the part that both proxies have in common.
type rules struct {
	mu     sync.Mutex
	rule   Rule
	heard  func(Call)
	calls  map[string]int
	faults atomic.Int64
}

// Set makes a rule the one that holds from now on; nil for none.
func (r *rules) Set(rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rule = rule
}

// Hear tells the test of every call, in the order in which they begin; nil for nobody.
func (r *rules) Hear(heard func(Call)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = heard
}

// Counts gives what passed so far.
func (r *rules) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Counts{Calls: maps.Clone(r.calls), Faults: int(r.faults.Load())}
}

// meets counts a call and says what happens to it.
func (r *rules) meets(c Call) Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = map[string]int{}
	}
	r.calls[c.What]++
	if r.heard != nil {
		r.heard(c)
	}
	if r.rule == nil {
		return Fault{}
	}
	f := r.rule(c)
	if f.any() {
		r.faults.Add(1)
	}
	return f
}
