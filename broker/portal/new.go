package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// newSitePage begins a request for a site (C7).
type newSitePage struct {
	Page
	ID, Site string
}

func (*newSitePage) view() string { return "new-site" }

func (s *site) newSite(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.newSitePage(program))
}

func (v *visit) newSitePage(program *policies.Program) *newSitePage {
	word := v.words.Program(program, "site.word")
	return &newSitePage{Page: v.page(v.words.T("new.site-title", "Site", word), v.words.T("new.site-lead")), ID: program.ID, Site: word}
}

func (s *site) newSiteSend(v *visit) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	program, err := v.program()
	if err != nil {
		return err
	}
	id, err := s.Registry.Begin(v.ctx(), v.by(form), registry.NewDraft{Program: program.ID, Kind: policies.SiteRequest})
	if err != nil {
		return err
	}
	return v.see("/requests/" + id + "/form")
}

// newJoinPage leads to a request for a role at a site (C13): first the site,
// then the role.
type newJoinPage struct {
	Page
	ID, Site string // the program, and its word for a site
	siteSearch
	RoleCode       string // asked for already, on the way here
	SiteID         string // chosen
	SiteName, City string
	Again          string
	Role           control
}

func (*newJoinPage) view() string { return "new-join" }

func (s *site) newJoin(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	asked := v.r.URL.Query()
	p := v.newJoinPage(program, asked.Get("role"))
	if id := asked.Get("site"); id != "" {
		return v.showRoles(http.StatusOK, p, program, id, "")
	}
	p.siteSearch, p.Problems, err = v.searchSites(program.ID, p.Again+"?"+url.Values{"role": {p.RoleCode}}.Encode()+"&site=")
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

func (s *site) newJoinSend(v *visit) error {
	form, err := v.form(fields{one: []string{"site", "role"}})
	if err != nil {
		return err
	}
	program, err := v.program()
	if err != nil {
		return err
	}
	role, ok := program.Role(form.Get("role"))
	if !ok || role.Entry == policies.EntryInvitation {
		return v.showRoles(http.StatusUnprocessableEntity, v.newJoinPage(program, ""), program, form.Get("site"), "field-error.choose")
	}
	id, err := s.Registry.Begin(v.ctx(), v.by(form), registry.NewDraft{Program: program.ID, Kind: policies.JoinRequest, Site: form.Get("site"), Role: role.Code})
	if err != nil {
		return err
	}
	return v.see("/requests/" + id + "/form")
}

func (v *visit) newJoinPage(program *policies.Program, role string) *newJoinPage {
	w := v.words
	word := w.Program(program, "site.word")
	return &newJoinPage{Page: v.page(w.T("new.join-title", "Site", word), w.T("new.join-lead")), ID: program.ID, Site: word, RoleCode: role,
		Again: "/requests/new/" + program.ID + "/join"}
}

// showRoles shows the second half: the site is chosen, the role is asked.
func (v *visit) showRoles(status int, p *newJoinPage, program *policies.Program, id, wrong string) error {
	site, err := v.Registry.OpenSite(v.ctx(), id)
	if err != nil {
		return err
	}
	if site.Program != program.ID {
		return errNotFound
	}
	p.chooseRole(v, program, site, wrong)
	return v.show(status, p)
}

func (p *newJoinPage) chooseRole(v *visit, program *policies.Program, site registry.Site, wrong string) {
	p.SiteID, p.SiteName, p.City = site.ID, site.Name, site.City
	var roles []option
	for _, card := range roleCards(v, program) {
		if card.Ask {
			roles = append(roles, option{Value: card.Code, Label: card.Name, Hint: card.About})
		}
	}
	p.Role = choice("role", v.words.T("new.role"), "", p.RoleCode, roles)
	p.Role.Widget = "radio" // with what each role means beside it
	if wrong != "" {
		p.Role.Error = v.words.T(wrong)
		p.Problems = []problem{{Field: "role", Message: p.Role.Label + ": " + p.Role.Error}}
	}
}
