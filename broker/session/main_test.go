package session

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"countersign/broker/local"
	"countersign/broker/registry"
)

var (
	template  = "session_template_" + registry.Schema()
	stack     *local.Addresses
	databases atomic.Int64
)

func TestMain(m *testing.M) {
	ctx := context.Background()
	a, stop, err := local.TestingDatabase(ctx)
	if err == nil {
		stack = a
		err = stack.Template(ctx, template, func(owner string) error { return registry.Migrate(ctx, owner) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// portal is our side of a test: a database of its own, Sessions over it, and the
// routes as the portal mounts them. An error becomes its status by kind, with the
// message key as body.
type portal struct {
	t        *testing.T
	issuer   *issuer
	reg      *registry.Registry
	sessions *Sessions
	owner    string
	url      string
}

func newPortal(t *testing.T) *portal {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("session_%d_%d", os.Getpid(), databases.Add(1))
	if err := stack.CreateDatabase(ctx, name, template); err != nil {
		t.Fatal(err)
	}
	zero := &fstest.MapFile{Data: []byte(strings.Repeat("5a", 32))}
	keys, err := registry.OpenKeys(fstest.MapFS{"sign.k1": zero, "seal.k1": zero, "pepper.k1": zero})
	if err != nil {
		t.Fatal(err)
	}
	p := &portal{t: t, issuer: newIssuer(t), owner: stack.OwnerURL(name)}
	if p.reg, err = registry.Open(ctx, stack.AppURL(name), keys, p.issuer.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.reg.Close(); err != nil {
			t.Error(err)
		}
		if err := stack.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	p.sessions = New(Config{Issuer: p.issuer.url, ClientID: clientID, ClientSecret: clientSecret,
		RedirectURL: p.url + "/callback", PostLogout: p.url + "/signed-out", CookieName: "countersign-7400", Language: speak}, p.reg)
	p.mount(mux)
	return p
}

// speak is a portal that has English and Spanish.
func speak(preferences ...string) string {
	if i := slices.IndexFunc(preferences, func(p string) bool { return p != "" }); i >= 0 && strings.HasPrefix(preferences[i], "es") {
		return "es"
	}
	return "en"
}

func (p *portal) mount(mux *http.ServeMux) {
	s := p.sessions
	handle := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				answer(w, err)
			}
		})
	}
	handle("GET /sign-in", s.SignIn)
	handle("GET /callback", s.Callback)
	handle("POST /sign-out", s.SignOut)
	handle("POST /someone-else", s.SomeoneElse)
	mux.HandleFunc("/back-channel-logout", s.BackChannel)
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, r *http.Request) { s.SignedOut(w, r) })
	handle("GET /form-token", func(w http.ResponseWriter, r *http.Request) error {
		person, err := s.Authenticate(r)
		if err != nil && !registry.IsIdle(err) {
			return err
		}
		fmt.Fprint(w, s.FormToken(person))
		return nil
	})
	handle("GET /poll", func(w http.ResponseWriter, r *http.Request) error {
		person, err := s.Authenticate(r)
		w.Header().Set("Person", person.Account.UserName) // of an idle session too
		return err
	})
	handle("GET /page", func(w http.ResponseWriter, r *http.Request) error {
		person, err := s.Authenticate(r)
		if err == nil {
			err = s.Active(r.Context(), person)
		}
		if err == nil {
			fmt.Fprint(w, person.Account.UserName)
		}
		return err
	})
}

func answer(w http.ResponseWriter, err error) {
	for kind, status := range map[registry.Kind]int{registry.Invalid: 400, registry.Unsigned: 401, registry.Forbidden: 403,
		registry.Gone: 410, registry.Unavailable: 503} {
		if registry.IsKind(err, kind) {
			w.WriteHeader(status)
			fmt.Fprint(w, err)
			return
		}
	}
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprint(w, err)
}

// later moves the record's clock.
func (p *portal) later(by time.Duration) {
	p.t.Helper()
	if err := registry.MoveClock(context.Background(), p.owner, by); err != nil {
		p.t.Fatal(err)
	}
}

// browser is one person's browser; it follows no redirect by itself.
type browser struct {
	t      *testing.T
	p      *portal
	client *http.Client
}

func (p *portal) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &browser{t: p.t, p: p, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get fetches a path or an address and gives status, Location or body, and the answer.
func (b *browser) get(address string) (int, string, *http.Response) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.p.url + address
	}
	resp, err := b.client.Get(address)
	return b.read(resp, err)
}

func (b *browser) post(path string, form url.Values) (int, string, *http.Response) {
	b.t.Helper()
	resp, err := b.client.PostForm(b.p.url+path, form)
	return b.read(resp, err)
}

func (b *browser) read(resp *http.Response, err error) (int, string, *http.Response) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "" {
		return resp.StatusCode, to, resp
	}
	return resp.StatusCode, readAll(b.t, resp.Body), resp
}

// begin starts a sign-in and gives the address at Keycloak.
func (b *browser) begin(path string) *url.URL {
	b.t.Helper()
	status, to, _ := b.get(path)
	if status != http.StatusSeeOther {
		b.t.Fatalf("%s answers %d %s", path, status, to)
	}
	u, err := url.Parse(to)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// signIn goes all the way as a person and gives where it ended.
func (b *browser) signIn(path string, who person) (int, string) {
	b.t.Helper()
	status, to, _ := b.get(b.p.issuer.approve(b.begin(path), who))
	return status, to
}

// cookie gives the session's cookie, or "".
func (b *browser) cookie() string {
	u, err := url.Parse(b.p.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == b.p.sessions.cfg.CookieName {
			return c.Value
		}
	}
	return ""
}

// want checks the status of a path.
func (b *browser) want(path string, status int) string {
	b.t.Helper()
	got, text, _ := b.get(path)
	if got != status {
		b.t.Fatalf("GET %s: %d %s, want %d", path, got, text, status)
	}
	return text
}
