package policies

import (
	"slices"
	"time"
)

// needOf says how one need of a role stands for one join at t. Whatever the
// subject says about themself as a reviewer never counts, however it came to be
// recorded (A01).
func needOf(ps Programs, p *Program, f Facts, j Join, n Need, t time.Time) NeedState {
	switch n.Kind {
	case NeedAttest:
		return met(n, attestations(p, f, j, n, t), BySubject)
	case NeedStanding:
		return standingOf(p, f, j, n, t)
	case NeedInvited:
		return reviewed(f, j.Request, n, t, []Approver{ByRegistrar}, []string{j.Account})
	case NeedApprove:
		if n.By == ByAuthorizer {
			return authorized(ps, f, j, n, t)
		}
		s := reviewed(f, j.Request, n, t, n.approvers(), []string{j.Account})
		if s.State == Outstanding && n.MetBy == "declaration" {
			return met(n, declarationsNaming(p, f, j, t), n.approvers()...)
		}
		return s
	case NeedDeclare: // a site's need; the loader keeps it out of roles
	}
	return NeedState{Need: n, State: Outstanding}
}

// DecideSite says whether a requested site may be open at t, and what is missing.
func DecideSite(p *Program, f Facts, site string, t time.Time) SiteDecision {
	s, ok := f.Sites[site]
	if !ok || s.Program != p.ID {
		return SiteDecision{}
	}
	d := SiteDecision{Open: s.ClosedAt.IsZero() || t.Before(s.ClosedAt)}
	for _, n := range p.Sites.Needs {
		state := siteNeed(p, f, s, n, t)
		d.Needs = append(d.Needs, state)
		if state.State == Outstanding || state.State == RefusedNeed {
			d.Open = false
		}
	}
	return d
}

func siteNeed(p *Program, f Facts, s Site, n Need, t time.Time) NeedState {
	ids, signers := declarations(p, f, s.ID, t)
	not := append([]string{s.Requester}, signers...)
	switch {
	case n.Kind == NeedDeclare:
		return met(n, ids[n.Agreement], BySigningAuthority)
	case n.Kind != NeedApprove:
		return NeedState{Need: n, State: Outstanding}
	case n.When == "signer-is-requester" && !only(signers, s.Requester):
		return NeedState{Need: n, State: NotAsked}
	case n.By == BySecondRegistrar:
		// Two registrars are two people: who gave the first approval gives no second.
		first := Need{Kind: NeedApprove, By: ByRegistrar}.Key()
		for _, r := range f.Reviews {
			if r.Request == s.Request && r.Need == first && r.Verdict == Approved && r.At(t) {
				not = append(not, r.By)
			}
		}
	}
	return reviewed(f, s.Request, n, t, n.approvers(), not)
}

// attestations are the account's own signatures that count for the need.
func attestations(p *Program, f Facts, j Join, n Need, t time.Time) []string {
	var ids []string
	for _, s := range f.Signatures {
		if s.Account != j.Account || s.Declarant || !s.of(p, n.Agreement) || !s.At(t) {
			continue
		}
		if n.Per == "site" && s.Site != j.Site {
			continue
		}
		if n.For > 0 && !t.Before(s.From.Add(n.For)) {
			continue
		}
		if p.Agreements[n.Agreement].counts(s.Version, t) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// of tells whether it is this agreement that was signed.
func (s Signature) of(p *Program, agreement string) bool {
	return s.Program == p.ID && s.Agreement == agreement
}

// declarations are the site's live declarations by agreement, and their signers.
func declarations(p *Program, f Facts, site string, t time.Time) (ids map[string][]string, signers []string) {
	ids = map[string][]string{}
	for _, s := range f.Signatures {
		if s.Declarant && s.Site == site && s.Program == p.ID && s.At(t) && p.Agreements[s.Agreement].counts(s.Version, t) {
			ids[s.Agreement] = append(ids[s.Agreement], s.ID)
			signers = append(signers, s.Account)
		}
	}
	return ids, signers
}

// declarationsNaming are those by which somebody else vouches for the subject.
// A newer version of the text does not undo that: it is about a person.
func declarationsNaming(p *Program, f Facts, j Join, t time.Time) []string {
	var ids []string
	for _, s := range f.Signatures {
		if s.Declarant && s.Site == j.Site && s.Program == p.ID && s.Account != j.Account && s.At(t) && slices.Contains(s.Names, j.Account) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// standingOf is asked of regulated professions; of an unknown one as well.
func standingOf(p *Program, f Facts, j Join, n Need, t time.Time) NeedState {
	if pr, ok := p.Profession(j.Profession); ok && !pr.Regulated {
		return NeedState{Need: n, State: NotAsked}
	}
	role, _ := p.Role(j.Role)
	var ids []string
	for _, s := range f.Standings {
		fits := role.admits(s.Profession) && (j.Profession == "" || s.Profession == j.Profession)
		if s.Account == j.Account && s.By != j.Account && fits && s.At(t) {
			ids = append(ids, s.ID)
		}
	}
	return met(n, ids, ByRegistrar)
}

// authorized is met by a mandate whose authorizer may authorize there now. An
// authorizer's no refuses nothing: whoever else can authorize there still may.
func authorized(ps Programs, f Facts, j Join, n Need, t time.Time) NeedState {
	var ids []string
	for _, m := range liveMandates(f, j.Account, j.Site, t) {
		if _, may := asAuthorizerOf(ps, f, m.Authorizer, j.Site, t); may {
			ids = append(ids, m.ID)
		}
	}
	return met(n, ids, ByAuthorizer)
}

// reviewed looks for live verdicts on the need by people other than those named
// in not. A refusal outweighs approvals, whoever gave it; an approval counts only
// in a capacity that the need asks for.
func reviewed(f Facts, request string, n Need, t time.Time, by []Approver, not []string) NeedState {
	var yes, no []string
	for _, r := range f.Reviews {
		if r.Request != request || r.Need != n.Key() || !r.At(t) || slices.Contains(not, r.By) {
			continue
		}
		switch {
		case r.Verdict == Refused:
			no = append(no, r.ID)
		case r.Verdict == Approved && slices.Contains(by, r.Capacity):
			yes = append(yes, r.ID)
		}
	}
	if len(no) > 0 {
		return NeedState{Need: n, State: RefusedNeed, Facts: sorted(no)}
	}
	return met(n, yes, by...)
}

// met makes the state of a need that these facts meet; with none it is
// outstanding, with those who can still meet it.
func met(n Need, facts []string, who ...Approver) NeedState {
	if len(facts) == 0 {
		return NeedState{Need: n, State: Outstanding, Who: who}
	}
	return NeedState{Need: n, State: Met, Facts: sorted(facts)}
}

// approvers are the capacities in which the need may be approved.
func (n Need) approvers() []Approver {
	if n.Else == "" {
		return []Approver{n.By}
	}
	return []Approver{n.By, n.Else}
}

// only tells whether the list is not empty and holds nobody but this one.
func only(list []string, one string) bool {
	for _, s := range list {
		if s != one {
			return false
		}
	}
	return len(list) > 0
}
