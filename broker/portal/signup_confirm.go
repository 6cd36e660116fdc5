package portal

import "net/http"

// The link of a sign-up without a challenge carries a secret, which leaves the
// address at once, as an invitation's does. Opening the link does nothing: mail
// scanners open them all (A32).

const (
	confirmPath = "/sign-up/confirm"
	confirmTime = 3600 // seconds to press the button
)

// confirmPage is the click that a sign-up without a challenge waits for.
type confirmPage struct {
	Page
	UserName string
}

func (*confirmPage) view() string { return "signup-confirm" }

func (s *site) signUpConfirm(v *visit) error {
	if secret := v.r.URL.Query().Get("s"); secret != "" {
		v.keepSecret("confirm", confirmPath, secret, confirmTime)
		return v.see(confirmPath)
	}
	name, err := s.Registry.Confirmable(v.ctx(), v.kept("confirm"))
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, &confirmPage{Page: v.page(v.words.T("signup.confirm-title"), v.words.T("signup.confirm-about")), UserName: name})
}

func (s *site) signUpConfirmSend(v *visit) error {
	form, err := v.form(fields{})
	if err != nil {
		return err
	}
	if err := s.Registry.ConfirmSignUp(v.ctx(), form.Get("op"), v.kept("confirm")); err != nil {
		return err
	}
	v.keepSecret("confirm", confirmPath, "", -1)
	return v.see("/sign-up/sent")
}

// keepSecret keeps the secret of a mailed link for the pages below a path.
func (v *visit) keepSecret(name, path, secret string, seconds int) {
	http.SetCookie(v.w, &http.Cookie{Name: name, Value: secret, Path: path, MaxAge: seconds,
		HttpOnly: true, Secure: v.PublicURL.Scheme == "https", SameSite: http.SameSiteLaxMode})
}

func (v *visit) kept(name string) string {
	c, err := v.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
