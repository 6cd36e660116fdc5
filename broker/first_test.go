package broker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/broker/walk"
)

// crew is a stack's registrars, made once: the first invited from the command
// line, the second by the first.
type crew struct {
	sync.Mutex
	walk.Registrars
	at time.Time // when they signed in
}

var crews sync.Map // *stack to *crew

func (s *stack) registrars(t *testing.T) walk.Registrars {
	t.Helper()
	made, _ := crews.LoadOrStore(s, &crew{})
	c := made.(*crew)
	c.Lock()
	defer c.Unlock()
	if c.Second == nil {
		both := s.people(t, "Rosa Almeida", "Ravi Shah")
		s.firstRegistrar(t, both[0])
		s.invited(t, both[0], both[1])
		c.Registrars, c.at = walk.Registrars{First: both[0], Second: both[1]}, time.Now()
	}
	if time.Since(c.at) > fresh { // at other browsers: somebody may be in the middle of something at these
		c.Registrars, c.at = walk.Registrars{First: s.elsewhere(t, c.First), Second: s.elsewhere(t, c.Second)}, time.Now()
	}
	return c.Registrars
}

// elsewhere is somebody who signs in at another browser.
func (s *stack) elsewhere(t *testing.T, p *walk.Person) *walk.Person {
	t.Helper()
	q := *p
	q.Browser = walk.New(s.config.PublicURL)
	_, err := q.SignIn(q.UserName, q.Password)
	must(t, err)
	return &q
}

// firstRegistrar invites somebody from the command line, who accepts.
func (s *stack) firstRegistrar(t *testing.T, p *walk.Person) {
	t.Helper()
	must(t, s.registry.Bootstrap(t.Context(), registry.CommandLine(), p.Email))
	m, err := s.mail.Wait(p.Email, "", "/invitation")
	must(t, err)
	_, err = p.Accept(m.Link("/invitation"))
	must(t, err)
}

// invited makes a registrar invite another, who accepts.
func (s *stack) invited(t *testing.T, by, p *walk.Person) {
	t.Helper()
	link, err := by.Invite("registrar", p.Email)
	must(t, err)
	_, err = p.Accept(link)
	must(t, err)
}

// people sign up and sign in, all at the same time; each is a given name and a
// surname.
func (s *stack) people(t *testing.T, names ...string) []*walk.Person {
	t.Helper()
	out, errs := make([]*walk.Person, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		given, surname, _ := strings.Cut(name, " ")
		user := strings.ToLower(given) + fmt.Sprint(next())
		all.Go(func() {
			out[i], errs[i] = walk.SignUp(s.config.PublicURL, s.mail, walk.Person{UserName: user, Password: password,
				Email: user + "@" + s.name + ".example", Given: given, Surname: surname})
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("%v\n%s", err, s.logs)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inAYear is a licence's last day.
func inAYear() string { return time.Now().AddDate(1, 0, 0).Format(time.DateOnly) }

// maple is a small clinic: an administrator, and the physician who signed for it
// and practises there.
type maple struct {
	*stack
	desk        walk.Registrars
	site, name  string
	mona, paul  *walk.Person
	paulRequest string
}

func (s *stack) maple(t *testing.T) maple {
	t.Helper()
	both := s.people(t, "Mona Fraser", "Paul Okafor")
	m := maple{stack: s, desk: s.registrars(t), mona: both[0], paul: both[1]}
	m.name = fmt.Sprintf("Maple Clinic %d", next())
	var err error
	m.site, err = m.desk.OpenSite(m.mona, m.paul, walk.Clinic{Name: m.name, City: "Vancouver", SignerName: "Paul Okafor", SignerEmail: m.paul.Email})
	must(t, err)
	m.paulRequest, err = m.desk.Practise(m.site, m.paul, "practitioner", walk.Licensed("physician", "cpsbc", "C24681", inAYear()), m.mona, walk.Inbox)
	must(t, err)
	return m
}

// groups are the realm's groups of somebody, asked of Keycloak itself as an
// administrator would.
func (s *stack) groups(t *testing.T, p *walk.Person) []string {
	t.Helper()
	var users []struct{ ID string }
	s.keycloak(t, "/users?exact=true&username="+p.UserName, &users)
	if len(users) != 1 {
		t.Fatalf("Keycloak has %d people called %s", len(users), p.UserName)
	}
	var groups []struct{ Path string }
	s.keycloak(t, "/users/"+users[0].ID+"/groups", &groups)
	var paths []string
	for _, g := range groups {
		paths = append(paths, g.Path)
	}
	slices.Sort(paths)
	return paths
}

// code is a worksite's code in the realm.
func (s *stack) code(t *testing.T, site string) string {
	t.Helper()
	var code string
	s.query(t, &code, `select code from site where id = $1`, site)
	return code
}

// leaf is one group's path at a worksite.
func (s *stack) leaf(t *testing.T, site, leaf string) string {
	t.Helper()
	return "/access/careconnect/" + s.code(t, site) + "/" + leaf
}

// hasLeaf tells whether Keycloak has somebody in one group of a worksite.
func (s *stack) hasLeaf(t *testing.T, p *walk.Person, site, leaf string) bool {
	t.Helper()
	return slices.Contains(s.groups(t, p), s.leaf(t, site, leaf))
}

// token is what the sample application says that a person's token carries.
type token struct {
	Sub    string   `json:"sub"`
	ACR    string   `json:"acr"`
	Groups []string `json:"groups"`
}

// useApp signs a person in at the application, in the same browser, and gives
// what the token carries.
func useApp(t *testing.T, p *walk.Person, app string) token {
	t.Helper()
	page, err := p.Get(app + "/sign-in")
	must(t, err)
	if strings.Contains(page.URL.Path, "/realms/") { // Keycloak asks anew: its session had ended
		_, err = page.Authenticate(p.UserName, p.Password)
		must(t, err)
	}
	page, err = p.Get(app + "/api/me")
	must(t, err)
	var got token
	if err := json.Unmarshal([]byte(page.Body), &got); err != nil || page.Status != 200 {
		t.Fatalf("the application answers %d %s", page.Status, page.Body)
	}
	return got
}

// From request to token and back: one practitioner, one worksite, one approval.
// The account is in the viewer's group in Keycloak, the token of a relying
// application carries it, the welcome package tells, and My access says why.
// proves: C7 C10 C15 C17 C24
func TestFirstGrant(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	eventually(t, "the realm has the access", func() bool { return s.hasLeaf(t, m.paul, m.site, "viewer") })
	want := []string{s.leaf(t, m.site, "practitioner"), s.leaf(t, m.site, "viewer")}
	if got := s.groups(t, m.paul); !slices.Equal(got, want) {
		t.Errorf("Keycloak has %q, want %q", got, want)
	}
	if got := useApp(t, m.paul, s.app(t)).Groups; !slices.Equal(sortedCopy(got), want) {
		t.Errorf("the token carries %q, want %q", got, want)
	}
	eventually(t, "the realm has the administrator", func() bool { return s.hasLeaf(t, m.mona, m.site, "administrator") })
	if got := s.groups(t, m.mona); !slices.Equal(got, []string{s.leaf(t, m.site, "administrator")}) {
		t.Errorf("the administrator is in %q: administering gives no patient information", got)
	}
	page, err := m.paul.Get("/access")
	must(t, err)
	for _, text := range []string{m.name, "Practitioner", "Mona Fraser"} {
		if !strings.Contains(page.Text(), text) {
			t.Errorf("My access does not say %q: %s", text, page.Text())
		}
	}
	_, err = s.mail.Wait(m.paul.Email, "elcome", "")
	must(t, err)
	_, err = s.mail.Wait(m.mona.Email, "what is needed now", "/declaration/")
	must(t, err)
	_, err = s.mail.Wait(m.mona.Email, "what comes next", "")
	must(t, err)
	s.invariants(t)
}

func sortedCopy(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// A password goes into Keycloak and nowhere else: no row of the record holds it,
// nor what the product logged.
// proves: X1
func TestPasswordsStayInKeycloak(t *testing.T) {
	t.Parallel()
	s := shared(t)
	s.person(t, "Pia", "Lund")
	var tables string
	s.query(t, &tables, `select string_agg(format('select count(*) as n from %I t where t::text like ''%%%s%%''', tablename, '`+password+`'), ' union all ')
		from pg_tables where schemaname = 'public'`)
	var n int
	s.query(t, &n, `select sum(n) from (`+tables+`) x`)
	if n != 0 {
		t.Errorf("%d rows hold the password", n)
	}
	if strings.Contains(s.logs.String(), password) {
		t.Error("the log holds the password")
	}
}
