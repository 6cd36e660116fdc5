package portal

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/broker/session"
	"countersign/policies"
)

// signUpPage asks for an account: one each, never shared (C14). The password is
// chosen later, on the identity provider's own page; it never comes here (X1).
//
// The browser solves a challenge while the person types (A37). Where it does not,
// for want of JavaScript or of anything else, the form is taken all the same and a
// mail asks for a click first: nobody needs another's help.
type signUpPage struct {
	Page
	Action    string
	Controls  []control
	Challenge string // where the script gets one; empty where the link in a mail was proof enough
	Continue  string // where the first sign-in leads
	Round     bool   // offer the way round: a solution was refused
	Invited   string // the address that was invited; it cannot be another
}

func (*signUpPage) view() string { return "signup" }

// sentPage answers alike whether or not the name or the address is known (X12).
type sentPage struct {
	Page
	Confirm bool // a click is wanted first
}

func (*sentPage) view() string { return "signup-sent" }

var signUpFields = fields{one: []string{"user-name", "given-name", "surname", "email", "language", "return", "altcha", "way"}}

func (s *site) signUp(v *visit) error {
	return v.show(http.StatusOK, v.signUpPage(url.Values{"language": {v.words.Lang()}, "return": {v.r.URL.Query().Get("return")}}, nil))
}

// signUpSend carries no session, so there is no token to check: nothing is done
// in anybody's name. What was typed is looked at first, which costs nothing; then
// limits, the challenge, and only then the record.
func (s *site) signUpSend(v *visit) error {
	form, err := v.form(signUpFields)
	if err != nil {
		return err
	}
	form.Set("user-name", strings.ToLower(form.Get("user-name")))
	if wrong := checkSignUp(form); len(wrong) > 0 {
		return v.show(http.StatusUnprocessableEntity, v.signUpPage(form, wrong))
	}
	round := form.Get("way") == "mail" || form.Get("altcha") == ""
	if err := s.Registry.CountSignUp(v.ctx(), s.from(v.r), round); err != nil {
		return v.signUpRefused(form, err)
	}
	if !round {
		if err := s.Registry.TakeChallenge(v.ctx(), signUpAct, s.from(v.r), form.Get("altcha")); err != nil {
			return v.signUpRefused(form, err)
		}
	}
	asked := signUpOf(form)
	asked.Confirm, asked.Return = round, session.ReturnPath(form.Get("return"))
	if err = s.Registry.SignUp(v.ctx(), asked); err != nil {
		return v.signUpRefused(form, err)
	}
	if round {
		return v.see("/sign-up/sent?way=mail")
	}
	return v.see("/sign-up/sent")
}

func signUpOf(form url.Values) registry.SignUp {
	return registry.SignUp{Op: form.Get("op"), UserName: form.Get("user-name"), GivenName: form.Get("given-name"),
		Surname: form.Get("surname"), Email: form.Get("email"), Locale: form.Get("language")}
}

// signUpRefused shows the form again with what was typed, where a limit or the
// challenge is in the way.
func (v *visit) signUpRefused(form url.Values, err error) error {
	var e *registry.Error
	if !errors.As(err, &e) {
		return err
	}
	p := v.signUpPage(form, nil)
	p.Problems = []problem{{Message: v.say(e)}}
	switch e.Kind {
	case registry.TooMany:
		v.retryAfter(e)
		return v.show(http.StatusTooManyRequests, p)
	case registry.Invalid, registry.Gone:
		p.Round = true
		return v.show(http.StatusUnprocessableEntity, p)
	}
	return err
}

// retryAfter says to a program when a limit is over, and to the log which network it
// refused; tooMany says it to a person.
func (v *visit) retryAfter(e *registry.Error) {
	if e.Kind == registry.TooMany {
		v.noteLimit()
	}
	if e.After > 0 {
		v.w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(e.After.Seconds()))))
	}
}

func (v *visit) tooMany(e *registry.Error) string {
	when := v.words.N("limit.minutes", max(1, int(math.Ceil(e.After.Minutes()))))
	if e.After > 90*time.Minute {
		when = v.words.N("limit.hours", int(math.Ceil(e.After.Hours())))
	}
	return v.words.T("limit.again", "When", when)
}

func (s *site) signUpSent(v *visit) error {
	return v.show(http.StatusOK, v.sentPage(v.r.URL.Query().Get("way") == "mail"))
}

func (v *visit) sentPage(confirm bool) *sentPage {
	p := &sentPage{Page: v.page(v.words.T("signup.sent-title"), v.words.T("signup.sent-lead")), Confirm: confirm}
	if confirm {
		p.Lead = v.words.T("signup.confirm-lead")
	}
	return p
}

func checkSignUp(form url.Values) map[string]string {
	return policies.CheckPerson(policies.Person{UserName: form.Get("user-name"), GivenName: form.Get("given-name"), Surname: form.Get("surname"),
		Email: form.Get("email"), Language: form.Get("language")}, locale.Languages())
}

func (v *visit) signUpPage(form url.Values, wrong map[string]string) *signUpPage {
	w := v.words
	var languages []option
	for _, tag := range locale.Languages() {
		languages = append(languages, option{Value: tag, Label: w.T("language." + tag)})
	}
	p := &signUpPage{Page: v.page(w.T("signup.title"), w.T("signup.lead")), Action: "/sign-up", Challenge: "/sign-up/challenge", Continue: form.Get("return")}
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
