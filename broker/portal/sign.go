package portal

import (
	"html/template"
	"net/http"
	"slices"

	"countersign/broker/registry"
	"countersign/policies"
)

// signPage shows a text whole and lets the person sign it (A26): the box comes
// unticked, and the form names the one display of the text that it belongs to.
type signPage struct {
	Page
	Steps    []step     // of the request that it is signed for; may be none
	About    []answered // what the signature is for; may be empty
	Note     string
	Language string
	Text     template.HTML
	Version  int
	Display  string // empty: not signed in, so only reading
	Agree    control
	Action   string
	Back     string
	SignIn   string
	SignUp   string // for whoever has no account yet
}

func (*signPage) view() string { return "sign" }

func (s *site) sign(v *visit) error { return s.showSign(v, http.StatusOK, false) }

func (s *site) showSign(v *visit, status int, unticked bool) error {
	a, err := v.asking()
	if err != nil {
		return err
	}
	name := v.param("agreement")
	if !asksToSign(a, name) {
		return errNotFound
	}
	d, err := s.Registry.Displayed(v.ctx(), v.person.Account.ID, a.Request.Program, name, v.words.Lang())
	if err != nil {
		return err
	}
	p := &signPage{Page: v.page(v.words.T("sign.title"), ""), Language: d.Language, Text: markdown(d.Markdown), Version: d.Version,
		Display: d.ID, Action: v.r.URL.Path, Back: "/requests/" + a.Request.ID + "/check"}
	p.Ahead = v.ahead(a.Program, policies.ToSign)
	p.Steps = v.steps(a, stepSign)
	p.Agree, p.Problems = v.agreeBox(v.words.T("sign.agree"), unticked)
	return v.show(status, p)
}

// agreeBox is never ticked beforehand, not even after a form that lacked it.
func (v *visit) agreeBox(label string, unticked bool) (control, []problem) {
	box := []control{{ID: "agree", Name: "agree", Widget: "check", Label: label}}
	if !unticked {
		return box[0], nil
	}
	problems := mark(box, map[string]string{"agree": v.words.T("field-error.confirm")})
	return box[0], problems
}

func asksToSign(a asking, agreement string) bool {
	return slices.ContainsFunc(a.Needs, func(n registry.NeedView) bool {
		return n.Need.Kind == policies.NeedAttest && n.Need.Agreement == agreement
	})
}

func (s *site) signSend(v *visit) error {
	form, err := v.form(fields{one: []string{"display", "agree"}})
	if err != nil {
		return err
	}
	if form.Get("agree") != "yes" {
		return s.showSign(v, http.StatusUnprocessableEntity, true)
	}
	a, err := v.asking()
	if err != nil {
		return err
	}
	name := v.param("agreement")
	if !asksToSign(a, name) {
		return errNotFound
	}
	at := ""
	for _, n := range a.Needs {
		if n.Need.Agreement == name && n.Need.Per == "site" {
			at = a.Request.Site
		}
	}
	if err := s.Registry.Attest(v.ctx(), v.by(form), a.Request.Program, name, form.Get("display"), at); err != nil {
		return err
	}
	return v.done("/requests/"+a.Request.ID+"/check", "signed")
}
