package keycloak_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/provisioning/keycloak"
)

// The proof passes on an applied realm with an application, and finds every way
// in which something else could hold an administrative role.
func TestProve(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	_, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), keycloak.App{ClientID: "app", Programs: []string{"careconnect"}, RedirectURIs: []string{"http://127.0.0.2:9/callback"}})
	must(t, err)
	sub, groups := f.member(t, "ana", "s1", "viewer")
	must(t, f.Prove(t.Context()))

	management := f.client(t, "realm-management")
	admin := func(name string) []named { return []named{f.role(t, management, name)} }
	give := func(to, name string) {
		f.call(t, http.MethodPost, to+"/role-mappings/clients/"+management, admin(name), nil)
	}
	give("/users/"+sub, "view-users")
	give("/groups/"+groups["viewer"], "manage-users")
	app := f.client(t, "app")
	f.call(t, http.MethodPost, "/roles-by-id/"+f.role(t, app, "viewer").ID+"/composites", admin("manage-clients"), nil)
	var standard named
	f.call(t, http.MethodGet, "/roles/default-roles-"+f.spec.Realm, nil, &standard)
	f.call(t, http.MethodPost, "/roles-by-id/"+standard.ID+"/composites", admin("query-realms"), nil)
	f.call(t, http.MethodPost, "/clients", map[string]any{"clientId": "robot", "serviceAccountsEnabled": true, "publicClient": false, "secret": "x"}, nil)
	var account named
	f.call(t, http.MethodGet, "/clients/"+f.client(t, "robot")+"/service-account-user", nil, &account)
	give("/users/"+account.ID, "realm-admin")
	f.call(t, http.MethodGet, "/clients/"+f.client(t, "writer")+"/service-account-user", nil, &account)
	give("/users/"+account.ID, "manage-realm")
	f.call(t, http.MethodDelete, "/clients/"+f.client(t, "writer")+"/scope-mappings/clients/"+management, admin("query-groups"), nil)
	for _, clientID := range []string{"portal", "app"} {
		var c map[string]any
		f.call(t, http.MethodGet, "/clients/"+f.client(t, clientID), nil, &c)
		c["fullScopeAllowed"] = true
		f.call(t, http.MethodPut, "/clients/"+c["id"].(string), c, nil)
	}
	var profile map[string]any
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	profile["unmanagedAttributePolicy"] = "ADMIN_EDIT"
	f.call(t, http.MethodPut, "/users/profile", profile, nil)
	f.call(t, http.MethodPut, "", map[string]any{"adminPermissionsEnabled": true}, nil)

	anew := keycloak.New(keycloak.Config{URL: stack.Keycloak, Realm: f.spec.Realm, PortalClientID: "portal", Timeout: 30 * time.Second,
		WriterID: "writer", WriterSecret: writerSecret, ReaderID: "reader", ReaderSecret: readerSecret}) // as after a start: f keeps the token of before
	err = anew.Prove(t.Context())
	var unsafe *keycloak.UnsafeRealmError
	if !errors.As(err, &unsafe) {
		t.Fatalf("got %v", err)
	}
	contains(t, strings.Join(unsafe.Findings, "\n"),
		"the token of writer lacks query-groups",
		"user ana holds view-users",
		"group /access/careconnect/s1/viewer holds manage-users",
		"role viewer of app contains manage-clients",
		"role default-roles-"+f.spec.Realm+" of realm contains query-realms",
		"user service-account-robot holds realm-admin",
		"user service-account-writer holds manage-realm",
		"client portal has full scope", "client app has full scope",
		"unmanaged attributes are ADMIN_EDIT",
		"fine-grained admin permissions are on")
	if len(unsafe.Findings) != 11 {
		t.Errorf("%d findings: %q", len(unsafe.Findings), unsafe.Findings)
	}
}

// The two accounts can do what their rights say and no more, past any guard of
// ours: what Keycloak itself refuses them.
func TestRightsOfTheServiceAccounts(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	sub, groups := f.member(t, "ana", "s1", "viewer")
	management := f.client(t, "realm-management")
	realmAdmin := []named{f.role(t, management, "realm-admin")}
	writer := token(t, f.spec.Realm, "writer", writerSecret)
	reader := token(t, f.spec.Realm, "reader", readerSecret)
	for _, c := range []struct {
		who, bearer, method, path string
		body                      any
	}{
		{"writer", writer, "GET", "/clients", nil},
		{"writer", writer, "GET", "/clients/" + f.client(t, "portal") + "/client-secret", nil},
		{"writer", writer, "PUT", "", map[string]any{"registrationAllowed": true}},
		{"writer", writer, "POST", "/users/" + sub + "/role-mappings/clients/" + management, realmAdmin},
		{"writer", writer, "POST", "/groups/" + groups["viewer"] + "/role-mappings/clients/" + management, realmAdmin},
		{"writer", writer, "PUT", "/users/profile", map[string]any{}},
		{"writer", writer, "GET", "/events", nil},
		{"reader", reader, "PUT", "/users/" + sub, map[string]any{"enabled": false}},
		{"reader", reader, "PUT", "/users/" + sub + "/groups/" + groups["viewer"], nil},
		{"reader", reader, "DELETE", "/users/" + sub, nil},
		{"reader", reader, "POST", "/users/" + sub + "/logout", nil},
		{"reader", reader, "PUT", "", map[string]any{"registrationAllowed": true}},
		{"reader", reader, "POST", "/clients/" + f.client(t, "portal") + "/client-secret", nil},
	} {
		if code, body := f.callAs(t, c.bearer, c.method, c.path, c.body); code != http.StatusForbidden {
			t.Errorf("%s %s %s: %d %s", c.who, c.method, c.path, code, body)
		}
	}
}
