package keycloak_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/provisioning"
	"countersign/provisioning/conformance"
	"countersign/provisioning/keycloak"
)

// The real realm keeps every promise of the contract, under the two service
// accounts alone.
func TestKeycloakConforms(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	// A group beside our root is nobody's business here.
	f.call(t, http.MethodPost, "/groups", map[string]string{"name": "foreign"}, nil)
	conformance.Run(t, conformance.Fixture{Directory: f.Directory, Root: "/access", Person: f.person, Factors: f.factors, SetUp: f.setUp, Elsewhere: f.elsewhere(),
		ClientID: "portal", RedirectURI: f.spec.Portal.RedirectURIs[0]})
	must(t, f.Prove(t.Context()))
}

// elsewhere is the realm's administrator, past the product.
func (f *fixture) elsewhere() conformance.Elsewhere {
	var renaming sync.Mutex // what one allows, the next forbids
	return conformance.Elsewhere{
		Join: func(t *testing.T, sub, group string) {
			f.call(t, http.MethodPut, "/users/"+sub+"/groups/"+group, nil, nil)
		},
		Leave: func(t *testing.T, sub, group string) {
			f.call(t, http.MethodDelete, "/users/"+sub+"/groups/"+group, nil, nil)
		},
		Rename: func(t *testing.T, sub, name string) { // an administrator has to allow it first
			renaming.Lock()
			defer renaming.Unlock()
			f.call(t, http.MethodPut, "", map[string]bool{"editUsernameAllowed": true}, nil)
			defer f.call(t, http.MethodPut, "", map[string]bool{"editUsernameAllowed": false}, nil)
			f.call(t, http.MethodPut, "/users/"+sub, map[string]string{"username": name}, nil)
		},
		RemoveGroup: func(t *testing.T, group string) { f.call(t, http.MethodDelete, "/groups/"+group, nil, nil) },
	}
}

// In a realm that lets user names be changed, Keycloak refuses a change that says none:
// the language stays as it was, and nobody tries again for ever.
func TestLanguageWhereNamesMayChange(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	sub, err := f.CreatePerson(t.Context(), provisioning.NewPerson{Account: "account-ana", UserName: "ana", GivenName: "Ana", Surname: "Ruiz", Email: "ana@example.test", Locale: "en"})
	must(t, err)
	f.call(t, http.MethodPut, "", map[string]bool{"editUsernameAllowed": true}, nil)
	must(t, f.SetLanguage(t.Context(), "account-ana", "es"))
	if p := f.person(t, sub); p.Locale != "en" || p.UserName != "ana" {
		t.Errorf("%+v", p)
	}
}

// person is someone as the realm's administrator sees them.
func (f *fixture) person(t *testing.T, sub string) provisioning.Person {
	t.Helper()
	var u struct {
		ID, Username, FirstName, LastName, Email string
		Enabled, EmailVerified                   bool
		Attributes                               struct {
			Locale  []string
			Account []string `json:"countersign_account"`
		}
	}
	f.call(t, http.MethodGet, "/users/"+sub, nil, &u)
	return provisioning.Person{
		Sub: u.ID, UserName: u.Username, GivenName: u.FirstName, Surname: u.LastName, Email: u.Email,
		Locale: strings.Join(u.Attributes.Locale, " "), Account: strings.Join(u.Attributes.Account, " "),
		Enabled: u.Enabled, EmailVerified: u.EmailVerified,
	}
}

// factors are the kinds of a person's credentials.
func (f *fixture) factors(t *testing.T, sub string) (kinds []string) {
	t.Helper()
	var all []struct{ Type string }
	f.call(t, http.MethodGet, "/users/"+sub+"/credentials", nil, &all)
	for _, c := range all {
		kinds = append(kinds, c.Type)
	}
	slices.Sort(kinds)
	return kinds
}

// credential is the id of a person's first credential of a kind; who has none, as a
// service account has none, gives one that nobody has.
func (f *fixture) credential(t *testing.T, sub, kind string) string {
	t.Helper()
	var all []struct{ ID, Type string }
	f.call(t, http.MethodGet, "/users/"+sub+"/credentials", nil, &all)
	for _, c := range all {
		if c.Type == kind {
			return c.ID
		}
	}
	return "none"
}

// setUp gives a person what they would set up on Keycloak's pages: of one-time codes
// two, as with a telephone and a tablet.
func (f *fixture) setUp(t *testing.T, sub string) {
	t.Helper()
	var u map[string]any
	f.call(t, http.MethodGet, "/users/"+sub, nil, &u)
	codes := func(label string) map[string]any {
		return map[string]any{"type": "otp", "userLabel": label, "secretData": `{"value":"` + label + `"}`,
			"credentialData": `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1"}`}
	}
	u["credentials"] = []map[string]any{{"type": "password", "value": "correct-horse-battery-9"}, codes("telephone"), codes("tablet"),
		{"type": "recovery-authn-codes", "secretData": `{"codes":[]}`, "credentialData": `{"hashIterations":1,"algorithm":"RS512","remaining":12,"total":12}`}}
	f.call(t, http.MethodPut, "/users/"+sub, u, nil)
}

// Membership in a group outside our root is neither shown nor touched.
func TestForeignGroupsAreLeftAlone(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	sub, groups := f.member(t, "ana", "s1", "viewer")
	f.call(t, http.MethodPost, "/groups", map[string]string{"name": "access-foreign"}, nil)
	var foreign named
	f.call(t, http.MethodGet, "/group-by-path/access-foreign", nil, &foreign)
	f.call(t, http.MethodPut, "/users/"+sub+"/groups/"+foreign.ID, nil, nil)

	got, err := f.Memberships(t.Context(), sub)
	must(t, err)
	want := []provisioning.Group{{ID: groups["viewer"], Path: "/access/careconnect/s1/viewer"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What a leaf carries follows the site: the path as attribute, the entitlement's
// role, and no role that somebody added or that the version in force dropped.
func TestSiteIsRepaired(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	_, groups := f.member(t, "ana", "s1")
	portal := f.client(t, "portal")
	viewer := f.role(t, portal, "careconnect.viewer")
	f.call(t, http.MethodPost, "/groups/"+groups["practitioner"]+"/role-mappings/clients/"+portal, []named{viewer}, nil)
	f.call(t, http.MethodPut, "/groups/"+groups["viewer"], map[string]any{"name": "viewer", "attributes": map[string][]string{"access_other": {"/access/other/s1/viewer"}}}, nil)

	_, err := f.EnsureSite(t.Context(), provisioning.Site{Program: "careconnect", Code: "s1", Name: "Renamed", Leaves: leaves})
	must(t, err)
	type group struct {
		Attributes  map[string][]string `json:"attributes"`
		ClientRoles map[string][]string `json:"clientRoles"`
	}
	for path, want := range map[string]group{
		"":              {Attributes: map[string][]string{"display_name": {"Renamed"}}},
		"/viewer":       {Attributes: map[string][]string{"access_careconnect": {"/access/careconnect/s1/viewer"}}, ClientRoles: map[string][]string{"portal": {"careconnect.viewer"}}},
		"/practitioner": {Attributes: map[string][]string{"access_careconnect": {"/access/careconnect/s1/practitioner"}}},
	} {
		var got group
		f.call(t, http.MethodGet, "/group-by-path/access/careconnect/s1"+path, nil, &got)
		if !equalMaps(got.Attributes, want.Attributes) || !equalMaps(got.ClientRoles, want.ClientRoles) {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
}

func equalMaps(a, b map[string][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key := range a {
		if !slices.Equal(a[key], b[key]) {
			return false
		}
	}
	return true
}

// A program or an entitlement that the realm does not know is said, not made up.
func TestSiteNeedsTheRealmApplied(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	for name, site := range map[string]provisioning.Site{
		"program":     {Program: "unknown", Code: "s1", Name: "S", Leaves: leaves},
		"entitlement": {Program: "careconnect", Code: "s1", Name: "S", Leaves: []provisioning.Leaf{{Code: "unheard", Entitlement: true}}},
	} {
		if _, err := f.EnsureSite(t.Context(), site); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A refused secret, a missing right and an ended context are told apart.
func TestFailuresAreNamed(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	sub, _ := f.member(t, "ana", "s1")

	wrong := keycloak.New(keycloak.Config{URL: stack.Keycloak, Realm: f.spec.Realm, WriterID: "writer", WriterSecret: "stale", ReaderID: "reader", ReaderSecret: "stale"})
	if _, err := wrong.Memberships(t.Context(), sub); !errors.Is(err, provisioning.ErrForbidden) {
		t.Errorf("stale secret: %v", err)
	}
	swapped := keycloak.New(keycloak.Config{URL: stack.Keycloak, Realm: f.spec.Realm, WriterID: "reader", WriterSecret: "reader-secret", ReaderID: "reader", ReaderSecret: "reader-secret"})
	if err := swapped.EndSessions(t.Context(), sub); !errors.Is(err, provisioning.ErrForbidden) {
		t.Errorf("reader as writer: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Memberships(ended, sub); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// A creation whose reply is lost shows as a conflict when it is repeated, and is
// then adopted and not doubled; somebody whom the realm's owner made is a stranger.
func TestALostCreationIsAdopted(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	proxy := httptest.NewServer(nil)
	t.Cleanup(proxy.Close)
	target, err := url.Parse(stack.Keycloak)
	must(t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ModifyResponse = func(r *http.Response) error {
		if r.StatusCode == http.StatusCreated {
			return errors.New("lost on the way back")
		}
		return nil
	}
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.Config.Handler = forward
	lossy := keycloak.New(keycloak.Config{URL: proxy.URL, Realm: f.spec.Realm, PortalClientID: "portal",
		WriterID: "writer", WriterSecret: writerSecret, ReaderID: "reader", ReaderSecret: readerSecret})

	if sub, err := lossy.CreatePerson(t.Context(), someone("ana")); err == nil {
		t.Fatalf("the reply came: %s", sub)
	}
	sub, err := lossy.CreatePerson(t.Context(), someone("ana"))
	must(t, err)
	var people []named
	f.call(t, http.MethodGet, "/users?q=countersign_account:account-ana", nil, &people)
	if len(people) != 1 || people[0].ID != sub {
		t.Errorf("adopted %s, there are %v", sub, people)
	}

	f.call(t, http.MethodPost, "/users", map[string]any{"username": "theirs", "email": "theirs@example.test", "firstName": "T", "lastName": "H"}, nil)
	for _, name := range []string{"theirs", "service-account-writer"} {
		if sub, err := f.CreatePerson(t.Context(), someone(name)); !errors.Is(err, provisioning.ErrUserNameTaken) {
			t.Errorf("%s: %q, %v", name, sub, err)
		}
	}
}

// A mail that Keycloak's mail server does not take is told from everything else that
// goes wrong, whether it is refused or cannot be taken for now; the person is there
// all the same. What Keycloak refuses of us is no such thing.
// proves: A37
func TestSetupMailIsNotTaken(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	setup := provisioning.Setup{ClientID: "portal", RedirectURI: "http://127.0.0.1:9/callback", Lifespan: time.Hour}
	for _, domain := range []string{"refused.example", "later.example"} {
		p := someone("ira")
		p.UserName, p.Account, p.Email = "ira."+domain, domain, "ira@"+domain
		sub, err := f.CreatePerson(t.Context(), p)
		must(t, err)
		if err := f.SendSetup(t.Context(), sub, setup); !errors.Is(err, provisioning.ErrMail) {
			t.Errorf("%s: %v", domain, err)
		}
		elsewhere := setup
		elsewhere.RedirectURI = "http://nowhere.example/"
		if err := f.SendSetup(t.Context(), sub, elsewhere); !errors.Is(err, provisioning.ErrInvalid) || errors.Is(err, provisioning.ErrMail) {
			t.Errorf("%s, with a redirect address of nobody's: %v", domain, err)
		}
		if _, err := f.Verified(t.Context(), sub); err != nil {
			t.Errorf("%s: the person: %v", domain, err)
		}
	}
}
