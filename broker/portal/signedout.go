package portal

import "net/http"

// signedOutPage is where the identity provider sends people after signing out,
// unless somebody else is about to sign in.
type signedOutPage struct {
	Page
}

func (*signedOutPage) view() string { return "signed-out" }

func (s *site) signedOut(v *visit) error {
	if s.Sessions.SignedOut(v.w, v.r) {
		return nil
	}
	return v.show(http.StatusOK, &signedOutPage{Page: v.page(v.words.T("signed-out.title"), v.words.T("signed-out.lead"))})
}
