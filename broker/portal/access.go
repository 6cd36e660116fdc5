package portal

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// accessPage is "My access": what a person holds, until when and why; what is
// missing and who has it now. Signing in leads here.
type accessPage struct {
	Page
	Held        []heldCard
	Waiting     []waitingCard
	Drafts      []requestLine
	Requests    []requestLine
	Programs    []programCard
	Authorizing bool      // has somebody to authorize, or acts on somebody's behalf
	Others      []endLine // of one's own access, that ended lately
}

func (*accessPage) view() string { return "access" }

// heldCard is one role at one site.
type heldCard struct {
	Role, Site, Program string
	State               tag
	Gives               []string
	Nothing             bool // administers, which gives no patient information
	Since, Until        string
	Why                 []string
	Leave, CallOff      string // addresses; empty where it is not so
	Members             string
	Authorizing         bool

	Adopted, AdoptedAt string // what it takes to keep it, and where; empty: it is held in ordinary ways
	Asks               bool   // that is theirs to do now
}

// waitingCard is what a person asked for and does not hold, or not any more.
type waitingCard struct {
	ID, Role, Site, Program string
	State                   tag
	Reasons                 []string
	Needs                   needList
	Edit                    bool // came back: answers can be changed
}

// requestLine is one request in a list.
type requestLine struct {
	What, Ref, When string
	State           tag
	Link            string
}

func (s *site) access(v *visit) error {
	held, waiting, err := s.Registry.MyAccess(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	requests, err := s.Registry.Requests(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	var sites []string
	for _, r := range requests {
		sites = append(sites, r.Site)
	}
	names, err := s.Registry.SiteNames(v.ctx(), sites)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	ends, err := s.Registry.EndsOf(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	p := v.accessPage(at, held, waiting, requests, names)
	p.Others = v.endLines(at, ends)
	p.Late = cmp.Or(p.Late, v.lateNotice(oldestOpen(ends)))
	return v.show(http.StatusOK, p)
}

func (v *visit) accessPage(at places, held []registry.Access, waiting []registry.Waiting, requests []registry.Request, sites map[string]string) *accessPage {
	p := &accessPage{Page: v.page(v.words.T("access.title"), "")}
	var waits time.Time
	for _, a := range held {
		if !a.Ready {
			waits = earlier(waits, a.Since)
		}
		card := v.heldCard(at, a)
		p.Held = append(p.Held, card)
		p.Authorizing = p.Authorizing || card.Authorizing
	}
	p.Late = v.lateNotice(waits)
	for _, w := range waiting {
		p.Waiting = append(p.Waiting, v.waitingCard(at, w))
		p.Authorizing = p.Authorizing || at.roleOf(w.Request.Program, w.Request.Role).NeedsAuthorizer()
	}
	for _, r := range requests {
		line := v.requestLine(at, r, sites[r.Site])
		if r.State == policies.Draft {
			line.Link = "/requests/" + r.ID + "/form"
			p.Drafts = append(p.Drafts, line)
		} else {
			p.Requests = append(p.Requests, line)
		}
	}
	for _, program := range public(at.ps) {
		p.Programs = append(p.Programs, programCard{program.ID, v.words.Program(program, "name"), v.words.Program(program, "about")})
	}
	return p
}

func (v *visit) heldCard(at places, a registry.Access) heldCard {
	zone, role := a.Site.TZ, at.roleOf(a.Program, a.Role)
	c := heldCard{Role: at.role(a.Program, a.Role), Site: at.site(a.Site), Program: at.program(a.Program), State: v.stateTag("access-state", "ready"),
		Gives: at.leaves(a.Program, a.Leaves), Nothing: role.Can(policies.Administer),
		Since: v.words.Moment(a.Since, zone), Until: v.until(a.Until, zone), Why: at.why(a.Program, zone, a.Why),
		Authorizing: role.Can(policies.Authorize) || role.NeedsAuthorizer()}
	switch {
	case !a.Ready:
		c.State = v.stateTag("access-state", "being-set-up")
	case a.Planned:
		c.State = v.stateTag("access-state", "ending")
	}
	if a.Adopted != "" {
		c.Asks, c.AdoptedAt, c.Adopted = a.Asks, "/requests/"+a.Adopted, v.words.T("access.adopted-sent")
		if a.Asks {
			c.AdoptedAt += "/form"
			c.Adopted = v.words.T("access.adopted")
		}
	}
	if a.Join != "" {
		c.Leave = "/access/" + a.Join + "/leave"
		if a.Planned {
			c.CallOff = "/access/" + a.Join + "/call-off"
		}
	}
	if c.Nothing {
		c.Members = "/sites/" + a.Site.ID + "/members"
	}
	return c
}

func (v *visit) waitingCard(at places, w registry.Waiting) waitingCard {
	r := w.Request
	c := waitingCard{ID: r.ID, Role: at.role(r.Program, r.Role), Site: at.site(w.Site), Program: at.program(r.Program), State: v.stateTag("request-state", r.State),
		Needs: v.needLines(at.ps[r.Program], w.Needs, true, 0, w.Site.ID), Edit: r.State == policies.ReturnedR && r.By == v.person.Account.ID}
	if w.HadBefore {
		c.State = v.stateTag("access-state", "paused")
	}
	for _, code := range w.Reasons {
		if code != policies.NeedOutstanding && code != policies.NeedRefused { // the needs say these
			c.Reasons = append(c.Reasons, v.words.T("reason."+code))
		}
	}
	slices.Sort(c.Reasons)
	c.Reasons = slices.Compact(c.Reasons)
	return c
}

// requestLine says what a request asks for, and how it stands.
func (v *visit) requestLine(at places, r registry.Request, site string) requestLine {
	zone := "UTC"
	if p := at.ps[r.Program]; p != nil {
		zone = p.TimeZone
		if r.Kind == policies.SiteRequest && site == "" {
			if site = r.Answers.Bound(p.Sites.Form, "site.name"); site == "" {
				site = v.words.Program(p, "site.word")
			}
		}
	}
	if r.Program == policies.OperatorProgram {
		site = at.program(site)
	}
	when := r.Created
	if r.Submitted != nil {
		when = *r.Submitted
	}
	return requestLine{What: v.words.T("request-kind."+r.Kind, "Role", at.role(r.Program, r.Role), "Site", site), Ref: r.Ref,
		When: v.words.Date(when, zone), State: v.stateTag("request-state", r.State), Link: "/requests/" + r.ID}
}
