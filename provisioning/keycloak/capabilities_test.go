package keycloak_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// capabilities demands of each line that it is as it should be, and that to ask for it
// changes nothing, even where everything is allowed.
func (f *fixture) capabilities(t *testing.T) {
	t.Helper()
	look, err := f.Inspect(f.spec)
	must(t, err)
	all, err := look.Capabilities(t.Context())
	must(t, err)
	rules := map[keycloak.Rule]int{}
	for _, c := range all {
		rules[c.Rule]++
		if c.Err != nil || c.Can == (c.Rule == keycloak.MustNot) {
			t.Errorf("%s can %v: %s (%s, %s) %v", c.Account, c.Can, c.What, c.Rule, c.How, c.Err)
		}
	}
	if rules[keycloak.Needs]+rules[keycloak.Wants] < 15 || rules[keycloak.MustNot] < 15 || rules[keycloak.Residue] < 6 {
		t.Errorf("asked %v", rules)
	}

	f.call(t, http.MethodPut, "", map[string]any{"adminEventsEnabled": true, "adminEventsDetailsEnabled": true}, nil)
	f.call(t, http.MethodDelete, "/admin-events", nil, nil)
	everything, err := look.ProbesAs(t.Context(), f.admin)
	must(t, err)
	for _, c := range everything {
		if !c.Can || c.Err != nil {
			t.Errorf("an administrator can %v: %s (%s) %v", c.Can, c.What, c.How, c.Err)
		}
	}
	var events []map[string]any
	f.call(t, http.MethodGet, "/admin-events?max=100", nil, &events)
	for _, e := range events {
		t.Errorf("asking changed something: %v %v %v", e["operationType"], e["resourceType"], e["resourcePath"])
	}
}

// What each of the two accounts can do is what the product needs, no more than what
// Keycloak cannot be kept from giving with it; and whoever asks changes nothing.
// proves: attack A68
func TestCapabilities(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	app := sample()
	_, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), app)
	must(t, err)
	look, err := f.Inspect(f.spec)
	must(t, err)
	differ, err := look.Differences(t.Context())
	must(t, err)
	also, err := look.Application(t.Context(), app)
	must(t, err)
	if len(differ)+len(also) > 0 {
		t.Errorf("differs: %q %q", differ, also)
	}
	must(t, look.SecretKept(t.Context(), "portal"))
	f.capabilities(t)
}

// sharedChanges demands that of a shared realm what concerns a leaf of ours is told,
// and nothing else.
func (f *fixture) sharedChanges(t *testing.T, leaf string) {
	t.Helper()
	ctx := t.Context()
	must(t, f.Sentinel(ctx))
	if _, err := f.Changes(ctx, time.Now()); !errors.Is(err, provisioning.ErrUnrecorded) {
		t.Errorf("a realm that records nothing: %v", err)
	}
	f.call(t, http.MethodPut, "", object{"adminEventsEnabled": true}, nil)
	var profile object
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	profile["attributes"] = append(profile["attributes"].([]any), object{"name": "countersign_account", "permissions": object{"view": []string{"admin"}, "edit": []string{"admin"}}})
	f.call(t, http.MethodPut, "/users/profile", profile, nil)
	ours, err := f.CreatePerson(ctx, someone("of-ours"))
	must(t, err)
	must(t, f.Join(ctx, ours, leaf))
	lead, staff := f.user(t, "lead"), f.group(t, "/staff")
	time.Sleep(5 * time.Millisecond)
	began := time.Now().Truncate(time.Millisecond)

	f.call(t, http.MethodPut, "/users/"+lead+"/groups/"+staff, nil, nil) // theirs
	f.call(t, http.MethodPut, "/users/"+lead, object{"firstName": "Lee"}, nil)
	f.call(t, http.MethodPut, "/users/"+ours, object{"firstName": "Lee"}, nil)
	f.call(t, http.MethodPut, "/users/"+ours+"/groups/"+staff, nil, nil) // a group of theirs, still
	f.call(t, http.MethodDelete, "/users/"+ours+"/groups/"+leaf, nil, nil)
	f.call(t, http.MethodPut, "/users/"+lead+"/groups/"+leaf, nil, nil)

	all, err := f.Changes(ctx, began)
	must(t, err)
	var got []string
	for _, c := range all {
		got = append(got, string(c.Kind)+" "+c.Sub+" "+c.Path)
		if c.Ours {
			t.Errorf("not ours: %+v", c)
		}
	}
	want := []string{"left " + ours + " /access/careconnect/s1/viewer", "joined " + lead + " /access/careconnect/s1/viewer"}
	// By the time it is read they have changed places: lead is in a group of ours, and
	// so concerns us, and ours is not.
	want = append([]string{"person-changed " + lead + " "}, want...)
	if !slices.Equal(got, want) {
		t.Errorf("told\n%q\nwant\n%q", got, want)
	}
	groups, err := f.Groups(ctx)
	must(t, err)
	for _, g := range groups {
		if g.Path[:len("/access/")] != "/access/" {
			t.Errorf("not ours: %s", g.Path)
		}
	}
	must(t, f.Prove(ctx))
}
