package broker_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/broker/local"
	"countersign/broker/walk"
)

// examples are what the contract with applications shows.
const examples = "../keycloak-realm/examples/"

// The contract's example for Apache, run as it stands by an Apache that is not
// ours: who holds the viewer gets in with the groups, who does not is refused,
// and whose access ends is out, by the logout token.
// proves: C15
func TestApacheExample(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	eventually(t, "the realm has the access", func() bool { return s.hasLeaf(t, m.paul, m.site, "viewer") })
	site := s.apache(t)

	page := openAt(t, m.paul, site+"/")
	if page.Status != http.StatusOK || !strings.Contains(page.Body, s.leaf(t, m.site, "viewer")) {
		t.Fatalf("the holder of the viewer gets %d %s", page.Status, page.Text())
	}
	if page := openAt(t, m.mona, site+"/"); page.Status != http.StatusUnauthorized && page.Status != http.StatusForbidden {
		t.Errorf("who administers and may see nothing gets %d %s", page.Status, page.Text())
	}

	_, err := m.paul.End("/access/"+s.join(t, m.paul, m.site, "practitioner")+"/leave", "")
	must(t, err)
	eventually(t, "Apache has heard of the end", func() bool {
		page, err := m.paul.Get(site + "/")
		return err == nil && (page.Status != http.StatusOK || strings.HasPrefix(page.URL.String(), s.config.Keycloak))
	})
}

// apache runs the example before an application that says what it is told.
func (s *stack) apache(t *testing.T) string {
	t.Helper()
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<p>%s has %s", r.Header.Get("OIDC_CLAIM_sub"), r.Header.Get("OIDC_CLAIM_groups"))
	}))
	t.Cleanup(behind.Close)
	port, err := freePort()
	must(t, err)
	site := fmt.Sprintf("http://127.0.0.2:%d", port)
	id, secret := s.client(t, site+"/oidc/callback", site+"/", site+"/oidc/callback?logout=backchannel")
	example, err := filepath.Abs(examples + "apache.conf")
	must(t, err)

	dir := t.TempDir()
	config := fmt.Sprintf("ServerRoot %s\nServerName 127.0.0.2\nPidFile pid\nErrorLog log\nDefaultRuntimeDir %s\nListen 127.0.0.2:%d\nUser nobody\nGroup nogroup\n", dir, dir, port)
	for _, module := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "setenvif", "proxy", "proxy_http", "auth_openidc"} {
		config += fmt.Sprintf("LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	config += fmt.Sprintf("Include %s\nProxyPass /oidc !\nProxyPass / %s/\n", example, behind.URL)
	file := filepath.Join(dir, "apache.conf")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	server, err := local.StartProgram("apache2", []string{"ISSUER=" + s.config.Issuer(), "CLIENT_ID=" + id, "CLIENT_SECRET=" + secret,
		"PUBLIC_URL=" + site, "CRYPTO_PASSPHRASE=kept-by-the-test"}, "-f", file, "-D", "FOREGROUND")
	must(t, err)
	t.Cleanup(server.Stop)
	eventually(t, "Apache answers", func() bool {
		page, err := walk.New(site).Get("/alive")
		return err == nil && page.Status == http.StatusOK
	})
	return site
}

// The contract's example with curl, typed by someone with a browser beside it:
// the token and introspection have the groups, and no refresh has them after the end.
// proves: C15
func TestCurlExample(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	eventually(t, "the realm has the access", func() bool { return s.hasLeaf(t, m.paul, m.site, "viewer") })
	landing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(landing.Close)
	id, secret := s.client(t, landing.URL+"/callback", landing.URL+"/", "")

	cmd := exec.CommandContext(t.Context(), "sh", examples+"curl.sh")
	cmd.Env = append(os.Environ(), "ISSUER="+s.config.Issuer(), "CLIENT_ID="+id, "CLIENT_SECRET="+secret, "REDIRECT="+landing.URL+"/callback")
	keys, err := cmd.StdinPipe()
	must(t, err)
	screen, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	lines := bufio.NewScanner(screen)
	line := func(begins string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), begins); ok {
				return rest
			}
		}
		t.Fatalf("no line %q", begins)
		return ""
	}

	page := openAt(t, m.paul, line("Open: "))
	_, err = fmt.Fprintln(keys, page.URL)
	must(t, err)
	leaf := s.leaf(t, m.site, "viewer")
	for _, says := range []string{"The access token says: ", "Introspection says now: "} {
		if got := line(says); !strings.Contains(got, leaf) {
			t.Errorf("%s%s: want the group %s", says, got, leaf)
		}
	}
	_, err = m.paul.End("/access/"+s.join(t, m.paul, m.site, "practitioner")+"/leave", "")
	must(t, err)
	eventually(t, "the realm has the end", func() bool { return len(s.groups(t, m.paul)) == 0 })
	_, err = fmt.Fprintln(keys)
	must(t, err)
	if got := line("The refreshed token says: "); strings.Contains(got, leaf) { // nothing at all, once the sessions have ended too
		t.Errorf("after the end a refresh gives %s", got)
	}
	must(t, cmd.Wait())
}

// openAt opens an address of an application and signs in where Keycloak asks.
func openAt(t *testing.T, p *walk.Person, address string) *walk.Page {
	t.Helper()
	page, err := p.Get(address)
	must(t, err)
	if u, _ := url.Parse(address); page.URL.Host != u.Host || strings.Contains(page.URL.Path, "/realms/") {
		if page.FormWith("password").Has("password") {
			page, err = page.Authenticate(p.UserName, p.Password)
			must(t, err)
		}
	}
	return page
}
