package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/broker/registry"
)

// Somebody whom a mail invited (an operator, somebody to act for an authorizer, a
// signing authority) makes their account from its link: the link proves the
// address, so there is no challenge, and the address cannot be another.

func (s *site) signUpInvited(v *visit) error {
	inv, err := s.invitedBy(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.invitedPage(inv, url.Values{"language": {v.words.Lang()}}, nil))
}

// invitedBy finds the invitation whose link this browser opened.
func (s *site) invitedBy(v *visit) (registry.Invitation, error) {
	inv, err := s.Registry.Invitation(v.ctx(), v.invitationSecret())
	if err == nil && inv.Purpose == "sign-up" {
		err = registry.Fail(registry.NotFound, "error.link-unknown")
	}
	return inv, err
}

func (v *visit) invitedPage(inv registry.Invitation, form url.Values, wrong map[string]string) *signUpPage {
	form.Set("email", inv.Email)
	p := v.signUpPage(form, wrong)
	p.Lead = v.words.T("signup.invited-lead")
	p.Action, p.Challenge, p.Continue, p.Invited = "/invitation/sign-up", "", "", inv.Email
	var typed []control
	for _, c := range p.Controls {
		if c.Name != "email" {
			typed = append(typed, c)
		}
	}
	p.Controls = typed
	return p
}

func (s *site) signUpInvitedSend(v *visit) error {
	form, err := v.form(fields{one: []string{"user-name", "given-name", "surname", "language"}})
	if err != nil {
		return err
	}
	inv, err := s.invitedBy(v)
	if err != nil {
		return err
	}
	form.Set("user-name", strings.ToLower(form.Get("user-name")))
	form.Set("email", inv.Email)
	if wrong := checkSignUp(form); len(wrong) > 0 {
		return v.show(http.StatusUnprocessableEntity, v.invitedPage(inv, form, wrong))
	}
	err = s.Registry.CountSignUp(v.ctx(), s.from(v.r), false)
	if err == nil {
		err = s.Registry.SignUpInvited(v.ctx(), signUpOf(form), v.invitationSecret())
	}
	var e *registry.Error
	switch {
	case err == nil:
		return v.see("/sign-up/sent")
	case errors.As(err, &e) && e.Kind == registry.TooMany:
		p := v.invitedPage(inv, form, nil)
		p.Problems = []problem{{Message: v.tooMany(e)}}
		v.retryAfter(e)
		return v.show(http.StatusTooManyRequests, p)
	}
	return err
}
