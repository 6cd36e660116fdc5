package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// Limits of pushing. An application that hangs holds two of many places, for five
// seconds each, and is then left alone for a while: the others do not feel it (F22).
const (
	pushesAtOnce = 32
	pushesOfOne  = 2
	pushLasts    = 5 * time.Second
	answerSize   = 4 << 10
)

// sessionRevoked is CAEP 1.0's event for what every end of ours is to an application:
// whoever's access ends, wholly or in part, is logged out everywhere, and signs in
// again to what is left. A token-claims-change would say less: it leaves the session.
const sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

// pushes are the events under way, by application.
type pushes struct {
	mu   sync.Mutex
	busy map[string]int
	all  int
	wait sync.WaitGroup
}

// full are the applications that get no more for now; all of them where there are too
// many in all.
func (p *pushes) full() (clients []string, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, client := range slices.Sorted(maps.Keys(p.busy)) {
		if p.busy[client] >= pushesOfOne {
			clients = append(clients, client)
		}
	}
	return clients, p.all >= pushesAtOnce
}

func (p *pushes) begin(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy == nil {
		p.busy = map[string]int{}
	}
	p.busy[client]++
	p.all++
}

func (p *pushes) end(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[client]--; p.busy[client] == 0 {
		delete(p.busy, client)
	}
	p.all--
}

// events takes one signed event and lets it go out beside others. What ends one wakes
// the lane for the next.
func (w *Worker) events(ctx context.Context) (bool, error) {
	busy, all := w.push.full()
	if all {
		return false, nil
	}
	reg := w.way(true).Registry
	p, ok, err := reg.ClaimPush(ctx, busy)
	if err != nil || !ok {
		return false, err
	}
	w.push.begin(p.Client)
	w.push.wait.Go(func() {
		call, done := context.WithTimeout(context.WithoutCancel(ctx), 2*pushLasts)
		defer done()
		err := w.pushOne(call, reg, p)
		w.push.end(p.Client)
		if err != nil {
			w.Log.Warn("event not confirmed", "application", p.Client, "event", p.ID, "err", err)
		}
	})
	return true, nil
}

// pushOne sends an event and notes what the application said (RFC 8935).
func (w *Worker) pushOne(ctx context.Context, reg *registry.Registry, p registry.Push) error {
	if p.Body == nil {
		token, err := reg.SignToken(w.token(p))
		if err != nil {
			return err
		}
		p.Body = []byte(token)
	}
	if err := reg.PushSent(ctx, p); err != nil {
		return err
	}
	a := send(ctx, p)
	if a.taken {
		return reg.PushConfirmed(ctx, p)
	}
	pause := func(tries int, age time.Duration) time.Duration {
		return policies.PushPause(tries, age, a.wait, rand.Float64())
	}
	return errors.Join(errors.New(a.said), reg.PushLater(ctx, p, a.said, a.unreachable, pause))
}

// token is the event as the application reads it: RFC 8417 with the subject of RFC
// 9493 and one event of CAEP 1.0. It says nothing of other programs.
func (w *Worker) token(p registry.Push) map[string]any {
	lost := []string{}
	for _, path := range p.Lost {
		lost = append(lost, w.Root+path)
	}
	return map[string]any{
		"iss": w.Public, "aud": p.Client, "jti": p.ID, "iat": p.IssuedAt.Unix(), "txn": p.Act,
		"sub_id": map[string]string{"format": "iss_sub", "iss": p.Issuer, "sub": p.Sub},
		"events": map[string]any{sessionRevoked: map[string]any{
			"event_timestamp": p.At.Unix(), "initiating_entity": p.By,
			"reason_admin": map[string]string{"en": "Access has ended: " + strings.Join(lost, " "), "es": "El acceso ha terminado: " + strings.Join(lost, " ")},
			"groups_lost":  lost,
		}},
	}
}

// answer is what an application said to an event.
type answer struct {
	taken, unreachable bool
	wait               time.Duration // that it asked for
	said               string
}

// pusher follows no redirect: an event goes where an operator said, or nowhere.
var pusher = &http.Client{
	Timeout:       pushLasts,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     pushTransport(),
}

// pushTransport keeps no connection open: one that went stale would cost a try, and
// ends are seldom.
func pushTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	t.MaxConnsPerHost = 2 * pushesOfOne
	t.MaxResponseHeaderBytes = 16 << 10
	return t
}

func send(ctx context.Context, p registry.Push) answer {
	if !policies.MayPushTo(p.URL) {
		return answer{said: "not sent: the address is not https"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(p.Body))
	if err != nil {
		return answer{said: err.Error()}
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Accept", "application/json")
	resp, err := pusher.Do(req)
	if err != nil {
		return answer{unreachable: true, said: "no answer: " + err.Error()}
	}
	defer resp.Body.Close()
	return judge(resp)
}

// judge reads an answer by RFC 8935, section 2: 202 is taken; 400 says what is wrong
// with this event, and is tried again all the same, for it may be mended there; any
// other says that the application is not there for now.
func judge(resp *http.Response) answer {
	said := resp.Status
	body, _ := io.ReadAll(io.LimitReader(resp.Body, answerSize))
	if resp.StatusCode == http.StatusAccepted {
		return answer{taken: true, said: said}
	}
	var refusal struct{ Err, Description string }
	if json.Unmarshal(body, &refusal) == nil && refusal.Err != "" {
		said = fmt.Sprintf("%s: %.60s: %.200s", said, refusal.Err, refusal.Description)
	}
	a := answer{said: said, unreachable: resp.StatusCode != http.StatusBadRequest}
	after := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err == nil {
		a.wait = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		a.wait = time.Until(at)
	}
	return a
}
