package broker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/broker/walk"
	realm "countersign/keycloak-realm"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

var (
	servers  *local.Addresses
	template string
	// relyingApp is the sample application as customers would run it.
	relyingApp string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx := context.Background()
	a, stop, err := local.Testing(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	servers = a
	template = "broker_template_" + registry.Schema()
	if err := a.Template(ctx, template, func(url string) error { return registry.Migrate(ctx, url) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "countersign-broker")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	relyingApp = filepath.Join(dir, "relying-app")
	if out, err := exec.Command("go", "build", "-o", relyingApp, "countersign/cmd/relying-app").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	defer endShared()
	return m.Run()
}

// stack is the whole product, running, with a realm and a database of its own.
type stack struct {
	config   broker.Config
	registry *registry.Registry // to look, never to change
	database string
	owner    string
	mail     walk.Mailbox
	admin    keycloak.Admin
	name     string
	logs     *lines
	stop     func()
}

var numbers sync.Mutex
var number int

func next() int {
	numbers.Lock()
	defer numbers.Unlock()
	number++
	return number
}

// start starts a product that the test has to itself.
func start(t *testing.T, change ...func(*broker.Config)) *stack {
	t.Helper()
	s, err := newStack(change...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func newStack(change ...func(*broker.Config)) (*stack, error) {
	s, err := layStack(change...)
	if err != nil {
		return nil, err
	}
	stopServing, err := s.serve()
	if err != nil {
		return nil, err
	}
	lifted := s.stop
	s.stop = func() { stopServing(); lifted() }
	return s, nil
}

// layStack is a realm and a record of a product that nobody serves yet.
func layStack(change ...func(*broker.Config)) (s *stack, err error) {
	ctx := context.Background()
	s = &stack{name: fmt.Sprintf("b%d-%d", os.Getpid(), next()), mail: walk.Mailbox{URL: servers.Mail}, logs: &lines{}}
	s.admin = keycloak.Admin{URL: servers.Keycloak, ClientID: servers.AdminClientID, ClientSecret: servers.AdminClientSecret}
	s.database = strings.ReplaceAll(s.name, "-", "_")
	if err := servers.CreateDatabase(ctx, s.database, template); err != nil {
		return nil, err
	}
	s.owner = servers.OwnerURL(s.database)
	keys, err := os.MkdirTemp("", "countersign-keys")
	if err != nil {
		return nil, err
	}
	if err := registry.NewKeys(keys); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	host, smtp, err := net.SplitHostPort(servers.SMTP)
	if err != nil {
		return nil, err
	}
	s.config = broker.Config{Listen: fmt.Sprintf("127.0.0.1:%d", port), PublicURL: fmt.Sprintf("http://127.0.0.1:%d", port),
		Database: broker.Secret(servers.AppURL(s.database)), Keys: keys, Keycloak: servers.Keycloak, Realm: s.name, Root: "/access",
		PortalID: "countersign-portal", PortalSecret: "portal-secret", WriterID: "countersign-writer", WriterSecret: "writer-secret",
		ReaderID: "countersign-reader", ReaderSecret: "reader-secret", SMTPHost: host, MailFrom: "access@countersign.example", Demo: true, Version: "test",
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}} // everybody comes from an address of their own
	if _, err := fmt.Sscan(smtp, &s.config.SMTPPort); err != nil {
		return nil, err
	}
	for _, c := range change {
		c(&s.config)
	}
	built, err := policies.Builtin()
	if err != nil {
		return nil, err
	}
	spec, err := s.config.VaultedSpec(built, servers.PutSecret)
	if err != nil {
		return nil, err
	}
	spec.Quick = true
	if _, err := keycloak.Apply(ctx, s.admin, spec); err != nil {
		return nil, err
	}
	if s.registry, err = broker.Open(ctx, s.config); err != nil {
		return nil, err
	}
	s.stop = func() {
		s.registry.Close()
		os.RemoveAll(keys)
		if err := errors.Join(servers.DropRealm(ctx, s.name), servers.DropDatabase(ctx, s.database)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return s, nil
}

// serve runs the product until the returned function is called.
func (s *stack) serve() (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	log := slog.New(slog.NewTextHandler(s.logs, nil))
	go func() { ended <- broker.Run(ctx, s.config, log, func() { close(ready) }) }()
	select {
	case <-ready:
		return func() { cancel(); <-ended }, nil
	case err := <-ended:
		cancel()
		return nil, fmt.Errorf("the product ended at its start: %w\n%s", err, s.logs)
	case <-time.After(time.Minute):
		cancel()
		return nil, fmt.Errorf("the product did not start: %s", s.logs)
	}
}

// lines keeps what the product logged.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String is all of it.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

var _ io.Writer = (*lines)(nil)

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// password is everybody's; no two people share an account anyway (C14).
const password = "correct-horse-battery-9"

// person signs up, verifies, chooses a password and signs in, as people do.
func (s *stack) person(t *testing.T, given, surname string) *walk.Person {
	t.Helper()
	name := strings.ToLower(given) + fmt.Sprint(next())
	p, err := walk.SignUp(s.config.PublicURL, s.mail, walk.Person{UserName: name, Password: password,
		Email: name + "@" + s.name + ".example", Given: given, Surname: surname})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.logs)
	}
	return p
}

// account is the record's id of somebody, to compare with.
func (s *stack) account(t *testing.T, p *walk.Person) string {
	t.Helper()
	var id string
	s.query(t, &id, `select id from account where user_name = $1`, p.UserName)
	return id
}

// move moves the record's clock, for every process at once.
func (s *stack) move(t *testing.T, by time.Duration) {
	t.Helper()
	if err := registry.MoveClock(context.Background(), s.owner, by); err != nil {
		t.Fatal(err)
	}
}

// patience is a slow machine's; how quick the product is, make bench measures.
const patience = time.Minute

// eventually waits for something that follows by itself. It asks less and less often:
// on a machine that is behind, asking is what keeps it there.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	pause := 20 * time.Millisecond
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if ok() {
			return
		}
		pause = min(pause*5/4, 400*time.Millisecond)
	}
	t.Fatalf("not within %s: %s", patience, what)
}

// invariants demands that nothing in the record is wrong.
func (s *stack) invariants(t *testing.T) {
	t.Helper()
	found, err := s.registry.Invariants(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("invariant %s: %s", v.Invariant, v.What)
	}
}

var (
	sharedOnce  sync.Once
	sharedStack *stack
	sharedErr   error
)

// shared is a product that many tests use side by side; each with people and
// sites of its own.
func shared(t *testing.T) *stack {
	t.Helper()
	sharedOnce.Do(func() { sharedStack, sharedErr = newStack() })
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return sharedStack
}

func endShared() {
	if sharedStack != nil {
		sharedStack.stop()
	}
	for _, s := range lent.all {
		s.stop()
	}
}

var lent struct {
	sync.Mutex
	idle, all []*stack
}

// lend gives a product to one test after the other, each alone with it: it is for
// those that move the clock, and mind neither that others did nor whom those left.
func lend(t *testing.T) *stack {
	t.Helper()
	s := idle()
	if s == nil {
		var err error
		if s, err = newStack(); err != nil {
			t.Fatal(err)
		}
		lent.Lock()
		lent.all = append(lent.all, s)
		lent.Unlock()
	}
	s.change(t, `delete from kept_form`)
	if made, _ := crews.Load(s); made != nil {
		for _, p := range []*walk.Person{made.(*crew).First, made.(*crew).Second} {
			again(t, p)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // nobody knows how it left it
		}
		lent.Lock()
		defer lent.Unlock()
		lent.idle = append(lent.idle, s)
	})
	return s
}

func idle() (s *stack) {
	lent.Lock()
	defer lent.Unlock()
	if n := len(lent.idle); n > 0 {
		s, lent.idle = lent.idle[n-1], lent.idle[:n-1]
	}
	return s
}

// app registers the sample application in the realm and runs it.
func (s *stack) app(t *testing.T) string {
	t.Helper()
	port, err := freePort()
	must(t, err)
	url := fmt.Sprintf("http://127.0.0.2:%d", port)
	id, secret := s.client(t, url+"/callback", url+"/", url+"/back-channel-logout")
	p, err := local.StartProgram(relyingApp, []string{fmt.Sprintf("LISTEN=127.0.0.2:%d", port), "PUBLIC_URL=" + url,
		"ISSUER=" + s.config.Issuer(), "CLIENT_ID=" + id, "CLIENT_SECRET=" + secret, "LEAST_ACR=" + policies.TwoFactor.String()})
	must(t, err)
	t.Cleanup(p.Stop)
	eventually(t, "the application answers", func() bool {
		_, err := walk.New(url).Get("/api/me")
		return err == nil
	})
	return url
}

// client registers an application of careconnect in the realm.
func (s *stack) client(t *testing.T, redirect, postLogout, logout string) (id, secret string) {
	t.Helper()
	id = fmt.Sprintf("app-%d", next())
	secret = id + "-secret"
	reference, err := servers.PutSecret(s.config.Realm, id, secret)
	must(t, err)
	_, err = keycloak.AddApp(t.Context(), s.admin, keycloak.Realm{Name: s.config.Realm, PortalClientID: s.config.PortalID, Template: realm.JSON},
		keycloak.App{ClientID: id, Secret: reference, Programs: []string{"careconnect"}, RedirectURIs: []string{redirect},
			PostLogoutURIs: []string{postLogout}, LogoutURL: logout, LeastACR: policies.TwoFactor.String()})
	must(t, err)
	return id, secret
}
