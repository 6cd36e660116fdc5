package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"countersign/broker/registry"
	"countersign/policies"
)

// decision is the form for one need that the person can decide. Which need it is
// stands in the form, as does the version of the request that they saw (A07).
type decision struct {
	Need, Title, Text string
	Note              string // why one of the verdicts is not offered
	Controls          []control
}

// registrarDecides tells needs for the desk from those for an inbox.
func registrarDecides(as policies.Approver) bool {
	return as == policies.ByRegistrar || as == policies.BySecondRegistrar
}

// decisions makes the forms for what the person who looks can decide: a
// registrar's at the desk, all others in the inbox. form and wrong are what was
// sent a moment ago and cannot stand.
func (v *visit) decisions(at places, t registry.Tracker, desk bool, form url.Values, wrong map[string]string) ([]decision, []problem) {
	var out []decision
	var problems []problem
	for i, n := range t.Needs {
		if n.Need.Kind != policies.NeedApprove || !n.Mine && !n.Turn || registrarDecides(n.As) != desk {
			continue
		}
		typed, messages := url.Values{}, map[string]string{}
		if form.Get("need") == n.Key {
			typed, messages = form, wrong
		}
		d := v.decision(at, t, n, strconv.Itoa(i), typed)
		problems = append(problems, mark(d.Controls, v.messages(messages))...)
		out = append(out, d)
	}
	return out, problems
}

func (v *visit) decision(at places, t registry.Tracker, n registry.NeedView, suffix string, typed url.Values) decision {
	area := string(n.As)
	if t.Request.Kind == policies.SiteRequest {
		area += "-site"
	}
	args := []any{"Name", t.Subject.Name(), "Site", at.site(t.Site), "Role", at.role(t.Request.Program, t.Request.Role)}
	d := decision{Need: n.Key, Title: v.words.T("decide.title."+area, args...), Text: v.words.T("decide.text."+area, args...)}
	var options []option
	for _, verdict := range n.Need.By.Verdicts() {
		if verdict == policies.Approved && !n.Mine {
			d.Note = v.words.T("reason." + policies.NotDeclaredYet)
			continue
		}
		options = append(options, option{Value: string(verdict), Label: v.words.T("decide." + string(verdict) + "." + area), Hint: v.words.T("decide." + string(verdict) + "-hint")})
	}
	verdict := choice("verdict", v.words.T("decide.verdict"), "", typed.Get("verdict"), options)
	reasons := v.reasonsControl("reasons", v.words.T("decide.reasons"), v.words.T("decide.reasons-hint"), reviewCodes, typed["reasons"])
	words := textarea("words", v.words.T("decide.words"), v.words.T("decide.words-hint"), typed.Get("words"))
	words.Optional = v.words.T("ask.optional")
	d.Controls = []control{verdict, reasons, words}
	for c := range d.Controls {
		d.Controls[c].ID += "-" + suffix // a page may hold several of these forms
	}
	return d
}

var decisionFields = fields{one: []string{"need", "version", "verdict"}, text: []string{"words"}, many: []string{"reasons"}}

// decide takes a verdict. show is the page that the form was on: it is shown
// again with what was typed, when something is missing or the request changed.
func (s *site) decide(v *visit, back string, show func(status int, form url.Values, wrong map[string]string, notice string) error) error {
	form, err := v.form(decisionFields)
	if err != nil {
		return err
	}
	version, err := versionOf(form.Get("version"))
	if err != nil {
		return err
	}
	wrong := checkVerdict(form)
	if len(wrong) > 0 {
		return show(http.StatusUnprocessableEntity, form, wrong, "")
	}
	verdict := policies.Verdict(form.Get("verdict"))
	err = s.Registry.Review(v.ctx(), v.by(form), registry.NewReview{Request: v.param("request"), Version: version, Need: form.Get("need"),
		Verdict: verdict, Reasons: form["reasons"], Words: form.Get("words")})
	if fields := fieldsOf(err); fields != nil {
		return show(http.StatusUnprocessableEntity, form, fields, "")
	}
	if changed := stale(err); changed != "" {
		return show(http.StatusConflict, form, nil, changed)
	}
	if err != nil {
		return err
	}
	return v.done(back, "decided-"+string(verdict))
}

// stale is the message key of a request that changed after it was shown.
func stale(err error) string {
	var e *registry.Error
	if errors.As(err, &e) && e.Kind == registry.Conflict && e.Key == "error.changed-review-again" {
		return e.Key
	}
	return ""
}

// checkVerdict judges the form by itself: field name to message key.
func checkVerdict(form url.Values) map[string]string {
	verdict := policies.Verdict(form.Get("verdict"))
	by := policies.Approver("")
	if form.Get("need") == (policies.Need{Kind: policies.NeedApprove, By: policies.ByAuthorizer}).Key() {
		by = policies.ByAuthorizer
	}
	if !slices.Contains(by.Verdicts(), verdict) {
		return map[string]string{"verdict": "field-error.choose"}
	}
	wrong := checkReasons(form, reviewCodes)
	if verdict == policies.Approved {
		delete(wrong, "reasons")
		if len(form["reasons"]) > 0 {
			wrong["reasons"] = "field-error.reasons-for-approval"
		}
	}
	return wrong
}
