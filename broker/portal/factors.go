package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// factorsPage is somebody whose second factors can be reset, with the form that asks
// why, and what became of the latest reset. No secret is seen here, by anybody.
type factorsPage struct {
	Page
	Send, Back string
	About      []answered
	Asked      string // when a reset was last asked for; empty: never
	State      tag    // of it
	MayNot     string // why the looker may not; empty: they may
	Controls   []control
}

func (*factorsPage) view() string { return "factors" }

// findPage asks for the user name of somebody who lost their second factor.
type findPage struct {
	Page
	ID       string
	Controls []control
}

func (*findPage) view() string { return "find-account" }

// memberFactors is where a site's administrator resets those of a member; factorsOf
// where those who operate a program do.
func memberFactors(v *visit) registry.FactorsPlace {
	return registry.FactorsPlace{Join: v.param("join")}
}

func factorsOf(v *visit) registry.FactorsPlace {
	return registry.FactorsPlace{Program: v.param("program"), Account: v.param("account")}
}

// factors shows the page of either place.
func (s *site) factors(at func(*visit) registry.FactorsPlace) func(*visit) error {
	return func(v *visit) error { return s.showFactors(v, at(v), http.StatusOK, url.Values{}, nil) }
}

func (s *site) showFactors(v *visit, at registry.FactorsPlace, status int, form url.Values, wrong map[string]string) error {
	f, err := s.Registry.Factors(v.ctx(), v.person.Account.ID, at)
	if err != nil {
		return err
	}
	if at.Join != "" && f.Site.ID != v.param("site") {
		return errNotFound
	}
	places, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.factorsPage(places, f, v.r.URL.Path, form, wrong))
}

func (v *visit) factorsPage(at places, f registry.FactorsPage, send string, form url.Values, wrong map[string]string) *factorsPage {
	p := &factorsPage{Page: v.page(v.words.T("factors.title", "Name", f.Account.Name()), v.words.T("factors.lead")), Send: send,
		Back: "/desk/" + f.Program.ID + "/factors", About: []answered{{v.words.T("item.name"), f.Account.Name()}, {v.words.T("item.user-name"), f.Account.UserName}}}
	p.Ahead = v.ahead(f.Program, policies.ToDecide)
	zone := f.Program.TimeZone
	if f.Site.ID != "" {
		zone, p.Back = f.Site.TZ, "/sites/"+f.Site.ID+"/members"
		p.About = append(p.About, answered{v.words.T("end.site"), at.site(f.Site)})
	}
	if f.Asked != nil {
		p.Asked, p.State = v.words.T("factors.asked", "On", v.words.Moment(*f.Asked, zone)), v.stateTag("factors-state", "outstanding")
		if f.Done {
			p.State = v.stateTag("factors-state", "ready")
		}
	}
	if !f.May.OK {
		p.MayNot = v.words.T("reason." + f.May.Reasons[0])
		return p
	}
	p.Controls = []control{v.reasonsControl("reasons", v.words.T("factors.reasons"), "", policies.FactorReasons, form["reasons"]),
		textarea("words", v.words.T("factors.words"), v.words.T("factors.words-hint"), form.Get("words"))}
	p.Problems = mark(p.Controls, v.messages(wrong))
	return p
}

// resetFactors answers the form of either place.
func (s *site) resetFactors(at func(*visit) registry.FactorsPlace) func(*visit) error {
	return func(v *visit) error {
		form, err := v.form(fields{text: []string{"words"}, many: []string{"reasons"}})
		if err != nil {
			return err
		}
		wrong := checkReasons(form, policies.FactorReasons)
		if form.Get("words") == "" {
			wrong["words"] = "field-error.required"
		}
		if len(wrong) == 0 {
			err = s.Registry.ResetFactors(v.ctx(), v.by(form), at(v), form["reasons"], form.Get("words"))
			wrong = fieldsOf(err)
		}
		if len(wrong) > 0 {
			return s.showFactors(v, at(v), http.StatusUnprocessableEntity, form, wrong)
		}
		if err != nil {
			return err
		}
		return v.done(v.r.URL.Path, "factors-reset")
	}
}

// findAccount is where those who operate a program begin.
func (s *site) findAccount(v *visit) error {
	if err := s.Registry.MayFindForFactors(v.ctx(), v.person.Account.ID, v.param("program")); err != nil {
		return err
	}
	return s.showFind(v, http.StatusOK, url.Values{}, nil)
}

func (s *site) showFind(v *visit, status int, form url.Values, wrong map[string]string) error {
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.findPage(at, v.param("program"), form, wrong))
}

func (v *visit) findPage(at places, program string, form url.Values, wrong map[string]string) *findPage {
	p := &findPage{Page: v.page(v.words.T("factors.find"), at.program(program)), ID: program,
		Controls: []control{input("user-name", "text", v.words.T("item.user-name"), v.words.T("factors.find-hint"), form.Get("user-name"))}}
	p.Problems = mark(p.Controls, v.messages(wrong))
	return p
}

// findAccountSend goes to the person's page: the name is in no address.
func (s *site) findAccountSend(v *visit) error {
	form, err := v.form(fields{one: []string{"user-name"}})
	if err != nil {
		return err
	}
	account, err := s.Registry.FindForFactors(v.ctx(), v.person.Account.ID, v.param("program"), form.Get("user-name"))
	if wrong := fieldsOf(err); len(wrong) > 0 {
		return s.showFind(v, http.StatusUnprocessableEntity, form, wrong)
	}
	if err != nil {
		return err
	}
	return v.see("/desk/" + v.param("program") + "/factors/" + account)
}

// factorsLink is the way to findAccount for those who only support a program.
func (v *visit) factorsLink(at places, program *policies.Program) (deskLink, bool) {
	may := policies.MayResetFactors(at.ps, v.person.Actor, policies.Case{Program: program}, policies.Actor{})
	return deskLink{"/desk/" + program.ID + "/factors", v.words.T("factors.of", "Program", v.words.Program(program, "name"))}, may.OK
}
