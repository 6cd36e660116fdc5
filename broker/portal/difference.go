package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// differencePage is one difference, and what somebody who keeps the realm can do about
// it: have what was deleted made again, or say in words that it is seen to.
type differencePage struct {
	Page
	State  tag
	About  []answered
	Help   string
	MayNot string // why the looker decides nothing about it; empty where there is nothing to decide
	Settle []control
	Again  string // what is made again; empty for nothing
	Anew   string // what that means
	ID     string
}

func (*differencePage) view() string { return "difference" }

func (s *site) difference(v *visit) error {
	return s.showDifference(v, http.StatusOK, url.Values{}, nil)
}

func (s *site) showDifference(v *visit, status int, form url.Values, wrong map[string]string) error {
	d, may, err := s.Registry.Difference(v.ctx(), v.person.Account.ID, v.param("difference"))
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.differencePage(at, d, may, form, wrong))
}

func (v *visit) differencePage(at places, d registry.DriftView, may policies.Answer, form url.Values, wrong map[string]string) *differencePage {
	w := v.words
	line := v.differenceLine(at, d)
	p := &differencePage{Page: v.page(line.What, ""), ID: d.ID, State: line.State}
	say := func(key, answer string) {
		if answer != "" && answer != "–" {
			p.About = append(p.About, answered{w.T(key), answer})
		}
	}
	say("differences.where", line.Where)
	say("differences.whose", line.Whose)
	say("differences.who", line.Who)
	say("differences.found", line.Found)
	say("differences.words", line.Said)
	if w.Has("differences-help." + d.Kind) {
		p.Help = w.T("differences-help." + d.Kind)
	}
	if d.Outcome != "" || d.Doing != registry.DoPerson {
		return p
	}
	if !may.OK {
		p.MayNot = w.T("reason." + may.Reasons[0])
		return p
	}
	p.Settle = []control{textarea("words", w.T("differences.words"), w.T("differences.settle-hint"), form.Get("words"))}
	p.Problems = mark(p.Settle, v.messages(wrong))
	p.Ahead = v.ahead(at.ps[policies.OperatorProgram], policies.ToDecide)
	if d.MakeAgain {
		what := "group"
		if d.Kind == registry.DriftNoPerson {
			what = "person"
		}
		p.Again, p.Anew = w.T("differences-again."+what), w.T("differences-again-about."+what)
	}
	return p
}

// settleDifference is somebody saying that they have seen to it.
func (s *site) settleDifference(v *visit) error {
	form, err := v.form(fields{text: []string{"words"}})
	if err != nil {
		return err
	}
	err = s.Registry.SettleDifference(v.ctx(), v.by(form), v.param("difference"), form.Get("words"))
	if wrong := fieldsOf(err); len(wrong) > 0 {
		return s.showDifference(v, http.StatusUnprocessableEntity, form, wrong)
	}
	if err != nil {
		return err
	}
	return v.done("/realm/differences", "difference-settled")
}

// makeAgain is somebody having what was deleted made anew.
func (s *site) makeAgain(v *visit) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	if err := s.Registry.MakeAgain(v.ctx(), v.by(form), v.param("difference")); err != nil {
		return err
	}
	return v.done("/realm/differences", "difference-again")
}
