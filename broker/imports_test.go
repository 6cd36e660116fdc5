package broker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// may says which of our packages a package may import directly. One that is not
// here may import any of ours: broker itself and the command.
var may = map[string][]string{
	"countersign/policies":                 {},
	"countersign/provisioning":             {},
	"countersign/provisioning/conformance": {"countersign/provisioning"},
	"countersign/provisioning/keycloak":    {"countersign/provisioning"},
	"countersign/keycloak-realm":           {},
	"countersign/cmd/relying-app":          {},
	"countersign/broker/registry":          {"countersign/policies", "countersign/provisioning"}, // the brake's arithmetic, within the act that it stops
	"countersign/broker/session":           {"countersign/broker/registry"},
	"countersign/broker/locale":            {"countersign/policies"},
	"countersign/broker/mail":              {"countersign/broker/registry", "countersign/broker/locale"},
	"countersign/broker/portal": {"countersign/broker/registry", "countersign/broker/session", "countersign/broker/locale",
		"countersign/policies", "countersign/provisioning"},
	"countersign/broker/bulk":      {"countersign/broker/registry", "countersign/broker/locale", "countersign/policies"},
	"countersign/broker/worker":    {"countersign/broker/registry", "countersign/broker/mail", "countersign/policies", "countersign/provisioning"},
	"countersign/broker/local":     {"countersign/keycloak-realm"},
	"countersign/broker/walk":      {},
	"countersign/broker/faulty":    {},
	"countersign/.ci/requirements": {},
}

// doors has a library from outside per line, and the only packages of ours that
// may import it.
const doors = `
github.com/Nerzal/gocloak     provisioning/keycloak
github.com/go-jose/go-jose    broker/registry broker/session
github.com/jmoiron/sqlx       broker/registry
github.com/lib/pq             broker/registry broker/local
github.com/coreos/go-oidc     broker/session cmd/relying-app
golang.org/x/oauth2           broker/session cmd/relying-app provisioning/keycloak
github.com/go-chi/chi         broker/portal cmd/relying-app
github.com/goccy/go-yaml      policies broker/locale
github.com/wneessen/go-mail   broker/mail
github.com/yuin/goldmark      broker/portal broker/mail
github.com/pressly/goose      broker/registry
github.com/nicksnyder/go-i18n broker/locale
github.com/alecthomas/kong    cmd/countersign
github.com/emersion/go-smtp   broker/local
github.com/prometheus         broker/ops
github.com/go-resty/resty     provisioning/keycloak
github.com/golang-jwt/jwt
github.com/schollz/progressbar cmd/countersign
`

// Every package imports only what its duty needs, and every library comes in by
// its own door.
func TestImports(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "countersign/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		for _, i := range p.Imports {
			if allowed, limited := may[p.ImportPath]; limited && strings.HasPrefix(i, "countersign/") && !slices.Contains(allowed, i) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			for door := range strings.Lines(strings.TrimSpace(doors)) {
				library, packages := strings.Fields(door)[0], strings.Fields(door)[1:]
				if (i == library || strings.HasPrefix(i, library+"/")) && !slices.Contains(packages, strings.TrimPrefix(p.ImportPath, "countersign/")) {
					t.Errorf("%s imports %s past its door", p.ImportPath, i)
				}
			}
		}
	}
	if seen < len(may) {
		t.Errorf("only %d packages were seen", seen)
	}
}

// Modules that come in through gocloak stay at versions without known holes; a
// tidy or an update must not lower them.
func TestLeastVersions(t *testing.T) {
	t.Parallel()
	for module, least := range map[string]string{"github.com/go-resty/resty/v2": "v2.17.2", "github.com/golang-jwt/jwt/v5": "v5.3.1",
		"golang.org/x/crypto": "v0.52.0", "golang.org/x/net": "v0.55.0"} {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
		must(t, err)
		if got := strings.TrimSpace(string(out)); slices.Compare(numbersOf(got), numbersOf(least)) < 0 {
			t.Errorf("%s is at %s, want %s or later", module, got, least)
		}
	}
}

func numbersOf(version string) []int {
	n := make([]int, 3)
	_, _ = fmt.Sscanf(version, "v%d.%d.%d", &n[0], &n[1], &n[2]) // what does not read counts as 0
	return n
}
