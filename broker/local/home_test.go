package local

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The server of the compose file is the one that the tests see: the same version,
// built with the same options and no others, whether it is told by an option or by
// its environment. The realm's README tells operators the same.
func TestBuildOptionsOfCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services struct {
			Keycloak struct {
				Image       string
				Command     []string
				Environment map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../keycloak-realm/README.md")
	if err != nil {
		t.Fatal(err)
	}
	server := file.Services.Keycloak
	if p, err := pinned(); err != nil || !strings.HasSuffix(server.Image, ":"+p.Version) {
		t.Errorf("compose has %s, pom.xml has %s (%v)", server.Image, p.Version, err)
	}
	for _, option := range buildOptions[1:] { // after "build"
		name, value, _ := strings.Cut(strings.TrimPrefix(option, "--"), "=")
		variable := "KC_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if !slices.Contains(server.Command, option) && server.Environment[variable] != value {
			t.Errorf("compose lacks %s", option)
		}
		if !strings.Contains(string(readme), option) {
			t.Errorf("keycloak-realm/README.md lacks %s", option)
		}
	}
	for _, option := range server.Command[1:] { // after "start"
		if !slices.Contains(buildOptions, option) {
			t.Errorf("compose has %s, which no test has seen", option)
		}
	}
}
