package registry

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// Site is a worksite, clinic, practice or organization in a program.
type Site struct {
	ID, Program, Code, Name, City, TZ string
	Request                           string     `db:"request"`
	Requester                         string     `db:"requester"`
	Opened                            *time.Time `db:"opened_at"`
	Closed                            *time.Time `db:"closed_at"`
	Version                           int64
}

// Location is the site's time zone; dates there become instants in it.
func (s Site) Location() *time.Location {
	loc, err := time.LoadLocation(s.TZ)
	if err != nil {
		return time.UTC
	}
	return loc
}

const siteColumns = `id, program, code, name, city, tz, coalesce(request_id::text, '') as request, coalesce(requester::text, '') as requester, opened_at, closed_at, version`

func readSite(ctx context.Context, q sqlx.QueryerContext, id string) (Site, error) {
	var s Site
	if !validID(id) {
		return s, Fail(NotFound, "error.not-found")
	}
	err := sqlx.GetContext(ctx, q, &s, `select `+siteColumns+` from site where id = $1`, id)
	if isNoRows(err) {
		return s, Fail(NotFound, "error.not-found")
	}
	return s, err
}

func (s Site) fact() policies.Site {
	f := policies.Site{ID: s.ID, Program: s.Program, Request: s.Request, Requester: s.Requester}
	if s.Opened != nil {
		f.OpenedAt = *s.Opened
	}
	if s.Closed != nil {
		f.ClosedAt = *s.Closed
	}
	return f
}

// lockedCase reads a request, so that nobody else changes it meanwhile, and its case.
func (tx *Tx) lockedCase(id string) (Request, policies.Case, error) {
	req, err := tx.r.readRequest(tx.ctx, tx, id, ` for update`)
	if err != nil {
		return req, policies.Case{}, err
	}
	c, err := tx.caseOf(req)
	return req, c, err
}

func (tx *Tx) caseOf(req Request) (policies.Case, error) {
	return tx.r.caseOf(tx.ctx, tx.Tx, tx.Programs, req, tx.At)
}

// caseOf gathers what the rules need to know to let somebody decide a request or see it.
func (r *Registry) caseOf(ctx context.Context, q sqlx.QueryerContext, ps policies.Programs, req Request, at time.Time) (policies.Case, error) {
	k, err := readAround(ctx, q, ps, []Request{req}, at)
	if err != nil {
		return policies.Case{}, err
	}
	return k.caseOf(req), nil
}

// around is what the rules need to know about some requests, read for all at once.
type around struct {
	ps    policies.Programs
	at    time.Time
	sites map[string]Site
	held  []heldRow // at those sites, and by their programs' operators
	facts policies.Facts
}

func readAround(ctx context.Context, q sqlx.QueryerContext, ps policies.Programs, reqs []Request, at time.Time) (around, error) {
	var ids, programs, sites, accounts []string
	for _, req := range reqs {
		ids, programs, sites, accounts = append(ids, req.ID), append(programs, req.Program), append(sites, req.Site), append(accounts, req.Account)
	}
	sites = sorted(sites)
	k := around{ps: ps, at: at, sites: map[string]Site{}}
	var rows []Site
	if err := sqlx.SelectContext(ctx, q, &rows, `select `+siteColumns+` from site where id = any($1)`, pq.Array(orEmpty(sites))); err != nil {
		return k, err
	}
	var err error
	if k.held, err = held(ctx, q, `(g.site_id = any($2) or s.program = $3 and s.code = any($4))`, at,
		pq.Array(orEmpty(sites)), policies.OperatorProgram, pq.Array(sorted(programs))); err != nil {
		return k, err
	}
	if k.facts, err = factsOf(ctx, q, sorted(accounts), at); err != nil {
		return k, err
	}
	for _, s := range rows {
		k.sites[s.ID] = s
		k.facts.Sites[s.ID] = s.fact()
	}
	return k, readReviews(ctx, q, &k.facts, ids, at)
}

// who are the accounts that hold a capability where a grant is one of those meant.
func (k around) who(can policies.Capability, meant func(heldRow) bool) []string {
	var out []string
	for _, h := range k.held {
		if p := k.ps[h.Program]; p != nil && meant(h) {
			if role, ok := p.Role(h.Role); ok && role.Can(can) {
				out = append(out, h.Account)
			}
		}
	}
	return slices.Compact(out) // they come by account
}

func (k around) caseOf(req Request) policies.Case {
	c := policies.Case{Program: k.ps[req.Program], Request: req.asked()}
	c.Registrars = k.who(policies.Registrar, func(h heldRow) bool { return h.Program == policies.OperatorProgram && h.Code == req.Program })
	if req.Site == "" {
		return c
	}
	here := func(h heldRow) bool { return h.Site == req.Site }
	c.Site = k.sites[req.Site].fact()
	c.Administrators, c.Authorizers = k.who(policies.Administer, here), k.who(policies.Authorize, here)
	for _, x := range k.facts.Reviews {
		if x.Request == req.ID && !containsReview(c.Reviews, x.ID) {
			c.Reviews = append(c.Reviews, x)
		}
	}
	for _, s := range k.facts.Signatures {
		if s.Declarant && s.Site == req.Site {
			c.Signer = s.Account
		}
	}
	c.Needs = k.needs(c.Program, req)
	return c
}

// needs are those of the request's site, or of the role that it asks for.
func (k around) needs(p *policies.Program, req Request) []policies.NeedState {
	if req.Kind == policies.SiteRequest {
		return policies.DecideSite(p, k.facts, req.Site, k.at).Needs
	}
	f := k.facts
	if req.State == policies.Draft && req.Kind == policies.JoinRequest { // what it would need if it were sent now
		f.Joins = append(slices.Clone(f.Joins), policies.Join{ID: req.ID, Request: req.ID, Account: req.Account, Site: req.Site, Role: req.Role,
			Profession: professionOf(p, req), Span: policies.Span{From: k.at}})
	}
	return needsOf(policies.Decide(k.ps, f, req.Account, k.at), req)
}

// needsOf finds how the needs of one role at one site stand. Another authorizer
// can be asked for while one is there: that need is open in such a request.
func needsOf(d policies.Decision, req Request) []policies.NeedState {
	var needs []policies.NeedState
	for _, h := range d.Held {
		if h.Site == req.Site && h.Role == req.Role && h.Leaf == h.Role {
			needs = h.Needs
		}
	}
	for _, w := range d.Withheld {
		if w.Site == req.Site && w.Role == req.Role {
			needs = w.Needs
		}
	}
	if req.Kind != policies.MandateRequest {
		return needs
	}
	for _, n := range needs {
		if n.Need.Kind == policies.NeedApprove && n.Need.By == policies.ByAuthorizer {
			n.State, n.Who = policies.Outstanding, []policies.Approver{policies.ByAuthorizer}
			return []policies.NeedState{n}
		}
	}
	return nil
}

func containsReview(rs []policies.Review, id string) bool {
	for _, r := range rs {
		if r.ID == id {
			return true
		}
	}
	return false
}

// professionOf is the profession that a request's answers name.
func professionOf(p *policies.Program, req Request) string {
	role, ok := p.Role(req.Role)
	if !ok {
		return ""
	}
	return role.ProfessionOf(req.Answers.Bound(role.Form, "person.profession"))
}
