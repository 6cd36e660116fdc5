package keycloak

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// errNotListed is the answer to a call that the adapter is not meant to make.
var errNotListed = errors.New("keycloak: call is not on the adapter's list")

// call is a method and a path below /admin/realms/<realm>; "*" stands for one
// segment, a final "**" for one or more.
type call struct{ method, path string }

// reads are the calls of the reader.
var reads = []call{
	{"GET", ""},
	{"GET", "users"},
	{"GET", "users/profile"},
	{"GET", "users/*"},
	{"GET", "users/*/groups"},
	{"GET", "users/*/consents"},
	{"GET", "users/*/sessions"},
	{"GET", "users/*/offline-sessions/*"},
	{"GET", "users/*/credentials"}, // Keycloak leaves the secrets out; the adapter keeps id and kind alone
	{"GET", "group-by-path/**"},
	{"GET", "groups"},
	{"GET", "groups/count"},
	{"GET", "groups/*"},
	{"GET", "groups/*/children"},
	{"GET", "groups/*/members"},
	{"GET", "admin-events"},
	{"GET", "clients"},
	{"GET", "clients/*/roles"},
	{"GET", "clients/*/roles/*/users"},
	{"GET", "clients/*/roles/*/groups"},
	{"GET", "roles"},
	{"GET", "roles-by-id/*/composites/clients/*"},
}

// sharedReads are the reader's further calls in a shared realm, for its start proof.
var sharedReads = []call{
	{"GET", "roles/*/users"},
	{"GET", "roles/*/groups"},
	{"GET", "roles-by-id/*/composites"},
	{"GET", "clients/*/authz/resource-server/policy/user"},
	{"GET", "clients/*/authz/resource-server/permission/scope"},
	{"GET", "clients/*/authz/resource-server/permission/scope/*/scopes"},
	{"GET", "clients/*/authz/resource-server/permission/scope/*/resources"},
	{"GET", "clients/*/authz/resource-server/permission/scope/*/associatedPolicies"},
}

// writes are the calls of the writer. What manage-users also allows and nobody
// here may do: reset-password, PUT users with anything beside details,
// federated-identity, logout-all, attack-detection, role-mappings of people. A person
// is deleted only by RemovePerson and changed only by SetLanguage, which look first
// whose account they carry.
var writes = []call{
	{"POST", "users"},
	{"DELETE", "users/*"},
	{"PUT", "users/*"}, // by SetLanguage alone, see onlyDetails
	{"PUT", "users/*/execute-actions-email"},
	{"PUT", "users/*/groups/*"},
	{"DELETE", "users/*/groups/*"},
	{"DELETE", "users/*/consents/*"},
	{"DELETE", "users/*/credentials/*"}, // by ForgetFactors alone, never of a password
	{"POST", "users/*/logout"},
	{"POST", "groups/*/children"},
	{"PUT", "groups/*"},
	{"POST", "groups/*/role-mappings/clients/*"},
	{"DELETE", "groups/*/role-mappings/clients/*"},
}

// inspections are the further calls of whoever inspects the realm, with the
// reader's credential. None of them shows a secret of a client but the formats for
// adapters, and that is what an inspection asks of them.
var inspections = append([]call{
	{"GET", "clients/*/service-account-user"},
	{"GET", "clients/*/scope-mappings/clients/*"},
	{"GET", "clients/*/installation/providers/*"},
	{"GET", "client-scopes"},
	{"GET", "users/*/role-mappings/clients/*"},
	{"GET", "authentication/**"},
}, reads...)

// guard is a RoundTripper that refuses, before anything leaves the process, what
// is not listed, and removes client secrets from what comes back.
type guard struct {
	realm   string
	allowed []call
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.Path == "/realms/"+g.realm+"/protocol/openid-connect/token" {
		return g.next.RoundTrip(r)
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/admin/realms/"+g.realm)
	path = strings.TrimPrefix(path, "/")
	if !ours || !g.lists(r.Method, path) {
		return nil, fmt.Errorf("%w: %s %s", errNotListed, r.Method, r.URL.Path)
	}
	if err := checkPerson(r, path); err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err == nil && path == "clients" {
		err = withoutSecrets(resp)
	}
	return resp, err
}

func (g *guard) lists(method, path string) bool {
	for _, c := range g.allowed {
		if c.method == method && matches(c.path, path) {
			return true
		}
	}
	return false
}

// matches compares segment by segment. Empty and dotted segments match nothing:
// an id must not climb out of its place.
func matches(pattern, path string) bool {
	if pattern == path {
		return true
	}
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, segment := range have {
		if segment == "" || segment == "." || segment == ".." || i >= len(want) && want[len(want)-1] != "**" {
			return false
		}
		if i < len(want) && want[i] != segment && want[i] != "*" && want[i] != "**" {
			return false
		}
	}
	return len(have) >= len(want)
}

// checkPerson looks into what makes or changes a person.
func checkPerson(r *http.Request, path string) error {
	var check func(body []byte) error
	switch {
	case r.Method == http.MethodPost && path == "users":
		check = withoutPassword
	case r.Method == http.MethodPut && matches("users/*", path):
		check = onlyDetails
	default:
		return nil
	}
	if r.Body == nil {
		return fmt.Errorf("%w: %s %s without a body", errNotListed, r.Method, path)
	}
	body, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := check(body); err != nil {
		return fmt.Errorf("%w: %s %s: %w", errNotListed, r.Method, path, err)
	}
	return nil
}

// withoutPassword refuses to create a person with a credential in the body.
func withoutPassword(body []byte) error {
	var person map[string]json.RawMessage
	if err := json.Unmarshal(body, &person); err != nil {
		return err
	}
	if _, found := person["credentials"]; found {
		return errors.New("with credentials")
	}
	return nil
}

// onlyDetails refuses to change a person in anything but details, and one whom the
// product did not make. What Keycloak knows under users/ beside people, its profile of
// attributes, has another form.
func onlyDetails(body []byte) error {
	known := json.NewDecoder(bytes.NewReader(body))
	known.DisallowUnknownFields()
	var p details
	if err := known.Decode(&p); err != nil {
		return err
	}
	if len(p.Attributes[accountAttribute]) != 1 || p.Attributes[accountAttribute][0] == "" {
		return errors.New("no person of ours")
	}
	return nil
}

// withoutSecrets rewrites a list of clients so that no secret reaches the caller.
func withoutSecrets(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	var clients []map[string]any
	if err := json.Unmarshal(body, &clients); err != nil {
		return fmt.Errorf("keycloak: list of clients: %w", err)
	}
	for _, c := range clients {
		if secret, _ := c["secret"].(string); !vaulted.MatchString(secret) { // a reference is none
			delete(c, "secret")
		}
		delete(c, "registrationAccessToken")
	}
	if body, err = json.Marshal(clients); err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
