package keycloak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/provisioning"
)

// script answers the admin API with the statuses in turn, the last one for ever,
// and hands out numbered tokens.
type script struct {
	statuses []int
	tokens   int
	bearers  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body := http.StatusOK, fmt.Sprintf(`{"access_token":"t%d","expires_in":300,"token_type":"Bearer"}`, s.tokens+1)
	if strings.HasSuffix(r.URL.Path, "/token") {
		s.tokens++
	} else {
		s.bearers = append(s.bearers, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		code, body = s.statuses[min(len(s.bearers), len(s.statuses))-1], "{}"
	}
	if code == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// A refused token is renewed once; a broken way is tried again only where that is
// harmless; Keycloak's own refusals are not repeated.
func TestRetries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statuses []int
		repeat   bool
		bearers  string
		want     error
	}{
		"fine":                       {[]int{200}, true, "t1", nil},
		"token refused once":         {[]int{401, 200}, false, "t1 t2", nil},
		"token refused for good":     {[]int{401}, true, "t1 t2", provisioning.ErrForbidden},
		"proxy down for a moment":    {[]int{503, 0, 204}, true, "t1 t1 t1", nil},
		"proxy down":                 {[]int{502}, true, "t1 t1 t1", errors.ErrUnsupported},
		"a creation is sent once":    {[]int{0, 201}, false, "t1", errors.ErrUnsupported},
		"Keycloak failed once":       {[]int{500, 200}, true, "t1 t1", nil},
		"a creation failed":          {[]int{500, 201}, false, "t1", errors.ErrUnsupported},
		"too much to do":             {[]int{429, 204}, true, "t1 t1", nil},
		"not there":                  {[]int{404, 200}, true, "t1", provisioning.ErrNotFound},
		"no right":                   {[]int{403, 200}, true, "t1", provisioning.ErrForbidden},
		"token refused, then a blip": {[]int{401, 503, 200}, true, "t1 t2 t2", nil},
	} {
		s := &script{statuses: test.statuses}
		a := newAccount("http://keycloak.test", "r", "r", "id", "secret", s, 0)
		how := a.once
		if test.repeat {
			how = a.repeat
		}
		err := how(t.Context(), "try", func(bearer string) error {
			return a.send(t.Context(), bearer, http.MethodPut, "/users/u/groups/g", nil, nil)
		})
		if got := strings.Join(s.bearers, " "); got != test.bearers {
			t.Errorf("%s: sent with %q, want %q", name, got, test.bearers)
		}
		// ErrUnsupported stands for any failure that has no word of its own.
		if plain := test.want == errors.ErrUnsupported; plain && err == nil || !plain && !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// Who is asked to leave Keycloak alone for a while does so, all calls of an account
// together, and goes on after that.
// proves: F06
func TestCalm(t *testing.T) {
	t.Parallel()
	var first, again time.Time
	a := newAccount("http://keycloak.test", "r", "r", "id", "secret", roundTrip(func(r *http.Request) (*http.Response, error) {
		answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"access_token":"t","expires_in":300}`))}
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
		case first.IsZero():
			first = time.Now()
			answer.StatusCode = http.StatusServiceUnavailable
			answer.Header.Set("Retry-After", "1")
		default:
			again = time.Now()
		}
		return answer, nil
	}), 0)
	if err := a.repeat(t.Context(), "try", func(bearer string) error {
		return a.send(t.Context(), bearer, http.MethodPut, "/users/u/groups/g", nil, nil)
	}); err != nil {
		t.Fatal(err)
	}
	if waited := again.Sub(first); waited < time.Second || waited > 2*time.Second {
		t.Errorf("tried again after %s", waited)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What was not changed is not said.
func TestAFailedChangeIsNotNoted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*run) error{
		"settings": func(r *run) error {
			return r.settings(t.Context(), &template{Realm: object{"enabled": true}}, Spec{})
		},
		"profile": func(r *run) error {
			return r.profile(t.Context(), &template{Profile: object{"attributes": []any{object{"name": "email"}}}}, Spec{})
		},
		"scope of a program": func(r *run) error {
			return r.ensureProgramScope(t.Context(), &template{ProgramScope: object{"name": "{{scope}}"}}, "careconnect")
		},
		"roles": func(r *run) error {
			return r.ensureRoles(t.Context(), "rights", "/have", "/have", map[string]role{"a": {ID: "1", Name: "a"}}, []string{"a"})
		},
		"scopes of a client": func(r *run) error {
			return r.ensureScopes(t.Context(), "client", "/scopes", []string{"old"}, nil)
		},
	} {
		for _, code := range []int{http.StatusInternalServerError, http.StatusNoContent} {
			r := &run{account: newAccount("http://keycloak.test", "r", "r", "id", "secret", stubborn(code), 0)}
			err := change(r)
			if failed := code >= 400; failed != (err != nil) || failed == (len(r.changed) > 0) {
				t.Errorf("%s, writes answered with %d: %v, noted %q", name, code, err, r.changed)
			}
		}
	}
}

// stubborn answers what is read with nearly nothing and every write with one status.
type stubborn int

func (code stubborn) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
	body := "{}"
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		body = `{"access_token":"t","expires_in":300,"token_type":"Bearer"}`
	case r.Method != http.MethodGet:
		answer.StatusCode = int(code)
	case strings.HasSuffix(r.URL.Path, "/have"):
		body = "[]"
	case strings.HasSuffix(r.URL.Path, "/client-scopes"):
		body = `[{"id":"1","name":"old"}]`
	}
	answer.Body = io.NopCloser(strings.NewReader(body))
	return answer, nil
}

// gate lets token requests pass one by one, as the test says, and fails them.
type gate struct {
	arrived, pass chan struct{}
}

func (g gate) RoundTrip(*http.Request) (*http.Response, error) {
	g.arrived <- struct{}{}
	<-g.pass
	return nil, io.ErrUnexpectedEOF
}

// Where Keycloak hangs, all who want a token wait for one answer, and whoever is
// called off does not wait at all.
func TestATokenIsFetchedForAll(t *testing.T) {
	t.Parallel()
	g := gate{make(chan struct{}, 8), make(chan struct{})}
	a := newAccount("http://keycloak.test", "r", "r", "id", "secret", g, 0)
	const askers = 4
	answers := make(chan error, askers)
	first, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := a.bearer(first); left <- err }()
	<-g.arrived
	for range askers {
		go func() { _, err := a.bearer(t.Context()); answers <- err }()
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
	select {
	case err := <-answers:
		t.Fatalf("answered before Keycloak was: %v", err)
	case <-g.arrived:
		t.Fatal("a second fetch began while the first was under way")
	case <-time.After(50 * time.Millisecond):
	}
	close(g.pass)
	for range askers {
		if err := <-answers; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	}
	if len(g.arrived) > 0 {
		t.Errorf("%d more fetches", len(g.arrived))
	}
}
