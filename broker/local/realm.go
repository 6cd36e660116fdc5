package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// adminTokens are kept for as long as they last, by Keycloak's address: signing one is
// what a call of a test would cost most.
var adminTokens = struct {
	sync.Mutex
	by map[string]heldToken
}{by: map[string]heldToken{}}

type heldToken struct {
	Access string `json:"access_token"`
	Life   int    `json:"expires_in"` // seconds
	until  time.Time
}

// AdminToken is an access token of the servers' administrator that lasts for some time yet.
func (a Addresses) AdminToken(ctx context.Context) (string, error) {
	adminTokens.Lock()
	defer adminTokens.Unlock()
	if t := adminTokens.by[a.Keycloak]; time.Now().Before(t.until) {
		return t.Access, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.AdminClientID}, "client_secret": {a.AdminClientSecret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Keycloak+"/realms/master/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("a token of the administrator's: %s", resp.Status)
	}
	var t heldToken
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil {
		return "", err
	}
	t.until = time.Now().Add(time.Duration(t.Life) * time.Second / 2)
	adminTokens.by[a.Keycloak] = t
	return t.Access, nil
}

// DropRealm deletes a realm. Each that stays makes every change to any other dearer.
func (a Addresses) DropRealm(ctx context.Context, name string) error {
	bearer, err := a.AdminToken(ctx)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, a.Keycloak+"/admin/realms/"+url.PathEscape(name), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("deleting realm %s: %s", name, resp.Status)
	}
	return nil
}
