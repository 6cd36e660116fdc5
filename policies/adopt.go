package policies

import (
	"slices"
	"time"
)

// A realm may have had members before this product knew of them. An adoption lets such
// memberships go on for a while, on two people's word: each is held under the person's
// wish to hold it, made for them, although needs of the role are outstanding. The person
// signs, and those who decide approve, as for any wish; from then on it is held on that.
// What is not done by the end lapses. One refusal outweighs the adoption, and the rules
// outside the needs – a site that is closed, a restriction – hold as ever.

// How long an adoption lasts, in days: when nobody says otherwise, and at most.
const (
	AdoptedDays     = 30
	AdoptedDaysMost = 90
)

// adopted gives what a join leads to that has needs outstanding, where the membership
// was adopted. Whom another must authorize is authorized by that person
// alone, and whoever holds a role so authorizes nobody: asAuthorizerOf asks decideJoin.
func adopted(ps Programs, f Facts, j Join, t time.Time) ([]Hold, Withheld) {
	_, w := decideJoin(ps, f, j, t)
	id := liveAdopted(f, j, t)
	_, role, ok := roleOf(ps, f.Sites[j.Site], j.Role)
	if id == "" || !ok || !mayBeAdopted(f.Sites[j.Site], role) {
		return nil, w
	}
	basis := []string{j.ID, id}
	for _, s := range w.Needs {
		if s.State == Outstanding && s.Need.Kind == NeedApprove && s.Need.By == ByAuthorizer {
			return nil, w
		}
		if s.Need.By != ByAuthorizer {
			basis = append(basis, s.Facts...)
		}
	}
	if slices.ContainsFunc(w.Reasons, func(r Reason) bool { return r.Code != NeedOutstanding }) {
		return nil, w
	}
	leaves, _ := leavesOf(ps, f, j, role, t)
	if role.AsHolder && len(leaves) == 1 {
		return nil, w
	}
	var holds []Hold
	for leaf, by := range leaves {
		holds = append(holds, Hold{Site: j.Site, Role: j.Role, Leaf: leaf, Basis: sorted(append(slices.Clone(basis), by...)), Needs: w.Needs, Adopted: id})
	}
	return holds, Withheld{}
}

// liveAdopted is the id of the fact that stands in for the join's needs: of several the
// first by id.
func liveAdopted(f Facts, j Join, t time.Time) (id string) {
	for _, a := range f.Adopted {
		if a.Request == j.Request && a.Account == j.Account && a.Site == j.Site && a.Role == j.Role && a.At(t) && (id == "" || a.ID < id) {
			id = a.ID
		}
	}
	return id
}

// mayBeAdopted tells whether a role may be held so at all: as with a batch, not an
// operator's, and none that decides about others.
func mayBeAdopted(site Site, role Role) bool {
	return site.Program != OperatorProgram && role.ByBatch()
}

// Adoptable tells whether an adoption would let the account hold the role at the site at
// t: whether the rules would give it, were it adopted. Facts are those of the account
// and of the site; an empty account is somebody whom the record does not know.
func Adoptable(ps Programs, f Facts, account, site, role string, t time.Time) bool {
	_, r, ok := roleOf(ps, f.Sites[site], role)
	if !ok {
		return false
	}
	const wish = "wish"
	j := Join{ID: wish, Request: wish, Account: account, Site: site, Role: role, Profession: r.ProfessionOf(""), Span: Span{From: t}}
	for _, have := range liveJoins(f, account, t) {
		if have.Site == site && have.Role == role {
			j = have
			break
		}
	}
	if j.ID == wish {
		f.Joins = append(slices.Clone(f.Joins), j)
	}
	f.Adopted = append(slices.Clone(f.Adopted), Adopted{ID: wish, Request: j.Request, Account: account, Site: site, Role: role, Span: Span{From: t}})
	return slices.ContainsFunc(Decide(ps, f, account, t).Held, func(h Hold) bool { return h.Site == site && h.Role == role && h.Leaf == role })
}

// MayAdopt tells whether the actor may propose an adoption, or approve one that first
// has proposed (empty: nobody). accounts are those whose memberships it is about: it
// takes two people who decide about the realm, and neither decides about their own.
func MayAdopt(ps Programs, a Actor, first string, accounts []string) Answer {
	ans := MayKeepRealm(ps, a)
	switch {
	case !ans.OK:
		return ans
	case slices.Contains(accounts, a.Account):
		return refuse(OwnAdoption)
	case a.Account == first:
		return refuse(ProposedAlready)
	}
	return ans
}
