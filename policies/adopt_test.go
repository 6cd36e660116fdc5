package policies

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// adoptedAt has ann, whose membership as code at the clinic was adopted for 30 days.
func adoptedAt(code string) Facts {
	f := town()
	f.Joins = append(f.Joins, Join{ID: "j", Request: "r", Account: "ann", Site: "clinic", Role: code, Span: Span{From: d0}})
	f.Adopted = append(f.Adopted, Adopted{ID: "a", Request: "r", Account: "ann", Site: "clinic", Role: code, Span: Span{From: d0, Until: day(30)}})
	return f
}

// An adopted membership is held until its end although needs are outstanding, and no
// longer; met in ordinary ways, they carry it on. Nothing else gives way to it.
// proves: F18 attack A01
func TestAdopted(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	r := role(t, ps, "practitioner")
	for name, c := range map[string]struct {
		change func(*Facts)
		at     int
		held   bool
	}{
		"adopted":            {func(*Facts) {}, 1, true},
		"before":             {func(*Facts) {}, -1, false},
		"at its end":         {func(*Facts) {}, 30, false},
		"without the wish":   {func(f *Facts) { f.Joins = nil }, 1, false},
		"with another wish":  {func(f *Facts) { f.Joins[0].Request = "other" }, 1, false},
		"somebody else's":    {func(f *Facts) { f.Adopted[0].Account = "bob" }, 1, false},
		"as something else":  {func(f *Facts) { f.Adopted[0].Role = "lpn" }, 1, false},
		"elsewhere":          {func(f *Facts) { f.Adopted[0].Site = "other" }, 1, false},
		"the wish is over":   {func(f *Facts) { f.Joins[0].Until = day(1) }, 1, false},
		"suspended":          {func(f *Facts) { f.Restrictions = []Restriction{{ID: "x", Account: "ann", Span: always}} }, 1, false},
		"the site is closed": {func(f *Facts) { s := f.Sites["clinic"]; s.ClosedAt = d0; f.Sites["clinic"] = s }, 1, false},
		"refused": {func(f *Facts) {
			f.Reviews = []Review{{ID: "no", Request: "r", By: "chief", Need: "approve:group-administrator", Verdict: Refused, Span: always}}
		}, 1, false},
		"a role of no batch":       {func(f *Facts) { f.Joins[0].Role, f.Adopted[0].Role = "administrator", "administrator" }, 1, false},
		"whom another authorizes":  {func(f *Facts) { f.Joins[0].Role, f.Adopted[0].Role = "on-behalf-of", "on-behalf-of" }, 1, false},
		"a role that is not there": {func(f *Facts) { f.Joins[0].Role, f.Adopted[0].Role = "nobody", "nobody" }, 1, false},
	} {
		f := adoptedAt("practitioner")
		c.change(&f)
		d := Decide(ps, f, "ann", day(c.at))
		if got := len(d.Held) > 0; got != c.held {
			t.Errorf("%s: held %v, want %v", name, held(d), c.held)
		}
		for _, h := range d.Held {
			if h.Adopted != "a" || !slices.Contains(h.Basis, "a") || !slices.ContainsFunc(h.Needs, func(s NeedState) bool { return s.State == Outstanding && s.Need.Kind == NeedAttest }) {
				t.Errorf("%s: %+v", name, h)
			}
		}
	}
	f := adoptedAt("practitioner")
	o := Effective(ps, f, "ann", day(1))
	if len(o.Grants) != 1+len(r.Gives) || !o.Grants[0].Until.Equal(day(30)) {
		t.Errorf("grants %+v", o.Grants)
	}
	full := town()
	join(&full, r, "ann", "clinic", always) // signed and approved
	full.Adopted = []Adopted{{ID: "a", Request: full.Joins[0].Request, Account: "ann", Site: "clinic", Role: r.Code, Span: Span{From: d0, Until: day(30)}}}
	for _, g := range Effective(ps, full, "ann", day(1)).Grants {
		if g.Adopted != "" || g.Until.Equal(day(30)) || slices.Contains(g.Basis, "a") {
			t.Errorf("what is met in ordinary ways stands on that: %+v", g)
		}
	}
}

// Whoever holds a role by adoption alone authorizes nobody.
// proves: attack A08
func TestAdoptedAuthorizesNobody(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := adoptedAt("practitioner")
	join(&f, role(t, ps, "on-behalf-of"), "bob", "clinic", always)
	for i := range f.Mandates {
		f.Mandates[i].Authorizer = "ann"
	}
	if d := Decide(ps, f, "bob", day(1)); len(d.Held) != 0 {
		t.Errorf("bob holds %v", held(d))
	}
}

func TestAdoptable(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := town()
	f.Sites["operators"] = Site{ID: "operators", Program: OperatorProgram, OpenedAt: day(-100)}
	for _, c := range []struct {
		site, role string
		want       bool
	}{{"clinic", "practitioner", true}, {"clinic", "lpn", true}, {"clinic", "administrator", false}, {"clinic", "on-behalf-of", false},
		{"clinic", "nobody", false}, {"nowhere", "practitioner", false}, {"operators", "registrar", false}, {"operators", "support", false}} {
		if got := Adoptable(ps, f, "", c.site, c.role, d0); got != c.want {
			t.Errorf("%s at %s: %v", c.role, c.site, got)
		}
	}
}

// An adoption takes two people, neither of whom it is about.
// proves: attack A01 attack A71
func TestMayAdopt(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	keeper := operator(OperatorProgram, "security")
	wantAnswer(t, "the first", MayAdopt(ps, keeper, "", []string{"ann"}), AsSecurity)
	wantAnswer(t, "the second", MayAdopt(ps, keeper, "rosa", nil), AsSecurity)
	wantAnswer(t, "the same person again", MayAdopt(ps, keeper, keeper.Account, nil), ProposedAlready)
	wantAnswer(t, "their own", MayAdopt(ps, keeper, "", []string{"ann", keeper.Account}), OwnAdoption)
	wantAnswer(t, "a program's registrar", MayAdopt(ps, operator("careconnect", "registrar"), "", nil), NotRealmKeeper)
	wantAnswer(t, "a stranger", MayAdopt(ps, actor("eve"), "", nil), NotVisible)
}

// In any world, what is adopted is no more than what a role gives whose wish is live,
// and without the adoption there is no more than with it.
func TestPropertyAdopted(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	rapid.Check(t, func(t *rapid.T) {
		f, at := drawFacts(t, ps["careconnect"]), drawTime(t)
		without := copyOf(f)
		without.Adopted = nil
		for _, who := range people {
			with, less := Decide(ps, f, who, at), held(Decide(ps, without, who, at))
			for _, leaf := range less {
				if !slices.Contains(held(with), leaf) {
					t.Fatalf("an adoption took %s from %s", leaf, who)
				}
			}
			for _, h := range with.Held {
				r, _ := ps["careconnect"].Role(h.Role)
				if h.Adopted != "" && (!r.ByBatch() || slices.Contains(less, h.Site+"/"+h.Role+"/"+h.Leaf)) {
					t.Fatalf("%s holds %+v by adoption", who, h)
				}
			}
		}
	})
}
