package policies

import (
	"reflect"
	"slices"
	"time"
)

// Effective says what the account holds now, until when each part of it lasts,
// and when to look again. It needs no algebra of intervals: between two
// neighbouring boundaries nothing changes, so it decides at now and at each later
// boundary and compares.
//
// A grant that would lapse and come back later has the lapse as its end: access
// begins only when somebody settles it anew.
func Effective(ps Programs, f Facts, account string, now time.Time) Outcome {
	f = about(f, account)
	first := Decide(ps, f, account, now)
	out := Outcome{Account: account, Withheld: first.Withheld}
	for _, h := range first.Held {
		out.Grants = append(out.Grants, Grant{Hold: h})
	}
	for _, at := range boundaries(ps, f, now) {
		d := Decide(ps, f, account, at)
		if out.Next.IsZero() && differ(first, d) {
			out.Next = at
		}
		open := false
		for i := range out.Grants {
			g := &out.Grants[i]
			if g.Until.IsZero() && !holds(d, g.Hold) {
				g.Until = at
			}
			open = open || g.Until.IsZero()
		}
		if !open && !out.Next.IsZero() {
			break
		}
	}
	return out
}

// differ tells whether two decisions of one account say different things: what
// is held, on what, or what is withheld and why.
func differ(a, b Decision) bool {
	return !reflect.DeepEqual(a.Held, b.Held) || !reflect.DeepEqual(a.Withheld, b.Withheld)
}

func holds(d Decision, h Hold) bool {
	return slices.ContainsFunc(d.Held, func(o Hold) bool {
		return o.Site == h.Site && o.Role == h.Role && o.Leaf == h.Leaf
	})
}

// about keeps the facts that bear on the account: its own, its authorizers' and
// those of its sites. It makes the walk short; it changes no decision.
func about(f Facts, account string) Facts {
	accounts := map[string]bool{account: true}
	for _, m := range f.Mandates {
		if m.OnBehalf == account {
			accounts[m.Authorizer] = true
		}
	}
	out := Facts{Sites: map[string]Site{}}
	requests := map[string]bool{}
	for _, j := range f.Joins {
		if !accounts[j.Account] {
			continue
		}
		out.Joins = append(out.Joins, j)
		requests[j.Request] = true
		if s, ok := f.Sites[j.Site]; ok {
			out.Sites[j.Site] = s
		}
	}
	out.Reviews = keep(f.Reviews, func(r Review) bool { return requests[r.Request] })
	out.Signatures = keep(f.Signatures, func(s Signature) bool {
		_, ours := out.Sites[s.Site]
		return accounts[s.Account] || s.Declarant && ours
	})
	out.Mandates = keep(f.Mandates, func(m Mandate) bool { return m.OnBehalf == account })
	out.Restrictions = keep(f.Restrictions, func(r Restriction) bool { return r.Account == "" || accounts[r.Account] })
	out.Standings = keep(f.Standings, func(s Standing) bool { return accounts[s.Account] })
	out.Adopted = keep(f.Adopted, func(a Adopted) bool { return a.Account == account })
	return out
}

// boundaries are the moments after now at which a decision could change, in
// order: where a fact begins or ends, a signature grows too old, a new version of
// an agreement is past its grace, or a site opens or closes.
func boundaries(ps Programs, f Facts, now time.Time) []time.Time {
	var at []time.Time
	span := func(s Span) { at = append(at, s.From, s.Until) }
	for _, s := range f.Sites {
		at = append(at, s.OpenedAt, s.ClosedAt)
	}
	each(f.Joins, func(j Join) { span(j.Span) })
	each(f.Reviews, func(r Review) { span(r.Span) })
	each(f.Mandates, func(m Mandate) { span(m.Span) })
	each(f.Restrictions, func(r Restriction) { span(r.Span) })
	each(f.Standings, func(s Standing) { span(s.Span) })
	each(f.Adopted, func(a Adopted) { span(a.Span) })
	each(f.Signatures, func(s Signature) { span(s.Span) })
	for _, p := range ps {
		for _, r := range p.Roles {
			for _, n := range r.Needs {
				each(f.Signatures, func(s Signature) {
					if n.Kind == NeedAttest && n.For > 0 && s.of(p, n.Agreement) {
						at = append(at, s.From.Add(n.For))
					}
				})
			}
		}
		for _, a := range p.Agreements {
			for _, v := range a.Versions {
				if v.Material {
					at = append(at, v.From.Add(v.Grace))
				}
			}
		}
	}
	at = keep(at, func(t time.Time) bool { return t.After(now) })
	slices.SortFunc(at, time.Time.Compare)
	return slices.CompactFunc(at, time.Time.Equal)
}

func keep[T any](list []T, ok func(T) bool) []T {
	var out []T
	for _, x := range list {
		if ok(x) {
			out = append(out, x)
		}
	}
	return out
}

func each[T any](list []T, do func(T)) {
	for _, x := range list {
		do(x)
	}
}
