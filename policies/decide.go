package policies

import (
	"cmp"
	"slices"
	"time"
)

// Codes of Reason, why a live join gives nothing at the moment.
const (
	NeedOutstanding       = "need-outstanding"
	NeedRefused           = "need-refused"
	Restricted            = "restricted"
	SiteUnknown           = "site-unknown"
	SiteNotOpen           = "site-not-open"
	SiteClosed            = "site-closed"
	RoleUnknown           = "role-unknown"
	ProfessionNotEligible = "profession-not-eligible"
	NoLiveAuthorizer      = "no-live-authorizer" // whoever authorized no longer holds it, or ended it
)

// Decide says what the account holds at t and why, and which of its live joins
// lead to nothing and why. Nothing is held that no rule gives; one refusal or
// restriction outweighs any number of approvals. The same facts in another order
// give the same decision.
func Decide(ps Programs, f Facts, account string, t time.Time) Decision {
	d := Decision{Account: account, At: t}
	withheld := map[[2]string]Withheld{}
	held := map[[2]string]bool{}
	joins := liveJoins(f, account, t)
	take := func(j Join, decide func(Join) ([]Hold, Withheld)) {
		key := [2]string{j.Site, j.Role}
		if held[key] {
			return // a second join for what is held already adds nothing
		}
		holds, w := decide(j)
		if len(holds) > 0 {
			held[key] = true
			d.Held = append(d.Held, holds...)
		} else if _, there := withheld[key]; !there {
			withheld[key] = w
		}
	}
	for _, j := range joins {
		take(j, func(j Join) ([]Hold, Withheld) { return decideJoin(ps, f, j, t) })
	}
	if len(f.Adopted) > 0 { // what is held in ordinary ways needs no adoption
		for _, j := range joins {
			take(j, func(j Join) ([]Hold, Withheld) { return adopted(ps, f, j, t) })
		}
	}
	for key, w := range withheld {
		if !held[key] {
			d.Withheld = append(d.Withheld, w)
		}
	}
	slices.SortFunc(d.Held, func(a, b Hold) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Leaf, b.Leaf))
	})
	slices.SortFunc(d.Withheld, func(a, b Withheld) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Role, b.Role))
	})
	return d
}

// decideJoin gives what one join leads to, or why it leads to nothing.
func decideJoin(ps Programs, f Facts, j Join, t time.Time) ([]Hold, Withheld) {
	w := Withheld{Site: j.Site, Role: j.Role, Join: j.ID, Request: j.Request}
	site, ok := f.Sites[j.Site]
	if !ok {
		w.Reasons = []Reason{{Code: SiteUnknown}}
		return nil, w
	}
	p, role, ok := roleOf(ps, site, j.Role)
	if !ok {
		w.Reasons = []Reason{{Code: RoleUnknown}}
		return nil, w
	}
	w.Reasons = obstacles(f, site, role, j, t)
	for _, n := range role.Needs {
		s := needOf(ps, p, f, j, n, t)
		w.Needs = append(w.Needs, s)
		switch s.State {
		case RefusedNeed:
			w.Reasons = append(w.Reasons, Reason{Code: NeedRefused, Need: n.Key(), Facts: s.Facts})
		case Outstanding:
			w.Reasons = append(w.Reasons, outstanding(f, j, n, t))
		case Met, NotAsked:
		}
	}
	if len(w.Reasons) > 0 {
		return nil, w
	}
	leaves, mandates := leavesOf(ps, f, j, role, t)
	if role.AsHolder && len(leaves) == 1 { // its own only: the authorizers hold nothing to pass on
		w.Reasons = []Reason{{Code: NoLiveAuthorizer, Facts: mandates}}
		return nil, w
	}
	var holds []Hold
	for leaf, by := range leaves {
		basis := append([]string{j.ID}, by...)
		for _, s := range w.Needs {
			if s.Need.By != ByAuthorizer { // of the mandates, those that give this very leaf
				basis = append(basis, s.Facts...)
			}
		}
		holds = append(holds, Hold{Site: j.Site, Role: j.Role, Leaf: leaf, Basis: sorted(basis), Needs: w.Needs})
	}
	return holds, Withheld{}
}

// obstacles are the reasons that lie outside the role's needs.
func obstacles(f Facts, site Site, role Role, j Join, t time.Time) []Reason {
	var out []Reason
	if why := site.shut(t); why != "" {
		out = append(out, Reason{Code: why})
	}
	if j.Profession != "" && !role.admits(j.Profession) {
		out = append(out, Reason{Code: ProfessionNotEligible, Facts: []string{j.ID}})
	}
	var by []string
	for _, r := range f.Restrictions {
		if r.At(t) && r.touches(j.Account, site, j.Role) {
			by = append(by, r.ID)
		}
	}
	if len(by) > 0 {
		out = append(out, Reason{Code: Restricted, Facts: sorted(by)})
	}
	return out
}

// shut is why the site is no place to hold anything at t.
func (s Site) shut(t time.Time) string {
	switch {
	case s.OpenedAt.IsZero() || t.Before(s.OpenedAt):
		return SiteNotOpen
	case !s.ClosedAt.IsZero() && !t.Before(s.ClosedAt):
		return SiteClosed
	}
	return ""
}

// outstanding tells a person who never had an authorizer from one who lost theirs:
// in this membership, for who was away and comes back starts anew.
func outstanding(f Facts, j Join, n Need, t time.Time) Reason {
	r := Reason{Code: NeedOutstanding, Need: n.Key()}
	if n.Kind != NeedApprove || n.By != ByAuthorizer {
		return r
	}
	for _, m := range f.Mandates {
		over := !m.Until.IsZero() && !m.Until.After(j.From)
		if m.OnBehalf == j.Account && m.Site == j.Site && !t.Before(m.From) && !over {
			r.Code, r.Facts = NoLiveAuthorizer, append(r.Facts, m.ID)
		}
	}
	r.Facts = sorted(r.Facts)
	return r
}

// leavesOf gives the leaves of a role whose needs are met, each with the
// mandates through which it comes, and all those mandates.
func leavesOf(ps Programs, f Facts, j Join, role Role, t time.Time) (map[string][]string, []string) {
	leaves := map[string][]string{role.Code: nil}
	if !role.NeedsAuthorizer() {
		for _, e := range role.Gives {
			leaves[e] = nil
		}
		return leaves, nil
	}
	var all []string
	for _, m := range liveMandates(f, j.Account, j.Site, t) {
		gives, authorizes := asAuthorizerOf(ps, f, m.Authorizer, j.Site, t)
		if !authorizes {
			continue
		}
		all = append(all, m.ID)
		if !role.AsHolder {
			gives = role.Gives
		}
		for _, e := range gives {
			leaves[e] = append(leaves[e], m.ID)
		}
	}
	leaves[role.Code] = all
	return leaves, sorted(all)
}

// asAuthorizerOf gives the entitlements that the account holds at the site in
// its own right, and whether it may authorize there. Roles that are themselves
// authorized by somebody do not count, so that delegation is one step deep (A09)
// and this ends.
func asAuthorizerOf(ps Programs, f Facts, account, site string, t time.Time) (gives []string, authorizes bool) {
	for _, j := range liveJoins(f, account, t) {
		_, role, ok := roleOf(ps, f.Sites[j.Site], j.Role)
		if j.Site != site || !ok || role.AsHolder || role.NeedsAuthorizer() {
			continue
		}
		if holds, _ := decideJoin(ps, f, j, t); len(holds) == 0 {
			continue
		}
		authorizes = authorizes || role.Can(Authorize)
		for _, e := range role.Gives {
			if !slices.Contains(gives, e) {
				gives = append(gives, e)
			}
		}
	}
	return gives, authorizes
}

func roleOf(ps Programs, site Site, code string) (*Program, Role, bool) {
	p := ps[site.Program]
	if p == nil {
		return nil, Role{}, false
	}
	role, ok := p.Role(code)
	return p, role, ok
}

// liveJoins are in an order of their own, so that the facts' order never shows.
func liveJoins(f Facts, account string, t time.Time) []Join {
	var out []Join
	for _, j := range f.Joins {
		if j.Account == account && j.At(t) {
			out = append(out, j)
		}
	}
	slices.SortFunc(out, func(a, b Join) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
	return out
}

// liveMandates leaves out a person who would authorize themself.
func liveMandates(f Facts, onBehalf, site string, t time.Time) []Mandate {
	var out []Mandate
	for _, m := range f.Mandates {
		if m.OnBehalf == onBehalf && m.Site == site && m.Authorizer != onBehalf && m.At(t) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Mandate) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// touches tells whether the restriction is about this account in this role at
// this site; what it leaves empty means any.
func (r Restriction) touches(account string, site Site, role string) bool {
	return (r.Account == "" || r.Account == account) && (r.Program == "" || r.Program == site.Program) &&
		(r.Site == "" || r.Site == site.ID) && (r.Role == "" || r.Role == role)
}

func (r Role) admits(profession string) bool {
	return len(r.Professions) == 0 || slices.Contains(r.Professions, profession)
}

// sorted gives a sorted copy without doubles.
func sorted(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
