package broker_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// commandLine builds the product's commands, once, into the folder of the test run.
var commandLine = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(relyingApp), "countersign")
	if out, err := exec.Command("go", "build", "-o", file, "countersign/cmd/countersign").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s%w", out, err)
	}
	return file, nil
})

// command runs one as whoever runs the server does, and gives what it says.
func (s *stack) command(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	file, err := commandLine()
	must(t, err)
	c := exec.CommandContext(t.Context(), file, args...)
	c.Env = s.environment()
	c.Stdin = strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

// environment is what a command is told of the product.
func (s *stack) environment() []string {
	return []string{"DATABASE_URL=" + string(s.config.Database), "COUNTERSIGN_KEYS=" + s.config.Keys, "COUNTERSIGN_PUBLIC_URL=" + s.config.PublicURL,
		"COUNTERSIGN_KEYCLOAK_URL=" + s.config.Keycloak, "COUNTERSIGN_REALM=" + s.config.Realm, "COUNTERSIGN_SMTP_HOST=127.0.0.1", "COUNTERSIGN_SMTP_TLS=none",
		"COUNTERSIGN_PORTAL_SECRET=x", "COUNTERSIGN_WRITER_SECRET=x", "COUNTERSIGN_READER_SECRET=x"}
}
