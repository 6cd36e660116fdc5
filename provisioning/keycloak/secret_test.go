package keycloak

import (
	"net/http"
	"strings"
	"testing"
)

// No client secret comes through the reader, although Keycloak 26.7 sends them to
// whoever holds view-clients. What else the list says stays.
func TestReaderIsSentNoSecret(t *testing.T) {
	t.Parallel()
	next := &recorder{body: `[{"clientId":"writer","secret":"s3cret","registrationAccessToken":"s3cret","fullScopeAllowed":false}]`}
	a := newAccount("http://keycloak.test", "r", "r", "reader", "x", &guard{realm: "r", allowed: reads, next: next}, 0)
	var got []map[string]any
	if err := a.send(t.Context(), "bearer", http.MethodGet, "/clients", nil, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0]["clientId"] != "writer" || got[0]["fullScopeAllowed"] != false {
		t.Fatalf("got %v", got)
	}
	for key, value := range got[0] {
		if s, _ := value.(string); strings.Contains(s, "s3cret") {
			t.Errorf("%s came through", key)
		}
	}
}
