package keycloak_test

import (
	"strings"
	"testing"

	"countersign/provisioning/keycloak"
)

// A reference into a vault that does not hold the secret would be the secret
// itself, for anybody to guess: applying and registering refuse it.
func TestUnresolvedVaultReferenceIsRefused(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	app := sample()
	app.Secret = "${vault.nowhere-to-be-found}"
	_, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), app)
	if err == nil || !strings.Contains(err.Error(), "vault") {
		t.Errorf("application: %v", err)
	}
	f.spec.Writer.Secret = "${vault.nowhere-to-be-found}"
	_, err = keycloak.Apply(t.Context(), f.admin, f.spec)
	if err == nil || !strings.Contains(err.Error(), "vault") {
		t.Errorf("realm: %v", err)
	}
}
