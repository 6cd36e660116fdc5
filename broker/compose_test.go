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

// The compose file names only settings that exist, gives no secret a default,
// pins its images and watches every service that stays. It is checked as text:
// nothing here runs containers.
func TestCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docker-compose.yml")
	must(t, err)
	var file struct {
		Services map[string]struct {
			Image       string
			Restart     string
			Healthcheck map[string]any
			Environment map[string]string
		}
	}
	must(t, yaml.UnmarshalWithOptions(text, &file, yaml.AllowDuplicateMapKey())) // a service may replace what it merged in
	known := []string{"DATABASE_URL", "DATABASE_OWNER_URL", "KEYCLOAK_ADMIN_CLIENT_ID", "KEYCLOAK_ADMIN_CLIENT_SECRET"}
	for f := range reflect.TypeFor[broker.Config]().Fields() {
		known = append(known, f.Tag.Get("env"))
	}
	if len(file.Services) < 4 {
		t.Fatalf("only %d services were read", len(file.Services))
	}
	for name, s := range file.Services {
		if s.Healthcheck == nil && s.Restart != "no" {
			t.Errorf("%s has no health check", name)
		}
		if s.Image != "" && !regexp.MustCompile(`:[0-9]`).MatchString(s.Image) {
			t.Errorf("%s: the image %s is not pinned", name, s.Image)
		}
		for variable := range s.Environment {
			if strings.HasPrefix(variable, "COUNTERSIGN_") && !slices.Contains(known, variable) {
				t.Errorf("%s sets %s, which nothing reads", name, variable)
			}
		}
	}
	example, err := os.ReadFile("../.env.example")
	must(t, err)
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)(:[^}]*)?\}`).FindAllStringSubmatch(string(text), -1) {
		secret := strings.HasSuffix(m[1], "_SECRET") || strings.HasSuffix(m[1], "_PASSWORD")
		if secret && strings.HasPrefix(m[2], ":-") {
			t.Errorf("the secret %s has a default", m[1])
		}
		if !strings.HasPrefix(m[2], ":-") && !strings.Contains(string(example), m[1]+"=") {
			t.Errorf(".env.example does not name %s", m[1])
		}
	}
	if regexp.MustCompile(`(?m)_(SECRET|PASSWORD)=.`).Match(example) {
		t.Error(".env.example holds a secret")
	}
}
