package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// An invitation's link carries a secret. It leaves the address at once, into a
// cookie that only this path gets, so that no history, referrer or log of a later
// step has it; to a stranger the page says only to sign in.

const (
	invitationPath = "/invitation"
	invitationTime = 3600 // seconds to sign in, or to make an account, and accept
)

// invitationPage says who invites the person to what, once they are signed in.
type invitationPage struct {
	Page
	Text   string
	About  []answered
	Button string // empty: sign in first
}

func (*invitationPage) view() string { return "invitation" }

func (s *site) invitation(v *visit) error {
	if secret := v.r.URL.Query().Get("s"); secret != "" {
		v.keepInvitation(secret, invitationTime)
		return v.see(invitationPath)
	}
	if !v.signed {
		return v.show(http.StatusOK, &invitationPage{Page: v.page(v.words.T("invitation.title"), v.words.T("invitation.stranger"))})
	}
	inv, err := s.Registry.Invitation(v.ctx(), v.invitationSecret())
	if err != nil {
		return err
	}
	if inv.Purpose == "declarant" { // that link belongs to its own page
		return registry.Fail(registry.NotFound, "error.link-unknown")
	}
	where, err := s.Registry.SiteOf(v.ctx(), inv.About)
	if err != nil {
		return err
	}
	from := ""
	if inv.From != "" {
		who, err := s.Registry.Account(v.ctx(), inv.From)
		if err != nil {
			return err
		}
		from = who.Name()
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.invitationPage(at, inv, where, from))
}

func (v *visit) invitationPage(at places, inv registry.Invitation, where registry.Site, from string) *invitationPage {
	area := "invitation." + inv.Purpose
	p := &invitationPage{Page: v.page(v.words.T(area+"-title"), ""), Text: v.words.T(area + "-text"), Button: v.words.T(area + "-send"),
		About: []answered{{v.words.T("item.role"), at.role(where.Program, inv.Role)}, {v.words.T("invitation.where"), at.site(where)}}}
	if from != "" {
		p.About = append(p.About, answered{v.words.T("invitation.from"), from})
	}
	p.About = append(p.About, answered{v.words.T("invitation.as"), v.person.Account.Name() + " (" + v.person.Account.UserName + ")"},
		answered{v.words.T("invitation.expires"), v.words.Moment(inv.Expires, where.TZ)})
	return p
}

func (s *site) invitationAccept(v *visit) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	secret := v.invitationSecret()
	inv, err := s.Registry.Invitation(v.ctx(), secret)
	if err == nil && inv.Purpose == "mandate" {
		id, err := s.Registry.FollowOffer(v.ctx(), v.by(form), secret)
		if err != nil {
			return err
		}
		v.keepInvitation("", -1)
		return v.see("/requests/" + id + "/form")
	}
	// One that is used may be this very form, sent twice: accepting answers alike (A06).
	if err := s.Registry.AcceptInvitation(v.ctx(), v.by(form), secret); err != nil {
		return err
	}
	v.keepInvitation("", -1)
	return v.done("/access", "invited")
}

// invited reads whom somebody invites to which role; wrong is what cannot stand.
func (v *visit) invited() (form url.Values, wrong map[string]string, err error) {
	if form, err = v.form(fields{one: []string{"role", "email"}}); err != nil {
		return nil, nil, err
	}
	wrong = map[string]string{}
	if form.Get("role") == "" {
		wrong["role"] = "field-error.choose"
	}
	if key := policies.CheckField(policies.Field{Kind: "email", Required: true}, form["email"], nil, ""); key != "" {
		wrong["email"] = key
	}
	return form, wrong, nil
}

func (v *visit) keepInvitation(secret string, seconds int) {
	v.keepSecret("invitation", invitationPath, secret, seconds)
}

func (v *visit) invitationSecret() string { return v.kept("invitation") }
