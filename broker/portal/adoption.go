package portal

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// adoptionPage is what may be adopted: the plan line by line, who proposed it and until
// when, the form for whoever may, and what was adopted before.
type adoptionPage struct {
	Page
	Now    string // why there is no plan; empty: there is one
	Digest string
	About  []answered
	Plan   string // what the lines are
	Lines  []effectLine
	More   int
	Stay   string    // what is not adopted
	MayNot string    // why the looker may not; empty: they may
	Last   []control // of a proposal
	Button string
	Text   string // what the button means
	Before []string
	Next   string // nothing is left to adopt: which mode may follow
}

func (*adoptionPage) view() string { return "adoption" }

func (s *site) adoption(v *visit) error { return s.showAdoption(v, http.StatusOK, nil, nil) }

func (s *site) showAdoption(v *visit, status int, form url.Values, wrong *registry.Error) error {
	a, err := s.Registry.LookAtAdoption(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.adoptionPage(at, a, form, wrong))
}

func (v *visit) adoptionPage(at places, a registry.AdoptionPage, form url.Values, wrong *registry.Error) *adoptionPage {
	w := v.words
	p := &adoptionPage{Page: v.page(w.T("adoption.title"), w.T("adoption.lead")), Digest: a.Digest, More: a.More}
	for _, d := range a.Done {
		line := w.T("adoption.done-line", "When", w.Moment(d.At, "UTC"), "Last", lastDayOf(w.Date, d.Until), "Count", w.Number(d.Effects), "Live", w.Number(d.Live))
		if d.First != "" {
			line += " " + w.T("adoption.done-by", "First", d.First, "Second", d.Second)
		}
		p.Before = append(p.Before, line)
	}
	if a.Stay > 0 {
		p.Stay = w.N("adoption.stay", a.Stay)
	}
	switch {
	case a.Mode != registry.ModeAdopt:
		p.Now = w.T("adoption.other-mode")
	case !a.Looked:
		p.Now = w.T("adoption.looking")
	case a.Digest == "":
		p.Now, p.Next = w.T("adoption.nothing"), w.T("adoption.next", "Mode", w.T("differences-mode."+registry.ModeEnforce))
	}
	if p.Now != "" {
		return p
	}
	say := func(label, answer string) { p.About = append(p.About, answered{label, answer}) }
	say(w.T("adoption.memberships"), w.Number(a.Total))
	if a.FirstAt != nil {
		who := a.First
		if who == "" {
			who = w.T("brake.hidden")
		}
		say(w.T("adoption.proposed"), w.T("brake.by", "Name", who, "When", w.Moment(*a.FirstAt, "UTC")))
		say(w.T("adoption.last"), lastDayOf(w.Date, *a.Until))
	}
	say(w.T("brake.digest"), a.Digest)
	p.Plan = w.T("adoption.plan")
	for _, l := range a.Lines {
		p.Lines = append(p.Lines, v.effectLine(at, l, a.Names))
	}
	if !a.May.OK {
		p.MayNot = w.T("reason." + a.May.Reasons[0])
	} else {
		v.adoptionForm(p, at, a, form, wrong)
	}
	return p
}

// adoptionForm asks the first for the last day; the second approves what was proposed.
func (v *visit) adoptionForm(p *adoptionPage, at places, a registry.AdoptionPage, form url.Values, wrong *registry.Error) {
	w := v.words
	p.Ahead = v.ahead(at.ps[policies.OperatorProgram], policies.ToDecide)
	p.Button, p.Text = w.T("adoption.approve"), w.T("adoption.approve-text")
	if a.FirstAt == nil {
		last := form.Get("last")
		if form == nil {
			last = a.At.UTC().AddDate(0, 0, policies.AdoptedDays).Format(time.DateOnly)
		}
		p.Button, p.Text = w.T("adoption.propose"), w.T("adoption.propose-text")
		p.Last = []control{input("last", "date", w.T("adoption.last"), w.T("adoption.last-hint", "Days", w.Number(policies.AdoptedDaysMost)), last)}
	}
	if wrong == nil {
		return
	}
	if p.Problems = mark(p.Last, v.messages(fieldsOf(wrong))); len(p.Problems) == 0 {
		p.Problems = []problem{{Message: v.say(wrong)}}
	}
}

// lastDayOf is the day that ends at a moment, in UTC.
func lastDayOf(date func(time.Time, string) string, until time.Time) string {
	return date(until.Add(-time.Second), "UTC")
}

// adopt is one of two people adopting what the plan says.
func (s *site) adopt(v *visit) error {
	form, err := v.form(fields{one: []string{"digest", "last"}})
	if err != nil {
		return err
	}
	state, err := s.Registry.Adopt(v.ctx(), v.by(form), form.Get("digest"), form.Get("last"))
	var wrong *registry.Error
	switch {
	case errors.As(err, &wrong) && wrong.Kind == registry.Conflict:
		return s.showAdoption(v, http.StatusConflict, nil, wrong)
	case len(fieldsOf(err)) > 0:
		return s.showAdoption(v, http.StatusUnprocessableEntity, form, wrong)
	case err != nil:
		return err
	case state == registry.AdoptionApproved:
		return v.done("/realm/adoption", "adoption-approved")
	}
	return v.done("/realm/adoption", "adoption-proposed")
}
