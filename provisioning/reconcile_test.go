package provisioning_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"countersign/provisioning"
)

var errLost = errors.New("reply lost")

// lossy fails before or after the call, as the draw says: a request that never
// arrived, or a reply that never came back.
type lossy struct {
	provisioning.Directory
	before, after func() bool
}

func (l lossy) write(call func() error) error {
	if l.before() {
		return errLost
	}
	if err := call(); err != nil {
		return err
	}
	if l.after() {
		return errLost
	}
	return nil
}

func (l lossy) CreatePerson(ctx context.Context, p provisioning.NewPerson) (sub string, err error) {
	err = l.write(func() error { sub, err = l.Directory.CreatePerson(ctx, p); return err })
	if err != nil {
		return "", err
	}
	return sub, nil
}

func (l lossy) Join(ctx context.Context, sub, group string) error {
	return l.write(func() error { return l.Directory.Join(ctx, sub, group) })
}

func (l lossy) Leave(ctx context.Context, sub, group string) error {
	return l.write(func() error { return l.Directory.Leave(ctx, sub, group) })
}

func (l lossy) RevokeConsents(ctx context.Context, sub string) error {
	return l.write(func() error { return l.Directory.RevokeConsents(ctx, sub) })
}

func (l lossy) EndSessions(ctx context.Context, sub string) error {
	return l.write(func() error { return l.Directory.EndSessions(ctx, sub) })
}

var errUnrecorded = errors.New("the record cannot be reached")

// stored is a record like the worker's: it keeps the sub of whoever was created, or
// fails to.
type stored struct {
	wanted *provisioning.Wanted
	fails  func() bool
}

func (s stored) write() error {
	if s.fails() {
		return errUnrecorded
	}
	return nil
}

func (s stored) Differs(context.Context, []provisioning.Group, []provisioning.Group) ([]provisioning.Group, error) {
	return nil, s.write()
}

func (s stored) Planned(context.Context, []provisioning.Step) error { return s.write() }

func (s stored) Done(_ context.Context, _ int, _ provisioning.Step, w provisioning.Wanted, _ error) error {
	err := s.write()
	if err == nil {
		s.wanted.Sub = w.Sub
	}
	return err
}

// world is several accounts whose wanted groups change while the directory loses
// requests and replies and somebody else edits memberships.
type world struct {
	memory *provisioning.Memory
	lossy  lossy
	groups []provisioning.Group
	wanted []*provisioning.Wanted
	fails  func() bool // the record, now and then
}

func newWorld(t *rapid.T) *world {
	w := &world{memory: provisioning.NewMemory("/access")}
	for _, code := range []string{"s1", "s2"} {
		ids, err := w.memory.EnsureSite(context.Background(), provisioning.Site{
			Program: "careconnect", Code: code, Name: code,
			Leaves: []provisioning.Leaf{{Code: "practitioner"}, {Code: "viewer", Entitlement: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, leaf := range []string{"practitioner", "viewer"} {
			w.groups = append(w.groups, provisioning.Group{ID: ids[leaf], Path: "/access/careconnect/" + code + "/" + leaf})
		}
	}
	for i := range 3 {
		w.wanted = append(w.wanted, &provisioning.Wanted{
			Account: fmt.Sprintf("account-%d", i),
			Create: &provisioning.NewPerson{
				Account: fmt.Sprintf("account-%d", i), UserName: fmt.Sprintf("person-%d", i), Email: "family@example.test",
			},
		})
	}
	chance := rapid.IntRange(0, 3)
	flip := func(label string) func() bool { return func() bool { return chance.Draw(t, label) == 0 } }
	w.lossy = lossy{Directory: w.memory, before: flip("request lost"), after: flip("reply lost")}
	w.fails = flip("record lost")
	return w
}

func (w *world) change(t *rapid.T) {
	i := rapid.IntRange(0, 2).Draw(t, "account")
	w.wanted[i].Groups = slices.Clone(rapid.SliceOfDistinct(rapid.SampledFrom(w.groups), func(g provisioning.Group) string { return g.ID }).Draw(t, "wanted"))
	w.wanted[i].EndSessions = rapid.Bool().Draw(t, "end sessions")
}

func (w *world) run(t *rapid.T) {
	i := rapid.IntRange(0, 2).Draw(t, "account")
	one := *w.wanted[i]
	err := provisioning.Reconcile(context.Background(), w.lossy, &one, stored{w.wanted[i], w.fails})
	switch {
	case err == nil:
		w.equal(t, i, one.Sub)
		w.wanted[i].EndSessions = false
	case errors.Is(err, errLost), errors.Is(err, errUnrecorded), errors.Is(err, provisioning.ErrNotConverged):
	default:
		t.Fatalf("unexpected: %v", err)
	}
}

func (w *world) meddle(t *rapid.T) {
	people := w.memory.Everybody()
	if len(people) == 0 {
		return
	}
	sub := rapid.SampledFrom(people).Draw(t, "whose").Sub
	group := rapid.SampledFrom(w.groups).Draw(t, "which").ID
	call := w.memory.Join
	if rapid.Bool().Draw(t, "out") {
		call = w.memory.Leave
	}
	if err := call(context.Background(), sub, group); err != nil {
		t.Fatal(err)
	}
}

func (w *world) equal(t *rapid.T, i int, sub string) {
	one := *w.wanted[i]
	one.Sub = sub
	if err := provisioning.ReadBack(context.Background(), w.memory, one); err != nil {
		t.Fatal(err)
	}
}

// After any sequence of changes, lost requests, lost replies, steps that were never
// recorded and foreign edits, two undisturbed runs make held equal wanted, and
// nobody exists twice.
func TestReconcileConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"change": w.change, "run": w.run, "meddle": w.meddle,
			"": func(t *rapid.T) {
				if n := len(w.memory.Everybody()); n > len(w.wanted) {
					t.Fatalf("%d people for %d accounts", n, len(w.wanted))
				}
			},
		})
		for i, want := range w.wanted {
			kept := stored{want, func() bool { return false }}
			err := provisioning.Reconcile(context.Background(), w.memory, want, kept)
			if errors.Is(err, provisioning.ErrNotConverged) { // adopted with what a meddler left
				err = provisioning.Reconcile(context.Background(), w.memory, want, kept)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.equal(t, i, want.Sub)
		}
		if n := len(w.memory.Everybody()); n != len(w.wanted) {
			t.Fatalf("%d people for %d accounts", n, len(w.wanted))
		}
	})
}

// log is a record that lists what it is told.
type log []string

func (l *log) Differs(_ context.Context, surplus, missing []provisioning.Group) ([]provisioning.Group, error) {
	*l = append(*l, fmt.Sprint("differs ", len(surplus), " ", len(missing)))
	return nil, nil
}

func (l *log) Planned(_ context.Context, steps []provisioning.Step) error {
	*l = append(*l, fmt.Sprint("planned ", len(steps)))
	return nil
}

func (l *log) Done(_ context.Context, _ int, s provisioning.Step, _ provisioning.Wanted, outcome error) error {
	*l = append(*l, fmt.Sprint(s.Kind, " ", outcome))
	return nil
}

// An ended right is gone from the directory before its sessions end, so that the
// next token cannot show it; and a failed step is told to the record.
func TestReconcileRecordsEachStep(t *testing.T) {
	t.Parallel()
	w := &world{memory: provisioning.NewMemory("/access")}
	ids, err := w.memory.EnsureSite(t.Context(), provisioning.Site{Program: "careconnect", Code: "s1", Name: "S", Leaves: []provisioning.Leaf{{Code: "viewer"}}})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := w.memory.CreatePerson(t.Context(), provisioning.NewPerson{Account: "a", UserName: "ana", Email: "a@example.test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.memory.Join(t.Context(), sub, ids["viewer"]); err != nil {
		t.Fatal(err)
	}
	var record log
	want := provisioning.Wanted{Account: "a", Sub: sub, EndSessions: true}
	if err := provisioning.Reconcile(t.Context(), w.memory, &want, &record); err != nil {
		t.Fatal(err)
	}
	want.Groups = []provisioning.Group{{ID: "gone", Path: "/access/careconnect/s1/gone"}}
	want.EndSessions = false
	if err := provisioning.Reconcile(t.Context(), w.memory, &want, &record); !errors.Is(err, provisioning.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	expect := log{"differs 1 0", "planned 3", "leave <nil>", "consents <nil>", "end-sessions <nil>", "differs 0 1", "planned 1", "join " + provisioning.ErrNotFound.Error()}
	if !slices.Equal(record, expect) {
		t.Errorf("got %q, want %q", record, expect)
	}
	if w.memory.Logouts(sub) != 1 {
		t.Errorf("%d logouts", w.memory.Logouts(sub))
	}
}
