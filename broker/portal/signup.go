package portal

import (
	"net/http"
	"net/url"
	"strings"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// signUpPage asks for an account: one each, never shared (C14). The password is
// chosen later, on the identity provider's own page; it never comes here (X1).
type signUpPage struct {
	Page
	Controls []control
}

func (*signUpPage) view() string { return "signup" }

// sentPage answers alike whether or not the name or the address is known (X12).
type sentPage struct {
	Page
}

func (*sentPage) view() string { return "signup-sent" }

var signUpFields = fields{one: []string{"user-name", "given-name", "surname", "email", "language"}}

func (s *site) signUp(v *visit) error {
	return v.show(http.StatusOK, v.signUpPage(url.Values{"language": {v.words.Lang()}}, nil))
}

// signUpSend carries no session, so there is no token to check: nothing is done
// in anybody's name.
func (s *site) signUpSend(v *visit) error {
	form, err := v.form(signUpFields)
	if err != nil {
		return err
	}
	form.Set("user-name", strings.ToLower(form.Get("user-name")))
	wrong := checkSignUp(form)
	if len(wrong) > 0 {
		return v.show(http.StatusUnprocessableEntity, v.signUpPage(form, wrong))
	}
	err = s.Registry.SignUp(v.ctx(), registry.SignUp{Op: form.Get("op"), UserName: form.Get("user-name"), GivenName: form.Get("given-name"),
		Surname: form.Get("surname"), Email: form.Get("email"), Locale: form.Get("language")})
	if err != nil {
		return err
	}
	return v.see("/sign-up/sent")
}

func (s *site) signUpSent(v *visit) error {
	return v.show(http.StatusOK, &sentPage{Page: v.page(v.words.T("signup.sent-title"), v.words.T("signup.sent-lead"))})
}

func checkSignUp(form url.Values) map[string]string {
	wrong := map[string]string{}
	for _, name := range []string{"given-name", "surname"} {
		f := policies.Field{Name: name, Kind: "name", Required: true}
		if key := validate(f, form[name], nil, ""); key != "" {
			wrong[name] = key
		}
	}
	if key := validate(policies.Field{Kind: "email", Required: true}, form["email"], nil, ""); key != "" {
		wrong["email"] = key
	}
	if key := validate(policies.Field{Kind: "choice", Required: true}, form["language"], locale.Languages(), ""); key != "" {
		wrong["language"] = key
	}
	if name := form.Get("user-name"); !userName.MatchString(name) {
		wrong["user-name"] = "field-error.user-name"
	}
	return wrong
}

func (v *visit) signUpPage(form url.Values, wrong map[string]string) *signUpPage {
	w := v.words
	var languages []option
	for _, tag := range locale.Languages() {
		languages = append(languages, option{Value: tag, Label: w.T("language." + tag)})
	}
	p := &signUpPage{Page: v.page(w.T("signup.title"), w.T("signup.lead"))}
	p.Controls = []control{
		input("user-name", "text", w.T("signup.user-name"), w.T("signup.user-name-hint"), form.Get("user-name")),
		input("given-name", "text", w.T("signup.given-name"), "", form.Get("given-name")),
		input("surname", "text", w.T("signup.surname"), "", form.Get("surname")),
		input("email", "email", w.T("signup.email"), w.T("signup.email-hint"), form.Get("email")),
		choice("language", w.T("signup.language"), "", form.Get("language"), languages),
	}
	for i, complete := range []string{"username", "given-name", "family-name", "email"} {
		p.Controls[i].Autocomplete, p.Controls[i].Required = complete, true
	}
	p.Problems = mark(p.Controls, v.messages(wrong))
	return p
}
