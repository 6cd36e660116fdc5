package portal

import (
	"net/http"
	"net/url"
	"time"

	"countersign/broker/registry"
)

// endPage asks whether something shall end: one's own membership, somebody
// else's, a mandate, all access of a person. It shows whom else that concerns.
type endPage struct {
	Page
	Send       string // where the form goes
	Back       string
	About      []answered
	Dependants []dependantLine
	Rests      bool // access of others could rest on it: say so when none does
	Controls   []control
	Button     string
}

func (*endPage) view() string { return "end" }

// dependantLine is somebody whose access rests on what ends.
type dependantLine struct {
	Name, Site string
	State      tag
}

func (v *visit) dependantLines(ds []registry.Dependant) []dependantLine {
	var out []dependantLine
	for _, d := range ds {
		line := dependantLine{d.Name, d.Site, tag{v.words.T("end.loses"), "bad"}}
		if d.Keeps {
			line.State = tag{v.words.T("end.keeps"), "good"}
		}
		out = append(out, line)
	}
	return out
}

func (s *site) leave(v *visit) error { return s.showLeave(v, http.StatusOK, url.Values{}, nil) }

func (s *site) showLeave(v *visit, status int, form url.Values, wrong map[string]string) error {
	j, dependants, err := s.Registry.IfJoinEnds(v.ctx(), v.person.Account.ID, v.param("join"))
	if err != nil {
		return err
	}
	if j.Account != v.person.Account.ID {
		return errNotFound
	}
	where, err := s.Registry.SiteOf(v.ctx(), j.Site)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.leavePage(at, j, where, dependants, form, wrong))
}

func (v *visit) leavePage(at places, j registry.Join, where registry.Site, dependants []registry.Dependant, form url.Values, wrong map[string]string) *endPage {
	p := &endPage{Page: v.page(v.words.T("leave.title"), v.words.T("leave.lead")), Send: "/access/" + j.ID + "/leave", Back: "/access", Button: v.words.T("leave.send"),
		About:      []answered{{v.words.T("end.role"), at.role(where.Program, j.Role)}, {v.words.T("end.site"), at.site(where)}},
		Dependants: v.dependantLines(dependants), Controls: v.whenControls(form)}
	p.Problems = mark(p.Controls, v.messages(wrong))
	return p
}

// whenControls ask whether something ends at once, or after a last day.
func (v *visit) whenControls(form url.Values) []control {
	when := choice("when", v.words.T("end.when"), "", form.Get("when"), []option{
		{Value: "now", Label: v.words.T("end.now"), Hint: v.words.T("end.now-hint")},
		{Value: "day", Label: v.words.T("end.day"), Hint: v.words.T("end.day-hint")}})
	last := input("last", "date", v.words.T("end.last"), v.words.T("end.last-hint"), form.Get("last"))
	last.Size = "small"
	return []control{when, last}
}

// lastDay is the day that a form names, or nothing for "at once". A day typed
// beside "at once" is not what the person can have meant: nothing is guessed.
func lastDay(form url.Values) (last string, wrong map[string]string) {
	last = form.Get("last")
	switch form.Get("when") {
	case "now":
		if last != "" {
			return "", map[string]string{"last": "field-error.now-or-day"}
		}
		return "", nil
	case "day":
		if _, err := time.Parse(time.DateOnly, last); err != nil {
			return "", map[string]string{"last": "field-error.date"}
		}
		return last, nil
	}
	return "", map[string]string{"when": "field-error.choose"}
}

func (s *site) leaveSend(v *visit) error {
	form, err := v.form(fields{one: []string{"when", "last"}})
	if err != nil {
		return err
	}
	last, wrong := lastDay(form)
	if wrong == nil {
		err = s.Registry.Leave(v.ctx(), v.by(form), v.param("join"), last)
		wrong = fieldsOf(err)
	}
	switch {
	case wrong != nil:
		return s.showLeave(v, http.StatusUnprocessableEntity, form, wrong)
	case err != nil:
		return err
	case last != "":
		return v.done("/access", "leave-planned")
	}
	return v.ended(v.by(form), "/access", "left")
}

func (s *site) callOff(v *visit) error {
	return s.press(v, "/access", "called-off", func(by registry.By) error { return s.Registry.CallOff(v.ctx(), by, v.param("join")) })
}

// press answers a form that has nothing but its button.
func (s *site) press(v *visit, to, done string, do func(registry.By) error) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	if err := do(v.by(form)); err != nil {
		return err
	}
	return v.done(to, done)
}
