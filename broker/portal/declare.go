package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// The declaration page is where the mailed link leads the signing authority (C9).
// The secret leaves the address at once: it goes into a cookie that only this
// page gets, so that no referrer, history or log of a later step has it.

const declareTime = 3600 // seconds for reading, signing in and signing

// declare shows the declaration. Before sign-in there is only the text.
func (s *site) declare(v *visit) error {
	request := v.param("request")
	if secret := v.r.URL.Query().Get("s"); secret != "" {
		v.setSecret(request, secret, declareTime)
		v.keepInvitation(secret, declareTime) // whoever has no account yet makes one from this link
		return v.see("/declare/" + request)
	}
	return s.showDeclaration(v, http.StatusOK, false)
}

// declaration only shows the text, whoever opens it: the link to pass on (C10).
func (s *site) declaration(v *visit) error {
	d, err := s.Registry.Declaring(v.ctx(), "", v.param("request"), "")
	if err != nil {
		return err
	}
	return v.see("/programs/" + d.Program.ID + "/agreements/" + d.Agreement)
}

func (s *site) showDeclaration(v *visit, status int, unticked bool) error {
	request := v.param("request")
	account := ""
	if v.signed {
		account = v.person.Account.ID
	}
	d, err := s.Registry.Declaring(v.ctx(), account, request, v.secret())
	if registry.IsKind(err, registry.Gone) || registry.IsKind(err, registry.NotFound) {
		v.setSecret(request, "", -1) // what became of the link is said once; without it, the text can still be read
	}
	if err != nil { // any other leaves the link good: what it proves is not lost to a moment's failure
		return err
	}
	p := &signPage{Page: v.page(v.words.T("sign.title"), v.words.T("sign.declare-lead")),
		Action: "/declare/" + request, Back: "/", SignIn: "/sign-in?return=" + url.QueryEscape("/declare/"+request),
		SignUp: "/sign-up?return=" + url.QueryEscape("/declare/"+request)}
	if v.secret() != "" { // the link proves the address
		p.SignUp = "/invitation/sign-up"
	}
	if !v.signed {
		now, err := s.Registry.Now(v.ctx())
		if err != nil {
			return err
		}
		version, _ := d.Program.Agreements[d.Agreement].Current(now)
		text, lang := version.Text(v.words.Lang())
		p.Language, p.Text, p.Version = lang, markdown(text.Markdown), version.Number
		return v.show(status, p)
	}
	shown, err := s.Registry.Displayed(v.ctx(), account, d.Program.ID, d.Agreement, v.words.Lang())
	if err != nil {
		return err
	}
	p.Language, p.Text, p.Version, p.Display = shown.Language, markdown(shown.Markdown), shown.Version, shown.ID
	p.About = []answered{{v.words.T("sign.declare-site"), d.Site}, {v.words.T("sign.declare-asked-by"), d.Asked}}
	if !d.Proven {
		p.Note = v.words.T("sign.declare-unproven")
	}
	p.Ahead = v.ahead(d.Program, policies.ToSign)
	p.Agree, p.Problems = v.agreeBox(v.words.T("sign.declare"), unticked)
	return v.show(status, p)
}

func (s *site) declareSend(v *visit) error {
	form, err := v.form(fields{one: []string{"display", "agree"}})
	if err != nil {
		return err
	}
	if form.Get("agree") != "yes" {
		return s.showDeclaration(v, http.StatusUnprocessableEntity, true)
	}
	request := v.param("request")
	if err := s.Registry.SignDeclaration(v.ctx(), v.by(form), request, v.secret(), form.Get("display")); err != nil {
		return err
	}
	v.setSecret(request, "", -1)
	return v.done("/access", "declared")
}

// setSecret keeps the secret of a mailed link for the page that it is for.
func (v *visit) setSecret(request, secret string, seconds int) {
	v.keepSecret("link", "/declare/"+request, secret, seconds)
}

func (v *visit) secret() string { return v.kept("link") }
