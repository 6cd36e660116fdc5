package policies

import (
	"slices"
	"testing"
)

// A worksite opens on a declaration and a registrar's approval; where one person
// asked and signed, on a second registrar's as well. Every combination of who
// signed, who approved and who confirmed.
//
// proves: C7 C9 C12 attack A10 attack A11 attack A13
func TestDecideSite(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	p := ps["careconnect"]
	declared := func(by string) Signature {
		return Signature{ID: "decl-" + by, Account: by, Site: "clinic", Program: "careconnect", Agreement: "worksite-privacy-security", Version: 1, Declarant: true, Span: always}
	}
	not := func(change func(*Signature)) []Signature {
		s := declared("owner")
		change(&s)
		return []Signature{s}
	}
	review := func(by string, as Approver, v Verdict) Review {
		return Review{ID: string(as) + "-" + by, Request: "req-clinic", By: by, Need: "approve:" + string(as), Capacity: as, Verdict: v, Span: always}
	}
	one, two := review("rita", ByRegistrar, Approved), review("rob", BySecondRegistrar, Approved)
	elsewhere := review("rob", ByRegistrar, Approved)
	elsewhere.Request = "req-other"
	for name, c := range map[string]struct {
		signed  []Signature
		reviews []Review
		open    bool
		states  []State // declare, registrar, second registrar
	}{
		"nothing":                    {nil, nil, false, []State{Outstanding, Outstanding, NotAsked}},
		"approved, not declared":     {nil, []Review{one}, false, []State{Outstanding, Met, NotAsked}},
		"declared":                   {[]Signature{declared("owner")}, nil, false, []State{Met, Outstanding, NotAsked}},
		"another site's":             {not(func(s *Signature) { s.Site = "other" }), []Review{one}, false, []State{Outstanding, Met, NotAsked}},
		"signed for oneself":         {not(func(s *Signature) { s.Declarant = false }), []Review{one}, false, []State{Outstanding, Met, NotAsked}},
		"declared in the past":       {not(func(s *Signature) { s.Until = d0 }), []Review{one}, false, []State{Outstanding, Met, NotAsked}},
		"declared in no version":     {not(func(s *Signature) { s.Version = 9 }), []Review{one}, false, []State{Outstanding, Met, NotAsked}},
		"both":                       {[]Signature{declared("owner")}, []Review{one}, true, []State{Met, Met, NotAsked}},
		"refused":                    {[]Signature{declared("owner")}, []Review{one, review("rob", ByRegistrar, Refused)}, false, []State{Met, RefusedNeed, NotAsked}},
		"returned":                   {[]Signature{declared("owner")}, []Review{review("rita", ByRegistrar, Returned)}, false, []State{Met, Outstanding, NotAsked}},
		"signer approves":            {[]Signature{declared("rita")}, []Review{one}, false, []State{Met, Outstanding, NotAsked}},
		"requester approves":         {[]Signature{declared("owner")}, []Review{review("founder", ByRegistrar, Approved)}, false, []State{Met, Outstanding, NotAsked}},
		"self-signed, one registrar": {[]Signature{declared("founder")}, []Review{one}, false, []State{Met, Met, Outstanding}},
		"self-signed, same twice":    {[]Signature{declared("founder")}, []Review{one, review("rita", BySecondRegistrar, Approved)}, false, []State{Met, Met, Outstanding}},
		"self-signed, self second":   {[]Signature{declared("founder")}, []Review{one, review("founder", BySecondRegistrar, Approved)}, false, []State{Met, Met, Outstanding}},
		"self-signed, two":           {[]Signature{declared("founder")}, []Review{one, two}, true, []State{Met, Met, Met}},
		"self-signed, returned once": {[]Signature{declared("founder")}, []Review{one, two, elsewhere, review("rob", ByRegistrar, Returned)}, true, []State{Met, Met, Met}},
		"self-signed, second no":     {[]Signature{declared("founder")}, []Review{one, review("rob", BySecondRegistrar, Refused)}, false, []State{Met, Met, RefusedNeed}},
		"also signed by another":     {[]Signature{declared("founder"), declared("owner")}, []Review{one}, true, []State{Met, Met, NotAsked}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := town()
			f.Signatures, f.Reviews = c.signed, c.reviews
			d := DecideSite(p, f, "clinic", d0)
			var states []State
			for _, s := range d.Needs {
				states = append(states, s.State)
			}
			if d.Open != c.open || !slices.Equal(states, c.states) {
				t.Errorf("open %v, states %v; want %v, %v", d.Open, states, c.open, c.states)
			}
		})
	}
}

// Sites that are unknown, of another program or closed do not open; nor does one
// with a need that no rule knows for sites.
//
// proves: attack A18
func TestDecideSiteDenies(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	f := town()
	if d := DecideSite(ps["careconnect"], f, "nowhere", d0); d.Open {
		t.Error("an unknown site opens")
	}
	if d := DecideSite(ps[OperatorProgram], f, "clinic", d0); d.Open {
		t.Error("a site opens under another program")
	}
	p := &Program{ID: "careconnect"}
	if d := DecideSite(p, f, "clinic", d0); !d.Open {
		t.Error("a site without needs does not open")
	}
	s := f.Sites["clinic"]
	s.ClosedAt = day(1)
	f.Sites["clinic"] = s
	if d := DecideSite(p, f, "clinic", d0); !d.Open {
		t.Error("a site is closed before its day")
	}
	s.ClosedAt = d0
	f.Sites["clinic"] = s
	if d := DecideSite(p, f, "clinic", d0); d.Open {
		t.Error("a closed site opens")
	}
	p.Sites.Needs = []Need{{Kind: NeedStanding}}
	if d := DecideSite(p, town(), "clinic", d0); d.Open {
		t.Error("a site opens without the need that it has")
	}
}

// The three ways in which small clinics come to be: a physician signs for an
// assistant who administers; signer and administrator are one; a sole
// practitioner does everything.
//
// proves: C7 C9 C17 C19 attack A01 attack A10 attack A11
func TestSmallClinics(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	p := ps["careconnect"]
	sign := func(f *Facts, by string, names ...string) {
		f.Signatures = append(f.Signatures, Signature{ID: "decl", Account: by, Site: "clinic", Program: "careconnect", Agreement: "worksite-privacy-security", Version: 1, Declarant: true, Names: names, Span: always})
	}
	approve := func(f *Facts, request, by string, need, as Approver) {
		f.Reviews = append(f.Reviews, Review{ID: request + string(need), Request: request, By: by, Need: "approve:" + string(need), Capacity: as, Verdict: Approved, Span: always})
	}

	// The physician signs and names the assistant; the assistant confirms the
	// physician; the physician authorizes the assistant.
	f := town()
	sign(&f, "doc", "founder")
	approve(&f, "req-clinic", "rita", ByRegistrar, ByRegistrar)
	f.Joins = []Join{{ID: "j", Request: "req-clinic", Account: "founder", Site: "clinic", Role: "administrator", Span: always}}
	if !DecideSite(p, f, "clinic", d0).Open {
		t.Fatal("the clinic does not open")
	}
	wantHeld(t, Decide(ps, f, "founder", d0), "clinic/administrator/administrator")
	join(&f, role(t, ps, "practitioner"), "doc", "clinic", always)
	join(&f, role(t, ps, "on-behalf-of"), "founder", "clinic", always)
	f = drop(f, "founder@clinic/approve:group-administrator")
	wantHeld(t, Decide(ps, f, "founder", d0), "clinic/administrator/administrator", "clinic/on-behalf-of/on-behalf-of", "clinic/on-behalf-of/viewer")

	// The sole practitioner: two registrars open the site, and a registrar
	// decides what no administrator but the subject could.
	g := town()
	sign(&g, "founder", "founder")
	approve(&g, "req-clinic", "rita", ByRegistrar, ByRegistrar)
	if DecideSite(p, g, "clinic", d0).Open {
		t.Fatal("the sole practitioner's site opens on one registrar's word")
	}
	approve(&g, "req-clinic", "rob", BySecondRegistrar, BySecondRegistrar)
	if !DecideSite(p, g, "clinic", d0).Open {
		t.Fatal("the sole practitioner's site does not open")
	}
	join(&g, role(t, ps, "practitioner"), "founder", "clinic", always)
	g = drop(g, "founder@clinic/approve:group-administrator")
	wantReasons(t, Decide(ps, g, "founder", d0), NeedOutstanding+" approve:group-administrator")
	approve(&g, "founder@clinic", "rita", ByGroupAdministrator, ByRegistrar)
	wantHeld(t, Decide(ps, g, "founder", d0), "clinic/practitioner/practitioner", "clinic/practitioner/viewer")
}
