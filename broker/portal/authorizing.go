package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"

	"countersign/broker/registry"
	"countersign/policies"
)

// authorizingPage is whom a person authorizes at which site, and who authorizes
// them: either side may begin, and either may end it (C17 to C23).
type authorizingPage struct {
	Page
	Sites    []authorizingSite
	Received []mandateLine
	Asks     []askAt
}

func (*authorizingPage) view() string { return "authorizing" }

// authorizingSite is one site where the person can authorize.
type authorizingSite struct {
	ID, Name string
	Given    []mandateLine
	EndAll   string // address; empty with fewer than two
	Could    bool   // somebody there can be authorized
	Offer    control
	Invite   []control
}

// mandateLine is one mandate as either of the two sees it.
type mandateLine struct {
	Name, Site, Since string
	State             tag
	End               string
}

// askAt is a site where the person acts on somebody's behalf and may ask another.
type askAt struct{ Site, Role, What string }

// authorizingFacts is what the page is made of.
type authorizingFacts struct {
	given, received []registry.Mandate
	sites           []registry.AuthorizingAt
	held            []registry.Access
	waiting         []registry.Waiting
}

func (s *site) authorizing(v *visit) error {
	return s.showAuthorizing(v, http.StatusOK, "", url.Values{}, nil)
}

func (s *site) showAuthorizing(v *visit, status int, site string, form url.Values, wrong map[string]string) error {
	var f authorizingFacts
	var err error
	me := v.person.Account.ID
	if f.given, f.received, err = s.Registry.Mandates(v.ctx(), me); err != nil {
		return err
	}
	if f.sites, err = s.Registry.Authorizing(v.ctx(), me); err != nil {
		return err
	}
	if f.held, f.waiting, err = s.Registry.MyAccess(v.ctx(), me); err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.authorizingPage(at, f, site, form, wrong))
}

// authorizingPage shows the page; form and wrong are what was sent a moment ago
// about the site.
func (v *visit) authorizingPage(at places, f authorizingFacts, site string, form url.Values, wrong map[string]string) *authorizingPage {
	p := &authorizingPage{Page: v.page(v.words.T("authorizing.title"), v.words.T("authorizing.lead"))}
	listed := map[string]bool{}
	for i, x := range f.sites {
		p.Ahead = cmp.Or(p.Ahead, v.ahead(at.ps[x.Site.Program], policies.ToDecide))
		typed, messages := url.Values{}, map[string]string{}
		if x.Site.ID == site {
			typed, messages = form, v.messages(wrong)
		}
		s := v.authorizingSite(at, x, f.given, strconv.Itoa(i), typed)
		offer := []control{s.Offer}
		p.Problems = append(p.Problems, mark(offer, messages)...)
		p.Problems = append(p.Problems, mark(s.Invite, messages)...)
		s.Offer = offer[0]
		listed[x.Site.ID] = true
		p.Sites = append(p.Sites, s)
	}
	for _, m := range f.given { // of sites where the person can authorize no more
		if !listed[m.Site.ID] {
			listed[m.Site.ID] = true
			p.Sites = append(p.Sites, v.authorizingSite(at, registry.AuthorizingAt{Site: m.Site}, f.given, "x", nil))
		}
	}
	for _, m := range f.received {
		p.Received = append(p.Received, v.mandateLine(at, m, m.AuthorizerName))
	}
	p.Asks = asks(at, f)
	return p
}

func (v *visit) authorizingSite(at places, x registry.AuthorizingAt, given []registry.Mandate, suffix string, typed url.Values) authorizingSite {
	s := authorizingSite{ID: x.Site.ID, Name: at.site(x.Site)}
	for _, m := range given {
		if m.Site.ID == x.Site.ID {
			s.Given = append(s.Given, v.mandateLine(at, m, m.OnBehalfName))
		}
	}
	if len(s.Given) > 1 {
		s.EndAll = "/authorizing/sites/" + x.Site.ID + "/end"
	}
	var could, roles []option
	for _, a := range x.Could {
		could = append(could, option{Value: a.ID, Label: a.Name() + " (" + a.UserName + ")"})
	}
	for _, r := range x.Roles {
		roles = append(roles, option{Value: r, Label: at.role(x.Site.Program, r)})
	}
	s.Could = len(could) > 0
	s.Offer = choice("account", v.words.T("authorizing.offer"), v.words.T("authorizing.offer-hint"), typed.Get("account"), could)
	s.Offer.ID, s.Offer.Choose = "account-"+suffix, v.words.T("ask.choose")
	if len(roles) > 0 {
		mail := input("email", "email", v.words.T("authorizing.email"), v.words.T("authorizing.email-hint"), typed.Get("email"))
		role := choice("role", v.words.T("authorizing.role"), "", typed.Get("role"), roles)
		if len(roles) == 1 {
			role.Options[0].Chosen = true // no choice to make; the form still names it
		}
		role.ID, mail.ID = "role-"+suffix, "email-"+suffix
		s.Invite = []control{role, mail}
	}
	return s
}

func (v *visit) mandateLine(at places, m registry.Mandate, name string) mandateLine {
	state := "idle"
	if m.Live {
		state = "live"
	}
	return mandateLine{Name: name, Site: at.site(m.Site), Since: v.words.Date(m.Since, m.Site.TZ), State: v.stateTag("mandate", state), End: "/authorizing/" + m.ID + "/end"}
}

// asks are the sites where the person wishes to act on somebody's behalf.
func asks(at places, f authorizingFacts) []askAt {
	var out []askAt
	add := func(s registry.Site, role string) {
		if at.roleOf(s.Program, role).NeedsAuthorizer() {
			out = append(out, askAt{s.ID, role, at.v.words.T("request-kind.join", "Role", at.role(s.Program, role), "Site", at.site(s))})
		}
	}
	for _, a := range f.held {
		add(a.Site, a.Role)
	}
	for _, w := range f.waiting {
		if w.Request.State == policies.Submitted || w.Request.State == policies.Granted {
			add(w.Site, w.Request.Role)
		}
	}
	return out
}

// offer authorizes somebody who is at the site and wishes it.
func (s *site) offer(v *visit) error {
	form, err := v.form(fields{one: []string{"account"}})
	if err != nil {
		return err
	}
	if form.Get("account") == "" {
		return s.showAuthorizing(v, http.StatusUnprocessableEntity, v.param("site"), form, map[string]string{"account": "field-error.choose"})
	}
	if err := s.Registry.Offer(v.ctx(), v.by(form), v.param("site"), form.Get("account")); err != nil {
		return err
	}
	return v.done("/authorizing", "authorized")
}

// inviteByMail offers it to somebody who is not at the site yet.
func (s *site) inviteByMail(v *visit) error {
	form, wrong, err := v.invited()
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return s.showAuthorizing(v, http.StatusUnprocessableEntity, v.param("site"), form, wrong)
	}
	if err := s.Registry.OfferByMail(v.ctx(), v.by(form), v.param("site"), form.Get("role"), policies.Tidy("email", form.Get("email"))); err != nil {
		return err
	}
	return v.done("/authorizing", "offer-mailed")
}

// askAuthorizer begins a request for a further authorizer; its question page is
// the program's own.
func (s *site) askAuthorizer(v *visit) error {
	form, err := v.form(fields{one: []string{"site", "role"}})
	if err != nil {
		return err
	}
	where, err := s.Registry.OpenSite(v.ctx(), form.Get("site"))
	if err != nil {
		return err
	}
	id, err := s.Registry.Begin(v.ctx(), v.by(form), registry.NewDraft{Program: where.Program, Kind: policies.MandateRequest, Site: where.ID, Role: form.Get("role")})
	if err != nil {
		return err
	}
	return v.see("/requests/" + id + "/form")
}
