package registry

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"countersign/policies"
)

// Item is a request in somebody's inbox, or on a registrar's desk.
type Item struct {
	Request Request
	Site    Site
	Subject Account
	Needs   []NeedView // all of them; Mine marks what the person who looks can do
}

// mine tells whether there is anything for the person who looks to do.
func (i Item) mine() bool {
	for _, n := range i.Needs {
		if n.Mine || n.Turn {
			return true
		}
	}
	return false
}

// shown is how many requests a page lists.
const shown = 200

// Items are the oldest of some requests, as many as a page lists; More are not.
type Items struct {
	List []Item
	More int
}

func (x *Items) add(i Item) {
	if len(x.List) == shown {
		x.More++
		return
	}
	x.List = append(x.List, i)
}

// Inbox is what waits for the person who looks, oldest first.
func (r *Registry) Inbox(ctx context.Context, account string) (Items, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return Items{}, err
	}
	var sites, programs []string
	for _, h := range l.actor.Holds {
		switch {
		case l.actor.Can(l.ps, policies.Administer, h.Site):
			sites = append(sites, h.Site)
		case h.Program == policies.OperatorProgram && l.actor.CanOperate(l.ps, policies.Registrar, h.SiteCode):
			programs = append(programs, h.SiteCode)
		}
	}
	var mine Items
	err = l.items(func(i Item) {
		if i.mine() {
			mine.add(i)
		}
	}, `state = 'submitted' and (site_id = any($1) or program = any($2)) or state in ('submitted', 'granted') and $3 = any(authorizers)`,
		pq.Array(orEmpty(sites)), pq.Array(orEmpty(programs)), account)
	return mine, err
}

// Desk is a program's open requests as its registrar sees them: what needs me,
// apart from what waits for others. Oldest first.
func (r *Registry) Desk(ctx context.Context, account, program string) (needsMe, waits Items, err error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return needsMe, waits, err
	}
	if !l.actor.CanOperate(l.ps, policies.Registrar, program) {
		return needsMe, waits, Fail(NotFound, "error.not-found")
	}
	err = l.items(func(i Item) {
		if i.mine() {
			needsMe.add(i)
		} else {
			waits.add(i)
		}
	}, `state in ('submitted', 'returned') and program = $1`, program)
	return needsMe, waits, err
}

// together is for how many requests what the rules need to know is read at once.
const together = 100

// items gives every request that the person may see, oldest first: whose turn it
// is only the rules can tell, so all are looked at, many at a time.
func (l looker) items(take func(Item), where string, args ...any) error {
	var rows []Request
	if err := l.r.db.SelectContext(l.ctx, &rows, `select `+requestColumns+` from request where `+where+` order by submitted_at, id`, args...); err != nil {
		return err
	}
	for some := range slices.Chunk(rows, together) {
		k, err := readAround(l.ctx, l.r.db, l.ps, some, l.at)
		if err != nil {
			return err
		}
		var people []string
		cases := make([]policies.Case, len(some))
		for i, req := range some {
			cases[i] = k.caseOf(req)
			people = append(append(append(people, req.Account), req.Authorizers...), cases[i].Administrators...)
		}
		if _, err := l.named(people); err != nil {
			return err
		}
		for i, req := range some {
			if !policies.MaySee(l.ps, l.actor, cases[i]).OK {
				continue
			}
			one, err := l.item(req, cases[i], k.sites[req.Site])
			if err != nil {
				return err
			}
			take(one)
		}
	}
	return nil
}

func (l looker) item(req Request, c policies.Case, site Site) (Item, error) {
	named, err := l.named([]string{req.Account})
	if err != nil {
		return Item{}, err
	}
	needs, err := l.needs(c)
	return Item{Request: req, Site: site, Subject: named[req.Account], Needs: needs}, err
}
