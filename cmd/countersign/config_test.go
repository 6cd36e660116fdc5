package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/broker"
)

// configured is a configuration with which serve would begin; nothing answers at
// its addresses.
func configured(t *testing.T) map[string]string {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	if said, code := says(t, program, nil, "keys", keys); code != 0 {
		t.Fatal(said)
	}
	return map[string]string{"COUNTERSIGN_PUBLIC_URL": "https://access.example.org", "COUNTERSIGN_KEYCLOAK_URL": "https://id.example.org",
		"DATABASE_URL": "postgres://countersign_app:canary-database@127.0.0.1:5/countersign", "COUNTERSIGN_KEYS": keys,
		"COUNTERSIGN_PORTAL_SECRET": "canary-portal", "COUNTERSIGN_WRITER_SECRET": "canary-writer", "COUNTERSIGN_READER_SECRET": "canary-reader",
		"COUNTERSIGN_SMTP_HOST": "mail.example.org", "COUNTERSIGN_SMTP_USER": "u", "COUNTERSIGN_SMTP_PASSWORD": "canary-mail"}
}

// config runs countersign config in an environment; nothing secret is ever said.
func config(t *testing.T, env map[string]string, args ...string) (string, int) {
	t.Helper()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	said, code := says(t, program, list, append([]string{"config"}, args...)...)
	if strings.Contains(said, "canary-") {
		t.Errorf("a secret is told:\n%s", said)
	}
	return said, code
}

// The effective values are shown, with where each is from, and no secret.
func TestConfigShows(t *testing.T) {
	t.Parallel()
	env := configured(t)
	file := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(file, []byte("canary-filed\n"), 0o600))
	delete(env, "COUNTERSIGN_WRITER_SECRET")
	env["COUNTERSIGN_WRITER_SECRET_FILE"] = file
	env["COUNTERSIGN_REALM"] = "" // set and empty is not set
	said, code := config(t, env, "--smtp-port", "587")
	if code != 0 {
		t.Errorf("exit status %d", code)
	}
	lines := strings.Split(strings.Join(strings.Fields(strings.ReplaceAll(said, "\n", " ; ")), " "), " ; ")
	for _, want := range []string{"COUNTERSIGN_SMTP_PORT 587 flag", "COUNTERSIGN_SMTP_TLS starttls default", "COUNTERSIGN_REALM countersign default",
		"COUNTERSIGN_SMTP_HOST mail.example.org environment", "COUNTERSIGN_WRITER_SECRET (hidden) file " + file,
		"COUNTERSIGN_READER_SECRET (hidden) environment", "DATABASE_URL postgres://(hidden)@127.0.0.1:5/countersign environment"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in:\n%s", want, said)
		}
	}
}

// All faults are told at once, each with its setting and what to do: missing,
// malformed and contradictory ones.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	env := configured(t)
	for name, value := range map[string]string{"COUNTERSIGN_PUBLIC_URL": "http://access.example.org/portal", "COUNTERSIGN_SMTP_PORT": "often",
		"COUNTERSIGN_SMTP_TLS": "none", "COUNTERSIGN_PORTAL_SECRET_FILE": "/dev/null", "COUNTERSIGN_READER_SECRET": "${vault.reader}",
		"COUNTERSIGN_MAIL_FROM": "Access <access@example.org>", "COUNTERSIGN_OPS_LISTEN": "127.0.0.1:7400", "COUNTERSIGN_REALM": "master",
		"COUNTERSIGN_READER_ID": "countersign-writer", "DATABASE_URL": "mysql://canary-user@h/db", "COUNTERSIGN_ROOT": "access"} {
		env[name] = value
	}
	delete(env, "COUNTERSIGN_SMTP_HOST")
	delete(env, "COUNTERSIGN_WRITER_SECRET")
	env["COUNTERSIGN_WRITER_SECRET_FILE"] = "/nowhere/secret"
	env["COUNTERSIGN_KEYS"] = t.TempDir()
	said, code := config(t, env)
	if code != 1 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"COUNTERSIGN_PUBLIC_URL: ", `COUNTERSIGN_SMTP_PORT: --smtp-port: expected a valid 64 bit int but got "often"`,
		"COUNTERSIGN_SMTP_TLS: a password needs TLS; choose", "COUNTERSIGN_PORTAL_SECRET: COUNTERSIGN_PORTAL_SECRET and COUNTERSIGN_PORTAL_SECRET_FILE are both set; unset one",
		"COUNTERSIGN_READER_SECRET: it is a reference into Keycloak's vault; give", "COUNTERSIGN_MAIL_FROM: the sender", "COUNTERSIGN_OPS_LISTEN: it is the portal's own",
		"COUNTERSIGN_REALM: master", "COUNTERSIGN_PORTAL_ID: portal, writer and reader are not three", `DATABASE_URL: "mysql"`, "COUNTERSIGN_ROOT: ",
		"COUNTERSIGN_SMTP_HOST: it is missing", "set COUNTERSIGN_SMTP_HOST, or give --smtp-host", "COUNTERSIGN_WRITER_SECRET_FILE: open /nowhere/secret", "COUNTERSIGN_KEYS: keys: need sign, seal and pepper"} {
		if strings.Count(said, "\n  "+want) != 1 && !strings.Contains(want, "set ") {
			t.Errorf("not one line %q in:\n%s", want, said)
		}
	}
	env["COUNTERSIGN_SMTP_PORT"] = "0"
	if said, _ := config(t, env); !strings.Contains(said, "COUNTERSIGN_SMTP_PORT: 0 is no port") {
		t.Error(said)
	}
}

// The README's table of settings is the one that the code makes.
func TestSettingsInREADME(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "<!-- settings: made by countersign config --markdown -->\n")
	have, _, _ := strings.Cut(rest, "<!-- end of settings -->")
	said, code := says(t, program, nil, "config", "--markdown")
	if code != 0 || said != have {
		t.Errorf("README.md has another table of settings than countersign config --markdown makes; put this there:\n%s", said)
	}
}

// A secret is not told by whatever shows or logs a configuration.
func TestSecretStaysHidden(t *testing.T) {
	t.Parallel()
	c := broker.Config{PortalSecret: "canary-1", Database: "postgres://u:canary-2@h/d"}
	var logged strings.Builder
	log := slog.New(slog.NewTextHandler(&logged, nil))
	log.Info("x", "config", c, "secret", c.PortalSecret)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", c, "secret", c.PortalSecret)
	encoded, err := json.Marshal(c)
	must(t, err)
	all := logged.String() + string(encoded) + fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.PortalSecret, c.PortalSecret)
	if strings.Contains(all, "canary") {
		t.Error(all)
	}
}
