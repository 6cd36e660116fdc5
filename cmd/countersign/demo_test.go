package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/broker/walk"
)

// The demo as people use it: a first start that was cut short begins anew, a
// second start resumes the same data with the same addresses, a changed built-in
// program is loaded as a new version, and neither SIGTERM nor kill -9 leaves a child.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "countersign-demo")
	must(t, err)
	must(t, os.Chmod(dir, 0o711)) // PostgreSQL's uid passes through
	t.Cleanup(func() { os.RemoveAll(dir) })
	base := freeBase(t)
	args := []string{"demo", "--data", dir, "--port-base", fmt.Sprint(base)}

	cut := begin(t, program, nil, args...)
	cut.says(t, "starting Keycloak", time.Minute)
	password, err := os.ReadFile(filepath.Join(dir, "secrets", "postgres"))
	must(t, err)
	endsWhole(t, cut, syscall.SIGKILL)

	began := time.Now()
	first := begin(t, program, nil, args...)
	first.says(t, "Ctrl-C ends it", 5*time.Minute)
	t.Logf("first start: ready after %s", time.Since(began).Round(time.Second))
	contains(t, first.said.String(), "making people and worksites")
	eachStepOnce(t, first.said.String())
	if anew, err := os.ReadFile(filepath.Join(dir, "secrets", "postgres")); err != nil || bytes.Equal(anew, password) {
		t.Errorf("a first start that was cut short was resumed (%v)", err)
	}
	if said, code := says(t, program, nil, "demo", "--data", dir); code == 0 || !strings.Contains(said, "in use by another countersign") {
		t.Errorf("a second demo on the same folder: %d %s", code, said)
	}
	told := readDemo(t, dir, base)
	secretsWork(t, told)
	paul := told.signIn(t, "paul")
	told.usesApp(t, paul, "/viewer")
	if code := endsWhole(t, first, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit status %d\n%s", code, first.said)
	}
	if said, code := says(t, program, nil, "demo", "--data", dir, "--port-base", fmt.Sprint(base+10)); code == 0 || !strings.Contains(said, fmt.Sprintf("--port-base %d", base)) {
		t.Errorf("another port base: %d %s", code, said)
	}

	changed := changedProgram(t)
	began = time.Now()
	second := begin(t, changed, nil, "demo", "--data", dir)
	second.says(t, "Ctrl-C ends it", 3*time.Minute)
	t.Logf("second start: ready after %s", time.Since(began).Round(time.Second))
	if strings.Contains(second.said.String(), "making people") {
		t.Error("the second start made people again")
	}
	if again := readDemo(t, dir, base); !equalJSON(t, told, again) {
		t.Errorf("demo.json changed from %+v to %+v", told, again)
	}
	paul = told.signIn(t, "paul")
	told.usesApp(t, paul, "/viewer")
	page, err := paul.Get("/programs/careconnect")
	must(t, err)
	contains(t, page.Text(), "A changed description.")
	endsWhole(t, second, syscall.SIGKILL)
}

// endsWhole ends a demo and demands that within 5 s nothing of it is left.
func endsWhole(t *testing.T, r *running, signal syscall.Signal) int {
	t.Helper()
	below := descendants(t, r.cmd.Process.Pid)
	if len(below) == 0 {
		t.Error("the demo has no children")
	}
	code := r.end(t, signal)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		below = slices.DeleteFunc(below, func(pid int) bool { return !alive(pid) })
		if len(below) == 0 {
			return code
		}
		if time.Now().After(deadline) {
			t.Fatalf("5 s after %s these are left: %v", signal, below)
		}
	}
}

// descendants are the processes below one.
func descendants(t *testing.T, pid int) (all []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var child, parent int
		var state string
		if _, err := fmt.Sscan(filepath.Base(filepath.Dir(path)), &child); err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(text), ") ") // a name may hold anything
		if _, err := fmt.Sscan(after, &state, &parent); err == nil && parent == pid {
			all = append(append(all, child), descendants(t, child)...)
		}
	}
	return all
}

// alive reports whether a process runs; a dead one may wait for its status to be read.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// freeBase finds seven free ports in a row, below those that the system hands out.
func freeBase(t *testing.T) int {
	t.Helper()
	for base := 20000 + os.Getpid()%1000*10; base < 32000; base += 10 {
		free := true
		for port := base; port < base+7 && free; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
			if free = err == nil; free {
				l.Close()
			}
		}
		if free {
			return base
		}
	}
	t.Fatal("no seven free ports")
	return 0
}

var stepLine = regexp.MustCompile(`(?m)^ *[0-9]+\.[0-9] s  (.+)$`)

func eachStepOnce(t *testing.T, said string) {
	t.Helper()
	var seen []string
	for _, step := range stepLine.FindAllStringSubmatch(said, -1) {
		if slices.Contains(seen, step[1]) {
			t.Errorf("%q is said twice", step[1])
		}
		seen = append(seen, step[1])
	}
	if len(seen) < 8 || seen[len(seen)-1] != "ready" {
		t.Errorf("steps: %q", seen)
	}
	if plain, _, _ := strings.Cut(stepLine.ReplaceAllString(said, ""), "  portal"); strings.TrimSpace(plain) != "" {
		t.Errorf("between the steps it says %q", plain)
	}
}

// readDemo reads demo.json as strictly as a program that relies on it.
func readDemo(t *testing.T, dir string, base int) demoFile {
	t.Helper()
	path := filepath.Join(dir, "demo.json")
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("demo.json has mode %s", info.Mode())
	}
	text, err := os.ReadFile(path)
	must(t, err)
	var keys map[string]any
	must(t, json.Unmarshal(text, &keys))
	want := []string{"accounts", "clients", "database", "keycloak", "keycloak_admin", "mail", "portal", "realm", "relying_app"}
	var got []string
	for key := range keys {
		got = append(got, key)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("demo.json has %q, want %q", got, want)
	}
	var told demoFile
	must(t, json.Unmarshal(text, &told))
	if told.Portal != fmt.Sprintf("http://127.0.0.1:%d", base) || told.Keycloak != fmt.Sprintf("http://localhost:%d", base+1) ||
		told.RelyingApp != fmt.Sprintf("http://127.0.0.2:%d", base+6) || !strings.HasPrefix(told.Database, "postgres://") {
		t.Errorf("addresses: %+v", told)
	}
	if len(told.Accounts) != len(cast) {
		t.Errorf("accounts: %+v", told.Accounts)
	}
	return told
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	must(t, err)
	y, err := json.Marshal(b)
	must(t, err)
	return bytes.Equal(x, y)
}

// secretsWork: what demo.json says of each client opens its door; in the realm
// there are references only.
func secretsWork(t *testing.T, d demoFile) {
	t.Helper()
	accepted(t, d.Keycloak+"/realms/master", d.KeycloakAdmin.ClientID, d.KeycloakAdmin.ClientSecret, true)
	if len(d.Clients) != 4 {
		t.Errorf("clients: %v", d.Clients)
	}
	for id, secret := range d.Clients {
		accepted(t, d.Keycloak+"/realms/"+d.Realm, id, secret, true)
		accepted(t, d.Keycloak+"/realms/"+d.Realm, id, "${vault."+id+"}", false)
	}
}

// accepted asks a realm whether it takes a client's secret.
func accepted(t *testing.T, realm, id, secret string, want bool) {
	t.Helper()
	resp, err := http.PostForm(realm+"/protocol/openid-connect/token/introspect", url.Values{"client_id": {id}, "client_secret": {secret}, "token": {"none"}})
	must(t, err)
	resp.Body.Close()
	if got := resp.StatusCode == http.StatusOK; got != want {
		t.Errorf("the secret of %s: %s", id, resp.Status)
	}
}

func (d demoFile) signIn(t *testing.T, name string) *walk.Person {
	t.Helper()
	i := slices.IndexFunc(d.Accounts, func(a seedAccount) bool { return a.UserName == name })
	if i < 0 {
		t.Fatalf("there is no %s among %+v", name, d.Accounts)
	}
	p := &walk.Person{Browser: walk.New(d.Portal), UserName: name, Password: d.Accounts[i].Password}
	walk.HasPhone(d.Keycloak+"/realms/"+d.Realm, name, walk.SecretOf(d.Accounts[i].Key))
	_, err := p.SignIn(p.UserName, p.Password)
	must(t, err)
	page, err := p.Get("/access")
	must(t, err)
	contains(t, page.Text(), d.Accounts[i].Site)
	return p
}

// usesApp signs in at the sample application and looks for a group in the token.
func (d demoFile) usesApp(t *testing.T, p *walk.Person, group string) {
	t.Helper()
	_, err := p.Get(d.RelyingApp + "/sign-in")
	must(t, err)
	page, err := p.Get(d.RelyingApp + "/api/me")
	must(t, err)
	contains(t, page.Body, group)
}

// changedProgram builds the command with another description of CareConnect.
func changedProgram(t *testing.T) string {
	t.Helper()
	words, err := filepath.Abs("../../policies/programs/careconnect/en.yaml")
	must(t, err)
	text, err := os.ReadFile(words)
	must(t, err)
	changed := regexp.MustCompile(`(?m)^about: .*$`).ReplaceAll(text, []byte("about: A changed description."))
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "en.yaml"), changed, 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{words: filepath.Join(dir, "en.yaml")}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	path, err := build(dir, "-overlay", filepath.Join(dir, "overlay.json"))
	must(t, err)
	return path
}
