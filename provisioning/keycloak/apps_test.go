package keycloak_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

func sample() keycloak.App {
	return keycloak.App{
		ClientID: "sample", Programs: []string{"careconnect"},
		RedirectURIs: []string{"http://127.0.0.2:9/callback"}, PostLogoutURIs: []string{"http://127.0.0.2:9/"},
		LogoutURL: "http://127.0.0.2:9/backchannel",
	}
}

// exampleToken is the access token that the person would get at the client now.
func (f *fixture) exampleToken(t *testing.T, clientID, sub string) (claims struct {
	Audience any      `json:"aud"`
	Groups   []string `json:"groups"`
	Access   map[string]struct {
		Roles []string `json:"roles"`
	} `json:"resource_access"`
	RealmAccess any `json:"realm_access"`
}) {
	t.Helper()
	f.call(t, http.MethodGet, "/clients/"+f.client(t, clientID)+"/evaluate-scopes/generate-example-access-token?scope=openid&userId="+sub, nil, &claims)
	return claims
}

// An application sees the groups and its own roles of its programs, and nothing
// of another program, of the portal or of the realm, on sites older than itself too.
func TestAppSeesItsProgramsOnly(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	sub, _ := f.member(t, "ana", "s1", "practitioner", "viewer")
	other, err := f.EnsureSite(t.Context(), provisioning.Site{Program: "other", Code: "s1", Name: "Elsewhere", Leaves: leaves})
	must(t, err)
	must(t, f.Join(t.Context(), sub, other["viewer"]))

	_, err = keycloak.AddApp(t.Context(), f.admin, f.realm(), sample())
	must(t, err)
	got := f.exampleToken(t, "sample", sub)
	slices.Sort(got.Groups)
	if want := []string{"/access/careconnect/s1/practitioner", "/access/careconnect/s1/viewer"}; !slices.Equal(got.Groups, want) {
		t.Errorf("groups %v, want %v", got.Groups, want)
	}
	if len(got.Access) != 1 || !slices.Equal(got.Access["sample"].Roles, []string{"viewer"}) {
		t.Errorf("roles %v, want sample: viewer", got.Access)
	}
	if got.Audience != "sample" {
		t.Errorf("audience %v", got.Audience)
	}
	if got.RealmAccess != nil {
		t.Errorf("realm roles %v", got.RealmAccess)
	}

	portal := f.exampleToken(t, "portal", sub)
	if len(portal.Groups) > 0 || len(portal.Access) > 0 {
		t.Errorf("the portal's token carries %v %v", portal.Groups, portal.Access)
	}
}

// A person's own attribute cannot pass for a group: the realm drops it.
func TestAttributeOfAPersonIsNoGroup(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	_, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), sample())
	must(t, err)
	sub, groups := f.member(t, "ana", "s1", "viewer")
	var user map[string]any
	f.call(t, http.MethodGet, "/users/"+sub, nil, &user)
	user["attributes"].(map[string]any)["access_careconnect"] = []string{"/access/careconnect/s1/forged"}
	f.call(t, http.MethodPut, "/users/"+sub, user, nil)
	if got := f.exampleToken(t, "sample", sub).Groups; !slices.Equal(got, []string{"/access/careconnect/s1/viewer"}) {
		t.Errorf("groups %v", got)
	}
	must(t, f.Leave(t.Context(), sub, groups["viewer"]))
	if got := f.exampleToken(t, "sample", sub); got.Groups != nil || got.Access != nil {
		t.Errorf("after leaving: %+v", got)
	}
}

// Adding is repeatable, a secret rotates, and only an application of ours can be
// rotated or removed.
func TestAppLifecycle(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	ctx, app := t.Context(), sample()
	app.Roles = map[string][]string{"reader": {"careconnect.viewer"}}
	secret, err := keycloak.AddApp(ctx, f.admin, f.realm(), app)
	must(t, err)
	app.Roles = map[string][]string{"clinician": {"careconnect.viewer"}}
	app.RedirectURIs = []string{"http://127.0.0.2:9/changed"}
	again, err := keycloak.AddApp(ctx, f.admin, f.realm(), app)
	must(t, err)
	if secret == "" || again != secret {
		t.Errorf("secret %q became %q", secret, again)
	}
	sub, _ := f.member(t, "ana", "s1", "viewer")
	if got := f.exampleToken(t, "sample", sub).Access["sample"].Roles; !slices.Equal(got, []string{"clinician"}) {
		t.Errorf("roles %v", got)
	}
	apps, err := keycloak.Apps(ctx, f.admin, f.spec.Realm)
	must(t, err)
	if len(apps) != 1 || apps[0].ClientID != "sample" || !slices.Equal(apps[0].RedirectURIs, app.RedirectURIs) || !slices.Equal(apps[0].PostLogoutURIs, app.PostLogoutURIs) || apps[0].LogoutURL != app.LogoutURL {
		t.Errorf("apps %+v", apps)
	}
	rotated, err := keycloak.RotateApp(ctx, f.admin, f.spec.Realm, "sample")
	must(t, err)
	if rotated == "" || rotated == secret {
		t.Errorf("secret %q rotated to %q", secret, rotated)
	}
	for _, clientID := range []string{"portal", "writer", "realm-management", "unheard-of"} {
		if err := keycloak.RemoveApp(ctx, f.admin, f.spec.Realm, clientID); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("remove %s: %v", clientID, err)
		}
		if _, err := keycloak.RotateApp(ctx, f.admin, f.spec.Realm, clientID); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("rotate %s: %v", clientID, err)
		}
	}
	must(t, keycloak.RemoveApp(ctx, f.admin, f.spec.Realm, "sample"))
	apps, err = keycloak.Apps(ctx, f.admin, f.spec.Realm)
	must(t, err)
	if len(apps) != 0 {
		t.Errorf("apps %+v", apps)
	}
	must(t, f.Prove(ctx))
}

func TestAddAppRefuses(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	for name, spoil := range map[string]func(*keycloak.App){
		"the portal":            func(a *keycloak.App) { a.ClientID = "portal" },
		"keycloak's own client": func(a *keycloak.App) { a.ClientID = "realm-management" },
		"a bad id":              func(a *keycloak.App) { a.ClientID = "a/b" },
		"no program":            func(a *keycloak.App) { a.Programs = nil },
		"an unknown program":    func(a *keycloak.App) { a.Programs = []string{"unheard-of"} },
		"no redirect":           func(a *keycloak.App) { a.RedirectURIs = nil },
		"a wildcard":            func(a *keycloak.App) { a.RedirectURIs = []string{"https://app.test/*"} },
		"a script":              func(a *keycloak.App) { a.LogoutURL = "javascript:alert(1)" },
		"a foreign entitlement": func(a *keycloak.App) { a.Roles = map[string][]string{"x": {"other.viewer"}} },
		"an unknown one":        func(a *keycloak.App) { a.Roles = map[string][]string{"x": {"careconnect.unheard-of"}} },
	} {
		app := sample()
		spoil(&app)
		if _, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), app); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	apps, err := keycloak.Apps(t.Context(), f.admin, f.spec.Realm)
	must(t, err)
	if len(apps) > 0 {
		t.Errorf("left behind: %+v", apps)
	}
}
