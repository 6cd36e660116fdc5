package registry

import (
	"context"
	"time"

	"countersign/policies"
)

// Member is one membership of a site, held or asked for.
type Member struct {
	Join, Account, Name, UserName, Role string
	Request                             string
	Held                                bool
	Ready                               bool       // the realm has it
	Since                               time.Time  // of the grant, or of the wish
	Until                               *time.Time // known end of the grant
	Planned                             bool
	Word                                []Why // on whose word: reviews and mandates
	Waits                               []NeedView
	Mine                                bool // the looker can confirm something of it
	MayEnd                              bool
	Self                                bool
}

// MembersPage is a site as its administrators see it.
type MembersPage struct {
	Site           Site
	Program        *policies.Program
	Members        []Member
	Administrators int
	Registrar      bool
}

// Members lists who is at a site, for its administrators and the program's
// registrars; for others there is no such page.
func (r *Registry) Members(ctx context.Context, account, siteID string) (MembersPage, error) {
	return r.members(ctx, account, siteID, "")
}

// Member is Members with one of them alone.
func (r *Registry) Member(ctx context.Context, account, siteID, join string) (MembersPage, error) {
	page, err := r.members(ctx, account, siteID, join)
	if err == nil && len(page.Members) == 0 {
		err = Fail(NotFound, "error.not-found")
	}
	return page, err
}

// members lists all of them, or the one whose membership only is.
func (r *Registry) members(ctx context.Context, account, siteID, only string) (MembersPage, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return MembersPage{}, err
	}
	site, err := readSite(ctx, r.db, siteID)
	if err != nil {
		return MembersPage{}, err
	}
	c := policies.Case{Program: l.ps[site.Program], Site: site.fact()}
	if a := policies.MayAdminister(l.ps, l.actor, c); !a.OK || site.Opened == nil {
		return MembersPage{}, Fail(NotFound, "error.not-found")
	}
	if c.Administrators, err = holders(ctx, r.db, l.ps, siteID, policies.Administer, l.at); err != nil {
		return MembersPage{}, err
	}
	page := MembersPage{Site: site, Program: l.ps[site.Program], Administrators: len(c.Administrators),
		Registrar: l.actor.CanOperate(l.ps, policies.Registrar, site.Program)}
	var rows []struct {
		Join, Account, Role string
		Request             *string
		Since               time.Time
	}
	if err := r.db.SelectContext(ctx, &rows, `select id as join, account_id as account, role, request_id as request, recorded_at as since
		from fact_join where site_id = $1 and ended_at is null and $2 in ('', id::text) order by recorded_at, id`, siteID, only); err != nil {
		return page, err
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.Account)
	}
	named, err := accountsNamed(ctx, r.db, sorted(ids))
	if err != nil {
		return page, err
	}
	held, err := l.held(sorted(ids), siteID)
	if err != nil {
		return page, err
	}
	for _, row := range rows {
		m := Member{Join: row.Join, Account: row.Account, Role: row.Role, Request: value(row.Request), Since: row.Since, Self: row.Account == account,
			Name: named[row.Account].Name(), UserName: named[row.Account].UserName,
			MayEnd: policies.MayDeactivate(l.ps, l.actor, c, row.Account, row.Role).OK}
		if err := l.member(&m, held[row.Account]); err != nil {
			return page, err
		}
		page.Members = append(page.Members, m)
	}
	return page, nil
}

// member adds on whose word a membership is held, or what it waits for; at is all that
// the person holds at the site.
func (l looker) member(m *Member, at []Access) error {
	for _, h := range at {
		if h.Role != m.Role {
			continue
		}
		m.Held, m.Since, m.Until, m.Planned, m.Ready = true, h.Since, h.Until, h.Planned, h.Ready
		for _, w := range h.Why {
			if w.Kind == "review" || w.Kind == "mandate" {
				m.Word = append(m.Word, w)
			}
		}
	}
	if m.Held || m.Request == "" {
		return nil
	}
	req, err := l.r.readRequest(l.ctx, l.r.db, m.Request, "")
	if err != nil {
		return err
	}
	c, err := l.r.caseOf(l.ctx, l.r.db, l.ps, req, l.at)
	if err != nil {
		return err
	}
	needs, err := l.needs(c)
	for _, n := range needs {
		if n.State == policies.Outstanding {
			m.Waits = append(m.Waits, n)
			m.Mine = m.Mine || n.Mine
		}
	}
	return err
}

// Mandate is one person letting another act for them at a site.
type Mandate struct {
	ID                           string
	Site                         Site
	Authorizer, OnBehalf         string // account ids
	AuthorizerName, OnBehalfName string
	Since                        time.Time
	Live                         bool // the one who acts has access by it now
}

// Mandates are those that a person gave, and those by which they act.
func (r *Registry) Mandates(ctx context.Context, account string) (given, received []Mandate, err error) {
	var rows []struct {
		ID, Site, Authorizer, OnBehalf string
		Since                          time.Time
		Live                           bool
	}
	if err := r.db.SelectContext(ctx, &rows, `select m.id, m.site_id as site, m.account_id as authorizer, m.on_behalf as onbehalf, m.recorded_at as since,
		exists (select 1 from access_grant g where g.account_id = m.on_behalf and g.site_id = m.site_id and g.ended_at is null and g.until_at > (select instant()) and g.basis @> array[m.id]) as live
		from fact_mandate m where (m.account_id = $1 or m.on_behalf = $1) and m.ended_at is null order by m.recorded_at`, account); err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		site, err := readSite(ctx, r.db, row.Site)
		if err != nil {
			return nil, nil, err
		}
		named, err := accountsNamed(ctx, r.db, []string{row.Authorizer, row.OnBehalf})
		if err != nil {
			return nil, nil, err
		}
		m := Mandate{ID: row.ID, Site: site, Authorizer: row.Authorizer, OnBehalf: row.OnBehalf, Since: row.Since, Live: row.Live,
			AuthorizerName: named[row.Authorizer].Name(), OnBehalfName: named[row.OnBehalf].Name()}
		if row.Authorizer == account {
			given = append(given, m)
		} else {
			received = append(received, m)
		}
	}
	return given, received, nil
}

// AuthorizingAt lists the open sites where a person can authorize, and there
// whoever wishes to act on somebody's behalf and is not authorized by them.
type AuthorizingAt struct {
	Site  Site
	Roles []string // the roles that need an authorizer
	Could []Account
}

// Authorizing is where and whom a person can authorize.
func (r *Registry) Authorizing(ctx context.Context, account string) ([]AuthorizingAt, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	var out []AuthorizingAt
	for _, h := range l.actor.Holds {
		role, ok := l.ps[h.Program].Role(h.Role)
		if !ok || !role.Can(policies.Authorize) {
			continue
		}
		site, err := readSite(ctx, r.db, h.Site)
		if err != nil {
			return nil, err
		}
		at := AuthorizingAt{Site: site}
		for _, x := range l.ps[h.Program].Roles {
			if x.NeedsAuthorizer() {
				at.Roles = append(at.Roles, x.Code)
			}
		}
		if err := r.db.SelectContext(ctx, &at.Could, `select `+accountColumns+` from account where id in (
			select j.account_id from fact_join j where j.site_id = $1 and j.role = any($2) and j.ended_at is null and j.account_id <> $3
			and not exists (select 1 from fact_mandate m where m.on_behalf = j.account_id and m.account_id = $3 and m.site_id = $1 and m.ended_at is null)) order by surname, given_name`,
			h.Site, pqStrings(at.Roles), account); err != nil {
			return nil, err
		}
		out = append(out, at)
	}
	return out, nil
}
