package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"countersign/provisioning"
)

// vaulted matches a secret that is a reference into Keycloak's vault. Then the
// realm holds only the reference, and nobody who may view clients learns the
// secret; the file <realm>_<key> in the vault's folder holds it and is read at
// each use. Keycloak 26.7 shows plain secrets to view-clients
// (keycloak/keycloak#49220), so production keeps them there.
var vaulted = regexp.MustCompile(`^\$\{vault\.[^}]+\}$`)

// IsReference says whether a client's secret is a reference into the vault.
func IsReference(secret string) bool { return vaulted.MatchString(secret) }

// errNoVault: a reference that the server's vault cannot resolve is itself the
// secret (seen on 26.7.3), and anybody can guess it.
var errNoVault = errors.New("keycloak: the server's vault does not hold the secret")

// errOpenVault: 26.7.3 looks references up in what it offers for configuring
// adapters, and gives that to whoever may view clients.
var errOpenVault = errors.New("keycloak: the server shows to whoever may view clients what its vault holds; build it as keycloak-realm/README.md says")

// checkVault refuses a reference that does not hide the secret: one that the
// server's vault does not resolve, or that the server resolves for readers.
func (r *run) checkVault(ctx context.Context, id, clientID, secret string) error {
	if !vaulted.MatchString(secret) {
		return nil
	}
	if err := r.vaultHolds(ctx, clientID, secret); err != nil {
		return err
	}
	if err := r.registrationShown(ctx, clientID); err != nil {
		return err
	}
	return r.adapterShown(ctx, id)
}

// adapterShown refuses a server that resolves references in what it offers for
// configuring adapters.
func (r *run) adapterShown(ctx context.Context, id string) error {
	for _, format := range []string{"keycloak-oidc-keycloak-json", "keycloak-oidc-jboss-subsystem", "keycloak-oidc-jboss-subsystem-cli"} {
		err := r.get(ctx, "/clients/"+id+"/installation/providers/"+format, nil)
		if err == nil {
			return fmt.Errorf("%w: %s", errOpenVault, format)
		}
		if !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
	}
	return nil
}

// registrationShown refuses a server that does so in client registration.
func (r *run) registrationShown(ctx context.Context, clientID string) error {
	resp, err := r.kc.GetRequest(ctx).Get(r.url + "/realms/" + url.PathEscape(r.realm) + "/clients-registrations/install/" + url.PathEscape(clientID))
	if err != nil {
		return fmt.Errorf("keycloak: check the vault for %s: %w", clientID, err)
	}
	if resp.StatusCode() != http.StatusNotFound { // 401 would become the secret with a reader's token
		return fmt.Errorf("%w: clients-registrations/install", errOpenVault)
	}
	return nil
}

// vaultHolds refuses a reference that works as a secret as it stands.
func (r *run) vaultHolds(ctx context.Context, clientID, secret string) error {
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
