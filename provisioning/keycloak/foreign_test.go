package keycloak_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	realm "countersign/keycloak-realm"
	"countersign/provisioning/keycloak"
)

type object = map[string]any

// newForeign makes a realm of somebody else, full of things that are none of our
// business, with fine-grained permissions on, and says how we would share it.
// Nothing of ours is in it.
func newForeign(t testing.TB) *fixture {
	t.Helper()
	name := fmt.Sprintf("kc-foreign-%d-%d", os.Getpid(), realms.Add(1))
	f := &fixture{
		admin: keycloak.Admin{URL: stack.Keycloak, ClientID: stack.AdminClientID, ClientSecret: stack.AdminClientSecret},
		spec: keycloak.Spec{
			Template: realm.JSON, Realm: name, DisplayName: "Countersign", Topology: keycloak.Shared,
			Portal: keycloak.Portal{
				ClientID: "countersign-portal", Secret: inVault(t, name, "portal", portalSecret), BaseURL: "http://127.0.0.1:9/",
				RedirectURIs: []string{"http://127.0.0.1:9/callback"}, PostLogoutURIs: []string{"http://127.0.0.1:9/bye"},
			},
			Writer:   keycloak.Credential{ID: "countersign-writer", Secret: inVault(t, name, "writer", writerSecret)},
			Reader:   keycloak.Credential{ID: "countersign-reader", Secret: inVault(t, name, "reader", readerSecret)},
			Programs: []keycloak.Program{{ID: "careconnect", Entitlements: []string{"viewer"}}},
		},
	}
	user := func(name string, more object) object {
		u := object{"username": name, "enabled": true, "email": name + "@hospital.test", "emailVerified": true, "firstName": "F", "lastName": "L",
			"attributes":  object{"department": []string{"ward 7"}},
			"credentials": []object{{"type": "password", "value": "a password of theirs"}}, "realmRoles": []string{"default-roles-" + name}}
		maps.Copy(u, more)
		return u
	}
	keys, err := keycloak.FixedKeys()
	must(t, err)
	theirs := object{
		"components": keys, "realm": name, "enabled": true, "displayName": "Hospital", "adminPermissionsEnabled": true, "registrationAllowed": true,
		"ssoSessionIdleTimeout": 36000, "eventsEnabled": true, "enabledEventTypes": []string{"LOGIN"}, "passwordPolicy": "length(5) and hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
		"loginWithEmailAllowed": true, "internationalizationEnabled": true, "supportedLocales": []string{"en", "de"}, "defaultLocale": "de",
		"smtpServer": object{"host": "mail.hospital.test", "from": "it@hospital.test"},
		"roles": object{
			"realm":  []object{{"name": "nurse"}, {"name": "it-chief", "composite": true, "composites": object{"client": object{"realm-management": []string{"manage-users"}}}}},
			"client": object{"ehr": []object{{"name": "read"}, {"name": "ward-boss", "composite": true, "composites": object{"realm": []string{"it-chief"}}}}},
		},
		"groups": []object{
			{"name": "admins", "clientRoles": object{"realm-management": []string{"realm-admin"}}, "subGroups": []object{{"name": "night"}}},
			{"name": "bosses", "clientRoles": object{"ehr": []string{"ward-boss"}}},
			{"name": "staff", "attributes": object{"building": []string{"B"}}, "realmRoles": []string{"nurse"}, "subGroups": []object{{"name": "ward", "clientRoles": object{"ehr": []string{"read"}}}}},
			{"name": "access-control"},
		},
		"clients": []object{
			{"clientId": "ehr", "secret": "ehr-secret", "redirectUris": []string{"https://ehr.hospital.test/*"}, "publicClient": false},
			{"clientId": "robot", "secret": "robot-secret", "publicClient": false, "serviceAccountsEnabled": true, "standardFlowEnabled": false},
		},
		"users": []object{
			user("boss", object{"groups": []string{"/admins/night"}}),
			user("chief", object{"clientRoles": object{"realm-management": []string{"realm-admin"}}}),
			user("lead", object{"groups": []string{"/bosses"}}),
			user("mary", object{"groups": []string{"/staff/ward"}, "realmRoles": []string{"nurse"}}),
			user("ana", nil),
		},
		"identityProviders": []object{{"alias": "region", "providerId": "oidc", "enabled": true, "config": object{
			"issuer": "https://region.test", "authorizationUrl": "https://region.test/a", "tokenUrl": "https://region.test/t", "clientId": "x", "clientSecret": "y"}}},
		"requiredActions": []object{{"alias": "CONFIGURE_TOTP", "name": "Configure OTP", "providerId": "CONFIGURE_TOTP", "enabled": true, "defaultAction": true, "priority": 10}},
	}
	code, body := call(t, token(t, "master", f.admin.ClientID, f.admin.ClientSecret), http.MethodPost, stack.Keycloak+"/admin/realms", theirs)
	if code != http.StatusCreated {
		t.Fatalf("%d %s", code, body)
	}
	t.Cleanup(func() { f.call(t, http.MethodDelete, "", nil, nil) })
	f.call(t, http.MethodPost, "/client-scopes", object{"name": "ehr", "protocol": "openid-connect", "attributes": object{}}, nil)
	f.call(t, http.MethodPost, "/authentication/flows", object{"alias": "hospital browser", "providerId": "basic-flow", "topLevel": true, "builtIn": false}, nil)
	var profile object
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	profile["attributes"] = append(profile["attributes"].([]any), object{"name": "department", "permissions": object{"view": []string{"admin"}, "edit": []string{"admin"}}})
	f.call(t, http.MethodPut, "/users/profile", profile, nil)
	var friends named
	f.call(t, http.MethodPost, f.authz(t)+"/policy/user", object{"name": "ward lead", "logic": "POSITIVE", "users": []string{f.user(t, "lead")}}, &friends)
	f.call(t, http.MethodPost, f.authz(t)+"/permission/scope", object{"name": "ward lead sees the ward", "resourceType": "Groups", "scopes": []string{"view", "view-members"},
		"policies": []string{friends.ID}, "resources": []string{f.group(t, "/staff/ward")}, "decisionStrategy": "UNANIMOUS", "logic": "POSITIVE"}, nil)
	f.Directory = keycloak.New(keycloak.Config{
		URL: door.URL, Realm: name, Topology: keycloak.Shared, PortalClientID: "countersign-portal",
		WriterID: "countersign-writer", WriterSecret: writerSecret, ReaderID: "countersign-reader", ReaderSecret: readerSecret,
		Timeout: 30 * time.Second,
	})
	return f
}

func (f *fixture) user(t testing.TB, name string) string {
	t.Helper()
	var found []named
	f.call(t, http.MethodGet, "/users?exact=true&username="+name, nil, &found)
	if len(found) != 1 {
		t.Fatalf("%d people %s", len(found), name)
	}
	return found[0].ID
}

func (f *fixture) group(t testing.TB, path string) string {
	t.Helper()
	var g named
	f.call(t, http.MethodGet, "/group-by-path"+path, nil, &g)
	return g.ID
}

// snapshot is the whole realm as its administrator can read it, ids included, one
// line per object and with every list in one order. without says which objects
// are left out.
func (f *fixture) snapshot(t testing.TB, without func(o object) bool) []string {
	t.Helper()
	var lines []string
	bearer, issued := "", time.Time{}
	get := func(method, path string) (v any) {
		if time.Since(issued) > 20*time.Second {
			bearer, issued = token(t, "master", f.admin.ClientID, f.admin.ClientSecret), time.Now()
		}
		code, body := f.callAs(t, bearer, method, path, nil)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, body)
		}
		must(t, json.Unmarshal(body, &v))
		return v
	}
	keep := func(what string, v any) any {
		v = canonical(v, without)
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, one := range list {
			text, err := json.Marshal(one)
			must(t, err)
			lines = append(lines, what+" "+string(text))
		}
		return v
	}
	var fine struct{ AdminPermissionsClient named }
	f.call(t, http.MethodGet, "", nil, &fine)
	authz := "/clients/" + fine.AdminPermissionsClient.ID + "/authz/resource-server"
	for _, path := range []string{"", "/users/profile", "/components", "/client-scopes", "/default-default-client-scopes", "/default-optional-client-scopes",
		"/default-groups", "/identity-provider/instances", "/authentication/flows", "/authentication/required-actions", "/events/config",
		"/client-policies/policies", "/client-policies/profiles", "/localization", authz, authz + "/resource", authz + "/scope", authz + "/policy", authz + "/permission"} {
		keep(path, get(http.MethodGet, path))
	}
	for part, v := range get(http.MethodPost, "/partial-export?exportClients=true&exportGroupsAndRoles=true").(object) {
		keep("export: "+part, v)
	}
	deep := func(list string, parts ...string) {
		kept, _ := keep(list, get(http.MethodGet, list)).([]any)
		for _, one := range kept {
			id := one.(object)["id"].(string)
			base, _, _ := strings.Cut(list, "?")
			for _, part := range parts {
				keep(base+"/"+id+part, get(http.MethodGet, base+"/"+id+part))
			}
		}
	}
	deep("/users?max=1000", "/groups", "/role-mappings", "/credentials", "/federated-identity")
	deep("/clients", "/default-client-scopes", "/optional-client-scopes", "/scope-mappings", "/roles")
	deep("/roles")
	deep("/groups?briefRepresentation=false", "", "/children?briefRepresentation=false", "/role-mappings", "/members")
	slices.Sort(lines)
	return lines
}

// canonical drops what without says and orders the lists. A person's notBefore is
// the moment of their last logout by us, which no removal takes back.
func canonical(v any, without func(o object) bool) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for key, inner := range v {
			if key == "notBefore" || without(object{"clientId": key}) { // some maps have a client's id as key
				continue
			}
			kept := canonical(inner, without)
			if list, ok := kept.([]any); ok && len(list) == 0 && len(inner.([]any)) > 0 {
				continue // all in it was left out
			}
			out[key] = kept
		}
		return out
	case []any:
		out := []any{}
		for _, inner := range v {
			if o, ok := inner.(object); ok && without(o) {
				continue
			}
			out = append(out, canonical(inner, without))
		}
		slices.SortFunc(out, func(a, b any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return cmp.Compare(string(x), string(y))
		})
		return out
	}
	return v
}

// same compares two snapshots line by line.
func same(t testing.TB, when string, before, after []string) {
	t.Helper()
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("%s, gone:\n%.1500s", when, line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("%s, new:\n%.1500s", when, line)
		}
	}
}
