package broker_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"countersign/broker"
)

// service is what the test reads of one in the compose file.
type service struct {
	Image       string
	User        string
	Restart     string
	ReadOnly    bool `yaml:"read_only"`
	Healthcheck struct{ Test []string }
	Environment map[string]string
	Secrets     []any
	Depends     map[string]any `yaml:"depends_on"`
}

// The compose file names only settings that exist, gives no secret a default,
// pins its images, watches every service that stays, and runs the product as
// nobody in particular on files that it cannot change. It is checked as text:
// nothing here runs containers.
func TestCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docker-compose.yml")
	must(t, err)
	var file struct {
		Services map[string]service
		Secrets  map[string]struct{ File string }
	}
	must(t, yaml.UnmarshalWithOptions(text, &file, yaml.AllowDuplicateMapKey())) // a service may replace what it merged in
	known := []string{"DATABASE_OWNER_URL", "KEYCLOAK_ADMIN_CLIENT_ID", "KEYCLOAK_ADMIN_CLIENT_SECRET"}
	for f := range reflect.TypeFor[broker.Config]().Fields() {
		known = append(known, f.Tag.Get("env"))
	}
	if len(file.Services) < 4 || len(file.Secrets) < 6 {
		t.Fatalf("only %d services and %d secrets were read", len(file.Services), len(file.Secrets))
	}
	for name, s := range file.Services {
		if len(s.Healthcheck.Test) < 2 && s.Restart != "no" {
			t.Errorf("%s has no health check", name)
		}
		if s.Image != "" && !regexp.MustCompile(`:[0-9]+\.[0-9]+`).MatchString(s.Image) {
			t.Errorf("%s: the image %s is not pinned", name, s.Image)
		}
		if s.Image == "" && (!s.ReadOnly || s.User != "") {
			t.Errorf("%s can write its files, or is another user than the image's", name)
		}
		for variable, value := range s.Environment {
			setting := strings.TrimSuffix(variable, "_FILE")
			if (strings.HasPrefix(variable, "COUNTERSIGN_") || strings.HasPrefix(variable, "DATABASE_")) && !slices.Contains(known, setting) {
				t.Errorf("%s sets %s, which nothing reads", name, variable)
			}
			if secret, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, any(secret)) {
				t.Errorf("%s is to read the secret %s, which it does not get", name, secret)
			}
		}
	}
	if portal := file.Services["portal"]; !slices.Equal(portal.Healthcheck.Test, []string{"CMD", "countersign", "health"}) {
		t.Errorf("the portal's health is not asked by its own command: %q", portal.Healthcheck.Test)
	}
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	for name, secret := range file.Secrets {
		if secret.File != "secrets/"+name || !regexp.MustCompile(`\b`+name+`\b`).Match(readme) {
			t.Errorf("the secret %s is no file of the folder secrets, or the README does not make it", name)
		}
	}
	checkExample(t, string(text))
}

// checkExample demands that .env.example names every variable of the compose file,
// and that neither holds a secret.
func checkExample(t *testing.T, compose string) {
	t.Helper()
	example, err := os.ReadFile("../.env.example")
	must(t, err)
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)(:[^}]*)?\}`).FindAllStringSubmatch(compose, -1) {
		secret := strings.HasSuffix(m[1], "_SECRET") || strings.HasSuffix(m[1], "_PASSWORD")
		if secret && !strings.HasPrefix(m[2], ":?") {
			t.Errorf("the secret %s has a default, or may be left out", m[1])
		}
		if !strings.Contains(string(example), "\n"+m[1]+"=") {
			t.Errorf(".env.example does not name %s", m[1])
		}
	}
	if regexp.MustCompile(`(?m)_(SECRET|PASSWORD)=.`).Match(example) {
		t.Error(".env.example holds a secret")
	}
}

// The images are of the versions that the tests know: Keycloak's as in pom.xml,
// Go's as in go.mod.
func TestImages(t *testing.T) {
	t.Parallel()
	read := func(path, form string) string {
		text, err := os.ReadFile("../" + path)
		must(t, err)
		found := regexp.MustCompile(form).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s says nothing like %s", path, form)
		}
		return string(found[1])
	}
	if image, pom := read("docker-compose.yml", `keycloak/keycloak:([0-9.]+)`), read("keycloak-realm/pom.xml", `<keycloak.version>([^<]+)<`); image != pom {
		t.Errorf("compose runs Keycloak %s, pom.xml pins %s", image, pom)
	}
	if image, mod := read("Dockerfile", `golang:([0-9]+\.[0-9]+)`), read("go.mod", `(?m)^go ([0-9]+\.[0-9]+)`); image != mod {
		t.Errorf("the Dockerfile builds with Go %s, go.mod says %s", image, mod)
	}
	if user := read("Dockerfile", `(?m)^USER (.+)$`); user != "10001" {
		t.Errorf("the image's user is %s", user)
	}
}
