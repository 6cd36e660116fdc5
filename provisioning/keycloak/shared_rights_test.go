package keycloak_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// proves: attack A67 attack A68
//
// What Keycloak itself lets the writer of a shared realm do, and of a lost second
// factor the reader too, past any guard of ours; and that what is kept from the writer
// is not thereby given to everybody else, as it was once: everything that a worksite needs, at once and without the realm's owner;
// nothing with administrators, service accounts, other clients' roles or the realm
// itself. What is left to whoever steals its credential is in the table too, which
// keycloak-realm/README.md shows as it is measured here.
func TestRightsInASharedRealm(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	_, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	f.deniesAsBefore(t)
	_, err = keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	site, err := f.EnsureSite(t.Context(), provisioning.Site{Program: "careconnect", Code: "s1", Name: "Clinic", Leaves: leaves})
	must(t, err)
	f.call(t, http.MethodPost, "/groups", object{"name": "late"}, nil) // after apply: on no list

	ana, mary, boss, chief := f.user(t, "ana"), f.user(t, "mary"), f.user(t, "boss"), f.user(t, "chief")
	self, robot := f.user(t, "service-account-countersign-writer"), f.user(t, "service-account-robot")
	program, leaf := f.group(t, "/access/careconnect"), site["practitioner"]
	admins, night, bosses := f.group(t, "/admins"), f.group(t, "/admins/night"), f.group(t, "/bosses")
	staff, ward, late := f.group(t, "/staff"), f.group(t, "/staff/ward"), f.group(t, "/late")
	portal, management, ehr := f.client(t, "countersign-portal"), f.client(t, "realm-management"), f.client(t, "ehr")
	ours, theirs, realmAdmin := f.role(t, portal, "careconnect.viewer"), f.role(t, ehr, "read"), f.role(t, management, "realm-admin")
	var nurse named
	f.call(t, http.MethodGet, "/roles/nurse", nil, &nurse)
	password := object{"type": "password", "value": "x-y-z-1", "temporary": false}
	z := f.authz(t)

	bearer := token(t, f.spec.Realm, "countersign-writer", writerSecret)
	reader := token(t, f.spec.Realm, "countersign-reader", readerSecret)
	table := []string{"| call | answer |", "|---|---|"}
	rowOf := func(bearer, what string, want int, calls ...[3]any) {
		t.Helper()
		for _, c := range calls {
			if code, body := f.callAs(t, bearer, c[0].(string), c[1].(string), c[2]); code != want {
				t.Errorf("%s: %s %s: %d %.200s", what, c[0], c[1], code, body)
			}
		}
		table = append(table, fmt.Sprintf("| %s | %d |", what, want))
	}
	row := func(what string, want int, calls ...[3]any) {
		t.Helper()
		rowOf(bearer, what, want, calls...)
	}
	join := func(who, group string) [3]any { return [3]any{"PUT", "/users/" + who + "/groups/" + group, nil} }
	give := func(to, client string, r named) [3]any {
		return [3]any{"POST", to + "/role-mappings/clients/" + client, []named{r}}
	}
	under := func(group string, body object) [3]any { return [3]any{"POST", "/groups/" + group + "/children", body} }

	row("make a group under our root", 201, under(program, object{"name": "s2"}))
	s2 := f.group(t, "/access/careconnect/s2")
	row("make a leaf under it at once", 201, under(s2, object{"name": "viewer"}))
	viewer := f.group(t, "/access/careconnect/s2/viewer")
	row("give a leaf its attributes, another name; take it away again", 204, [3]any{"PUT", "/groups/" + viewer, object{"name": "other"}},
		[3]any{"PUT", "/groups/" + viewer, object{"name": "viewer", "attributes": object{"access_careconnect": []string{"x"}}}})
	row("give a leaf a role of our client, take it", 204, give("/groups/"+viewer, portal, ours), [3]any{"DELETE", "/groups/" + viewer + "/role-mappings/clients/" + portal, []named{ours}})
	row("join people to a new leaf, those of other groups too", 204, join(ana, viewer), join(mary, viewer))
	row("log them out", 204, [3]any{"POST", "/users/" + ana + "/logout", nil}, [3]any{"POST", "/users/" + mary + "/logout", nil})
	list := func(who string) [3]any { return [3]any{"GET", "/users/" + who + "/credentials", nil} }
	lose := func(who, id string) [3]any { return [3]any{"DELETE", "/users/" + who + "/credentials/" + id, nil} }
	f.setUp(t, mary)
	chosen, codes := f.credential(t, mary, "password"), f.credential(t, mary, "otp")
	row("delete a lost second factor", 204, lose(mary, codes))
	rowOf(reader, "READER list the credentials of anybody, of administrators and service accounts too", 200, list(ana), list(mary), list(boss), list(chief), list(self), list(robot))
	rowOf(reader, "READER delete a credential, give a password, delete a person", 403, lose(mary, chosen), lose(chief, f.credential(t, chief, "password")), [3]any{"PUT", "/users/" + chief + "/reset-password", password}, [3]any{"DELETE", "/users/" + chief, nil})
	row("make a person in a leaf", 201, [3]any{"POST", "/users", object{"username": "made", "enabled": true, "email": "m@x.test", "firstName": "M", "lastName": "M", "groups": []string{"/access/careconnect/s2/viewer"}}})
	row("delete a leaf", 204, [3]any{"DELETE", "/groups/" + viewer, nil})

	row("give a leaf or a person a role of another client, of realm-management, of the realm", 403, give("/groups/"+leaf, ehr, theirs), give("/users/"+ana, ehr, theirs),
		give("/groups/"+leaf, management, realmAdmin), give("/users/"+ana, management, realmAdmin),
		[3]any{"POST", "/groups/" + leaf + "/role-mappings/realm", []named{nurse}}, [3]any{"POST", "/users/" + ana + "/role-mappings/realm", []named{nurse}})
	row("give a person our own role directly; put roles into ours or ours into others", 403, give("/users/"+ana, portal, ours),
		[3]any{"POST", "/roles-by-id/" + ours.ID + "/composites", []named{theirs}}, [3]any{"POST", "/roles-by-id/" + theirs.ID + "/composites", []named{ours}})
	for name, id := range map[string]string{"a group with an administrative role": admins, "a group below it": night, "a group whose role contains one": bosses} {
		row(name+": join (anybody, itself), child, rename, delete, move, move under it, our role", 403, join(ana, id), join(self, id), under(id, object{"name": "x"}),
			[3]any{"PUT", "/groups/" + id, object{"name": "x"}}, [3]any{"DELETE", "/groups/" + id, nil}, under(leaf, object{"id": id, "name": "x"}),
			under(id, object{"id": leaf, "name": "practitioner"}), give("/groups/"+id, portal, ours))
	}
	for name, id := range map[string]string{"an administrator": chief, "a member of a group below an administrative one": boss, "a service account": robot, "itself": self} {
		row(name+": read, list and delete credentials, change, give a password (two ways), join, log out, delete", 403, [3]any{"GET", "/users/" + id, nil}, list(id), lose(id, f.credential(t, id, "password")), [3]any{"PUT", "/users/" + id, object{"firstName": "x"}},
			[3]any{"PUT", "/users/" + id + "/reset-password", password}, [3]any{"PUT", "/users/" + id, object{"credentials": []object{password}}},
			join(id, leaf), [3]any{"POST", "/users/" + id + "/logout", nil}, [3]any{"DELETE", "/users/" + id, nil})
	}
	rowOf(f.ordinary(t, "ana"), "ANYBODY ELSE, who has no role: all of that to administrators, service accounts, themself; an administrative group: join, child, rename, delete", 403,
		list(chief), lose(chief, f.credential(t, chief, "password")), [3]any{"PUT", "/users/" + chief, object{"firstName": "x"}}, [3]any{"PUT", "/users/" + chief + "/reset-password", password}, [3]any{"DELETE", "/users/" + chief, nil},
		[3]any{"PUT", "/users/" + boss + "/reset-password", password}, [3]any{"DELETE", "/users/" + robot, nil}, [3]any{"DELETE", "/users/" + self, nil}, [3]any{"PUT", "/users/" + ana, object{"firstName": "x"}},
		join(ana, admins), join(ana, night), join(ana, bosses), under(admins, object{"name": "x"}), [3]any{"PUT", "/groups/" + admins, object{"name": "x"}}, [3]any{"DELETE", "/groups/" + bosses, nil}, join(ana, staff), join(ana, leaf))
	row("another group: join, and those below it", 403, join(ana, staff), join(ana, ward))
	row("clients and secrets, the realm, events, user profile, impersonation, default groups, permissions", 403,
		[3]any{"GET", "/clients", nil}, [3]any{"GET", "/clients/" + portal + "/client-secret", nil}, [3]any{"PUT", "/clients/" + portal, object{"clientId": "x"}}, [3]any{"POST", "/clients", object{"clientId": "x"}},
		[3]any{"PUT", "", object{"registrationAllowed": true}}, [3]any{"GET", "/events", nil}, [3]any{"PUT", "/users/profile", object{}}, [3]any{"POST", "/users/" + ana + "/impersonation", nil},
		[3]any{"PUT", "/default-groups/" + leaf, nil}, [3]any{"GET", z + "/permission/scope", nil}, [3]any{"POST", z + "/policy/user", object{"name": "x", "users": []string{self}}})

	row("RESIDUE another group: child, and join that", 201, under(staff, object{"name": "x"}))
	row("RESIDUE another group: rename, delete what is below", 204, join(ana, f.group(t, "/staff/x")), [3]any{"PUT", "/groups/" + staff, object{"name": "staff"}}, [3]any{"DELETE", "/groups/" + f.group(t, "/staff/x"), nil})
	row("RESIDUE a group made since the last realm apply: join", 204, join(ana, late))
	row("RESIDUE a group of its own at the top", 201, [3]any{"POST", "/groups", object{"name": "top"}})
	row("RESIDUE anybody else: change, give a password, delete it, delete", 204, lose(mary, chosen), [3]any{"PUT", "/users/" + ana, object{"firstName": "x"}}, [3]any{"PUT", "/users/" + ana + "/reset-password", password}, [3]any{"DELETE", "/users/" + ana, nil})

	if _, body := f.callAs(t, reader, http.MethodGet, "/clients", nil); strings.Contains(string(body), "ehr-secret") || strings.Contains(string(body), "robot") {
		t.Errorf("the reader sees other people's clients: %s", body)
	}
	f.sharedChanges(t, site["viewer"])
	f.capabilities(t)
	t.Log("\n" + strings.Join(table, "\n"))
	readme, err := os.ReadFile("../../keycloak-realm/README.md")
	must(t, err)
	for _, line := range table {
		if !strings.Contains(string(readme), line+"\n") {
			t.Errorf("keycloak-realm/README.md lacks: %s", line)
		}
	}
}

// deniesAsBefore makes the realm deny the writer as it once did, by a policy that is
// true of everybody else, for the next Apply to mend.
func (f *fixture) deniesAsBefore(t *testing.T) {
	t.Helper()
	z := f.authz(t)
	var policy, permission named
	f.call(t, http.MethodPost, z+"/policy/user", object{"name": "countersign-not-writer", "logic": "NEGATIVE", "users": []string{f.user(t, "service-account-countersign-writer")}}, &policy)
	var found []named
	f.call(t, http.MethodGet, z+"/permission/scope?name=countersign-not-these-accounts-1", nil, &found)
	permission = found[0]
	f.call(t, http.MethodPut, z+"/permission/scope/"+permission.ID, object{"id": permission.ID, "name": permission.Name, "resourceType": "Users", "scopes": []string{"view", "manage"},
		"policies": []string{policy.ID}, "resources": []string{f.user(t, "chief")}, "decisionStrategy": "UNANIMOUS", "logic": "POSITIVE"}, nil)
}

// ordinary gives a token of somebody with a password of theirs and nothing more.
func (f *fixture) ordinary(t *testing.T, name string) string {
	t.Helper()
	var u object
	f.call(t, http.MethodGet, "/users/"+f.user(t, name), nil, &u)
	u["requiredActions"] = []string{}
	f.call(t, http.MethodPut, "/users/"+f.user(t, name), u, nil)
	answer := form(t, f.spec.Realm, "token", url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {name}, "password": {"a password of theirs"}})
	bearer, _ := answer["access_token"].(string)
	if bearer == "" {
		t.Fatalf("%s does not get in: %v", name, answer)
	}
	return bearer
}
