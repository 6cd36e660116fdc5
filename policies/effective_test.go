package policies

import (
	"testing"
	"time"
)

// Until is the first moment at which a part is no longer held, whatever ends it;
// Next is when to look again.
//
// proves: C23 attack A16 attack A23
func TestUntil(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	base := clinicWith(t, ps, "ann", "on-behalf-of")
	yearly := day(-30).Add(365 * 24 * time.Hour) // of ann's and of doc's statement
	for name, c := range map[string]struct {
		change func(*Facts)
		until  time.Time
	}{
		"the statement's year":       {func(*Facts) {}, yearly},
		"own join":                   {func(f *Facts) { span(f, "ann@clinic/join").Until = day(3) }, day(3)},
		"the mandate":                {func(f *Facts) { span(f, "ann@clinic/approve:authorizer").Until = day(4) }, day(4)},
		"the authorizer's licence":   {func(f *Facts) { span(f, "doc@clinic/standing").Until = day(5) }, day(5)},
		"the authorizer's statement": {func(f *Facts) { span(f, "doc@clinic/attest:direct-care-only").From = day(-364) }, day(-364).Add(365 * 24 * time.Hour)},
		"the authorizer's last day": {func(f *Facts) {
			f.Restrictions = []Restriction{{ID: "end", Account: "doc", Site: "clinic", Role: "practitioner", Span: Span{From: day(6)}}}
		}, day(6)},
		"a planned end": {func(f *Facts) {
			f.Restrictions = []Restriction{{ID: "end", Account: "ann", Site: "clinic", Span: Span{From: day(7)}}}
		}, day(7)},
		"a pause": {func(f *Facts) {
			f.Restrictions = []Restriction{{ID: "end", Account: "ann", Span: Span{From: day(7), Until: day(8)}}}
		}, day(7)},
		"somebody else's declaration": {func(f *Facts) {
			*f = drop(*f, "ann@clinic/approve:group-administrator")
			f.Signatures = append(f.Signatures, Signature{ID: "d", Account: "owner", Site: "clinic", Program: "careconnect", Agreement: "worksite-privacy-security", Version: 1, Declarant: true, Names: []string{"ann"}, Span: Span{From: day(-9), Until: day(2)}})
		}, day(2)},
		"the site is frozen": {func(f *Facts) {
			f.Restrictions = []Restriction{{ID: "end", Site: "clinic", Span: Span{From: day(8)}}}
		}, day(8)},
		"the site closes": {func(f *Facts) {
			s := f.Sites["clinic"]
			s.ClosedAt = day(9)
			f.Sites["clinic"] = s
		}, day(9)},
		"a refusal that begins later": {func(f *Facts) {
			f.Reviews = append(f.Reviews, Review{ID: "no", Request: "ann@clinic", By: "chief", Need: "approve:group-administrator", Verdict: Refused, Span: Span{From: day(2)}})
		}, day(2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := copyOf(base)
			c.change(&f)
			o := Effective(ps, f, "ann", d0)
			if len(o.Grants) != 2 {
				t.Fatalf("grants %v, withheld %v", o.Grants, o.Withheld)
			}
			for _, g := range o.Grants {
				if !g.Until.Equal(c.until) {
					t.Errorf("%s until %s, want %s", g.Leaf, g.Until, c.until)
				}
			}
			if !o.Next.Equal(c.until) {
				t.Errorf("next %s, want %s", o.Next, c.until)
			}
			// At read time, with nobody at work: held just before, not held at the end.
			if len(Decide(ps, f, "ann", c.until.Add(-1)).Held) != 2 || len(Decide(ps, f, "ann", c.until).Held) != 0 {
				t.Error("the bounds are not [from, until)")
			}
		})
	}
}

// Each part has its own end, whatever else goes on.
//
// proves: C13 attack A15
func TestUntilOfEachPart(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := town()
	join(&f, role(t, ps, "lpn"), "ann", "clinic", always)
	join(&f, role(t, ps, "rpn"), "ann", "clinic", Span{From: day(-30), Until: day(2)})
	join(&f, role(t, ps, "administrator"), "ann", "other", always)
	join(&f, role(t, ps, "lpn"), "ann", "other", Span{From: day(-30), Until: day(3)})
	year := day(-30).Add(365 * 24 * time.Hour)
	want := map[string]time.Time{"clinic/lpn": year, "clinic/rpn": day(2), "other/administrator": {}, "other/lpn": day(3)}
	o := Effective(ps, f, "ann", d0)
	if len(o.Grants) != 7 {
		t.Fatalf("grants %v, withheld %v", o.Grants, o.Withheld)
	}
	for _, g := range o.Grants {
		if until := want[g.Site+"/"+g.Role]; !g.Until.Equal(until) {
			t.Errorf("%s/%s/%s until %s, want %s", g.Site, g.Role, g.Leaf, g.Until, until)
		}
	}
}

// A material version of an agreement ends, after its grace, what stands on
// signatures of earlier ones.
//
// proves: attack A22
func TestUntilNewAgreement(t *testing.T) {
	t.Parallel()
	p := *programs(t)["careconnect"]
	p.Agreements = map[string]Agreement{"direct-care-only": p.Agreements["direct-care-only"], "access-agreement": {Versions: []AgreementVersion{
		{Number: 1}, {Number: 2, From: day(10), Material: true, Grace: 72 * time.Hour},
	}}}
	ps := Programs{p.ID: &p}
	f := clinicWith(t, ps, "ann", "lpn")
	if o := Effective(ps, f, "ann", d0); len(o.Grants) != 2 || !o.Grants[0].Until.Equal(day(13)) {
		t.Errorf("grants %v, want until %s", o.Grants, day(13))
	}
}

// Next is also when something begins or another basis takes over; it is never
// where nothing ever changes. What nothing ends has no until.
func TestNext(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := clinicWith(t, ps, "ann", "administrator")
	o := Effective(ps, f, "ann", d0)
	if len(o.Grants) != 1 || !o.Grants[0].Until.IsZero() || !o.Next.IsZero() {
		t.Errorf("%+v, want one grant without an end", o)
	}
	span(&f, "ann@clinic/approve:registrar").From = day(2)
	if o := Effective(ps, f, "ann", d0); len(o.Grants) != 0 || len(o.Withheld) != 1 || !o.Next.Equal(day(2)) {
		t.Errorf("%+v, want a beginning at %s", o, day(2))
	}
	// What is withheld will soon be withheld for one reason more.
	f.Restrictions = []Restriction{{ID: "r", Account: "ann", Span: Span{From: day(1)}}}
	if o := Effective(ps, f, "ann", d0); !o.Next.Equal(day(1)) {
		t.Errorf("next %s, want %s", o.Next, day(1))
	}
	// A licence renewed ahead of time: access does not end with the old one.
	g := clinicWith(t, ps, "ann", "lpn")
	renewed := g.Standings[0]
	renewed.ID, renewed.From = "renewed", day(3)
	g.Standings[0].Until = day(5)
	g.Standings = append(g.Standings, renewed)
	o = Effective(ps, g, "ann", d0)
	if year := day(-30).Add(365 * 24 * time.Hour); len(o.Grants) != 2 || !o.Grants[0].Until.Equal(year) || !o.Next.Equal(day(3)) {
		t.Errorf("%+v, want until %s and next %s", o, year, day(3))
	}
}
