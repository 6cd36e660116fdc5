package keycloak_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
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

// Whoever holds the reader's credential reads no client's secret, by any of the
// addresses under which Keycloak 26.7 gives them out: the realm holds references.
// The secrets work all the same.
func TestReaderReadsNoSecret(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	app := sample()
	const appSecret = "application-secret"
	app.Secret = inVault(t, f.spec.Realm, app.ClientID, appSecret)
	_, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), app)
	must(t, err)
	reader := token(t, f.spec.Realm, "reader", readerSecret)
	realms := stack.Keycloak + "/realms/" + f.spec.Realm
	see := func(path string, into any) {
		address := stack.Keycloak + "/admin/realms/" + f.spec.Realm + path
		if strings.HasPrefix(path, realms) {
			address = path
		}
		code, body := call(t, reader, http.MethodGet, address, nil)
		for _, secret := range []string{portalSecret, writerSecret, readerSecret, appSecret} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%s shows the secret %s", path, secret)
			}
		}
		for _, found := range secretField.FindAllStringSubmatch(string(body), -1) {
			if !strings.HasPrefix(found[1], "${vault.") && strings.Trim(found[1], "*") != "" {
				t.Errorf("%s shows a secret: %s", path, found[0])
			}
		}
		if into != nil && code == http.StatusOK {
			must(t, json.Unmarshal(body, into))
		}
	}
	var clients []named
	see("/clients?max=100", &clients)
	if len(clients) < 10 { // Keycloak's six and our four
		t.Fatalf("the reader sees %d clients", len(clients))
	}
	for _, c := range clients {
		path := "/clients/" + c.ID
		for _, under := range []string{"", "/client-secret", "/client-secret/rotated", "/installation/providers/keycloak-oidc-keycloak-json",
			"/installation/providers/keycloak-oidc-jboss-subsystem", "/installation/providers/keycloak-oidc-jboss-subsystem-cli",
			"/service-account-user", "/management/permissions"} {
			see(path+under, nil)
		}
	}
	for _, id := range []string{"portal", "writer", "reader", app.ClientID} {
		for _, kind := range []string{"default", "install", "openid-connect"} {
			see(realms+"/clients-registrations/"+kind+"/"+id, nil)
		}
	}
	for _, path := range []string{"", "/components", "/identity-provider/instances", "/client-scopes", "/partial-export?exportClients=true"} {
		see(path, nil)
	}
	token(t, f.spec.Realm, "writer", writerSecret)
	answer := form(t, f.spec.Realm, "token/introspect", url.Values{"client_id": {app.ClientID}, "client_secret": {appSecret}, "token": {"none"}})
	if active, known := answer["active"]; active != false || !known {
		t.Errorf("the application's secret does not work: %v", answer)
	}
}

// secretField finds what looks like a secret in a client's representation.
var secretField = regexp.MustCompile(`(?i)"(?:secret|value|registrationAccessToken|client_?secret|registration_access_token)"\s*:\s*"([^"]*)"`)
