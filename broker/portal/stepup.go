package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"countersign/broker/registry"
	"countersign/broker/session"
	"countersign/policies"
)

// What a person may do, and has not proved well or lately enough who they are for,
// is no error page: it leads to the sign-in that is asked for, and back to where
// they were, with what they typed (see kept.go).
//
//	refused: sign-in-too-weak ─► /sign-in?strength=two-factor ─► Keycloak asks for what is missing
//	refused: sign-in-too-old  ─► /sign-in?max_age=60&strength=… ─► Keycloak asks for all of it anew
//
// Which it is, policies says; what Keycloak answers, session checks.

// freshFor is how old the proof may be that a fresh sign-in brings: old enough for
// one that was given a moment ago, in another window.
const freshFor = time.Minute

// ahead says before somebody fills in a form that new proof will be asked for when
// they send it; nothing where their sign-in will do.
func (v *visit) ahead(p *policies.Program, kind policies.ActKind) string {
	if p == nil || v.person.Account.ID == "" {
		return ""
	}
	fresh := p.WillAsk(kind, v.person.SignIn())
	if fresh == 0 {
		return ""
	}
	return v.words.N("strength.ahead", int(fresh.Minutes()))
}

// stepUp redirects to the sign-in that a refusal asks for; false for all others.
func (v *visit) stepUp(e *registry.Error) bool {
	q := url.Values{}
	switch {
	case slices.Contains(e.Reasons, policies.SignInTooWeak):
		q.Set("strength", policies.TwoFactor.String())
	case slices.Contains(e.Reasons, policies.SignInTooOld):
		q.Set("max_age", strconv.Itoa(int(freshFor.Seconds())))
		q.Set("strength", policies.StrengthOf(v.person.Session.ACR).String())
	default:
		return false
	}
	to, _ := v.comeBack()
	q.Set("return", to)
	http.Redirect(v.w, v.r, session.SignInPath+"?"+q.Encode(), http.StatusSeeOther)
	return true
}
