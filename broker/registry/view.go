package registry

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

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
	if held, err = l.heldBy(account); err != nil {
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
