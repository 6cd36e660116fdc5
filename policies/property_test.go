package policies

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	people = []string{"ann", "bob", "doc", "dora"}
	places = []string{"clinic", "other"}
)

// drawSpan draws intervals around d0, most of them live then.
func drawSpan(t *rapid.T) Span {
	sp := Span{From: day(rapid.SampledFrom([]int{-400, -30, -30, -3, -1, 0, 2}).Draw(t, "from"))}
	if n := rapid.SampledFrom([]int{0, 0, 0, 1, 3, 60}).Draw(t, "length"); n > 0 {
		sp.Until = sp.From.AddDate(0, 0, n)
	}
	return sp
}

// drawFacts draws a town: people in roles, mandates between any two, refusals,
// declarations, restrictions.
func drawFacts(t *rapid.T, p *Program) Facts {
	f := town()
	for _, who := range people {
		for _, where := range places {
			if k := rapid.IntRange(-2, len(p.Roles)-1).Draw(t, who+" at "+where); k >= 0 {
				join(&f, p.Roles[k], who, where, always)
			}
		}
	}
	someone, somewhere := rapid.SampledFrom(people), rapid.SampledFrom(places)
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		if ids := sortedKeys(spans(&f)); len(ids) > 0 {
			*span(&f, rapid.SampledFrom(ids).Draw(t, "changed")) = drawSpan(t)
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "mandates") {
		f.Mandates = append(f.Mandates, Mandate{ID: "m" + string(rune('0'+i)), Authorizer: someone.Draw(t, "authorizer"), OnBehalf: someone.Draw(t, "on behalf"), Site: somewhere.Draw(t, "site"), Span: drawSpan(t)})
	}
	for i := range rapid.IntRange(0, 1).Draw(t, "refusals") {
		f.Reviews = append(f.Reviews, Review{ID: "no" + string(rune('0'+i)), Request: someone.Draw(t, "of") + "@" + somewhere.Draw(t, "at"), By: someone.Draw(t, "by"), Need: "approve:group-administrator", Verdict: Refused, Span: drawSpan(t)})
	}
	for i := range rapid.IntRange(0, 1).Draw(t, "declarations") {
		f.Signatures = append(f.Signatures, Signature{ID: "d" + string(rune('0'+i)), Account: someone.Draw(t, "signer"), Site: somewhere.Draw(t, "for"), Program: "careconnect", Agreement: "worksite-privacy-security", Version: 1, Declarant: true, Names: []string{someone.Draw(t, "names")}, Span: drawSpan(t)})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "adoptions") { // of somebody whose needs are not met, perhaps
		who, where := someone.Draw(t, "adopted"), somewhere.Draw(t, "adopted at")
		r := rapid.SampledFrom(p.Roles).Draw(t, "adopted as")
		id := "adopted" + string(rune('0'+i))
		f.Joins = append(f.Joins, Join{ID: id + "/join", Request: id, Account: who, Site: where, Role: r.Code, Profession: first(r.Professions), Span: drawSpan(t)})
		f.Adopted = append(f.Adopted, Adopted{ID: id, Request: id, Account: who, Site: where, Role: r.Code, Span: drawSpan(t)})
	}
	for i := range rapid.IntRange(0, 1).Draw(t, "restrictions") {
		f.Restrictions = append(f.Restrictions, Restriction{ID: "r" + string(rune('0'+i)), Account: someone.Draw(t, "whom"), Site: rapid.SampledFrom([]string{"", "clinic", "other"}).Draw(t, "where"), Span: drawSpan(t)})
	}
	return f
}

func drawTime(t *rapid.T) time.Time {
	return d0.Add(time.Duration(rapid.IntRange(-48, 96*24).Draw(t, "hours")) * time.Hour)
}

// An on-behalf-of person holds no entitlement at a site that no live authorizer
// of theirs holds there, in any world.
//
// proves: C18 C23 attack A08 attack A09 attack A16 X3
func TestPropertyWithinTheAuthorizer(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	p := ps["careconnect"]
	rapid.Check(t, func(t *rapid.T) {
		f, at := drawFacts(t, p), drawTime(t)
		for _, who := range people {
			for _, h := range Decide(ps, f, who, at).Held {
				if r, _ := p.Role(h.Role); !r.AsHolder {
					continue
				}
				if !slices.ContainsFunc(f.Mandates, func(m Mandate) bool {
					return m.OnBehalf == who && m.Site == h.Site && m.At(at) && m.Authorizer != who && authorizerHolds(ps, f, m.Authorizer, h, at)
				}) {
					t.Fatalf("%s holds %s/%s/%s, which no live authorizer holds", who, h.Site, h.Role, h.Leaf)
				}
			}
		}
	})
}

// authorizerHolds judges by Decide alone: a role that may authorize is held at
// the site, and, but for the role's own leaf, so is the leaf.
func authorizerHolds(ps Programs, f Facts, authorizer string, h Hold, at time.Time) bool {
	may, has := false, h.Leaf == h.Role
	for _, o := range Decide(ps, f, authorizer, at).Held {
		if r, _ := ps["careconnect"].Role(o.Role); o.Site == h.Site && !r.AsHolder {
			may, has = may || r.Can(Authorize), has || o.Leaf == h.Leaf
		}
	}
	return may && has
}

// Ending a fact never adds access, unless the fact took access away: a
// restriction or a refusal. And a fact that has ended is as good as none.
//
// proves: attack A16 attack A22 attack A23
func TestPropertyEndings(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	rapid.Check(t, func(t *rapid.T) {
		f, at := drawFacts(t, ps["careconnect"]), drawTime(t)
		ids := sortedKeys(spans(&f))
		if len(ids) == 0 {
			return
		}
		id := rapid.SampledFrom(ids).Draw(t, "ended")
		ended := copyOf(f)
		if s := span(&ended, id); s.Until.IsZero() || s.Until.After(at) {
			s.Until = at
		}
		absent := drop(f, id)
		for _, who := range people {
			before, after := Decide(ps, f, who, at), Decide(ps, ended, who, at)
			if !reflect.DeepEqual(after.Held, Decide(ps, absent, who, at).Held) {
				t.Fatalf("%s: an ended %s is not as an absent one", who, id)
			}
			if id[:2] == "no" || id[0] == 'r' { // a refusal, a restriction
				continue
			}
			for _, leaf := range held(after) {
				if !slices.Contains(held(before), leaf) {
					t.Fatalf("ending %s gave %s %s", id, who, leaf)
				}
			}
		}
	})
}

// Each grant is held from now until its end and not at its end; before Next
// nothing changes; and neither the order of the facts nor facts about others
// make a difference.
//
// proves: attack A23
func TestPropertyEffective(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	rapid.Check(t, func(t *rapid.T) {
		f, now := drawFacts(t, ps["careconnect"]), drawTime(t)
		later := now.Add(time.Duration(rapid.IntRange(0, 400*24).Draw(t, "later")) * time.Hour)
		for _, who := range people {
			o, d := Effective(ps, f, who, now), Decide(ps, f, who, now)
			if len(o.Grants) != len(d.Held) || !reflect.DeepEqual(o.Withheld, d.Withheld) {
				t.Fatalf("%s: Effective and Decide differ at now", who)
			}
			then := Decide(ps, f, who, later)
			for i, g := range o.Grants {
				if !reflect.DeepEqual(g.Hold, d.Held[i]) {
					t.Fatalf("%s: Effective's basis differs", who)
				}
				if (g.Until.IsZero() || later.Before(g.Until)) && !holds(then, g.Hold) {
					t.Fatalf("%s does not hold %s at %s, before %s", who, g.Leaf, later, g.Until)
				}
				if !g.Until.IsZero() && (!g.Until.After(now) || holds(Decide(ps, f, who, g.Until), g.Hold)) {
					t.Fatalf("%s still holds %s at its end %s", who, g.Leaf, g.Until)
				}
			}
			if (o.Next.IsZero() || later.Before(o.Next)) && differ(d, then) {
				t.Fatalf("%s: a change at %s, before Next %s", who, later, o.Next)
			}
			if !o.Next.IsZero() && !differ(d, Decide(ps, f, who, o.Next)) {
				t.Fatalf("%s: nothing changes at Next %s", who, o.Next)
			}
			if g := reversed(f); !reflect.DeepEqual(Decide(ps, g, who, now), d) {
				t.Fatalf("%s: the order of the facts shows", who)
			}
		}
	})
}

func reversed(f Facts) Facts {
	f = copyOf(f)
	slices.Reverse(f.Joins)
	slices.Reverse(f.Reviews)
	slices.Reverse(f.Signatures)
	slices.Reverse(f.Mandates)
	slices.Reverse(f.Standings)
	slices.Reverse(f.Adopted)
	return f
}

// Nobody reviews their own request in any capacity, and whoever may review is
// among the deciders.
//
// proves: attack A01 attack A10 attack A11
func TestPropertyNoSelfApproval(t *testing.T) {
	t.Parallel()
	ps := programs(t)
	p := ps["careconnect"]
	onBehalfOf := role(t, ps, "on-behalf-of")
	var roles []string
	for _, r := range p.Roles {
		roles = append(roles, r.Code)
	}
	rapid.Check(t, func(t *rapid.T) {
		holders := map[string][]Held{}
		c := Case{Program: p, Site: Site{ID: "clinic", Program: p.ID, Requester: rapid.SampledFrom(people).Draw(t, "requester")}}
		for _, who := range people {
			if r, ok := p.Role(rapid.SampledFrom(append([]string{""}, roles...)).Draw(t, who)); ok {
				holders[who] = append(holders[who], Held{Program: p.ID, Site: "clinic", SiteCode: "c1", Role: r.Code})
				if r.Can(Administer) {
					c.Administrators = append(c.Administrators, who)
				}
				if r.Can(Authorize) {
					c.Authorizers = append(c.Authorizers, who)
				}
			}
			if rapid.Bool().Draw(t, who+" registrar") {
				holders[who] = append(holders[who], Held{Program: OperatorProgram, Site: "op", SiteCode: p.ID, Role: "registrar"})
				c.Registrars = append(c.Registrars, who)
			}
		}
		c.Request = Request{
			Kind:    rapid.SampledFrom([]string{SiteRequest, JoinRequest, MandateRequest}).Draw(t, "kind"),
			State:   rapid.SampledFrom([]string{Draft, Submitted, Submitted, ReturnedR, Granted, RefusedR, Withdrawn}).Draw(t, "state"),
			Account: rapid.SampledFrom(people).Draw(t, "subject"), By: rapid.SampledFrom(people).Draw(t, "by"),
			Authorizers: rapid.SliceOfDistinct(rapid.SampledFrom(people), rapid.ID[string]).Draw(t, "named"),
		}
		c.Signer = rapid.SampledFrom(append([]string{""}, people...)).Draw(t, "signer")
		needs := slices.Concat(p.Sites.Needs, onBehalfOf.Needs)
		for _, n := range needs {
			c.Needs = append(c.Needs, NeedState{Need: n, State: rapid.SampledFrom([]State{Met, Outstanding, Outstanding}).Draw(t, n.Key())})
			if rapid.Bool().Draw(t, "reviewed") {
				c.Reviews = append(c.Reviews, Review{By: rapid.SampledFrom(people).Draw(t, "reviewer"), Need: n.Key(), Verdict: Approved})
			}
		}
		for _, s := range c.Needs {
			as, deciders := Deciders(c, s.Need)
			if slices.Contains(deciders, c.Request.Account) {
				t.Fatalf("the subject decides on %s", s.Need.Key())
			}
			for _, who := range people {
				ans := MayReview(ps, Actor{Account: who, Holds: holders[who]}, c, s.Need.Key())
				if len(ans.Reasons) == 0 || !slices.Contains(ReasonCodes(), ans.Reasons[0]) {
					t.Fatalf("reasons %v", ans.Reasons)
				}
				if !ans.OK {
					continue
				}
				if who == c.Request.Account || ans.Capacity != as || !slices.Contains(deciders, who) {
					t.Fatalf("%s may review %s as %s; deciders are %v as %s", who, s.Need.Key(), ans.Capacity, deciders, as)
				}
			}
		}
	})
}
