package broker_test

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/provisioning/keycloak"
)

// firstBinary builds the product of the commit that testdata/first-binary names, from
// the repository's own history, with the design system's files that today's pages have.
func firstBinary(t *testing.T) (file string) {
	t.Helper()
	f, err := os.Open("testdata/first-binary")
	must(t, err)
	defer f.Close()
	commit := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "#") {
			commit = lines.Text()
		}
	}
	cache, err := os.UserCacheDir()
	must(t, err)
	dir, file := filepath.Join(cache, "countersign", "first-"+commit[:12]), filepath.Join(t.TempDir(), "first")
	run := func(why, script string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), "sh", "-euc", script)
		c.Env = append(os.Environ(), "COMMIT="+commit, "INTO="+dir, "FILE="+file)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", why, err, out)
		}
	}
	run("the history of the repository is not here, git fetch --unshallow brings it", `git cat-file -e "$COMMIT^{commit}"`)
	// Always the same folder, so that Go's build cache knows what is in it.
	run("the first binary's sources", `test -e "$INTO" && exit; mkdir -p "$(dirname "$INTO")"; new=$(mktemp -d "$INTO.XXXXXX")
		git -C "$(git rev-parse --show-toplevel)" archive "$COMMIT" | tar -x -C "$new"
		cp -r portal/static/uswds "$new/broker/portal/static/"
		mv -T "$new" "$INTO" || rm -r "$new" # another has been quicker`)
	run("the first binary", `cd "$INTO" && go build -o "$FILE" ./cmd/countersign`)
	return file
}

// front stands before two versions of the product and sends everybody to one of them.
type front struct {
	*httptest.Server
	to atomic.Pointer[url.URL]
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{}
	f.Server = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(f.to.Load())
		r.Out.Host = r.In.Host
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}})
	t.Cleanup(f.Close)
	return f
}

// version is one version of the product: a process, and where it listens.
type version struct {
	t      *testing.T
	s      *stack
	file   string
	listen string
	*local.Program
}

func (s *stack) product(t *testing.T, file string) *version {
	t.Helper()
	port, err := freePort()
	must(t, err)
	return &version{t: t, s: s, file: file, listen: fmt.Sprintf("127.0.0.1:%d", port)}
}

func (v *version) begin() {
	v.t.Helper()
	var err error
	v.Program, err = local.StartProgram(v.file, append(environment(v.s.config, string(v.s.config.Database)), "COUNTERSIGN_LISTEN="+v.listen), "serve")
	must(v.t, err)
	p := v.Program
	v.t.Cleanup(p.Stop)
	eventually(v.t, "it serves", func() bool {
		select {
		case <-p.Done():
			v.t.Fatalf("it ended at its start: %v", p.Err())
		default:
		}
		page, err := walk.New("http://" + v.listen).Get("/")
		return err == nil && page.Status < 500
	})
}

func (v *version) end() {
	_ = v.Signal(syscall.SIGTERM) // gone already is as good
	<-v.Done()
}

// begins asks for an account on the page of either version, and begins as everybody does.
func (s *stack) begins(t *testing.T, given, surname string) *walk.Person {
	t.Helper()
	name := strings.ToLower(given) + fmt.Sprint(next())
	p := &walk.Person{Browser: walk.New(s.config.PublicURL), UserName: name, Password: password, Email: name + "@" + s.name + ".example",
		Given: given, Surname: surname, Mail: s.mail}
	page, err := p.Get("/sign-up")
	must(t, err)
	form := page.FormWith("user-name")
	if solved, err := page.Solve(form); err == nil { // the first binary asked for no work
		form = solved
	}
	_, err = form.Set("user-name", name).Set("given-name", given).Set("surname", surname).Set("email", p.Email).Send()
	must(t, err)
	m, err := s.mail.Wait(p.Email, "", "action-token")
	must(t, err)
	must(t, p.Begin(m.Link("action-token"), password))
	_, err = p.SignIn(name, password)
	must(t, err)
	return p
}

// The first binary goes on beside today's, on one record with today's schema and in a
// realm as today's command makes it; either may be started and stopped first, people
// are sent to either, and what each begins the other finishes.
// proves: F23 I1 I12
func TestFirstBinary(t *testing.T) {
	t.Parallel()
	began := time.Now()
	file := firstBinary(t)
	at := newFront(t)
	s, err := layStack(func(c *broker.Config) { c.PublicURL = at.URL })
	must(t, err)
	t.Cleanup(s.stop)

	// A record as the first binary made it.
	must(t, s.registry.Close())
	database := s.database + "_first"
	must(t, servers.CreateDatabase(t.Context(), database, ""))
	s.owner, s.config.Database = servers.OwnerURL(database), broker.Secret(servers.AppURL(database))
	migrate := exec.CommandContext(t.Context(), file, "migrate")
	migrate.Env = []string{"DATABASE_OWNER_URL=" + s.owner}
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	today, err := commandLine()
	must(t, err)
	first, now := s.product(t, file), s.product(t, today)
	send := func(to *version) {
		t.Helper()
		at.to.Store(&url.URL{Scheme: "http", Host: to.listen})
	}
	first.begin()
	send(first)
	rosa, mona, paul := s.begins(t, "Rosa", "Almeida"), s.begins(t, "Mona", "Fraser"), s.begins(t, "Paul", "Okafor")
	invite := exec.CommandContext(t.Context(), file, "access", "bootstrap", rosa.Email)
	invite.Env = environment(s.config, string(s.config.Database))
	if out, err := invite.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m, err := s.mail.Wait(rosa.Email, "", "/invitation")
	must(t, err)
	_, err = rosa.Accept(m.Link("/invitation"))
	must(t, err)
	desk := walk.Registrars{First: rosa}
	name := fmt.Sprintf("Elm Clinic %d", next())
	site, err := desk.OpenSite(mona, paul, walk.Clinic{Name: name, City: "Vancouver", SignerName: "Paul Okafor", SignerEmail: paul.Email})
	must(t, err)
	_, err = desk.Practise(site, paul, "practitioner", walk.Licensed("physician", "cpsbc", "F24681", inAYear()), mona, walk.Inbox)
	must(t, err)
	s.inRealm(t, paul, site, "practitioner", "viewer")

	// The schema is today's from here on, under the first binary's feet.
	must(t, registry.Migrate(t.Context(), s.owner))
	s.registry, err = broker.Open(t.Context(), s.config)
	must(t, err)
	tess := s.begins(t, "Tess", "Lund")
	assist := func(p *walk.Person) {
		t.Helper()
		_, err := walk.Assist(site, p, "medical-office-assistant", paul, mona)
		must(t, err)
		s.inRealm(t, p, site, "on-behalf-of", "viewer")
	}
	ends := func(p *walk.Person) {
		t.Helper()
		_, err := mona.End("/sites/"+site+"/members/"+s.join(t, p, site, "on-behalf-of")+"/end", "", "left")
		must(t, err)
		s.inRealm(t, p, site)
	}
	assist(tess)
	ends(tess)

	now.begin() // beside it
	assist(s.begins(t, "Nora", "Quist"))
	send(now)
	for _, p := range []*walk.Person{mona, paul} {
		again(t, p)
	}
	omar := s.begins(t, "Omar", "Haddad")
	assist(omar)
	first.end() // today's alone
	ends(omar)
	pia := s.begins(t, "Pia", "Lind")
	assist(pia)
	first.begin()
	now.end() // and back again
	send(first)
	ends(pia)
	assist(s.begins(t, "Quin", "Moss"))
	again(t, rosa)
	_, err = desk.OpenSite(mona, paul, walk.Clinic{Name: name + " East", City: "Surrey", SignerName: "Paul Okafor", SignerEmail: paul.Email})
	must(t, err)
	now.begin()
	joined := time.Now()
	eventually(t, "today's has read what was done in the realm meanwhile", func() bool {
		return s.count(t, `realm_follow where polled_at > $1`, joined.Add(time.Second)) == 1
	})
	if n := s.count(t, `drift where alarm`); n != 0 {
		t.Errorf("%d alarms about what the first binary did", n)
	}
	s.nothingWrong(t, began)
}

// nothingWrong demands that record and realm are as they should be, in time.
func (s *stack) nothingWrong(t *testing.T, since time.Time) {
	t.Helper()
	s.invariants(t)
	d := keycloak.New(keycloak.Config{URL: servers.Keycloak, Realm: s.name, Root: s.config.Root, PortalClientID: s.config.PortalID,
		WriterID: s.config.WriterID, WriterSecret: string(s.config.WriterSecret), ReaderID: s.config.ReaderID, ReaderSecret: string(s.config.ReaderSecret)})
	found, err := broker.FindInvariants(t.Context(), s.registry, d, since)
	must(t, err)
	for _, v := range found.Violations {
		t.Errorf("invariant %s: %s", v.Invariant, v.What)
	}
}
