package portal

import (
	"net/http"

	"countersign/broker/registry"
	"countersign/policies"
)

// endMandate asks whether one mandate shall end, of those that the person gave
// or acts by.
func (s *site) endMandate(v *visit) error {
	given, received, err := s.Registry.Mandates(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	for _, m := range append(given, received...) {
		if m.ID == v.param("mandate") {
			return s.showEndMandates(v, []registry.Mandate{m}, m.ID)
		}
	}
	return errNotFound
}

// endMandates asks whether all that the person gave at a site shall end.
func (s *site) endMandates(v *visit) error {
	given, _, err := s.Registry.Mandates(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	var there []registry.Mandate
	for _, m := range given {
		if m.Site.ID == v.param("site") {
			there = append(there, m)
		}
	}
	if len(there) == 0 {
		return errNotFound
	}
	return s.showEndMandates(v, there, "")
}

func (s *site) showEndMandates(v *visit, ms []registry.Mandate, id string) error {
	dependants, err := s.Registry.IfMandatesEnd(v.ctx(), v.person.Account.ID, ms[0].Site.ID, id)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.endMandatesPage(at, ms, dependants, id))
}

func (v *visit) endMandatesPage(at places, ms []registry.Mandate, dependants []registry.Dependant, id string) *endPage {
	p := &endPage{Page: v.page(v.words.T("end-mandate.title"), v.words.T("end-mandate.lead")), Send: "/authorizing/" + id + "/end", Back: "/authorizing",
		Button: v.words.T("end-mandate.send"), Dependants: v.dependantLines(dependants), Rests: true}
	if id == "" {
		p.Button = v.words.T("end-mandate.send-all")
		p.Title, p.Send = v.words.T("end-mandate.title-all", "Site", at.site(ms[0].Site)), "/authorizing/sites/"+ms[0].Site.ID+"/end"
	}
	for _, m := range ms {
		if m.OnBehalf != v.person.Account.ID { // who acts on behalf leaves with any sign-in
			p.Ahead = v.ahead(at.ps[m.Site.Program], policies.ToDecide)
		}
		p.About = append(p.About, answered{at.site(m.Site), v.words.T("end-mandate.pair", "Authorizer", m.AuthorizerName, "OnBehalf", m.OnBehalfName)})
	}
	return p
}

func (s *site) endMandateSend(v *visit) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	if err := s.Registry.EndMandate(v.ctx(), v.by(form), v.param("mandate")); err != nil {
		return err
	}
	return v.ended(v.by(form), "/authorizing", "mandate-ended")
}

func (s *site) endMandatesSend(v *visit) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	if err := s.Registry.EndMandates(v.ctx(), v.by(form), v.param("site")); err != nil {
		return err
	}
	return v.ended(v.by(form), "/authorizing", "mandates-ended")
}
