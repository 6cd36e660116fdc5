package registry

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// NeedView is a need as people see it: how it stands and who has it now.
type NeedView struct {
	policies.NeedState
	Key   string
	As    policies.Approver // in which capacity those named would decide
	Names []string          // who can meet it now; empty: nobody yet, or the person alone
	Mine  bool              // the person who looks can approve it now
	// Turn: the person who looks can return or refuse at it now.
	Turn bool
}

// looker gathers what every view needs: the moment, the programs and who looks.
type looker struct {
	r     *Registry
	ctx   context.Context
	at    time.Time
	ps    policies.Programs
	actor policies.Actor
	known map[string]Account // those that were read already
}

func (r *Registry) look(ctx context.Context, account string) (looker, error) {
	now, err := r.Now(ctx)
	if err != nil {
		return looker{}, Because(Unavailable, "error.unavailable", err)
	}
	l := looker{r: r, ctx: ctx, at: now, known: map[string]Account{}}
	if l.ps, err = r.programsAt(ctx, r.db, now); err != nil {
		return l, err
	}
	l.actor, err = actorAt(ctx, r.db, account, now)
	return l, err
}

// named gives accounts by id, each read once.
func (l looker) named(ids []string) (map[string]Account, error) {
	missing := slices.DeleteFunc(sorted(ids), func(id string) bool { _, ok := l.known[id]; return ok })
	if len(missing) == 0 {
		return l.known, nil
	}
	read, err := accountsNamed(l.ctx, l.r.db, missing)
	maps.Copy(l.known, read)
	return l.known, err
}

// needs turns the needs of a case into views for who looks.
func (l looker) needs(c policies.Case) ([]NeedView, error) {
	var out []NeedView
	for _, s := range c.Needs {
		v := NeedView{NeedState: s, Key: s.Need.Key()}
		// Of several authorizers each may still say yes when one has: two hold longer than one.
		open := s.State == policies.Outstanding || s.State == policies.Met && s.Need.By == policies.ByAuthorizer
		if open && s.Need.Kind == policies.NeedApprove {
			v.Mine = policies.MayReview(l.ps, l.actor, c, v.Key).OK
			v.Turn = policies.MayTurnDown(l.ps, l.actor, c, v.Key).OK
			var who []string
			v.As, who = policies.Deciders(c, s.Need)
			if v.As != policies.ByRegistrar && v.As != policies.BySecondRegistrar { // registrars are an office, not names
				named, err := l.named(who)
				if err != nil {
					return nil, err
				}
				for _, id := range who {
					v.Names = append(v.Names, named[id].Name())
				}
			} else if len(who) > 0 {
				v.Names = []string{""}
			}
		}
		if s.State == policies.Outstanding && s.Need.Kind == policies.NeedStanding {
			v.As, v.Mine = policies.ByRegistrar, policies.MayRecordStanding(l.ps, l.actor, c).OK
		}
		out = append(out, v)
	}
	return out, nil
}

// SiteHit is what anyone may learn of a registered site: that it is there.
type SiteHit struct{ ID, Name, City string }

// FindSites finds open sites of a program by part of their name or city, at
// least three letters; at most twenty.
func (r *Registry) FindSites(ctx context.Context, program, query string) ([]SiteHit, error) {
	query = strings.ToLower(strings.Join(strings.Fields(query), " "))
	if len([]rune(query)) < 3 {
		return nil, InvalidField("q", "error.three-letters")
	}
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(query) + "%"
	var hits []SiteHit
	err := r.db.SelectContext(ctx, &hits, `select id, name, city from site where program = $1 and opened_at is not null and closed_at is null
		and (lower(name) like $2 or lower(city) like $2) order by name limit 20`, program, pattern)
	return hits, err
}

// OpenSite is one open site by id, for who wants to join it.
func (r *Registry) OpenSite(ctx context.Context, id string) (Site, error) {
	s, err := readSite(ctx, r.db, id)
	if err == nil && (s.Opened == nil || s.Closed != nil) {
		return Site{}, Fail(NotFound, "error.not-found")
	}
	return s, err
}

// Authorizers are those who can authorize at a site now, without the one who asks.
func (r *Registry) Authorizers(ctx context.Context, site, but string) ([]Account, error) {
	l, err := r.look(ctx, but)
	if err != nil {
		return nil, err
	}
	ids, err := holders(ctx, r.db, l.ps, site, policies.Authorize, l.at)
	if err != nil {
		return nil, err
	}
	named, err := accountsNamed(ctx, r.db, ids)
	var out []Account
	for _, id := range ids {
		if id != but {
			out = append(out, named[id])
		}
	}
	return out, err
}

// Why is one fact that a grant stands on, or one thing that happened.
type Why struct {
	Kind   string // join, review, signature, mandate, standing, adopted
	At     time.Time
	Until  *time.Time
	Who    string // name of who did it; empty for oneself or nobody
	Detail string // capacity, agreement and version, regulating body
	Batch  string // reference of the batch by which it was decided; empty for none
}

// why explains a basis.
func why(ctx context.Context, q sqlx.QueryerContext, basis []string) ([]Why, error) {
	var rows []struct {
		Kind   string
		At     time.Time
		Until  time.Time
		Who    *string
		Detail string
		Batch  string
	}
	err := sqlx.SelectContext(ctx, q, &rows, `with f as (
		select 'join' as kind, recorded_at as at, until_at as until, null::uuid as who, role as detail, request_id, act_id from fact_join where id = any($1)
		union all select 'review', recorded_at, until_at, by_account, capacity, request_id, act_id from fact_review where id = any($1)
		union all select 'signature', recorded_at, until_at, account_id, agreement || ' ' || agreement_version, request_id, act_id from fact_signature where id = any($1)
		union all select 'mandate', recorded_at, until_at, account_id, '', request_id, act_id from fact_mandate where id = any($1)
		union all select 'standing', recorded_at, until_at, by_account, body, request_id, act_id from fact_standing where id = any($1)
		union all select 'adopted', f.recorded_at, f.until_at, a.second_by, '', f.request_id, f.act_id from fact_adopted f join adoption a on a.id = f.adoption_id where f.id = any($1))
		select f.kind, f.at, f.until, f.who, f.detail, coalesce(b.ref, '') as batch from f left join act on act.id = f.act_id and act.kind = 'batch.row'
		left join request r on r.id = f.request_id and act.id is not null left join import_batch b on b.id = r.batch_id order by 2`, pq.Array(orEmpty(basis)))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, value(row.Who))
	}
	named, err := accountsNamed(ctx, q, sorted(ids))
	var out []Why
	for _, row := range rows {
		w := Why{Kind: row.Kind, At: row.At, Until: timeOrNil(open(row.Until)), Detail: row.Detail, Batch: row.Batch}
		if a, ok := named[value(row.Who)]; ok {
			w.Who = a.Name()
		}
		out = append(out, w)
	}
	return out, err
}

// Access is one role that a person holds at one site.
type Access struct {
	Join, Program, Role string
	Site                Site
	Leaves              []string // what it gives, without the role itself
	Since               time.Time
	Until               *time.Time // nil: no end is known
	Planned             bool       // a planned end is on it that can be called off
	Ready               bool       // the realm has it
	Why                 []Why
	// Adopted is the request by which the person makes their own what they hold for a
	// while only; empty: they hold it in ordinary ways. Asks: it is theirs to send.
	Adopted string
	Asks    bool
}

// Waiting is something that a person asked for and does not hold.
type Waiting struct {
	Request       Request
	Site          Site
	Needs         []NeedView
	Reasons       []string // codes why it is withheld, beside needs
	HadBefore     bool     // access that is paused
	Administering bool     // of a site that is not open yet
}

// MyAccess is what a person holds, and why; and what is missing for the rest,
// and who has it now.
func (r *Registry) MyAccess(ctx context.Context, account string) (held []Access, waiting []Waiting, err error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, nil, err
	}
	if held, err = l.held(account); err != nil {
		return nil, nil, err
	}
	facts, err := factsOf(ctx, r.db, []string{account}, l.at)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range policies.Decide(l.ps, facts, account, l.at).Withheld {
		one, err := l.waiting(w)
		if IsKind(err, NotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		waiting = append(waiting, one)
	}
	return held, waiting, nil
}

func (l looker) waiting(w policies.Withheld) (Waiting, error) {
	req, err := l.r.readRequest(l.ctx, l.r.db, w.Request, "")
	if err != nil {
		return Waiting{}, err
	}
	c, err := l.r.caseOf(l.ctx, l.r.db, l.ps, req, l.at)
	if err != nil {
		return Waiting{}, err
	}
	site, err := readSite(l.ctx, l.r.db, req.Site)
	if err != nil {
		return Waiting{}, err
	}
	out := Waiting{Request: req, Site: site, Administering: req.Kind == policies.SiteRequest}
	for _, reason := range w.Reasons {
		out.Reasons = append(out.Reasons, reason.Code)
	}
	if err := l.r.db.GetContext(l.ctx, &out.HadBefore, `select exists (select 1 from access_grant where account_id = $1 and site_id = $2 and role = $3 and basis @> array[$4::uuid])`,
		req.Account, w.Site, w.Role, w.Join); err != nil {
		return Waiting{}, err
	}
	out.Needs, err = l.needs(c)
	return out, err
}

// held reads the open grants of an account, one entry for each role.
func (l looker) held(account string) ([]Access, error) {
	var rows []struct {
		grantRow
		Join    string
		Ready   bool
		Planned bool
		Adopted string
		Asks    bool
	}
	if err := l.r.db.SelectContext(l.ctx, &rows, `select g.id, g.account_id, g.site_id, g.role, g.leaf, g.basis, g.from_at, g.until_at, g.version,
		coalesce((select j.id from fact_join j where j.account_id = g.account_id and j.site_id = g.site_id and j.role = g.role and j.ended_at is null)::text, '') as join,
		g.shown_at is not null or a.applied_rev >= a.wanted_rev as ready,
		exists (select 1 from fact_restriction x where x.account_id = g.account_id and x.site_id = g.site_id and x.role = g.role and x.ended_at is null and x.from_at > $2) as planned,
		coalesce(q.id::text, '') as adopted, coalesce(q.state = 'returned', false) as asks
		from access_grant g join account a on a.id = g.account_id
		left join lateral (select f.request_id from fact_adopted f where f.id = any(g.basis) limit 1) fa on true left join request q on q.id = fa.request_id
		where g.account_id = $1 and g.ended_at is null and g.from_at <= $2 and g.until_at > $2 order by g.from_at, g.id`, account, l.at); err != nil {
		return nil, err
	}
	var out []Access
	for _, row := range rows {
		if row.Leaf != row.Role {
			continue
		}
		site, err := readSite(l.ctx, l.r.db, row.Site)
		if err != nil {
			return nil, err
		}
		a := Access{Join: row.Join, Program: site.Program, Role: row.Role, Site: site, Since: row.From,
			Until: timeOrNil(open(row.Until)), Planned: row.Planned, Ready: row.Ready, Adopted: row.Adopted, Asks: row.Asks}
		basis := slices.Clone([]string(row.Basis))
		for _, leaf := range rows {
			if leaf.Site == row.Site && leaf.Role == row.Role && leaf.Leaf != leaf.Role {
				a.Leaves = append(a.Leaves, leaf.Leaf)
				basis = append(basis, leaf.Basis...)
			}
		}
		if a.Why, err = why(l.ctx, l.r.db, sorted(basis)); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
