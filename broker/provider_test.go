package broker_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker/walk"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

// An organization's own realm is attached as identity provider: its people sign in
// with what they know, verify their address all the same, become accounts of their
// own, also where one with their name or address is here, ask for a role and get
// groups and tokens. The realm is theirs: nothing is written there.
//
// What was asked of them there counts as one factor: where two are asked for, they
// set one up here and use it, and never stand before a password that they do not have.
// proves: C3 X10 attack A36 attack A41
func TestPeopleOfAnAttachedRealm(t *testing.T) {
	t.Parallel()
	s := start(t)
	m := s.maple(t)
	// Somebody here has the name and the address of whoever comes from the hospital.
	local := m.mona
	s.hospital(t, local.UserName, local.Email)
	spec, err := s.spec()
	must(t, err)
	spec.IdentityProviders = []keycloak.IdentityProvider{{Alias: "hospital", Name: "Hospital sign-in", Issuer: s.config.Keycloak + "/realms/" + s.name + "-hospital",
		ClientID: "countersign", Secret: "hospital-secret"}}
	for n := range 2 {
		changed, err := keycloak.Apply(t.Context(), s.admin, spec)
		must(t, err)
		if n == 1 && len(changed) > 0 {
			t.Errorf("changed again: %q", changed)
		}
	}

	p := &walk.Person{Browser: walk.New(s.config.PublicURL), Mail: s.mail, UserName: "hospital." + local.UserName, Email: local.Email, Given: "Mary", Surname: "Ward"}
	page, err := p.Get("/sign-in")
	must(t, err)
	if !strings.Contains(page.Text(), "Hospital sign-in") {
		t.Fatalf("the sign-in page does not offer it: %s", page.Text())
	}
	page, err = page.Follow("/broker/hospital/login")
	must(t, err)
	page, err = atHospital(page, local.UserName)
	must(t, err)
	if page.URL.Host == p.Home.Host {
		t.Errorf("signed in with an address that nobody verified: %s", page.URL)
	}
	verify, err := s.mail.Wait(local.Email, "Confirm your e-mail address", "login-actions")
	must(t, err)
	for _, told := range []string{"already exists", "existing account"} {
		if strings.Contains(strings.ToLower(page.Text()), told) {
			t.Errorf("the page tells of somebody else: %s", page.Text())
		}
	}
	_, err = p.Get(verify.Link("login-actions"))
	must(t, err)
	page, err = p.Get("/sign-in")
	must(t, err)
	if page.URL.Host != p.Home.Host {
		t.Fatalf("not signed in: %s %s", page.URL, page.Text())
	}
	if s.account(t, p) == s.account(t, local) {
		t.Fatal("one account for two people")
	}
	silent(t, get(t, p, "/access"), m.name)
	says(t, get(t, p, "/sign-in-methods"), "You signed in with your password alone")

	// A second factor within the session, without another word of the hospital's.
	page, err = p.Get("/sign-in?strength=two-factor&return=/sign-in-methods")
	must(t, err)
	if !page.FormWith("totpSecret").Has("totp") {
		t.Fatalf("no second factor is set up at %s: %s", page.URL, page.Text())
	}
	p.Is(p.UserName, "")
	says(t, get(t, p, "/sign-in?strength=two-factor&return=/sign-in-methods"), "You signed in with a second factor")

	// Fresh proof: the hospital is asked again, and so is the code.
	// Keycloak holds the hospital's proof against the age too, so a slow machine needs time to bring it.
	time.Sleep(21 * time.Second)
	page, err = p.Get("/sign-in?max_age=20&strength=two-factor&return=/sign-in-methods")
	must(t, err)
	page, err = page.Follow("/broker/hospital/login")
	must(t, err)
	page, err = atHospital(page, local.UserName)
	must(t, err)
	says(t, page, "You signed in with a second factor")

	// In another browser, two asked for at once; and none asked for: the code comes all the same.
	for path, want := range map[string]string{"/sign-in?strength=two-factor&return=/sign-in-methods": "You signed in with a second factor",
		"/sign-in?return=/sign-in-methods": "You signed in with your password alone"} {
		other := walk.New(s.config.PublicURL)
		page, err = other.Get(path)
		must(t, err)
		page, err = page.Follow("/broker/hospital/login")
		must(t, err)
		page, err = atHospital(page, local.UserName)
		must(t, err)
		form := page.FormWith("otp")
		if !form.Has("otp") {
			t.Fatalf("%s: no code is asked for at %s: %s", path, page.URL, page.Text())
		}
		page, err = form.Set("otp", walk.CodeAt(walk.Phone(s.config.Issuer(), p.UserName), time.Now())).Send()
		must(t, err)
		says(t, page, want)
	}

	_, err = m.desk.Practise(m.site, p, "practitioner", walk.Licensed("physician", "cpsbc", "C97531", inAYear()), m.mona, walk.Inbox)
	must(t, err)
	s.inRealm(t, p, m.site, "practitioner", "viewer")
	if got, want := useApp(t, p, s.app(t)).Groups, []string{s.leaf(t, m.site, "practitioner"), s.leaf(t, m.site, "viewer")}; !slices.Equal(sortedCopy(got), want) {
		t.Errorf("the token carries %q, want %q", got, want)
	}
	s.invariants(t)
}

// atHospital fills in the hospital's own sign-in page, whose words are not ours.
func atHospital(page *walk.Page, userName string) (*walk.Page, error) {
	form := page.FormWith("password")
	if form.Has("username") {
		form.Set("username", userName)
	}
	return form.Set("password", password).Send()
}

// spec is what the stack's realm was made by.
func (s *stack) spec() (keycloak.Spec, error) {
	built, err := policies.Builtin()
	if err != nil {
		return keycloak.Spec{}, err
	}
	spec, err := s.config.VaultedSpec(built, servers.PutSecret)
	spec.Quick = true
	return spec, err
}

// hospital makes the existing realm of an organization, with one person in it and
// a client for us.
func (s *stack) hospital(t *testing.T, userName, email string) {
	t.Helper()
	name := s.name + "-hospital"
	body, err := json.Marshal(map[string]any{"realm": name, "enabled": true, "displayName": "Hospital",
		"clients": []any{map[string]any{"clientId": "countersign", "secret": "hospital-secret", "publicClient": false,
			"redirectUris": []string{s.config.Issuer() + "/broker/hospital/endpoint"}}},
		"users": []any{map[string]any{"username": userName, "enabled": true, "email": email, "emailVerified": true, "firstName": "Mary", "lastName": "Ward",
			"credentials": []any{map[string]any{"type": "password", "value": password}}}}})
	must(t, err)
	s.asAdmin(t, http.MethodPost, "", body)
	t.Cleanup(func() { s.asAdmin(t, http.MethodDelete, "/"+name, nil) })
}

// asAdmin makes a call about realms, as an administrator of the server would.
func (s *stack) asAdmin(t *testing.T, method, path string, body []byte) {
	t.Helper()
	req, err := http.NewRequest(method, s.config.Keycloak+"/admin/realms"+path, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.adminToken(t))
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}
