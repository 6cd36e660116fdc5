package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

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
	c := policies.Case{Program: ps[req.Program], Request: req.asked()}
	var err error
	if c.Registrars, err = operators(ctx, q, ps, req.Program, policies.Registrar, at); err != nil || req.Site == "" {
		return c, err
	}
	site, err := readSite(ctx, q, req.Site)
	if err != nil {
		return c, err
	}
	c.Site = site.fact()
	if c.Administrators, err = holders(ctx, q, ps, req.Site, policies.Administer, at); err != nil {
		return c, err
	}
	if c.Authorizers, err = holders(ctx, q, ps, req.Site, policies.Authorize, at); err != nil {
		return c, err
	}
	f, err := factsOf(ctx, q, []string{req.Account}, at)
	if err != nil {
		return c, err
	}
	if _, known := f.Sites[req.Site]; !known {
		f.Sites[req.Site] = c.Site
	}
	if err := readReviews(ctx, q, &f, []string{req.ID}, at); err != nil {
		return c, err
	}
	for _, x := range f.Reviews {
		if x.Request == req.ID && !containsReview(c.Reviews, x.ID) {
			c.Reviews = append(c.Reviews, x)
		}
	}
	for _, s := range f.Signatures {
		if s.Declarant && s.Site == req.Site {
			c.Signer = s.Account
		}
	}
	if req.Kind == policies.SiteRequest {
		c.Needs = policies.DecideSite(c.Program, f, req.Site, at).Needs
		return c, nil
	}
	if req.State == policies.Draft && req.Kind == policies.JoinRequest { // what it would need if it were sent now
		f.Joins = append(f.Joins, policies.Join{ID: req.ID, Request: req.ID, Account: req.Account, Site: req.Site, Role: req.Role,
			Profession: professionOf(c.Program, req), Span: policies.Span{From: at}})
	}
	c.Needs = needsOf(policies.Decide(ps, f, req.Account, at), req)
	return c, nil
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
