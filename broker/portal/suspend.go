package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// suspend asks a registrar why a person's access in the whole program stops, and
// shows whose access rests on theirs. It is the end page with other words.
func (s *site) suspend(v *visit) error { return s.showSuspend(v, http.StatusOK, url.Values{}, nil) }

func (s *site) showSuspend(v *visit, status int, form url.Values, wrong map[string]string) error {
	c, err := s.caseOf(v)
	if err != nil {
		return err
	}
	dependants, err := s.Registry.IfSuspended(v.ctx(), v.person.Account.ID, c.Request.Program, c.Request.Account)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.suspendPage(at, c, dependants, form, wrong))
}

func (v *visit) suspendPage(at places, c caseFacts, dependants []registry.Dependant, form url.Values, wrong map[string]string) *endPage {
	back := "/desk/" + c.Request.Program + "/" + c.Request.ID
	p := &endPage{Page: v.page(v.words.T("suspend.title"), v.words.T("suspend.lead", "Program", at.program(c.Request.Program))),
		Send: back + "/suspend", Back: back, Button: v.words.T("suspend.send"), Dependants: v.dependantLines(dependants),
		About: []answered{{v.words.T("item.name"), c.Subject.Name()}, {v.words.T("item.user-name"), c.Subject.UserName}}}
	p.Ahead = v.ahead(c.Tracker.Program, policies.ToDecide)
	for _, h := range c.known.Holds {
		p.About = append(p.About, answered{v.words.T("suspend.stops"), v.words.T("request-kind.join", "Role", at.role(h.Program, h.Role), "Site", at.site(h.Site))})
	}
	p.Controls = []control{v.reasonsControl("reasons", v.words.T("suspend.reasons"), "", suspendCodes, form["reasons"]), v.noteControl(form)}
	p.Problems = mark(p.Controls, v.messages(wrong))
	return p
}

// noteControl asks for words to the record beside reason codes.
func (v *visit) noteControl(form url.Values) control {
	c := textarea("words", v.words.T("end.words"), v.words.T("end.words-hint"), form.Get("words"))
	c.Optional = v.words.T("ask.optional")
	return c
}

func (s *site) suspendSend(v *visit) error {
	c, err := s.caseOf(v)
	if err != nil {
		return err
	}
	form, err := v.form(fields{text: []string{"words"}, many: []string{"reasons"}})
	if err != nil {
		return err
	}
	if wrong := checkReasons(form, suspendCodes); len(wrong) > 0 {
		return s.showSuspend(v, http.StatusUnprocessableEntity, form, wrong)
	}
	if err := s.Registry.Suspend(v.ctx(), v.by(form), c.Request.Program, c.Request.Account, form["reasons"], form.Get("words")); err != nil {
		return err
	}
	return v.ended(v.by(form), "/desk/"+c.Request.Program+"/"+c.Request.ID, "suspended")
}

func (s *site) lift(v *visit) error {
	c, err := s.caseOf(v)
	if err != nil {
		return err
	}
	return s.press(v, "/desk/"+c.Request.Program+"/"+c.Request.ID, "lifted", func(by registry.By) error {
		return s.Registry.Lift(v.ctx(), by, c.Request.Program, c.Request.Account)
	})
}
