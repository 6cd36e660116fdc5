package keycloak_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/broker/local"
	realm "countersign/keycloak-realm"
	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// stack is the Keycloak of the test run, or this package's own.
var stack *local.Addresses

func TestMain(m *testing.M) {
	var stop func()
	var err error
	if stack, stop, err = local.Testing(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := door.open(stack.Keycloak); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	door.Close()
	for _, fault := range door.faults() {
		fmt.Fprintln(os.Stderr, fault)
		code = max(code, 1)
	}
	stop()
	os.Exit(code)
}

// fixture is one realm of a test's own.
type fixture struct {
	*keycloak.Directory
	admin keycloak.Admin
	spec  keycloak.Spec
}

var realms atomic.Int64

// What the vault holds for every realm of these tests, whose specifications refer to it.
const (
	portalSecret = "portal-secret"
	writerSecret = "writer+%secret" // x/oauth2 must encode it
	readerSecret = "reader-secret"
)

var leaves = []provisioning.Leaf{{Code: "practitioner"}, {Code: "viewer", Entitlement: true}}

// newRealm applies a realm and deletes it when the test ends.
func newRealm(t testing.TB) *fixture {
	t.Helper()
	smtp, err := url.Parse("smtp://" + stack.SMTP)
	must(t, err)
	port := 0
	_, err = fmt.Sscan(smtp.Port(), &port)
	must(t, err)
	name := fmt.Sprintf("kc-%d-%d", os.Getpid(), realms.Add(1))
	f := &fixture{
		admin: keycloak.Admin{URL: stack.Keycloak, ClientID: stack.AdminClientID, ClientSecret: stack.AdminClientSecret},
		spec: keycloak.Spec{
			Template: realm.JSON, Realm: name, DisplayName: "Test realm",
			Portal: keycloak.Portal{
				ClientID: "portal", Secret: inVault(t, name, "portal", portalSecret), BaseURL: "http://127.0.0.1:9/",
				RedirectURIs: []string{"http://127.0.0.1:9/callback"}, PostLogoutURIs: []string{"http://127.0.0.1:9/bye", "http://127.0.0.1:9/idle"},
			},
			Writer:   keycloak.Credential{ID: "writer", Secret: inVault(t, name, "writer", writerSecret)},
			Reader:   keycloak.Credential{ID: "reader", Secret: inVault(t, name, "reader", readerSecret)},
			Programs: []keycloak.Program{{ID: "careconnect", Entitlements: []string{"viewer"}}, {ID: "other", Entitlements: []string{"viewer"}}},
			SMTP:     keycloak.SMTP{Host: smtp.Hostname(), Port: port, From: "noreply@example.test", FromName: "Test"},

			Quick: true,
		},
	}
	_, err = keycloak.Apply(t.Context(), f.admin, f.spec)
	must(t, err)
	t.Cleanup(func() { must(t, stack.DropRealm(context.Background(), name)) })
	f.Directory = keycloak.New(keycloak.Config{
		URL: door.URL, Realm: f.spec.Realm, PortalClientID: "portal",
		WriterID: "writer", WriterSecret: writerSecret, ReaderID: "reader", ReaderSecret: readerSecret,
		Timeout: 30 * time.Second, // the first mail of a cold server on a busy machine
	})
	return f
}

// inVault puts a secret into the vault of the test run's Keycloak and gives the reference to it.
func inVault(t testing.TB, realm, key, secret string) string {
	t.Helper()
	reference, err := stack.PutSecret(realm, key, secret)
	must(t, err)
	return reference
}

func (f *fixture) realm() keycloak.Realm {
	return keycloak.Realm{Name: f.spec.Realm, PortalClientID: "portal", Template: realm.JSON}
}

// token asks for a token by client credentials.
func token(t testing.TB, realm, id, secret string) string {
	t.Helper()
	answer := form(t, realm, "token", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}})
	bearer, _ := answer["access_token"].(string)
	if bearer == "" {
		t.Fatalf("no token for %s: %v", id, answer)
	}
	return bearer
}

// form posts to one of the realm's OpenID Connect endpoints.
func form(t testing.TB, realm, endpoint string, values url.Values) map[string]any {
	t.Helper()
	resp, err := http.PostForm(stack.Keycloak+"/realms/"+realm+"/protocol/openid-connect/"+endpoint, values)
	must(t, err)
	defer resp.Body.Close()
	answer := map[string]any{}
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer
}

// call does what an administrator may, past the adapter; anything but 2xx fails the test.
func (f *fixture) call(t testing.TB, method, path string, in, out any) {
	t.Helper()
	bearer, err := stack.AdminToken(context.Background()) // cleaning up, too
	must(t, err)
	code, body := f.callAs(t, bearer, method, path, in)
	if code >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, code, body)
	}
	if out != nil {
		must(t, json.Unmarshal(body, out))
	}
}

func (f *fixture) callAs(t testing.TB, bearer, method, path string, in any) (code int, body []byte) {
	t.Helper()
	return call(t, bearer, method, stack.Keycloak+"/admin/realms/"+f.spec.Realm+path, in)
}

func call(t testing.TB, bearer, method, address string, in any) (code int, body []byte) {
	t.Helper()
	var sent io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		must(t, err)
		sent = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, sent)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, body
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (f *fixture) client(t testing.TB, clientID string) string {
	t.Helper()
	var found []named
	f.call(t, http.MethodGet, "/clients?clientId="+clientID, nil, &found)
	if len(found) != 1 {
		t.Fatalf("%d clients %s", len(found), clientID)
	}
	return found[0].ID
}

func (f *fixture) role(t testing.TB, client, name string) named {
	t.Helper()
	var r named
	f.call(t, http.MethodGet, "/clients/"+client+"/roles/"+name, nil, &r)
	return r
}

// member creates a person at a site of careconnect, in the leaves named.
func (f *fixture) member(t testing.TB, name, site string, codes ...string) (sub string, groups map[string]string) {
	t.Helper()
	groups, err := f.EnsureSite(t.Context(), provisioning.Site{Program: "careconnect", Code: site, Name: "Clinic", Leaves: leaves})
	must(t, err)
	sub, err = f.CreatePerson(t.Context(), someone(name))
	must(t, err)
	for _, code := range codes {
		must(t, f.Join(t.Context(), sub, groups[code]))
	}
	return sub, groups
}

func someone(name string) provisioning.NewPerson {
	return provisioning.NewPerson{Account: "account-" + name, UserName: name, GivenName: "Ana", Surname: "Ruiz", Email: "family@example.test", Locale: "en"}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
}
