package local

import "testing"

// An older server, which takes the reference for the secret, gets the secret.
func TestPlainSecretsOfOlderServers(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"26.5.6": true, "25.0.0": true, "26.6.4": false, "26.7.3": false, "27.0.0": false, "nightly": false} {
		if takesLiterally(version) != want {
			t.Errorf("%s: %v", version, !want)
		}
	}
	got, err := Addresses{PlainSecrets: true}.PutSecret("r", "portal", "plain")
	if err != nil || got != "plain" {
		t.Errorf("got %q, %v", got, err)
	}
}
