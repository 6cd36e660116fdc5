package keycloak_test

import (
	"cmp"
	"os"
	"strings"
	"testing"

	"countersign/provisioning/keycloak"
)

// What was tested is said as it is, and what is unsafe for passkeys as such.
func TestVersionsAreJudged(t *testing.T) {
	t.Parallel()
	for version, want := range map[string][]string{
		"26.7.3":  nil,
		"26.5.6":  {"provisioning, sign-in and revocation were tested", "unsafe for passkeys"},
		"26.6.3":  {"was not tested", "unsafe for passkeys"},
		"26.6.4":  {"was not tested"},
		"26.8.0":  {"was not tested"},
		"27.0.0":  {"was not tested"},
		"9.0.0":   {"was not tested", "unsafe for passkeys"},
		"":        {"is not known"},
		"nightly": {"is not known"},
	} {
		got := keycloak.JudgeVersion(version)
		if len(got) != len(want) {
			t.Errorf("%s: %q", version, got)
			continue
		}
		for i := range want {
			contains(t, got[i], want[i])
		}
	}
}

// An administrator of master sees the version that these tests run on; and where it is
// none that the table above knows as tested, the tests are not what makes it so.
func TestVersionIsTheServers(t *testing.T) {
	t.Parallel()
	got, err := keycloak.Version(t.Context(), keycloak.Admin{URL: stack.Keycloak, ClientID: stack.AdminClientID, ClientSecret: stack.AdminClientSecret})
	must(t, err)
	if want := os.Getenv("KEYCLOAK_VERSION"); want != "" && got != want || want == "" && got != keycloak.TestedWhole {
		t.Errorf("the server is %s, wanted %s", got, cmp.Or(want, keycloak.TestedWhole))
	}
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	for _, version := range []string{keycloak.TestedWhole, keycloak.TestedInPart, keycloak.SafePasskeys} {
		if !strings.Contains(string(readme), version) {
			t.Errorf("the README's support matrix lacks %s", version)
		}
	}
}
