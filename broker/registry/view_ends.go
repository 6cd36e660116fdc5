package registry

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// Dependant is somebody whose access rests on another person's: what an end
// would mean for them, found by the rules over changed facts.
type Dependant struct {
	Name  string
	Site  string // its name
	Keeps bool   // another authorizer stays
}

// IfJoinEnds is a membership that could be ended, and whom else that would take
// access from, for who may end it: the person, an administrator of the site or a
// registrar. For others there is no such membership.
func (r *Registry) IfJoinEnds(ctx context.Context, account, join string) (Join, []Dependant, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return Join{}, nil, err
	}
	j, err := r.readJoin(ctx, join)
	if err != nil {
		return j, nil, err
	}
	var live bool
	if err := r.db.GetContext(ctx, &live, `select exists (select 1 from fact_join where id = $1 and ended_at is null)`, join); err != nil {
		return j, nil, err
	}
	site, err := readSite(ctx, r.db, j.Site)
	if err != nil {
		return j, nil, err
	}
	c := policies.Case{Program: l.ps[site.Program], Site: site.fact()}
	if !live || j.Account != account && !policies.MayAdminister(l.ps, l.actor, c).OK {
		return Join{}, nil, Fail(NotFound, "error.not-found")
	}
	out, err := l.dependants(`m.account_id = $1 and m.site_id = $2`, []any{j.Account, j.Site}, func(f *policies.Facts) {
		f.Joins = slices.DeleteFunc(f.Joins, func(x policies.Join) bool { return x.ID == join })
	})
	return j, out, err
}

// IfMandatesEnd is who would lose access if the person ended their mandates at a
// site; id narrows it to one, which they gave or act by.
func (r *Registry) IfMandatesEnd(ctx context.Context, account, site, id string) ([]Dependant, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	if !validID(site) || id != "" && !validID(id) {
		return nil, Fail(NotFound, "error.not-found")
	}
	return l.dependants(`m.site_id = $1 and (m.id::text = $3 and $2 in (m.account_id, m.on_behalf) or $3 = '' and m.account_id = $2)`, []any{site, account, id}, func(f *policies.Facts) {
		f.Mandates = slices.DeleteFunc(f.Mandates, func(m policies.Mandate) bool {
			return m.Site == site && (m.ID == id || id == "" && m.Authorizer == account)
		})
	})
}

// IfSuspended is who else would lose access if somebody were suspended in a
// program; for its registrars.
func (r *Registry) IfSuspended(ctx context.Context, account, program, subject string) ([]Dependant, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	if !l.actor.CanOperate(l.ps, policies.Registrar, program) || !validID(subject) {
		return nil, Fail(NotFound, "error.not-found")
	}
	return l.dependants(`m.account_id = $1 and s.program = $2`, []any{subject, program}, func(f *policies.Facts) {
		f.Restrictions = append(f.Restrictions, policies.Restriction{ID: "if", Account: subject, Program: program})
	})
}

// dependants finds who acts on somebody's behalf and holds access now, and
// whether they would still hold it at that site if the facts changed so.
func (l looker) dependants(where string, args []any, change func(*policies.Facts)) ([]Dependant, error) {
	var rows []struct {
		Account string
		Site    string
		Name    string
	}
	if err := sqlx.SelectContext(l.ctx, l.r.db, &rows, `select distinct m.on_behalf as account, m.site_id as site, s.name
		from fact_mandate m join site s on s.id = m.site_id
		where m.ended_at is null and exists (select 1 from access_grant g where g.account_id = m.on_behalf and g.site_id = m.site_id
			and g.ended_at is null and g.until_at > (select instant()) and g.basis @> array[m.id]) and `+where, args...); err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.Account)
	}
	facts, err := factsOf(l.ctx, l.r.db, sorted(ids), l.at)
	if err != nil {
		return nil, err
	}
	change(&facts)
	named, err := accountsNamed(l.ctx, l.r.db, ids)
	if err != nil {
		return nil, err
	}
	var out []Dependant
	for _, row := range rows {
		d := Dependant{Name: named[row.Account].Name(), Site: row.Name}
		for _, h := range policies.Decide(l.ps, facts, row.Account, l.at).Held {
			role, _ := l.ps[facts.Sites[h.Site].Program].Role(h.Role)
			d.Keeps = d.Keeps || h.Site == row.Site && role.NeedsAuthorizer()
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Dependant) int { return slices.Compare([]string{a.Name, a.Site}, []string{b.Name, b.Site}) })
	return out, nil
}

// SiteNames gives the names of sites, for lists of one's own requests.
func (r *Registry) SiteNames(ctx context.Context, ids []string) (map[string]string, error) {
	var rows []struct{ ID, Name string }
	err := r.db.SelectContext(ctx, &rows, `select id, name from site where id = any($1)`, pq.Array(orEmpty(sorted(ids))))
	out := map[string]string{}
	for _, row := range rows {
		out[row.ID] = row.Name
	}
	return out, err
}

// SiteOf is one site by id, whatever its state, for pages about a membership
// that the person is known to be concerned by.
func (r *Registry) SiteOf(ctx context.Context, id string) (Site, error) {
	return readSite(ctx, r.db, id)
}
