package provisioning_test

import (
	"errors"
	"slices"
	"testing"

	"countersign/provisioning"
	"countersign/provisioning/conformance"
)

func group(name string) provisioning.Group {
	return provisioning.Group{ID: "id-" + name, Path: "/access/careconnect/s1/" + name}
}

// What takes access away comes first, the end of sessions after it, and the order
// does not depend on the order of the arguments.
func TestPlan(t *testing.T) {
	t.Parallel()
	a, b, c, d := group("a"), group("b"), group("c"), group("d")
	someone := &provisioning.NewPerson{UserName: "ana"}
	for name, test := range map[string]struct {
		wanted provisioning.Wanted
		held   []provisioning.Group
		want   []provisioning.Step
	}{
		"nothing to do": {
			provisioning.Wanted{Sub: "s", Groups: []provisioning.Group{a, b}}, []provisioning.Group{b, a}, nil,
		},
		"what is kept is neither left nor joined": {
			provisioning.Wanted{Sub: "s", Groups: []provisioning.Group{a, b}, Kept: []provisioning.Group{b, c}}, []provisioning.Group{c, d},
			[]provisioning.Step{{Kind: "leave", Object: d.ID}, {Kind: "consents"}, {Kind: "end-sessions"}, {Kind: "join", Object: a.ID}},
		},
		"a new person, groups embedded": {
			provisioning.Wanted{Create: someone, Setup: &provisioning.Setup{}, Groups: []provisioning.Group{a}}, nil,
			[]provisioning.Step{{Kind: "create"}, {Kind: "setup"}},
		},
		"somebody known is not created again": {
			provisioning.Wanted{Sub: "s", Create: someone, Groups: []provisioning.Group{a}}, nil,
			[]provisioning.Step{{Kind: "join", Object: a.ID}},
		},
		"leave, end sessions, join": {
			provisioning.Wanted{Sub: "s", EndSessions: true, Groups: []provisioning.Group{d, c}}, []provisioning.Group{b, a},
			[]provisioning.Step{
				{Kind: "leave", Object: a.ID},
				{Kind: "leave", Object: b.ID},
				{Kind: "consents"},
				{Kind: "end-sessions"},
				{Kind: "join", Object: c.ID},
				{Kind: "join", Object: d.ID},
			},
		},
		"a group that nobody asked to end ends sessions too": {
			provisioning.Wanted{Sub: "s", Groups: []provisioning.Group{a}}, []provisioning.Group{a, b},
			[]provisioning.Step{{Kind: "leave", Object: b.ID}, {Kind: "consents"}, {Kind: "end-sessions"}},
		},
		"a mail that fails holds up nothing": {
			provisioning.Wanted{Sub: "s", Setup: &provisioning.Setup{}, EndSessions: true, Groups: []provisioning.Group{b}}, []provisioning.Group{a},
			[]provisioning.Step{{Kind: "leave", Object: a.ID}, {Kind: "consents"}, {Kind: "end-sessions"}, {Kind: "join", Object: b.ID}, {Kind: "setup"}},
		},
		"lost factors go before the sessions, which end once": {
			provisioning.Wanted{Sub: "s", Forget: true, EndSessions: true, Groups: []provisioning.Group{b}}, []provisioning.Group{a},
			[]provisioning.Step{{Kind: "leave", Object: a.ID}, {Kind: "forget-factors"}, {Kind: "consents"}, {Kind: "end-sessions"}, {Kind: "join", Object: b.ID}},
		},
		"lost factors end sessions by themselves": {
			provisioning.Wanted{Sub: "s", Forget: true}, nil, []provisioning.Step{{Kind: "forget-factors"}, {Kind: "consents"}, {Kind: "end-sessions"}},
		},
		"sessions end although nothing is held": {
			provisioning.Wanted{Sub: "s", EndSessions: true}, nil, []provisioning.Step{{Kind: "consents"}, {Kind: "end-sessions"}},
		},
		"a group named twice is joined once": {
			provisioning.Wanted{Sub: "s", Groups: []provisioning.Group{a, a}}, nil, []provisioning.Step{{Kind: "join", Object: a.ID}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := provisioning.Plan(test.wanted, provisioning.Held{Groups: test.held})
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	m := provisioning.NewMemory("/access")
	kinds := func(_ *testing.T, sub string) []string {
		return append(slices.Repeat([]string{"otp"}, m.Factors(sub)), "password")
	}
	setUp := func(t *testing.T, sub string) {
		t.Helper()
		if err := errors.Join(m.SetUpFactor(sub), m.SetUpFactor(sub)); err != nil {
			t.Fatal(err)
		}
	}
	other := m.Elsewhere()
	try := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := conformance.Elsewhere{
		Join:        func(t *testing.T, sub, group string) { try(t, other.Join(t.Context(), sub, group)) },
		Leave:       func(t *testing.T, sub, group string) { try(t, other.Leave(t.Context(), sub, group)) },
		Rename:      func(t *testing.T, sub, name string) { try(t, other.Rename(sub, name)) },
		RemoveGroup: func(_ *testing.T, group string) { other.RemoveGroup(group) },
	}
	conformance.Run(t, conformance.Fixture{Directory: m, Root: "/access", Factors: kinds, SetUp: setUp, Elsewhere: elsewhere, Person: func(t *testing.T, sub string) provisioning.Person {
		people := m.Everybody()
		i := slices.IndexFunc(people, func(p provisioning.Person) bool { return p.Sub == sub })
		if i < 0 {
			t.Fatalf("nobody is %s", sub)
		}
		return people[i]
	}})
}
