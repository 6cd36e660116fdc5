package broker_test

import (
	"encoding/json"
	"net/http"
	"net/url"
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
	resp, err := http.PostForm(s.config.Keycloak+"/realms/master/protocol/openid-connect/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {s.admin.ClientID}, "client_secret": {s.admin.ClientSecret}})
	must(t, err)
	defer resp.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&token))
	return token.Access
}
