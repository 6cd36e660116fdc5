package keycloak_test

import (
	"errors"
	"net/http"
	"reflect"
	"testing"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// whole is a person as the realm's administrator is shown them, all of it.
func (f *fixture) whole(t *testing.T, sub string) (u, attributes object) {
	t.Helper()
	f.call(t, http.MethodGet, "/users/"+sub, nil, &u)
	return u, u["attributes"].(object)
}

// unlike changes a person, and reads what became of it.
func (f *fixture) unlike(t *testing.T, sub string, change func(u, attributes object)) object {
	t.Helper()
	u, attributes := f.whole(t, sub)
	change(u, attributes)
	f.call(t, http.MethodPut, "/users/"+sub, u, nil)
	u, _ = f.whole(t, sub)
	return u
}

// Of a person whom we made the language changes, and of what else the realm knows of
// them nothing: that they are disabled, have verified the address, what is to do at
// the next sign-in, the password.
func TestLanguageAlone(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	sub, _ := f.member(t, "ana", "s1", "viewer")
	f.setUp(t, sub)
	want := f.unlike(t, sub, func(u, _ object) {
		u["enabled"], u["emailVerified"], u["requiredActions"] = false, true, []string{"UPDATE_PASSWORD"}
	})
	factors := f.factors(t, sub)
	for _, language := range []string{"es", "en"} {
		must(t, f.SetLanguage(t.Context(), "account-ana", language))
		want["attributes"].(object)["locale"] = []any{language}
		if got, _ := f.whole(t, sub); !reflect.DeepEqual(got, want) {
			t.Errorf("in %s:\n%v, want\n%v", language, got, want)
		}
	}
	away := keycloak.New(keycloak.Config{URL: stack.Keycloak, Realm: f.spec.Realm + "-away", WriterID: "writer", WriterSecret: writerSecret, ReaderID: "reader", ReaderSecret: readerSecret})
	if err := away.SetLanguage(t.Context(), "account-ana", "es"); err == nil || errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("a realm that is away is told as a person who is: %v", err)
	}
	if got := f.factors(t, sub); !reflect.DeepEqual(got, factors) {
		t.Errorf("credentials %v, were %v", got, factors)
	}
}

// In a realm of somebody else only people whom we made are written to, with the
// attributes that its owner gave them, those that an administrator is not shown too.
// A realm that has no languages is asked for none.
func TestLanguageInASharedRealm(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	_, err := keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	var profile object
	f.call(t, http.MethodGet, "/users/profile", nil, &profile)
	for _, name := range []string{"countersign_account", "badge"} {
		profile["attributes"] = append(profile["attributes"].([]any), object{"name": name, "permissions": object{"view": []string{"admin"}, "edit": []string{"admin"}}})
	}
	f.call(t, http.MethodPut, "/users/profile", profile, nil)
	sub, err := f.CreatePerson(t.Context(), someone("bea"))
	must(t, err)
	want := f.unlike(t, sub, func(_, attributes object) {
		attributes["department"], attributes["badge"] = []string{"ward 7"}, []string{"17"}
	})
	hide := func(view ...string) {
		t.Helper()
		badge := profile["attributes"].([]any)[len(profile["attributes"].([]any))-1].(object)
		badge["permissions"] = object{"view": view, "edit": view}
		f.call(t, http.MethodPut, "/users/profile", profile, nil)
	}
	hide("user")
	must(t, f.SetLanguage(t.Context(), "account-bea", "es"))
	hide("admin")
	want["attributes"].(object)["locale"] = []any{"es"}
	if got, _ := f.whole(t, sub); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want\n%v", got, want)
	}

	theirs, _ := f.whole(t, f.user(t, "mary"))
	for _, account := range []string{"", "mary", theirs["id"].(string)} {
		if err := f.SetLanguage(t.Context(), account, "es"); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%q: %v", account, err)
		}
	}
	if got, _ := f.whole(t, f.user(t, "mary")); !reflect.DeepEqual(got, theirs) {
		t.Errorf("mary is %v, was %v", got, theirs)
	}

	f.call(t, http.MethodPut, "", object{"internationalizationEnabled": false}, nil)
	want, _ = f.whole(t, sub)
	must(t, f.SetLanguage(t.Context(), "account-bea", "en"))
	if got, _ := f.whole(t, sub); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want\n%v", got, want)
	}
}
