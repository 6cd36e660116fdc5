package portal

import (
	"net/http"
	"net/url"
	"slices"

	"countersign/broker/registry"
	"countersign/policies"
)

// casePage is one request at the registrar's desk: what was answered beside what
// is known, and what can be decided.
type casePage struct {
	Page
	ID, Program string
	Version     int64
	State       tag
	About       []answered
	Answers     []answered
	Alerts      []string // what to look at twice
	Tried       []triedLine
	Signed      string
	Proof       tag
	IsSite      bool
	Members     string // address; empty while the site is not open
	Needs       needList
	Decisions   []decision
	Standing    []control // the finding about a licence; nil: not asked for
	Renewal     bool      // there is a finding already
	Standings   []string
	Holds       []string
	Suspended   string // since when and by whom
	Self        bool   // it is the registrar's own request
	History     []historyLine
}

func (*casePage) view() string { return "case" }

// caseFacts is what a case page is made of.
type caseFacts struct {
	registry.Tracker
	known   registry.Known
	alike   []registry.SiteHit // registered sites with a like name
	answers []answered
}

func (s *site) deskCase(v *visit) error { return s.showCase(v, http.StatusOK, nil, nil, "") }

// caseOf reads the case of the address, for a registrar of its program.
func (s *site) caseOf(v *visit) (caseFacts, error) {
	var c caseFacts
	var err error
	if c.Tracker, err = s.Registry.Tracker(v.ctx(), v.person.Account.ID, v.param("request")); err != nil {
		return c, err
	}
	if !c.Registrar || c.Request.Program != v.param("program") {
		return c, errNotFound
	}
	if c.known, err = s.Registry.Known(v.ctx(), v.person.Account.ID, c.Request.Program, c.Request.Account); err != nil {
		return c, err
	}
	if c.Request.Kind == policies.SiteRequest {
		c.alike, err = s.Registry.FindSites(v.ctx(), c.Request.Program, c.Site.Name)
		if err != nil && fieldsOf(err) == nil { // a name too short to search by is like no other
			return c, err
		}
		c.alike = slices.DeleteFunc(c.alike, func(h registry.SiteHit) bool { return h.ID == c.Site.ID })
	}
	c.answers, err = s.submitted(v, c.Tracker)
	return c, err
}

func (s *site) showCase(v *visit, status int, form url.Values, wrong map[string]string, notice string) error {
	c, err := s.caseOf(v)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.casePage(at, c, form, wrong, notice))
}

func (v *visit) casePage(at places, c caseFacts, form url.Values, wrong map[string]string, notice string) *casePage {
	r, zone := c.Request, c.Program.TimeZone
	p := &casePage{Page: v.page(v.requestLine(at, r, at.site(c.Site)).What, ""), ID: r.ID, Program: r.Program, Version: r.Version,
		State: v.stateTag("request-state", r.State), About: v.aboutPerson(at, c.Tracker), Answers: c.answers, IsSite: r.Kind == policies.SiteRequest,
		Needs: v.needLines(c.Program, c.Needs, false, c.Registrars, ""), History: v.history(c.Tracker, zone), Self: r.Account == v.person.Account.ID}
	p.Tried, p.Signed, p.Proof = v.signers(c.Tracker, zone)
	if c.Site.Opened != nil {
		p.Members = "/sites/" + c.Site.ID + "/members"
	}
	p.Alerts = v.alerts(c)
	for _, h := range c.known.Holds {
		p.Holds = append(p.Holds, v.words.T("case.hold", "Role", at.role(h.Program, h.Role), "Site", at.site(h.Site), "Since", v.words.Date(h.Since, zone)))
	}
	p.Standings = at.why(r.Program, zone, c.known.Standings)
	if x := c.known.Suspended; x != nil {
		p.Suspended = v.words.T("case.suspended", "On", v.words.Moment(x.At, zone), "Who", x.Who)
	}
	p.Ahead = v.ahead(c.Tracker.Program, policies.ToDecide)
	p.Decisions, p.Problems = v.decisions(at, c.Tracker, true, form, wrong)
	p.Standing, p.Renewal = v.standingControls(c.Tracker, form, p.Self)
	p.Problems = append(p.Problems, mark(p.Standing, v.messages(wrong))...)
	if notice != "" {
		p.Problems = append([]problem{{Message: v.words.T(notice)}}, p.Problems...)
	}
	return p
}

// alerts are what a registrar should look at twice.
func (v *visit) alerts(c caseFacts) []string {
	var out []string
	for _, n := range c.Needs {
		if n.Need.By == policies.BySecondRegistrar && n.State != policies.NotAsked {
			out = append(out, v.words.T("case.signer-is-requester"))
			if c.Registrars == 1 {
				out = append(out, v.words.T("who.only-one-registrar"))
			}
		}
	}
	if c.Declared != nil && !c.Declared.Proven {
		out = append(out, v.words.T("case.unproven"))
	}
	for _, h := range c.alike {
		out = append(out, v.words.T("case.alike-site", "Name", h.Name, "City", h.City))
	}
	for _, a := range c.known.Alike {
		out = append(out, v.words.T("case.alike-person", "Name", a.Name(), "UserName", a.UserName))
	}
	return out
}

func (s *site) caseSend(v *visit) error {
	if _, err := s.caseOf(v); err != nil { // of another program, or not a registrar's: as if it were not there
		return err
	}
	return s.decide(v, "/desk/"+v.param("program"), func(status int, form url.Values, wrong map[string]string, notice string) error {
		return s.showCase(v, status, form, wrong, notice)
	})
}
