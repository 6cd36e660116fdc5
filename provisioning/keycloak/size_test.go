package keycloak_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// sizes finds a line of the contract's table: memberships, access token, ID token.
var sizes = regexp.MustCompile(`(?m)^\| (\d+) \| ([\d,]+) \| ([\d,]+) \|$`)

// What tokens weigh is in the contract, because headers have limits: the table
// there must be what the server gives. A practitioner is in two groups a site.
func TestTokenSizes(t *testing.T) {
	t.Parallel()
	f := newRealm(t)
	app := sample()
	secret, err := keycloak.AddApp(t.Context(), f.admin, f.realm(), app)
	must(t, err)
	sub, _ := f.member(t, "many", "a00000", "practitioner", "viewer")
	f.ready(t, sub, "a-password-for-many-9")

	text, err := os.ReadFile("../../keycloak-realm/README.md")
	must(t, err)
	lines := sizes.FindAllStringSubmatch(string(text), -1)
	if len(lines) != 4 {
		t.Fatalf("the contract's table has %d lines, want those for 2, 10, 100 and 200 memberships", len(lines))
	}
	sites := 1
	for _, line := range lines {
		memberships, err := strconv.Atoi(line[1])
		must(t, err)
		for ; sites < memberships/2; sites++ {
			groups, err := f.EnsureSite(t.Context(), provisioning.Site{Program: "careconnect", Code: fmt.Sprintf("a%05d", sites), Name: "Clinic", Leaves: leaves})
			must(t, err)
			for _, leaf := range []string{"practitioner", "viewer"} {
				must(t, f.Join(t.Context(), sub, groups[leaf]))
			}
		}
		tokens := f.signIn(t, app, secret, "many", "a-password-for-many-9", "openid")
		for i, name := range []string{"access_token", "id_token"} {
			raw := tokens[name].(string)
			if groups := claimsOf(t, raw)["groups"].([]any); len(groups) != memberships {
				t.Fatalf("%s has %d groups, want %d", name, len(groups), memberships)
			}
			says := number(t, line[2+i])
			t.Logf("%d memberships: %s has %d bytes, the contract says %d", memberships, name, len(raw), says)
			if d := len(raw) - says; d < -says/20 || d > says/20 { // names of realm and host differ
				t.Errorf("%d memberships: %s has %d bytes, the contract says %d", memberships, name, len(raw), says)
			}
		}
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(regexp.MustCompile(`\D`).ReplaceAllString(s, ""))
	must(t, err)
	return n
}
