package keycloak_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/provisioning/keycloak"
)

// Every call is told by the kind that the list has of it, with the class of its
// answer, and by nothing that names somebody.
// proves: I11
func TestCallsAreTold(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/realms/clinic/protocol/openid-connect/token":
			_, _ = w.Write([]byte(`{"access_token": "x", "token_type": "bearer", "expires_in": 300}`))
		case "/admin/realms/clinic/users/ana/groups/viewers":
			w.WriteHeader(http.StatusNoContent)
		case "/admin/realms/clinic/users/ben/groups/viewers":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	var mu sync.Mutex
	var told []string
	d := keycloak.New(keycloak.Config{URL: server.URL, Realm: "clinic", WriterID: "w", WriterSecret: "s", ReaderID: "r", ReaderSecret: "s", Timeout: 5 * time.Second,
		Called: func(c keycloak.Call) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, c.Kind+" "+c.Outcome)
			if c.Took <= 0 {
				t.Errorf("%s took %s", c.Kind, c.Took)
			}
		}})
	ctx := t.Context()
	_, ben := d.Join(ctx, "ana", "viewers"), d.Join(ctx, "ben", "viewers")
	_, gone := d.Verified(ctx, "eve")
	climbing := d.Join(ctx, "ana", "../../roles")
	server.Close()
	if down := d.Join(ctx, "ana", "viewers"); ben == nil || gone == nil || climbing == nil || down == nil {
		t.Error("one of these answered")
	}
	want := []string{"POST token 2xx", "PUT users/*/groups/* 2xx", "PUT users/*/groups/* 5xx", "POST token 2xx", "GET users/* 4xx", "unlisted refused", "PUT users/*/groups/* failed"}
	if told = slices.Compact(told); !slices.Equal(told, want) { // what fails is tried again at once
		t.Errorf("told %q, want %q", told, want)
	}
}
