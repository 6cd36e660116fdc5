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
	"countersign/broker/registry":          {"countersign/policies"},
	"countersign/broker/session":           {"countersign/broker/registry"},
	"countersign/broker/locale":            {"countersign/policies"},
	"countersign/broker/mail":              {"countersign/broker/registry", "countersign/broker/locale"},
	"countersign/broker/portal": {"countersign/broker/registry", "countersign/broker/session", "countersign/broker/locale",
		"countersign/policies", "countersign/provisioning"},
	"countersign/broker/worker":    {"countersign/broker/registry", "countersign/broker/mail", "countersign/policies", "countersign/provisioning"},
	"countersign/broker/local":     {"countersign/keycloak-realm"},
	"countersign/broker/walk":      {},
	"countersign/.ci/requirements": {},
}

// doors are the only packages that may import a library from outside.
var doors = map[string][]string{
	"github.com/Nerzal/gocloak":     {"countersign/provisioning/keycloak"},
	"github.com/jmoiron/sqlx":       {"countersign/broker/registry"},
	"github.com/lib/pq":             {"countersign/broker/registry", "countersign/broker/local"},
	"github.com/coreos/go-oidc":     {"countersign/broker/session", "countersign/cmd/relying-app"},
	"golang.org/x/oauth2":           {"countersign/broker/session", "countersign/cmd/relying-app", "countersign/provisioning/keycloak"},
	"github.com/go-chi/chi":         {"countersign/broker/portal", "countersign/cmd/relying-app"},
	"github.com/goccy/go-yaml":      {"countersign/policies", "countersign/broker/locale"},
	"github.com/wneessen/go-mail":   {"countersign/broker/mail"},
	"github.com/yuin/goldmark":      {"countersign/broker/portal", "countersign/broker/mail"},
	"github.com/pressly/goose":      {"countersign/broker/registry"},
	"github.com/nicksnyder/go-i18n": {"countersign/broker/locale"},
	"github.com/alecthomas/kong":    {"countersign/cmd/countersign"},
	"github.com/emersion/go-smtp":   {"countersign/broker/local"},
	"github.com/go-resty/resty":     {"countersign/provisioning/keycloak"},
	"github.com/golang-jwt/jwt":     {},
}

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
			for library, packages := range doors {
				if (i == library || strings.HasPrefix(i, library+"/")) && !slices.Contains(packages, p.ImportPath) {
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
