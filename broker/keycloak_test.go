package broker_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
)

// keycloak asks Keycloak's admin API, as an administrator of the server would.
func (s *stack) keycloak(t *testing.T, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.config.Keycloak+"/admin/realms/"+s.config.Realm+path, nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+s.adminToken(t))
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("Keycloak answers %s to %s", resp.Status, path)
	}
	must(t, json.NewDecoder(resp.Body).Decode(into))
}

func (s *stack) adminToken(t *testing.T) string {
	t.Helper()
	token, err := servers.AdminToken(context.Background()) // cleaning up, too
	must(t, err)
	return token
}
