package keycloak_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// proves: X10
//
// A realm of somebody else is, apart from what is ours, the same to the last id
// after apply, after a worksite and its people, and after the removal; and after
// that nothing of ours is left. A second apply and a second removal change nothing.
func TestSharedRealmIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	nobody := func(object) bool { return false }
	before := f.snapshot(t, nobody)
	ours := f.ours(f.group(t, "/staff/ward"))

	for n := range 2 {
		changed, err := keycloak.Apply(t.Context(), f.admin, f.spec)
		must(t, err)
		if n == 1 && len(changed) > 0 {
			t.Errorf("changed again: %q", changed)
		}
	}
	same(t, "apply", before, f.snapshot(t, ours))
	must(t, f.Prove(t.Context()))

	groups, err := f.EnsureSite(t.Context(), provisioning.Site{Program: "careconnect", Code: "s1", Name: "Clinic", Leaves: leaves})
	must(t, err)
	for _, person := range []string{f.user(t, "mary"), f.user(t, "ana")} {
		must(t, f.Join(t.Context(), person, groups["viewer"]))
	}
	must(t, f.Leave(t.Context(), f.user(t, "mary"), groups["viewer"]))
	must(t, f.EndSessions(t.Context(), f.user(t, "mary")))
	joined := someone("joined")
	joined.Groups = []string{"/access/careconnect/s1/viewer"}
	_, err = f.CreatePerson(t.Context(), joined)
	must(t, err)
	_, err = keycloak.AddApp(t.Context(), f.admin, keycloak.Realm{Name: f.spec.Realm, PortalClientID: "countersign-portal", Template: f.spec.Template},
		keycloak.App{ClientID: "viewer-app", Programs: []string{"careconnect"}, RedirectURIs: []string{"http://127.0.0.2:9/callback"}})
	must(t, err)
	must(t, f.Prove(t.Context()))
	changed, err := keycloak.Apply(t.Context(), f.admin, f.spec) // the reader sees the application from here on
	must(t, err)
	if got := strings.Join(changed, "; "); got != "permission countersign-clients put right" {
		t.Errorf("changed %q", got)
	}
	must(t, f.Prove(t.Context()))
	same(t, "provisioning", before, f.snapshot(t, ours))

	planned, err := keycloak.Remove(t.Context(), f.admin, f.spec, true)
	must(t, err)
	must(t, f.Prove(t.Context()))
	done, err := keycloak.Remove(t.Context(), f.admin, f.spec, false)
	must(t, err)
	if strings.Join(done, "\n") != strings.Join(planned, "\n") || len(done) < 10 {
		t.Errorf("did\n%q\nplanned\n%q", done, planned)
	}
	same(t, "removal", before, f.snapshot(t, func(o object) bool { return o["username"] == "joined" }))
	again, err := keycloak.Remove(t.Context(), f.admin, f.spec, false)
	must(t, err)
	if len(again) > 0 {
		t.Errorf("removed again: %q", again)
	}
}

// ours says whether an object of the realm is ours. Keycloak keeps a resource for
// each group, person and client that a permission names: those that ours alone
// name are ours.
func (f *fixture) ours(named string) func(o object) bool {
	text := func(o object, key string) string { s, _ := o[key].(string); return s }
	return func(o object) bool {
		for _, key := range []string{"clientId", "name", "username", "path", "client", "serviceAccountClientId"} {
			switch s := text(o, key); {
			case strings.HasPrefix(s, "countersign-"), s == "viewer-app", s == "joined", s == "access-careconnect",
				strings.HasPrefix(s, "service-account-countersign-"), s == "/access", strings.HasPrefix(s, "/access/"):
				return true
			}
		}
		if _, resource := o["ownerManagedAccess"]; resource {
			return len(text(o, "name")) == len(named) && text(o, "name") != named
		}
		return false
	}
}

// The whole removal is refused where the realm is the product's own.
func TestRemoveRefusesAnOwnRealm(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	if done, err := keycloak.Remove(t.Context(), f.admin, f.spec, false); err == nil || len(done) > 0 {
		t.Errorf("did %q", done)
	}
	must(t, f.Prove(t.Context()))
}

// Without fine-grained permissions, or beside somebody else's about everybody,
// the wish for the realm's owner says so, nothing is put in their way, and the
// product does not start.
func TestSharedRealmWaitsForItsOwner(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	f.call(t, http.MethodPut, "", object{"adminPermissionsEnabled": false}, nil)
	refused := func(why string) {
		t.Helper()
		_, err := keycloak.Apply(t.Context(), f.admin, f.spec)
		must(t, err)
		if err := f.Prove(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("proved: %v", err)
		}
	}
	wished := func(what string) {
		t.Helper()
		wishes, err := keycloak.Wishes(t.Context(), f.admin, f.spec)
		must(t, err)
		if len(wishes) == 0 || !wishes[0].Needed || !strings.Contains(wishes[0].What, what) {
			t.Errorf("wishes %v", wishes)
		}
	}
	refused("fine-grained admin permissions are off")
	wished("adminPermissionsEnabled")

	f.call(t, http.MethodPut, "", object{"adminPermissionsEnabled": true}, nil)
	z := f.authz(t)
	var helpers named
	f.call(t, http.MethodPost, z+"/policy/user", object{"name": "help desk", "logic": "POSITIVE", "users": []string{f.user(t, "chief")}}, &helpers)
	everybody := object{"name": "help desk sees everybody", "resourceType": "Users", "scopes": []string{"view"}, "policies": []string{helpers.ID}, "decisionStrategy": "UNANIMOUS", "logic": "POSITIVE"}
	var theirs named
	f.call(t, http.MethodPost, z+"/permission/scope", everybody, &theirs)
	refused("help desk sees everybody")
	wished("help desk sees everybody")

	f.call(t, http.MethodDelete, z+"/permission/scope/"+theirs.ID, nil, nil)
	_, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	must(t, f.Prove(t.Context()))
	wishes, err := keycloak.Wishes(t.Context(), f.admin, f.spec)
	must(t, err)
	var all []string
	for _, w := range wishes {
		if w.Needed && !strings.Contains(w.What, "acr.loa.map") { // which only its owner can do
			t.Errorf("still needed: %s", w.What)
		}
		all = append(all, w.String())
	}
	contains(t, strings.Join(all, "\n"), "countersign_account", "acr.loa.map", "duplicateEmailsAllowed", "supportedLocales", "ssoSessionIdleTimeout is 36000 s", "revokeRefreshToken", "without it:")
}

// authz is the path of the realm's fine-grained permissions.
func (f *fixture) authz(t testing.TB) string {
	t.Helper()
	var fine struct{ AdminPermissionsClient named }
	f.call(t, http.MethodGet, "", nil, &fine)
	return "/clients/" + fine.AdminPermissionsClient.ID + "/authz/resource-server"
}
