package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// vaulted matches a secret that is a reference into Keycloak's vault. Then the
// realm holds only the reference, and nobody who may view clients learns the
// secret; the file <realm>_<key> in the vault's folder holds it and is read at
// each use. Keycloak 26.7 shows plain secrets to view-clients
// (keycloak/keycloak#49220), so production keeps them there.
var vaulted = regexp.MustCompile(`^\$\{vault\.[^}]+\}$`)

// errNoVault: a reference that the server's vault cannot resolve is itself the
// secret (seen on 26.7.3), and anybody can guess it.
var errNoVault = errors.New("keycloak: the server's vault does not hold the secret")

// checkVault refuses a reference that works as a secret as it stands.
func (r *run) checkVault(ctx context.Context, clientID, secret string) error {
	if !vaulted.MatchString(secret) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	form := url.Values{"client_id": {clientID}, "client_secret": {secret}, "token": {"none"}}
	resp, err := r.kc.GetRequest(ctx).SetFormDataFromValues(form).
		Post(r.url + "/realms/" + url.PathEscape(r.realm) + "/protocol/openid-connect/token/introspect")
	if err != nil {
		return fmt.Errorf("keycloak: check the vault for %s: %w", clientID, err)
	}
	switch resp.StatusCode() {
	case http.StatusUnauthorized, http.StatusBadRequest:
		return nil
	case http.StatusOK:
		return fmt.Errorf("%w of client %s: %s is taken literally", errNoVault, clientID, secret)
	}
	return fmt.Errorf("keycloak: check the vault for %s: %s", clientID, resp.Status())
}
