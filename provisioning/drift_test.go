package provisioning_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/provisioning"
)

// meddled is a directory with people and groups, what is expected of it, and somebody
// who edits it past us, also outside our root.
type meddled struct {
	ours, theirs *provisioning.Memory
	expected     provisioning.Expected
	wanted       map[string][]provisioning.Group // by sub
	accounts     map[string]string               // by sub
	strangers    []string
	outside      []string // groups that are nothing of ours
}

func newMeddled(t failer, people, sites int) *meddled {
	ctx := context.Background()
	m := &meddled{ours: provisioning.NewMemory("/access"), wanted: map[string][]provisioning.Group{}, accounts: map[string]string{},
		expected: provisioning.Expected{Root: "/access", Made: map[string]string{}, Known: map[string]bool{}, Inner: []string{"/access/careconnect"}}}
	m.theirs = m.ours.Elsewhere()
	for i := range sites {
		code := fmt.Sprintf("s%d", i)
		ids, err := m.ours.EnsureSite(ctx, provisioning.Site{Program: "careconnect", Code: code, Name: code, Leaves: []provisioning.Leaf{{Code: "lpn"}, {Code: "viewer", Entitlement: true}}})
		if err != nil {
			t.Fatal(err)
		}
		m.expected.Inner = append(m.expected.Inner, "/access/careconnect/"+code)
		for leaf, id := range ids {
			m.expected.Groups = append(m.expected.Groups, provisioning.Group{ID: id, Path: "/access/careconnect/" + code + "/" + leaf})
		}
	}
	slices.SortFunc(m.expected.Groups, func(a, b provisioning.Group) int { return strings.Compare(a.Path, b.Path) })
	for i := range people {
		account := fmt.Sprintf("account-%d", i)
		w := provisioning.Wanted{Account: account, Groups: []provisioning.Group{m.expected.Groups[i%len(m.expected.Groups)]},
			Create: &provisioning.NewPerson{Account: account, UserName: fmt.Sprintf("person-%d", i), Email: "p@example.test"}}
		if err := provisioning.Reconcile(ctx, m.ours, &w, unheld{}); err != nil {
			t.Fatal(err)
		}
		m.wanted[w.Sub], m.accounts[w.Sub] = w.Groups, account
		m.expected.Made[w.Sub], m.expected.Known[w.Sub] = w.Create.UserName, true
	}
	for i := range 3 {
		sub, err := m.theirs.CreatePerson(ctx, provisioning.NewPerson{Account: fmt.Sprintf("x%d", i), UserName: fmt.Sprintf("stranger-%d", i), Email: "x@example.test"})
		if err != nil {
			t.Fatal(err)
		}
		m.strangers = append(m.strangers, sub)
		m.outside = append(m.outside, m.theirs.AddGroup(fmt.Sprintf("/choir-%d", i)))
	}
	m.expected.Members = func(_ context.Context, group string) (map[string]bool, error) {
		in := map[string]bool{}
		for sub, groups := range m.wanted {
			if slices.ContainsFunc(groups, func(g provisioning.Group) bool { return g.ID == group }) {
				in[sub] = true
			}
		}
		return in, nil
	}
	return m
}

type failer interface{ Fatal(...any) }

// unheld is a record that keeps nothing and holds nothing.
type unheld struct{}

func (unheld) Differs(context.Context, []provisioning.Group, []provisioning.Group) ([]provisioning.Group, error) {
	return nil, nil
}
func (unheld) Planned(context.Context, []provisioning.Step) error { return nil }
func (unheld) Done(context.Context, int, provisioning.Step, provisioning.Wanted, error) error {
	return nil
}

// edit changes one membership past us, of ours or of others, under our root or not.
func (m *meddled) edit(pick func(n int) int) {
	var subs []string
	for sub := range m.wanted {
		subs = append(subs, sub)
	}
	slices.Sort(subs)
	subs = append(subs, m.strangers...)
	groups := slices.Clone(m.outside)
	for _, g := range m.expected.Groups {
		groups = append(groups, g.ID)
	}
	call := m.theirs.Join
	if pick(2) == 0 {
		call = m.theirs.Leave
	}
	_ = call(context.Background(), subs[pick(len(subs))], groups[pick(len(groups))])
}

// repair does what the worker does with what a look at everything finds.
func (m *meddled) repair(t failer) (found []provisioning.Difference) {
	ctx := context.Background()
	_, err := provisioning.Compare(ctx, m.ours, m.expected, func(some []provisioning.Difference) error { found = append(found, some...); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		switch d.Kind {
		case provisioning.Stranger:
			err = m.ours.Leave(ctx, d.Sub, d.Group.ID)
		case provisioning.Surplus, provisioning.Missing:
			err = provisioning.Reconcile(ctx, m.ours, &provisioning.Wanted{Account: m.accounts[d.Sub], Sub: d.Sub, Groups: m.wanted[d.Sub]}, unheld{})
		}
		if err != nil {
			t.Fatal(d, err)
		}
	}
	return found
}

// choirs is who is in the groups outside our root.
func (m *meddled) choirs(t failer) (out []string) {
	for _, id := range m.outside {
		in, err := m.ours.Members(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range in {
			out = append(out, id+" "+p.Sub)
		}
	}
	return out
}

// After any edits past us one look finds all that differs and a second finds nothing;
// what is outside our root is as it was left.
// proves: F18 I1 I12
func TestDriftConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMeddled(t, 6, 2)
		for range rapid.IntRange(0, 40).Draw(t, "edits") {
			m.edit(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		}
		m.settles(t)
	})
}

func (m *meddled) settles(t failer) {
	before := m.choirs(t)
	m.repair(t)
	if left := m.repair(t); len(left) != 0 {
		t.Fatal("a second look finds", left)
	}
	if after := m.choirs(t); !slices.Equal(before, after) {
		t.Fatal("outside our root: ", before, after)
	}
}

// A thousand random edits are put right by one look.
// proves: F18
func TestAThousandEdits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 4))
	m := newMeddled(t, 200, 10)
	for range 1000 {
		m.edit(random.IntN)
	}
	m.settles(t)
}

// A group that is renamed, moved or gone is told as that one alone, whatever hangs
// below it; one that nobody made is told once.
func TestCompareGroups(t *testing.T) {
	t.Parallel()
	group := func(id, path string) provisioning.Group { return provisioning.Group{ID: id, Path: path} }
	e := provisioning.Expected{Root: "/access", Inner: []string{"/access/cc", "/access/cc/s1", "/access/cc/s2"},
		Groups: []provisioning.Group{group("1", "/access/cc/s1/lpn"), group("2", "/access/cc/s1/viewer"), group("3", "/access/cc/s2/lpn")}}
	inner := []provisioning.Group{group("p", "/access/cc"), group("a", "/access/cc/s1"), group("b", "/access/cc/s2")}
	for name, test := range map[string]struct {
		have []provisioning.Group
		want string
	}{
		"as expected":    {append(inner, e.Groups...), "[]"},
		"a leaf renamed": {append(inner, group("1", "/access/cc/s1/lpns"), e.Groups[1], e.Groups[2]), "[{group-renamed  {1 /access/cc/s1/lpns} /access/cc/s1/lpn}]"},
		"a leaf moved":   {append(inner, group("1", "/access/cc/s2/x"), e.Groups[1], e.Groups[2]), "[{group-moved  {1 /access/cc/s2/x} /access/cc/s1/lpn}]"},
		"a leaf gone":    {append(inner, e.Groups[1:]...), "[{group-missing  {1 /access/cc/s1/lpn} }]"},
		"a site renamed": {[]provisioning.Group{inner[0], group("a", "/access/cc/s9"), inner[2], group("1", "/access/cc/s9/lpn"), group("2", "/access/cc/s9/viewer"), e.Groups[2]},
			"[{group-renamed  {a /access/cc/s9} /access/cc/s1}]"},
		"a site moved": {[]provisioning.Group{inner[0], inner[2], group("a", "/access/cc/s2/s1"), group("1", "/access/cc/s2/s1/lpn"), group("2", "/access/cc/s2/s1/viewer"), e.Groups[2]},
			"[{group-moved  {a /access/cc/s2/s1} /access/cc/s1}]"},
		"one that nobody made": {append(append(inner, e.Groups...), group("x", "/access/cc/s1/more")), "[{group-surplus  {x /access/cc/s1/more} }]"},
	} {
		if got := fmt.Sprint(provisioning.CompareGroups(e, test.have)); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// Whoever was deleted, disabled or renamed is told, and a directory that fails half way
// through tells nothing more.
func TestComparePeople(t *testing.T) {
	t.Parallel()
	m := newMeddled(t, 4, 1)
	ctx := t.Context()
	subs := slices.Sorted(func(yield func(string) bool) {
		for sub := range m.wanted {
			if !yield(sub) {
				return
			}
		}
	})
	for _, err := range []error{m.theirs.Drop(subs[0]), m.theirs.SetEnabled(subs[1], false), m.theirs.Rename(subs[2], "other")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var kinds []string
	seen, err := provisioning.Compare(ctx, m.ours, m.expected, func(some []provisioning.Difference) error {
		for _, d := range some {
			kinds = append(kinds, d.Kind)
		}
		return nil
	})
	slices.Sort(kinds)
	if want := []string{"missing", "person-disabled", "person-missing", "person-renamed"}; err != nil || !slices.Equal(kinds, want) {
		t.Errorf("got %q, %v; want %q", kinds, err, want)
	}
	if seen.Memberships != 3 || seen.People != 6 {
		t.Errorf("saw %+v", seen)
	}
	stop := errors.New("stop")
	if _, err := provisioning.Compare(ctx, m.ours, m.expected, func([]provisioning.Difference) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}
