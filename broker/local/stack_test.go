package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What was committed is there after a stop and a second start, with the same superuser's password.
func TestPostgresKeepsData(t *testing.T) {
	t.Parallel()
	ctx, data := context.Background(), emptyData(t)
	first, err := StartPostgres(ctx, data, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, first.URL("postgres", "postgres", first.password), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
	first.Stop()
	second, err := StartPostgres(ctx, data, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Stop()
	address := second.URL("postgres", "postgres", second.password)
	if n := queryInt(t, address, "SELECT n FROM kept"); n != 42 {
		t.Errorf("got %d", n)
	}
	if durable := queryInt(t, address, "SELECT count(*) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'on'"); durable != 3 {
		t.Error("a durable server runs with settings that lose data")
	}
}

// A port on which somebody listens is not handed out.
func TestPostgresPortInUse(t *testing.T) {
	t.Parallel()
	busy, err := url.Parse(stack.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	var port int
	fmt.Sscan(busy.Port(), &port)
	if _, err := claimPort(ctx, port); err == nil {
		t.Error("a port in use was claimed")
	}
}

// Keycloak is ready under the name localhost, and the service account that it began with administers
// it by client_credentials.
func TestKeycloakAdministrator(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if got := status(ctx, stack.KeycloakManagement+"/health/ready"); got != http.StatusOK {
		t.Fatalf("health %d", got)
	}
	token := adminToken(t, *stack)
	req, err := http.NewRequest(http.MethodGet, stack.Keycloak+"/admin/realms/master", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET /admin/realms/master: %s", resp.Status)
	}
	if !strings.HasPrefix(stack.Keycloak, "http://localhost:") {
		t.Errorf("passkeys refuse %s", stack.Keycloak)
	}
}

// Each role enters its own database and no other.
func TestRolesAreSeparate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if n := queryInt(t, stack.OwnerURL(ProductDatabase), "SELECT 1"); n != 1 {
		t.Error("the owner is not let in")
	}
	if n := queryInt(t, stack.AppURL(ProductDatabase), "SELECT 1"); n != 1 {
		t.Error("the app role is not let in")
	}
	if err := execSQL(ctx, stack.AppURL(ProductDatabase), "CREATE TABLE public.mine (n int)"); err == nil {
		t.Error("the app role makes tables")
	}
	for _, role := range []string{stack.OwnerURL(keycloakDatabase), stack.AppURL(keycloakDatabase)} {
		if err := execSQL(ctx, role, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("a role of the product enters Keycloak's database: %v", err)
		}
	}
}

// A database that a kill left open to every role, between its making and its closing, is closed at
// the next start.
func TestOpenDatabaseIsClosed(t *testing.T) {
	t.Parallel()
	ctx, name := context.Background(), fmt.Sprintf("local_open_%d", os.Getpid())
	mustExec(t, stack.Postgres, "CREATE DATABASE "+name+" OWNER "+OwnerRole+" TEMPLATE template0")
	t.Cleanup(func() {
		if err := stack.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	mustExec(t, stack.AppURL(name), "SELECT 1")
	if err := stack.EnsureDatabase(ctx, name, OwnerRole); err != nil {
		t.Fatal(err)
	}
	if err := execSQL(ctx, stack.AppURL(name), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("still open: %v", err)
	}
	mustExec(t, stack.OwnerURL(name), "SELECT 1")
}

// Of many who ask for a template at once one fills it, and all get copies of their own.
func TestTemplate(t *testing.T) {
	t.Parallel()
	ctx, template := context.Background(), fmt.Sprintf("local_test_%d", os.Getpid())
	var fills atomic.Int32
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			err := stack.Template(ctx, template, func(owner string) error {
				fills.Add(1)
				return execSQL(ctx, owner, "CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
			})
			if err != nil {
				t.Error(err)
				return
			}
			copied := fmt.Sprintf("%s_%d", template, i)
			if err := stack.CreateDatabase(ctx, copied, template); err != nil {
				t.Error(err)
				return
			}
			if n := queryInt(t, stack.OwnerURL(copied), "SELECT n FROM t"); n != 7 {
				t.Errorf("copy %d holds %d", i, n)
			}
			if err := stack.DropDatabase(ctx, copied); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if fills.Load() != 1 {
		t.Errorf("filled %d times", fills.Load())
	}
	if err := stack.CreateDatabase(ctx, template, ""); err == nil {
		t.Error("an existing name was given away")
	}
	if err := stack.DropDatabase(ctx, template); err != nil {
		t.Error(err)
	}
}

// An archive that is not the pinned one is not unpacked.
func TestPinnedDigest(t *testing.T) {
	t.Parallel()
	p, err := pinned()
	if err != nil || p.Version == "" || (os.Getenv("KEYCLOAK_VERSION") == "" && len(p.SHA256) != 64) {
		t.Fatalf("pin %+v, %v", p, err)
	}
	forged := filepath.Join(t.TempDir(), "keycloak.tar.gz")
	if err := os.WriteFile(forged, []byte("not Keycloak"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkDigest(forged, strings.Repeat("0", 64)); err == nil {
		t.Error("a wrong digest passed")
	}
}

func adminToken(t *testing.T, a Addresses) string {
	t.Helper()
	resp, err := http.PostForm(a.Keycloak+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {a.AdminClientID}, "client_secret": {a.AdminClientSecret}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("token: %s, %v", resp.Status, err)
	}
	return answer.Token
}

func mustExec(t *testing.T, address, statement string) {
	t.Helper()
	if err := execSQL(context.Background(), address, statement); err != nil {
		t.Fatal(err)
	}
}

// queryInt is for any goroutine of a test: it reports a failure and goes on.
func queryInt(t *testing.T, address, query string) (n int) {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}
