package portal

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"countersign/broker/registry"
	"countersign/policies"
)

// formPage asks a program's questions. What is typed is kept at every step,
// right or wrong, so that it can be resumed (C5).
type formPage struct {
	Page
	Steps    []step
	Returned []string // why it came back; empty when it did not
	Nobody   string   // roles that could authorize, when nobody there can now
	Site     string
	Version  int64
	Controls []control
}

func (*formPage) view() string { return "form" }

// step is one segment of the step indicator.
type step struct {
	Name      string
	At        int // counted from 1
	Done, Now bool
}

// The steps of asking, in their order.
const (
	stepQuestions = iota
	stepCheck
	stepSign
	stepSend
)

// asking is a person's own request that can still be changed, with the form
// that it answers.
type asking struct {
	registry.Tracker
	questions
}

func (s *site) form(v *visit) error {
	a, err := v.asking()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.formPage(a, a.Request.Answers, nil))
}

func (s *site) formSend(v *visit) error {
	a, err := v.asking()
	if err != nil {
		return err
	}
	form, err := v.form(a.expected("version", "go"))
	if err != nil {
		return err
	}
	version, err := versionOf(form.Get("version"))
	if err != nil {
		return err
	}
	given := a.answersFrom(form)
	before := policies.Asked(a.form, a.Request.Answers)
	if err := s.Registry.SaveDraft(v.ctx(), v.by(form), a.Request.ID, version, registry.Answers(maps.Clone(given))); err != nil {
		return err
	}
	if form.Get("go") == "later" {
		return v.done("/access", "saved")
	}
	wrong := a.check(given)
	if len(wrong) == 0 {
		return v.see("/requests/" + a.Request.ID + "/check")
	}
	a.Request.Version = version + 1 // the one that SaveDraft made
	return v.show(http.StatusUnprocessableEntity, v.formPage(a, given, onlyShown(wrong, before)))
}

// onlyShown drops messages about questions that the answer before called for:
// they are shown now for the first time, and nobody left them out.
func onlyShown(wrong map[string]string, shown []policies.Field) map[string]string {
	out := map[string]string{}
	for _, f := range shown {
		if key := wrong[f.Name]; key != "" {
			out[f.Name] = key
		}
	}
	return out
}

func (v *visit) formPage(a asking, given answers, wrong map[string]string) *formPage {
	p := &formPage{Page: v.page(v.askTitle(a), ""), Steps: v.steps(a, stepQuestions), Version: a.Request.Version, Site: v.siteWord(a), Returned: v.turned(a.Tracker)}
	p.Controls, p.Problems = a.controls(v, given, wrong)
	for _, f := range policies.Asked(a.form, given) {
		if f.Kind == "authorizers" && len(a.people) == 0 {
			p.Nobody = v.whoCouldAuthorize(a.Program)
		}
	}
	return p
}

func (v *visit) whoCouldAuthorize(p *policies.Program) string {
	var names []string
	for _, r := range p.Roles {
		if r.Can(policies.Authorize) {
			names = append(names, v.words.Program(p, "role."+r.Code+".name"))
		}
	}
	return strings.Join(names, ", ")
}

// asking reads the request of the address: one's own, not sent yet or returned.
func (v *visit) asking() (asking, error) {
	view, err := v.Registry.Tracker(v.ctx(), v.person.Account.ID, v.param("request"))
	if err != nil {
		return asking{}, err
	}
	if view.Request.By != v.person.Account.ID {
		return asking{}, errNotFound
	}
	if view.Request.State != policies.Draft && view.Request.State != policies.ReturnedR {
		return asking{}, registry.Fail(registry.Conflict, "error.already-submitted")
	}
	q, err := v.questions(view)
	return asking{view, q}, err
}

// questions is the form that a request answers: that of the program's version
// under which it was begun.
func (v *visit) questions(view registry.Tracker) (questions, error) {
	req, program := view.Request, view.Program
	q := questions{program: program, texts: "site", form: program.Sites.Form, today: program.Day(v.person.At)}
	if req.Kind == policies.SiteRequest {
		return q, nil
	}
	role, ok := program.Role(req.Role)
	if !ok {
		return q, registry.Fail(registry.Conflict, "error.program-changed")
	}
	q.role, q.texts, q.form = role, role.Code, role.Form
	if req.Kind == policies.MandateRequest {
		q.form = onlyAuthorizers(role.Form)
	}
	able, err := v.Registry.Authorizers(v.ctx(), req.Site, req.Account)
	if err != nil {
		return q, err
	}
	for _, a := range able {
		q.people = append(q.people, option{Value: a.ID, Label: a.Name()})
	}
	return q, nil
}

func onlyAuthorizers(form []policies.Field) []policies.Field {
	var out []policies.Field
	for _, f := range form {
		if f.Kind == "authorizers" {
			out = append(out, f)
		}
	}
	return out
}

func (v *visit) askTitle(a asking) string {
	switch a.Request.Kind {
	case policies.SiteRequest:
		return v.words.T("ask.site-title", "Site", v.siteWord(a))
	case policies.MandateRequest:
		return v.words.T("ask.mandate-title", "Site", a.Site.Name)
	}
	return v.words.T("ask.join-title", "Role", v.words.Program(a.Program, "role."+a.Request.Role+".name"), "Site", a.Site.Name)
}

// siteWord is the site's name, or the program's word for one that has none yet.
func (v *visit) siteWord(a asking) string {
	if a.Site.Name != "" {
		return a.Site.Name
	}
	return v.words.Program(a.Program, "site.word")
}

// steps is the step indicator of a request at one of its steps. Where there is
// nothing to sign there is no step for it.
func (v *visit) steps(a asking, now int) []step {
	sign := len(v.statements(a)) > 0
	var out []step
	for i, name := range []string{v.words.T("ask.step-questions"), v.words.T("ask.step-check"), v.words.T("patterns.step-sign"), v.words.T("patterns.step-send")} {
		if i != stepSign || sign {
			out = append(out, step{Name: name, At: len(out) + 1, Done: i < now, Now: i == now})
		}
	}
	return out
}

// versionOf reads a form's hidden version: what the person saw (A07).
func versionOf(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, errors.Join(registry.Fail(registry.Invalid, "error.form"), err)
	}
	return n, nil
}
