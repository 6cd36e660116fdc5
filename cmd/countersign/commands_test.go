package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/broker/walk"
)

// product is an installation as its operator has it: a database, a realm, keys,
// and all of the configuration in the environment.
type product struct {
	realm, database string
	env             map[string]string
}

// install takes the first steps of the first day in production, each by its command.
func install(t *testing.T) *product {
	t.Helper()
	name := fmt.Sprintf("cmd%d", os.Getpid())
	p := &product{realm: name, database: name}
	must(t, servers.CreateDatabase(t.Context(), name, ""))
	t.Cleanup(func() {
		if err := servers.DropDatabase(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	host, port, err := net.SplitHostPort(servers.SMTP)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	listen := l.Addr().String()
	o, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	opsListen := o.Addr().String()
	l.Close()
	o.Close()
	p.env = map[string]string{
		"DATABASE_OWNER_URL": servers.OwnerURL(name), "DATABASE_URL": servers.AppURL(name),
		"COUNTERSIGN_LISTEN": listen, "COUNTERSIGN_PUBLIC_URL": "http://" + listen, "COUNTERSIGN_OPS_LISTEN": opsListen, "COUNTERSIGN_KEYS": filepath.Join(t.TempDir(), "keys"),
		"COUNTERSIGN_KEYCLOAK_URL": servers.Keycloak, "COUNTERSIGN_REALM": name,
		"COUNTERSIGN_PORTAL_SECRET": "portal-secret", "COUNTERSIGN_WRITER_SECRET": "writer-secret", "COUNTERSIGN_READER_SECRET": "reader-secret",
		"COUNTERSIGN_SMTP_HOST": host, "COUNTERSIGN_SMTP_PORT": port, "COUNTERSIGN_SMTP_TLS": "none",
		"KEYCLOAK_ADMIN_CLIENT_ID": servers.AdminClientID, "KEYCLOAK_ADMIN_CLIENT_SECRET": servers.AdminClientSecret,
	}
	p.does(t, "", "keys", p.env["COUNTERSIGN_KEYS"])
	p.refuses(t, "migrate", "serve")
	p.does(t, "", "migrate")
	p.does(t, "", "migrate")
	return p
}

func (p *product) environment() (env []string) {
	for name, value := range p.env {
		env = append(env, name+"="+value)
	}
	return env
}

// with is the same installation with one thing told otherwise.
func (p *product) with(name, value string) *product {
	other := &product{realm: p.realm, database: p.database, env: map[string]string{}}
	for n, v := range p.env {
		other.env[n] = v
	}
	other.env[name] = value
	return other
}

// does runs a command that must succeed and say so.
func (p *product) does(t *testing.T, want string, args ...string) string {
	t.Helper()
	said, code := says(t, program, p.environment(), args...)
	if code != 0 || !strings.Contains(said, want) {
		t.Errorf("%q: exit status %d, want %q in:\n%s", args, code, want, said)
	}
	return strings.TrimSpace(said)
}

// refuses runs a command that must fail and say why.
func (p *product) refuses(t *testing.T, because string, args ...string) {
	t.Helper()
	said, code := says(t, program, p.environment(), args...)
	if code == 0 || !strings.Contains(said, because) {
		t.Errorf("%q: exit status %d, want %q in:\n%s", args, code, because, said)
	}
}

// serve starts the product and waits until it serves.
func (p *product) serve(t *testing.T) *running {
	t.Helper()
	r := begin(t, program, p.environment(), "serve")
	r.says(t, "serving", time.Minute)
	return r
}

// keycloak does what an administrator of the realm might.
func (p *product) keycloak(t *testing.T, method, path string, in, out any) {
	t.Helper()
	resp, err := http.PostForm(servers.Keycloak+"/realms/master/protocol/openid-connect/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {servers.AdminClientID}, "client_secret": {servers.AdminClientSecret}})
	must(t, err)
	defer resp.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&token))
	body, err := json.Marshal(in)
	must(t, err)
	req, err := http.NewRequestWithContext(context.Background(), method, servers.Keycloak+"/admin/realms/"+p.realm+path, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token.Access)
	req.Header.Set("Content-Type", "application/json")
	resp, err = http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	if out != nil {
		must(t, json.NewDecoder(resp.Body).Decode(out))
	}
}

// The first day in production, by its commands, and what serve refuses: no keys,
// a sender that is no address, a mail server's password in the clear, no schema, a realm in which a stranger may administer, a clock that is not the
// machine's. Client secrets are given as references into Keycloak's vault.
func TestFirstDay(t *testing.T) {
	t.Parallel()
	p := install(t)
	p.with("COUNTERSIGN_KEYS", t.TempDir()).refuses(t, "key", "serve")
	p.with("COUNTERSIGN_MAIL_FROM", "Access <access@example.org>").refuses(t, "the sender", "serve")
	p.with("COUNTERSIGN_SMTP_TLS", "perhaps").refuses(t, "COUNTERSIGN_SMTP_TLS", "serve")
	p.with("COUNTERSIGN_SMTP_USER", "countersign").with("COUNTERSIGN_SMTP_PASSWORD", "secret").refuses(t, "a password needs TLS", "serve")
	p.refuses(t, "refusing to serve", "serve") // there is no realm yet

	apply := p
	for variable, client := range map[string]string{"PORTAL": "portal", "WRITER": "writer", "READER": "reader"} {
		variable = "COUNTERSIGN_" + variable + "_SECRET"
		reference, err := servers.PutSecret(p.realm, client, p.env[variable])
		must(t, err)
		apply = apply.with(variable, reference)
	}
	t.Cleanup(func() { p.keycloak(t, http.MethodDelete, "", nil, nil) })
	apply.does(t, "realm "+p.realm+" created", "realm", "apply")
	if said := apply.does(t, "", "realm", "apply"); said != "nothing to change" {
		t.Errorf("a second apply says %q", said)
	}

	p.refuses(t, "connection refused", "health")
	serving := p.serve(t)
	p.does(t, `"status":"ok"`, "health")
	p.does(t, "\n0 fault(s), 1 warning(s)", "doctor") // the registrar is still to be invited
	p.does(t, `{"area":"people and work","state":"warning","what":"there is no registrar","advice":"countersign access bootstrap`, "doctor", "--json")
	p.with("COUNTERSIGN_SMTP_PORT", "often").refuses(t, "fault    COUNTERSIGN_SMTP_PORT: --smtp-port: expected", "doctor")
	p.bootstrap(t)
	p.applications(t)
	p.does(t, "nothing found", "audit", "invariants")
	p.reconciles(t)
	p.does(t, "careconnect is in force as it is", "program", "load", "../../policies/programs/careconnect")
	p.does(t, "nothing is held", "brake", "list")
	p.refuses(t, "there is no brake", "brake", "show", registry.NewID())
	if code := serving.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit status %d\n%s", code, serving.said)
	}
	p.refusesStrangers(t)
	p.does(t, "", "clock", "36h")
	p.refuses(t, "36h0m0s ahead", "serve")
}

// An image is built without the repository: its version is what the Dockerfile's
// argument says.
func TestVersionOfImage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Dockerfile")
	must(t, err)
	flags := regexp.MustCompile(`-ldflags "(.+?)"`).FindSubmatch(text)
	if flags == nil || !bytes.Contains(text, []byte("\nARG VERSION\n")) {
		t.Fatal("the Dockerfile passes no version on")
	}
	built, err := build(t.TempDir(), "-buildvcs=false", "-ldflags", strings.ReplaceAll(string(flags[1]), "$VERSION", "v1.2-3-gabc"))
	must(t, err)
	if said, code := says(t, built, nil, "version"); code != 0 || said != "v1.2-3-gabc\n" {
		t.Errorf("%d %q", code, said)
	}
}

// bootstrap: the first registrar is invited by mail, once.
func (p *product) bootstrap(t *testing.T) {
	t.Helper()
	email := "first@" + p.realm + ".example"
	p.does(t, "invited "+email, "access", "bootstrap", email)
	p.refuses(t, "registrar-exists", "access", "bootstrap", "second@"+p.realm+".example")
	_, err := walk.Mailbox{URL: servers.Mail}.Wait(email, "", "/invitation")
	must(t, err)
}

// reconciles: a realm that holds what the record says is told as even, with nothing to do.
func (p *product) reconciles(t *testing.T) {
	t.Helper()
	p.refuses(t, "--account", "reconcile")
	p.refuses(t, "nobody", "reconcile", "--account", "nobody")
	for try := 0; ; try++ { // until the product has made the operators' groups
		if said, _ := says(t, program, p.environment(), "reconcile", "--all", "--dry-run"); strings.Contains(said, "2 of 2 looked at: 2 even") {
			break
		} else if try == 20 {
			t.Fatal(said)
		}
		time.Sleep(500 * time.Millisecond)
	}
	p.does(t, `"plan":[],"outcome":"even"}`, "reconcile", "--site", "operator/careconnect", "--json")
	p.does(t, "2 of 2 looked at: 2 even", "reconcile", "--all")
}

// applications: one whose secret Keycloak makes, and one whose secret is in the vault.
func (p *product) applications(t *testing.T) {
	t.Helper()
	realm := p.env["COUNTERSIGN_KEYCLOAK_URL"] + "/realms/" + p.realm
	add := func(id string, more ...string) []string {
		return append([]string{"app", "add", id, "--programs", "careconnect", "--redirect", "https://viewer.example/callback",
			"--logout-url", "https://viewer.example/back-channel-logout", "--owner", "Viewer team"}, more...)
	}
	made := p.does(t, "", add("viewer")...)
	accepted(t, realm, "viewer", made, true)
	renewed := p.does(t, "", "app", "rotate", "viewer")
	accepted(t, realm, "viewer", renewed, true)
	accepted(t, realm, "viewer", made, false)

	reference, err := servers.PutSecret(p.realm, "archive", "archive-secret")
	must(t, err)
	p.does(t, reference, add("archive", "--secret-reference", reference)...)
	accepted(t, realm, "archive", "archive-secret", true)
	p.refuses(t, "in the vault", "app", "rotate", "archive")
	p.refuses(t, "vault.KEY", add("plain", "--secret-reference", "a-plain-secret")...)
	p.refuses(t, "nowhere", add("other", "--programs", "nowhere")...)

	list := p.does(t, "viewer\tcareconnect\thttps://viewer.example/back-channel-logout\tViewer team", "app", "list")
	contains(t, list, "archive\t")
	p.does(t, "", "app", "remove", "viewer")
	accepted(t, realm, "viewer", renewed, false)
	if list := p.does(t, "archive", "app", "list"); strings.Contains(list, "viewer\t") {
		t.Errorf("removed and listed: %s", list)
	}
	p.refuses(t, "viewer", "app", "remove", "viewer")

	// A removal that was cut short is taken up; what the realm does not have, and
	// nobody was removing, stays in the record.
	p.does(t, "", add("late")...)
	var clients []struct{ ID string }
	p.keycloak(t, http.MethodGet, "/clients?clientId=late", nil, &clients)
	p.keycloak(t, http.MethodDelete, "/clients/"+clients[0].ID, nil, nil)
	for range 2 {
		p.refuses(t, "late", "app", "remove", "late")
	}
	p.does(t, "late\t", "app", "list")
	p.does(t, "", add("late")...)
	must(t, p.record(t).LeavingApplication(t.Context(), registry.CommandLine(), "late"))
	p.does(t, "cut short", "app", "list")
	p.keycloak(t, http.MethodGet, "/clients?clientId=late", nil, &clients)
	p.keycloak(t, http.MethodDelete, "/clients/"+clients[0].ID, nil, nil)
	p.does(t, "", "app", "remove", "late")
	if list := p.does(t, "", "app", "list"); strings.Contains(list, "late\t") {
		t.Errorf("removed and listed: %s", list)
	}
	p.does(t, "", add("late")...)
	if list := p.does(t, "late\t", "app", "list"); strings.Contains(list, "cut short") {
		t.Errorf("added again and leaving: %s", list)
	}
	p.does(t, "", "app", "remove", "late")
}

// record is the record of this installation.
func (p *product) record(t *testing.T) *registry.Registry {
	t.Helper()
	reg, err := broker.Open(t.Context(), broker.Config{Database: broker.Secret(p.env["DATABASE_URL"]), Keys: p.env["COUNTERSIGN_KEYS"],
		Keycloak: p.env["COUNTERSIGN_KEYCLOAK_URL"], Realm: p.realm})
	must(t, err)
	t.Cleanup(func() { reg.Close() })
	return reg
}

// refusesStrangers: whoever else holds a realm-management role is named.
func (p *product) refusesStrangers(t *testing.T) {
	t.Helper()
	p.keycloak(t, http.MethodPost, "/users", map[string]any{"username": "stranger", "enabled": true,
		"email": "stranger@example.org", "firstName": "Sam", "lastName": "Stranger"}, nil)
	var users, clients []struct{ ID string }
	p.keycloak(t, http.MethodGet, "/users?exact=true&username=stranger", nil, &users)
	p.keycloak(t, http.MethodGet, "/clients?clientId=realm-management", nil, &clients)
	if len(users) != 1 || len(clients) != 1 {
		t.Fatalf("%d strangers, %d clients realm-management", len(users), len(clients))
	}
	var role map[string]any
	p.keycloak(t, http.MethodGet, "/clients/"+clients[0].ID+"/roles/view-events", nil, &role)
	mapping := "/users/" + users[0].ID + "/role-mappings/clients/" + clients[0].ID
	p.keycloak(t, http.MethodPost, mapping, []any{role}, nil)
	p.refuses(t, "user stranger holds view-events", "serve")
	p.keycloak(t, http.MethodDelete, mapping, []any{role}, nil)
	again := p.serve(t)
	again.end(t, syscall.SIGTERM)
}

// A program that a command needs and that fails is named, with what it said.
func TestFailureIsTold(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	must(t, os.WriteFile(filepath.Join(bin, "mvn"), []byte("#!/bin/sh\necho no such host; exit 7\n"), 0o755))
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "XDG_CACHE_HOME=" + t.TempDir()}
	if said, code := says(t, program, env, "local", "--", "true"); code != 1 || !strings.Contains(said, "mvn ended: exit status 7\nno such host") {
		t.Errorf("exit status %d:\n%s", code, said)
	}
}
