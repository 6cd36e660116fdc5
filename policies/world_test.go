package policies

import (
	"slices"
	"testing"
	"time"
)

// The worlds of these tests: CareConnect's own program, days counted from d0,
// and facts whose ids are "<account>/<need key>".
var d0 = time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)

func day(n int) time.Time { return d0.AddDate(0, 0, n) }

var always = Span{From: day(-30)}

func programs(t testing.TB) Programs {
	t.Helper()
	ps, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

func role(t testing.TB, ps Programs, code string) Role {
	t.Helper()
	r, ok := ps["careconnect"].Role(code)
	if !ok {
		t.Fatalf("no role %q", code)
	}
	return r
}

// town has two open worksites and nobody in them.
func town() Facts {
	return Facts{Sites: map[string]Site{
		"clinic": {ID: "clinic", Program: "careconnect", Request: "req-clinic", Requester: "founder", OpenedAt: day(-100)},
		"other":  {ID: "other", Program: "careconnect", Request: "req-other", Requester: "founder", OpenedAt: day(-100)},
	}}
}

// join adds a live join and one fact for each need of the role. Who needs an
// authorizer gets a mandate from doc, who need not be there.
func join(f *Facts, r Role, account, site string, sp Span) {
	id := account + "@" + site
	f.Joins = append(f.Joins, Join{ID: id + "/join", Request: id, Account: account, Site: site, Role: r.Code, Profession: first(r.Professions), Span: sp})
	for _, n := range r.Needs {
		key := id + "/" + n.Key()
		switch n.Kind {
		case NeedAttest:
			f.Signatures = append(f.Signatures, Signature{ID: key, Account: account, Program: "careconnect", Agreement: n.Agreement, Version: 1, Span: sp})
		case NeedStanding:
			f.Standings = append(f.Standings, Standing{ID: key, Account: account, Profession: first(r.Professions), By: "registrar", Span: sp})
		case NeedInvited:
			f.Reviews = append(f.Reviews, Review{ID: key, Request: id, By: "registrar", Need: n.Key(), Capacity: ByRegistrar, Verdict: Approved, Span: sp})
		case NeedApprove:
			if n.By == ByAuthorizer {
				f.Mandates = append(f.Mandates, Mandate{ID: key, Authorizer: "doc", OnBehalf: account, Site: site, Span: sp})
				continue
			}
			f.Reviews = append(f.Reviews, Review{ID: key, Request: id, By: "chief", Need: n.Key(), Capacity: n.By, Verdict: Approved, Span: sp})
		case NeedDeclare:
		}
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// clinicWith has doc, a practitioner with all needs met, and account in the role.
func clinicWith(t testing.TB, ps Programs, account, code string) Facts {
	t.Helper()
	f := town()
	join(&f, role(t, ps, code), account, "clinic", always)
	if code != "practitioner" || account != "doc" {
		join(&f, role(t, ps, "practitioner"), "doc", "clinic", always)
	}
	return f
}

// span points at the interval of the fact with this id.
func span(f *Facts, id string) *Span {
	s := spans(f)[id]
	if s == nil {
		panic("no fact " + id)
	}
	return s
}

// spans are the intervals of all facts, by id.
func spans(f *Facts) map[string]*Span {
	out := map[string]*Span{}
	for i := range f.Joins {
		out[f.Joins[i].ID] = &f.Joins[i].Span
	}
	for i := range f.Reviews {
		out[f.Reviews[i].ID] = &f.Reviews[i].Span
	}
	for i := range f.Signatures {
		out[f.Signatures[i].ID] = &f.Signatures[i].Span
	}
	for i := range f.Mandates {
		out[f.Mandates[i].ID] = &f.Mandates[i].Span
	}
	for i := range f.Standings {
		out[f.Standings[i].ID] = &f.Standings[i].Span
	}
	for i := range f.Adopted {
		out[f.Adopted[i].ID] = &f.Adopted[i].Span
	}
	for i := range f.Restrictions {
		out[f.Restrictions[i].ID] = &f.Restrictions[i].Span
	}
	return out
}

// copyOf keeps a change to one case out of the next.
func copyOf(f Facts) Facts {
	sites := map[string]Site{}
	for id, s := range f.Sites {
		sites[id] = s
	}
	return Facts{
		Sites: sites, Joins: slices.Clone(f.Joins), Reviews: slices.Clone(f.Reviews), Signatures: slices.Clone(f.Signatures),
		Mandates: slices.Clone(f.Mandates), Restrictions: slices.Clone(f.Restrictions), Standings: slices.Clone(f.Standings),
		Adopted: slices.Clone(f.Adopted),
	}
}

// drop takes the fact out altogether.
func drop(f Facts, id string) Facts {
	f = copyOf(f)
	f.Joins = keep(f.Joins, func(x Join) bool { return x.ID != id })
	f.Reviews = keep(f.Reviews, func(x Review) bool { return x.ID != id })
	f.Signatures = keep(f.Signatures, func(x Signature) bool { return x.ID != id })
	f.Mandates = keep(f.Mandates, func(x Mandate) bool { return x.ID != id })
	f.Standings = keep(f.Standings, func(x Standing) bool { return x.ID != id })
	f.Adopted = keep(f.Adopted, func(x Adopted) bool { return x.ID != id })
	f.Restrictions = keep(f.Restrictions, func(x Restriction) bool { return x.ID != id })
	return f
}

// held lists "site/role/leaf".
func held(d Decision) []string {
	var out []string
	for _, h := range d.Held {
		out = append(out, h.Site+"/"+h.Role+"/"+h.Leaf)
	}
	return out
}

// reasons lists "code" or "code need" of what is withheld.
func reasons(d Decision) []string {
	var out []string
	for _, w := range d.Withheld {
		for _, r := range w.Reasons {
			if r.Need != "" {
				out = append(out, r.Code+" "+r.Need)
			} else {
				out = append(out, r.Code)
			}
		}
	}
	return out
}

func wantHeld(t *testing.T, d Decision, want ...string) {
	t.Helper()
	if got := held(d); !slices.Equal(got, want) {
		t.Errorf("%s at %s holds %v, want %v (withheld for %v)", d.Account, d.At.Format(time.DateOnly), got, want, reasons(d))
	}
}

func wantReasons(t *testing.T, d Decision, want ...string) {
	t.Helper()
	if len(d.Held) > 0 {
		t.Errorf("%s holds %v, want nothing", d.Account, held(d))
	}
	if got := reasons(d); !slices.Equal(got, want) {
		t.Errorf("reasons %v, want %v", got, want)
	}
}
