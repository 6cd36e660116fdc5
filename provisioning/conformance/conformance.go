// Package conformance is one suite for every Directory: what the contract in
// provisioning promises, asked of the directory itself. Memory passes it, and so
// does a real Keycloak; a property seen over Memory then says something about both.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/provisioning"
)

// Fixture is one directory to ask, with the programs "careconnect" and "other"
// and the entitlement "viewer" in each. Several tests use it at once.
type Fixture struct {
	Directory   provisioning.Directory
	Root        string                                             // the group under which everything hangs
	Person      func(t *testing.T, sub string) provisioning.Person // past the directory: what it stored
	Factors     func(t *testing.T, sub string) (kinds []string)    // past the directory: every credential, sorted
	SetUp       func(t *testing.T, sub string)                     // past the directory: a password, one-time codes, recovery codes
	Elsewhere   Elsewhere
	ClientID    string // for SendSetup
	RedirectURI string // for SendSetup
}

// Elsewhere is what somebody does in the directory past the product.
type Elsewhere struct {
	Join, Leave func(t *testing.T, sub, groupID string)
	Rename      func(t *testing.T, sub, userName string)
	RemoveGroup func(t *testing.T, groupID string)
}

// Run asks the whole suite. Names made by one Run are its own.
func Run(t *testing.T, f Fixture) {
	t.Helper()
	s := suite{Fixture: f, tag: fmt.Sprintf("%x", time.Now().UnixNano()&0xffffffff)}
	// Two before the others, who let the whole realm change its names for a moment, in
	// which it refuses a change that says none, and who make groups while all are listed.
	t.Run("a language is the only change", s.language)
	t.Run("lists are whole", s.lists)
	for name, test := range map[string]func(*testing.T){
		"a person is created once":          s.createOnce,
		"a renamed person is adopted":       s.renamed,
		"a stranger's name is refused":      s.nameTaken,
		"a shared mailbox is no conflict":   s.sharedMail,
		"bad fields are named":              s.invalid,
		"groups embedded at creation":       s.embedded,
		"what is missing is said":           s.missing,
		"joining and leaving may repeat":    s.joinLeave,
		"many at once":                      s.concurrent,
		"a site is ensured, not made twice": s.site,
		"setup and the end of sessions":     s.sessions,
		"a run converges":                   s.reconcile,
		"lost factors go":                   s.forget,
		"whom we made can go again":         s.remove,
		"changes are told":                  s.changes,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t) })
	}
}

type suite struct {
	Fixture
	tag string
}

var leaves = []provisioning.Leaf{{Code: "practitioner"}, {Code: "viewer", Entitlement: true}}

func (s suite) person(name string) provisioning.NewPerson {
	name += "-" + s.tag
	return provisioning.NewPerson{
		Account: "account-" + name, UserName: name, GivenName: "Ana", Surname: "Ruiz",
		Email: name + "@example.test", Locale: "es",
	}
}

// forget: of somebody's credentials the password alone stays; others keep theirs.
func (s suite) forget(t *testing.T) {
	sub, other := s.created(t, "lost-phone"), s.created(t, "has-phone")
	must(t, s.Directory.ForgetFactors(t.Context(), sub)) // nothing to forget
	s.SetUp(t, sub)
	s.SetUp(t, other)
	whole := s.Factors(t, sub)
	if len(whole) < 3 {
		t.Fatalf("set up: %v", whole)
	}
	w := provisioning.Wanted{Account: "account-lost-phone-" + s.tag, Sub: sub, Forget: true}
	for range 2 {
		must(t, provisioning.Reconcile(t.Context(), s.Directory, &w, unrecorded{}))
		equal(t, "what is left", s.Factors(t, sub), []string{"password"})
	}
	equal(t, "another's", s.Factors(t, other), whole)
	is(t, s.Directory.ForgetFactors(t.Context(), "00000000-0000-4000-8000-000000000000"), provisioning.ErrNotFound)
}

// language: it is changed as often as wanted, and nothing else of the person is;
// nor is anybody else, and nobody whom we did not make.
func (s suite) language(t *testing.T) {
	ctx, d := t.Context(), s.Directory
	sub, other := s.created(t, "speaks"), s.created(t, "silent")
	ids := s.sited(t, "speaks")
	must(t, d.Join(ctx, sub, ids["viewer"]))
	s.SetUp(t, sub)
	want, others, factors := s.Person(t, sub), s.Person(t, other), s.Factors(t, sub)
	for _, language := range []string{"es", "en", "en", "es"} { // made with es
		must(t, d.SetLanguage(ctx, want.Account, language))
		want.Locale = language
		equal(t, "person in "+language, s.Person(t, sub), want)
	}
	equal(t, "credentials", s.Factors(t, sub), factors)
	s.holds(t, sub, ids["viewer"])
	equal(t, "somebody else", s.Person(t, other), others)
	for _, nobody := range []string{"", "account-nobody-" + s.tag} {
		is(t, d.SetLanguage(ctx, nobody, "en"), provisioning.ErrNotFound)
	}
}

// remove: who was made for an account goes with it, nobody else does, and the next
// of that name is somebody else (A19).
func (s suite) remove(t *testing.T) {
	first, other := s.created(t, "gone"), s.created(t, "stays")
	verified, err := s.Directory.Verified(t.Context(), first)
	must(t, err)
	if verified {
		t.Error("nobody has verified anything")
	}
	must(t, s.Directory.RemovePerson(t.Context(), "account-gone-"+s.tag))
	must(t, s.Directory.RemovePerson(t.Context(), "account-gone-"+s.tag)) // twice is once
	must(t, s.Directory.RemovePerson(t.Context(), "account-nobody-"+s.tag))
	if _, err := s.Directory.Verified(t.Context(), first); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("the person is there still: %v", err)
	}
	if _, err := s.Directory.Verified(t.Context(), other); err != nil {
		t.Errorf("somebody else went too: %v", err)
	}
	p := s.person("gone")
	p.Account += "-again"
	again, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	if again == first {
		t.Error("the next of that name is the same person")
	}
}

func (s suite) created(t *testing.T, name string) string {
	t.Helper()
	sub, err := s.Directory.CreatePerson(t.Context(), s.person(name))
	must(t, err)
	return sub
}

func (s suite) sited(t *testing.T, code string) map[string]string {
	t.Helper()
	ids, err := s.Directory.EnsureSite(t.Context(), provisioning.Site{
		Program: "careconnect", Code: code + "-" + s.tag, Name: "Clinic " + code, Leaves: leaves,
	})
	must(t, err)
	return ids
}

func (s suite) createOnce(t *testing.T) {
	p := s.person("once")
	sub := s.created(t, "once")
	again, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	equal(t, "sub of the repeat", again, sub)

	p.UserName = "  " + strings.ToUpper(p.UserName) // the same name, as it was typed
	again, err = s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	equal(t, "sub of the name in capitals", again, sub)

	want := provisioning.Person{
		Sub: sub, UserName: "once-" + s.tag, GivenName: "Ana", Surname: "Ruiz",
		Email: p.Email, Locale: "es", Account: p.Account, Enabled: true,
	}
	equal(t, "person", s.Person(t, sub), want)
}

// renamed: a creation whose reply was lost is adopted under whatever name its person
// has by then, and nobody else is made; where there is nobody yet, somebody is.
func (s suite) renamed(t *testing.T) {
	ids := s.sited(t, "renamed")
	p := s.person("renamed")
	p.Before = true
	sub, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	s.Elsewhere.Rename(t, sub, "other-name-"+s.tag)
	p.Groups = []string{s.Root + "/careconnect/renamed-" + s.tag + "/viewer"}
	again, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	equal(t, "sub of the repeat", again, sub)
	equal(t, "name", s.Person(t, sub).UserName, "other-name-"+s.tag)
	s.holds(t, sub, ids["viewer"])
}

func (s suite) nameTaken(t *testing.T) {
	s.created(t, "taken")
	p := s.person("taken")
	p.Account, p.UserName = "account-stranger-"+s.tag, strings.ToUpper(p.UserName)
	_, err := s.Directory.CreatePerson(t.Context(), p)
	is(t, err, provisioning.ErrUserNameTaken)
	nameless(t, err, p)
}

// nameless: an error is logged, and a user name is the person's.
func nameless(t *testing.T, err error, p provisioning.NewPerson) {
	t.Helper()
	if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(p.UserName)) {
		t.Errorf("an error names the person: %v", err)
	}
}

func (s suite) sharedMail(t *testing.T) {
	p, q := s.person("spouse-one"), s.person("spouse-two")
	q.Email = p.Email
	a, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	b, err := s.Directory.CreatePerson(t.Context(), q)
	must(t, err)
	if a == b {
		t.Error("two people with one mailbox became one")
	}
}

func (s suite) invalid(t *testing.T) {
	p := s.person("invalid")
	p.UserName, p.Email = "x", "no-address"
	_, err := s.Directory.CreatePerson(t.Context(), p)
	is(t, err, provisioning.ErrInvalid)
	var detail *provisioning.InvalidError
	if !errors.As(err, &detail) {
		t.Fatalf("no fields in %v", err)
	}
	var names []string
	for _, f := range detail.Fields {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	equal(t, "refused fields", names, []string{"email", "username"})

	p = s.person("mailless")
	p.Account, p.Email = "account-without-mail-"+s.tag, "no-address"
	_, err = s.Directory.CreatePerson(t.Context(), p)
	is(t, err, provisioning.ErrInvalid)
	nameless(t, err, p)

	p = s.person("anonymous")
	p.Account = ""
	_, err = s.Directory.CreatePerson(t.Context(), p)
	is(t, err, provisioning.ErrInvalid)
}

func (s suite) embedded(t *testing.T) {
	ids := s.sited(t, "embedded")
	p := s.person("embedded")
	p.Groups = []string{s.Root + "/careconnect/embedded-" + s.tag + "/viewer"}
	sub, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	s.holds(t, sub, ids["viewer"])

	must(t, s.Directory.Leave(t.Context(), sub, ids["viewer"]))
	again, err := s.Directory.CreatePerson(t.Context(), p)
	must(t, err)
	equal(t, "sub of the repeat", again, sub)
	s.holds(t, sub, ids["viewer"])

	q := s.person("embedded-nowhere")
	q.Groups = []string{s.Root + "/careconnect/nowhere/viewer"}
	_, err = s.Directory.CreatePerson(t.Context(), q)
	is(t, err, provisioning.ErrNotFound)
}

func (s suite) missing(t *testing.T) {
	const nobody = "00000000-0000-4000-8000-000000000000"
	ctx, d := t.Context(), s.Directory
	sub, leaf := s.created(t, "missing"), s.sited(t, "missing")["viewer"]
	_, err := d.Memberships(ctx, nobody)
	is(t, err, provisioning.ErrNotFound)
	is(t, d.Join(ctx, sub, nobody), provisioning.ErrNotFound)
	is(t, d.Join(ctx, nobody, leaf), provisioning.ErrNotFound)
	is(t, d.Leave(ctx, nobody, leaf), provisioning.ErrNotFound)
	is(t, d.RevokeConsents(ctx, nobody), provisioning.ErrNotFound)
	is(t, d.EndSessions(ctx, nobody), provisioning.ErrNotFound)
	_, err = d.Sessions(ctx, nobody)
	is(t, err, provisioning.ErrNotFound)
	is(t, d.SendSetup(ctx, nobody, s.setup()), provisioning.ErrNotFound)
}

func (s suite) joinLeave(t *testing.T) {
	ctx, d := t.Context(), s.Directory
	sub, ids := s.created(t, "joiner"), s.sited(t, "joiner")
	s.holds(t, sub)
	for range 2 {
		must(t, d.Join(ctx, sub, ids["viewer"]))
	}
	must(t, d.Join(ctx, sub, ids["practitioner"]))
	s.holds(t, sub, ids["practitioner"], ids["viewer"])
	for range 2 {
		must(t, d.Leave(ctx, sub, ids["viewer"]))
	}
	s.holds(t, sub, ids["practitioner"])
}

func (s suite) concurrent(t *testing.T) {
	ids := s.sited(t, "crowd")
	p := s.person("crowd")
	var mu sync.Mutex
	subs := map[string]bool{}
	atOnce(t, 12, func(ctx context.Context) error {
		sub, err := s.Directory.CreatePerson(ctx, p)
		mu.Lock()
		defer mu.Unlock()
		subs[sub] = true
		return err
	})
	if len(subs) != 1 {
		t.Fatalf("%d people for one account", len(subs))
	}
	for sub := range subs {
		atOnce(t, 12, func(ctx context.Context) error { return s.Directory.Join(ctx, sub, ids["viewer"]) })
		s.holds(t, sub, ids["viewer"])
		atOnce(t, 12, func(ctx context.Context) error { return s.Directory.Leave(ctx, sub, ids["viewer"]) })
		s.holds(t, sub)
	}
}

func (s suite) site(t *testing.T) {
	want := s.sited(t, "site")
	var mu sync.Mutex
	atOnce(t, 6, func(ctx context.Context) error {
		ids, err := s.Directory.EnsureSite(ctx, provisioning.Site{
			Program: "other", Code: "race-" + s.tag, Name: "Race", Leaves: leaves,
		})
		mu.Lock()
		defer mu.Unlock()
		if err == nil && len(ids) != len(leaves) {
			err = fmt.Errorf("%d leaves", len(ids))
		}
		return err
	})
	renamed := provisioning.Site{Program: "careconnect", Code: "site-" + s.tag, Name: "Renamed", Leaves: append(slices.Clone(leaves), provisioning.Leaf{Code: "pharmacist"})}
	got, err := s.Directory.EnsureSite(t.Context(), renamed)
	must(t, err)
	equal(t, "id of the leaf that was there", got["viewer"], want["viewer"])
	if got["pharmacist"] == "" {
		t.Error("the leaf of a newer version is missing")
	}
	for _, bad := range []provisioning.Site{
		{Program: "careconnect", Code: "a/b", Name: "Slash", Leaves: leaves},
		{Program: "careconnect", Code: "..", Name: "Dots", Leaves: leaves},
		{Program: "careconnect", Code: "nameless", Leaves: leaves},
	} {
		_, err := s.Directory.EnsureSite(t.Context(), bad)
		is(t, err, provisioning.ErrInvalid)
	}
}

func (s suite) setup() provisioning.Setup {
	return provisioning.Setup{ClientID: s.ClientID, RedirectURI: s.RedirectURI, Lifespan: time.Hour}
}

func (s suite) sessions(t *testing.T) {
	sub := s.created(t, "sessions")
	must(t, s.Directory.SendSetup(t.Context(), sub, s.setup()))
	for range 2 {
		must(t, s.Directory.RevokeConsents(t.Context(), sub))
		must(t, s.Directory.EndSessions(t.Context(), sub))
	}
	left, err := s.Directory.Sessions(t.Context(), sub)
	must(t, err)
	equal(t, "sessions of who has none", len(left), 0)
	life, err := s.Directory.TokenLife(t.Context())
	must(t, err)
	equal(t, "life of an access token, as the realm's template has it", life, 5*time.Minute)
}

func (s suite) reconcile(t *testing.T) {
	ids := s.sited(t, "run")
	p := s.person("run")
	at := func(leaf string) provisioning.Group {
		return provisioning.Group{ID: ids[leaf], Path: s.Root + "/careconnect/run-" + s.tag + "/" + leaf}
	}
	w := provisioning.Wanted{Account: p.Account, Create: &p, Groups: []provisioning.Group{at("viewer")}}
	must(t, provisioning.Reconcile(t.Context(), s.Directory, &w, unrecorded{}))
	s.holds(t, w.Sub, ids["viewer"])

	w.Groups, w.EndSessions = []provisioning.Group{at("practitioner")}, true
	must(t, provisioning.Reconcile(t.Context(), s.Directory, &w, unrecorded{}))
	s.holds(t, w.Sub, ids["practitioner"])

	w.Groups = []provisioning.Group{at("viewer")}
	is(t, provisioning.ReadBack(t.Context(), s.Directory, w), provisioning.ErrNotConverged)
}

// unrecorded is a record that keeps nothing.
type unrecorded struct{}

func (unrecorded) Differs(context.Context, []provisioning.Group, []provisioning.Group) ([]provisioning.Group, error) {
	return nil, nil
}

func (unrecorded) Planned(context.Context, []provisioning.Step) error { return nil }
func (unrecorded) Done(context.Context, int, provisioning.Step, provisioning.Wanted, error) error {
	return nil
}

func (s suite) holds(t *testing.T, sub string, want ...string) {
	t.Helper()
	groups, err := s.Directory.Memberships(t.Context(), sub)
	must(t, err)
	got := []string{}
	for _, g := range groups {
		got = append(got, g.ID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s holds %v, want %v", sub, groups, want)
	}
}
