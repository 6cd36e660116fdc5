package keycloak_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/provisioning/keycloak"
)

// proves: X10
//
// The realm says what the product promises: closed registration, passwords and
// verification at Keycloak, 15 minutes idle, short tokens, single-use refresh,
// events kept, and nobody's attributes but the declared ones.
func TestRealmSettings(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	var got map[string]any
	f.call(t, http.MethodGet, "", nil, &got)
	for key, want := range map[string]any{
		"registrationAllowed": false, "loginWithEmailAllowed": false, "duplicateEmailsAllowed": true, "editUsernameAllowed": false,
		"verifyEmail": true, "resetPasswordAllowed": true, "bruteForceProtected": true, "permanentLockout": false,
		"ssoSessionIdleTimeout": 900.0, "ssoSessionMaxLifespan": 43200.0, "accessTokenLifespan": 300.0,
		"revokeRefreshToken": true, "refreshTokenMaxReuse": 0.0, "sslRequired": "external",
		"eventsEnabled": true, "adminEventsEnabled": true, "internationalizationEnabled": true,
	} {
		if got[key] != want {
			t.Errorf("%s: got %v, want %v", key, got[key], want)
		}
	}
	for _, clientID := range []string{"portal", "writer", "reader"} {
		var c map[string]any
		f.call(t, http.MethodGet, "/clients/"+f.client(t, clientID), nil, &c)
		for key, want := range map[string]any{"fullScopeAllowed": false, "directAccessGrantsEnabled": false, "implicitFlowEnabled": false, "publicClient": false} {
			if c[key] != want {
				t.Errorf("%s %s: got %v, want %v", clientID, key, c[key], want)
			}
		}
	}
}

// Applying twice changes nothing the second time; a changed wish is the only change.
func TestApplyIsIdempotent(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	for range 2 {
		changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
		must(t, err)
		if len(changed) > 0 {
			t.Fatalf("changed again: %q", changed)
		}
	}
	f.spec.SSOIdle = 20 * time.Second
	f.spec.Writer.Secret = "a-new-secret"
	f.spec.Programs = append(f.spec.Programs, keycloak.Program{ID: "later", Entitlements: []string{"viewer"}})
	changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	want := []string{"realm: ssoSessionIdleTimeout", "client writer: secret", "group /access/later created", "scope access-later created", "role later.viewer of client portal created"}
	if !slices.Equal(changed, want) {
		t.Errorf("got %q, want %q", changed, want)
	}
	if strings.Contains(strings.Join(changed, " "), f.spec.Writer.Secret) {
		t.Error("the report shows a secret")
	}
	token(t, f.spec.Realm, "writer", "a-new-secret")
}

// Keycloak sends its mails as the product does: with TLS and a password that no one
// reads from the realm. What is no longer wished is gone; a password never goes
// without TLS.
func TestApplyMailServer(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	server := func() map[string]string {
		t.Helper()
		var realm struct{ SMTPServer map[string]string }
		f.call(t, http.MethodGet, "", nil, &realm)
		return realm.SMTPServer
	}
	apply := func(want ...string) {
		t.Helper()
		for _, want := range [][]string{want, nil} {
			changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
			must(t, err)
			if !slices.Equal(changed, want) {
				t.Errorf("got %q, want %q", changed, want)
			}
		}
	}
	plain := f.spec.SMTP
	f.spec.SMTP.User, f.spec.SMTP.Password = "countersign", "${vault.smtp}"
	if _, err := keycloak.Apply(t.Context(), f.admin, f.spec); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("a password in the clear: %v", err)
	}
	f.spec.SMTP.SSL = true
	apply("realm: smtpServer.auth smtpServer.password smtpServer.ssl smtpServer.user")
	if s := server(); s["ssl"] != "true" || s["starttls"] != "false" || s["auth"] != "true" || s["user"] != "countersign" || s["password"] != "${vault.smtp}" {
		t.Errorf("%v", s)
	}
	f.spec.SMTP.SSL, f.spec.SMTP.StartTLS, f.spec.SMTP.Password = false, true, "a secret"
	for range 2 { // what Keycloak does not show is written each time
		if _, err := keycloak.Apply(t.Context(), f.admin, f.spec); err != nil {
			t.Fatal(err)
		}
	}
	if s := server(); s["ssl"] != "false" || s["starttls"] != "true" || strings.Trim(s["password"], "*") != "" {
		t.Errorf("%v", s)
	}
	f.spec.SMTP = plain
	apply("realm: smtpServer.auth smtpServer.starttls")
	if s := server(); s["user"] != "" || s["password"] != "" {
		t.Errorf("left behind: %v", s)
	}
}

// Whatever somebody changed in the admin console is said and put back.
func TestApplyRepairsDrift(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	portal, reader := f.client(t, "portal"), f.client(t, "reader")
	management := f.client(t, "realm-management")

	f.call(t, http.MethodPut, "", map[string]any{"registrationAllowed": true}, nil)
	var profile map[string]any
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	profile["unmanagedAttributePolicy"] = "ENABLED"
	f.call(t, http.MethodPut, "/users/profile", profile, nil)

	var c map[string]any
	f.call(t, http.MethodGet, "/clients/"+portal, nil, &c)
	c["redirectUris"], c["fullScopeAllowed"] = []string{"*"}, true
	f.call(t, http.MethodPut, "/clients/"+portal, c, nil)
	var scopes []named
	f.call(t, http.MethodGet, "/client-scopes", nil, &scopes)
	for _, s := range scopes {
		switch s.Name {
		case "basic":
			f.call(t, http.MethodDelete, "/clients/"+portal+"/default-client-scopes/"+s.ID, nil, nil)
			f.call(t, http.MethodPut, "/clients/"+portal+"/optional-client-scopes/"+s.ID, nil, nil)
		case "offline_access":
			f.call(t, http.MethodPut, "/clients/"+portal+"/optional-client-scopes/"+s.ID, nil, nil)
		case "access-careconnect":
			var mappers []map[string]any
			f.call(t, http.MethodGet, "/client-scopes/"+s.ID+"/protocol-mappers/models", nil, &mappers)
			mappers[0]["config"].(map[string]any)["user.attribute"] = "access_other"
			f.call(t, http.MethodPut, "/client-scopes/"+s.ID+"/protocol-mappers/models/"+mappers[0]["id"].(string), mappers[0], nil)
		}
	}
	var account named
	f.call(t, http.MethodGet, "/clients/"+reader+"/service-account-user", nil, &account)
	f.call(t, http.MethodPost, "/users/"+account.ID+"/role-mappings/clients/"+management, []named{f.role(t, management, "realm-admin")}, nil)

	changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	contains(t, strings.Join(changed, "\n"),
		"realm: registrationAllowed", "user profile: unmanagedAttributePolicy",
		"client portal: fullScopeAllowed redirectUris", "client portal: scope basic added", "client portal: scope offline_access removed",
		"scope access-careconnect: mapper groups: config.user.attribute", "rights of reader: removed realm-admin")
	changed, err = keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	if len(changed) > 0 {
		t.Errorf("not repaired: %q", changed)
	}
	must(t, f.Prove(t.Context()))
}

// A specification with a hole is refused before anything is sent.
func TestApplyRefusesAnIncompleteSpec(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	for name, spoil := range map[string]func(*keycloak.Spec){
		"no secret":  func(s *keycloak.Spec) { s.Writer.Secret = "" },
		"wildcard":   func(s *keycloak.Spec) { s.Portal.RedirectURIs = []string{"https://portal.test/*"} },
		"no address": func(s *keycloak.Spec) { s.Portal.PostLogoutURIs = []string{"/bye"} },
		"template":   func(s *keycloak.Spec) { s.Template = []byte(`{"realm":{"displayName":"{{unheard_of}}"},"clients":{}}`) },
	} {
		spec := f.spec
		spoil(&spec)
		if _, err := keycloak.Apply(t.Context(), f.admin, spec); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What somebody else declared about people stays, in full; what could pass for our
// groups goes, and nothing is served while it is there.
func TestApplyKeepsForeignAttributes(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	_, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), sample())
	must(t, err)
	type attribute = map[string]any
	var profile struct {
		Policy     any         `json:"unmanagedAttributePolicy"`
		Attributes []attribute `json:"attributes"`
		Groups     []any       `json:"groups"`
	}
	byName := func(name string) attribute {
		for _, a := range profile.Attributes {
			if a["name"] == name {
				return a
			}
		}
		return nil
	}
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	everybody := map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin", "user"}}
	profile.Attributes = append(profile.Attributes,
		attribute{"name": "shoe_size", "group": "feet", "permissions": everybody, "validations": map[string]any{"integer": map[string]any{"min": "10"}}},
		attribute{"name": "access_careconnect", "permissions": everybody, "multivalued": true})
	profile.Groups = append(profile.Groups, map[string]any{"name": "feet", "displayHeader": "Feet"})
	byName("countersign_account")["permissions"] = everybody
	byName("email")["annotations"] = map[string]any{"inputHelperTextBefore": "theirs"}
	f.call(t, http.MethodPut, "/users/profile", profile, nil)
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	shoes, groups := byName("shoe_size"), profile.Groups

	var unsafe *keycloak.UnsafeRealmError
	if err := f.Prove(t.Context()); !errors.As(err, &unsafe) || !strings.Contains(err.Error(), "attribute access_careconnect") {
		t.Errorf("proved: %v", err)
	}
	changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	if !slices.Equal(changed, []string{"user profile: attributes"}) {
		t.Errorf("changed %q", changed)
	}
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	if got := byName("shoe_size"); !reflect.DeepEqual(got, shoes) || !reflect.DeepEqual(profile.Groups, groups) {
		t.Errorf("left of a foreign attribute: %v, of its group: %v", got, profile.Groups)
	}
	if byName("access_careconnect") != nil {
		t.Error("a person can still write groups")
	}
	if got := fmt.Sprint(byName("countersign_account")["permissions"]); got != "map[edit:[admin] view:[admin]]" {
		t.Errorf("our own attribute: %s", got)
	}
	if byName("email")["annotations"] == nil {
		t.Error("what the template does not say of an attribute was dropped")
	}
	must(t, f.Prove(t.Context()))
	changed, err = keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	if len(changed) > 0 {
		t.Errorf("changed again: %q", changed)
	}
}

// A realm of tests that is made as a copy is what Apply would have made of it.
func TestQuickRealmsAreAlike(t *testing.T) {
	t.Parallel()
	f := *newRealm(t) // it, or one before it, is copied from here on
	f.spec.Realm += "-copy"
	for key, secret := range map[string]string{"portal": portalSecret, "writer": writerSecret, "reader": readerSecret} {
		inVault(t, f.spec.Realm, key, secret)
	}
	changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	t.Cleanup(func() { f.call(t, http.MethodDelete, "", nil, nil) })
	if want := []string{"realm " + f.spec.Realm + " created"}; !slices.Equal(changed, want) {
		t.Errorf("changed %q, want %q: it was no copy, or one that had to be mended", changed, want)
	}
}
