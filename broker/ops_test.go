package broker_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/ops"
	"countersign/broker/registry"
)

// withOps gives the platform's port, and the rest of the product as it serves in
// earnest: without the demo's haste at the end.
func withOps(t *testing.T) func(*broker.Config) {
	t.Helper()
	port, err := freePort()
	must(t, err)
	return func(c *broker.Config) { c.OpsListen = fmt.Sprintf("127.0.0.1:%d", port) }
}

// probe asks the platform's port.
func probe(t *testing.T, listen, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + listen + path)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(body)
}

// change changes rows of the record past the product, as its owner.
func (s *stack) change(t *testing.T, statement string) {
	t.Helper()
	var n int
	s.query(t, &n, `with changed as (`+statement+` returning 1) select count(*) from changed`)
}

func wantReady(t *testing.T, listen string, status int, want string, checks ...string) {
	t.Helper()
	code, body := probe(t, listen, "/readyz")
	var r struct {
		Status string
		Checks map[string]string
	}
	must(t, json.Unmarshal([]byte(body), &r))
	if code != status || r.Status != want {
		t.Errorf("/readyz: %d %s", code, body)
	}
	for _, c := range checks {
		if !strings.Contains(body, c) {
			t.Errorf("/readyz does not say %q: %s", c, body)
		}
	}
}

// A product is ready while its database has its schema; without Keycloak it is
// degraded and ready. The public port tells none of it.
func TestReady(t *testing.T) {
	t.Parallel()
	s := start(t, withOps(t))
	if code, body := probe(t, s.config.OpsListen, "/livez"); code != 200 || !strings.Contains(body, `"ok"`) {
		t.Errorf("/livez: %d %s", code, body)
	}
	wantReady(t, s.config.OpsListen, 200, "ok", `"database":"ok"`, `"keycloak":"ok"`)
	for _, path := range []string{"/livez", "/readyz", "/healthz", "/metrics"} {
		resp, err := http.Get(s.config.PublicURL + path)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("the public port answers %s with %s", path, resp.Status)
		}
	}
	s.change(t, `insert into goose_db_version (version_id, is_applied) values (999999, true)`)
	wantReady(t, s.config.OpsListen, 200, "ok") // the next version has migrated, and this one goes on
	s.change(t, `delete from goose_db_version where version_id > 0`)
	wantReady(t, s.config.OpsListen, 503, "unready", "countersign migrate")

	nobody := ops.New(s.registry, "http://127.0.0.1:1/realms/x", "test")
	there := httptest.NewServer(nobody.Handler())
	defer there.Close()
	wantReady(t, strings.TrimPrefix(there.URL, "http://"), 503, "unready", `"state":"starting"`)
	s.change(t, `insert into goose_db_version (version_id, is_applied) values (999999, true)`)
	nobody.Serving()
	wantReady(t, strings.TrimPrefix(there.URL, "http://"), 200, "degraded", "nobody can sign in")
	nobody.Draining()
	wantReady(t, strings.TrimPrefix(there.URL, "http://"), 503, "unready", `"state":"draining"`)
}

// Metrics count by route pattern, status class and outcome, and name nobody.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, withOps(t))
	p := s.person(t, "Canaria", "Kanarienvogel")
	_, err := p.Get("/access")
	must(t, err)
	_, err = p.Get("/requests/0192f3a4-0000-7000-8000-00000000cafe/")
	must(t, err)
	_, err = p.Get("/no/such/canary-page?token=canary-secret")
	must(t, err)
	resp, err := http.Get(s.config.PublicURL + "/callback?state=canary-state")
	must(t, err)
	resp.Body.Close()
	_, body := probe(t, s.config.OpsListen, "/metrics")
	for _, want := range []string{`countersign_http_requests_total{route="GET /access",status="2xx"}`, `countersign_http_requests_total{route="none",status="4xx"}`,
		`countersign_http_requests_total{route="GET /requests/{request}",status="4xx"}`, `countersign_http_request_seconds_count{route="GET /access"}`,
		`countersign_sign_ins_total{outcome="signed-in"} 1`, `countersign_sign_ins_total{outcome="stale"} 1`, `countersign_waiting{kind="mail"} 0`,
		`countersign_waiting_oldest_seconds{kind="urgent"} 0`, `countersign_keycloak_calls_total{call="POST token",outcome="2xx"}`,
		`countersign_keycloak_call_seconds_count{call="POST users"}`, "countersign_keycloak_silent_seconds 0", "countersign_mail_refused 0", `countersign_unconfirmed{kind="ends"} 0`,
		`countersign_unconfirmed_oldest_seconds{kind="events"} 0`, `countersign_brakes_held{kind="drift"} 0`, `countersign_database_connections{state="most"} 20`,
		"countersign_database_up 1", "go_goroutines", `countersign_build_info{version="test"} 1`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, regexp.MustCompile(`(?m)^(#|go_|process_).*\n`).ReplaceAllString(body, ""))
		}
	}
	for _, canary := range []string{p.UserName, p.Email, s.name, s.account(t, p), "anaria", "canary", "Kanarienvogel", "cafe", "@"} {
		if strings.Contains(body, canary) {
			t.Errorf("the metrics name %s", canary)
		}
	}
}

// Work that waits shows, with its age, until it is done.
func TestMetricsOfBacklog(t *testing.T) {
	t.Parallel()
	s := start(t, withOps(t), func(c *broker.Config) { c.SMTPPort = 1 }) // no mail server there
	must(t, s.registry.Bootstrap(t.Context(), registry.CommandLine(), "first@"+s.name+".example"))
	eventually(t, "the mail waits", func() bool {
		_, body := probe(t, s.config.OpsListen, "/metrics")
		return strings.Contains(body, `countersign_waiting{kind="mail"} 1`)
	})
}

// The end cuts nobody: /readyz says so first, requests under way are answered in
// full, and only then is the product gone. Forty bodies that come slowly are under
// way, and people who come again meanwhile are told to come by another connection.
func TestDrain(t *testing.T) {
	t.Parallel()
	s, err := newStack(withOps(t), func(c *broker.Config) { c.Demo = false })
	must(t, err)
	address := strings.TrimPrefix(s.config.PublicURL, "http://")
	const many = 40
	body := "logout_token=" + strings.Repeat("x", 200)
	var conns []net.Conn
	for range many {
		c, err := net.Dial("tcp", address)
		must(t, err)
		defer c.Close()
		_, err = fmt.Fprintf(c, "POST /back-channel-logout HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			address, len(body), body[:20])
		must(t, err)
		conns = append(conns, c)
	}
	resting := &http.Client{Transport: &http.Transport{}}
	get := func() *http.Response {
		resp, err := resting.Get(s.config.PublicURL + "/")
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
		resp.Body.Close()
		return resp
	}
	if get().Close {
		t.Error("connections do not stay open")
	}
	ended := make(chan struct{})
	begun := time.Now()
	go func() { s.stop(); close(ended) }()
	eventually(t, "/readyz says that it drains", func() bool {
		resp, err := http.Get("http://" + s.config.OpsListen + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	if resp := get(); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("while draining: %s, closing: %t", resp.Status, resp.Close)
	}
	time.Sleep(6*time.Second - time.Since(begun)) // beyond the delay: the listener is closed
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("new connections are still taken")
	}
	var answers sync.WaitGroup
	for _, c := range conns {
		answers.Go(func() {
			if _, err := io.WriteString(c, body[20:]); err != nil {
				t.Errorf("cut: %v", err)
				return
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Errorf("cut: %v", err)
				return
			}
			if _, err := httputil.DumpResponse(resp, true); err != nil || resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %v", resp.Status, err)
			}
		})
	}
	answers.Wait()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it has not ended")
	}
	if _, err := http.Get("http://" + s.config.OpsListen + "/livez"); err == nil {
		t.Error("the platform's port outlives the product")
	}
}
