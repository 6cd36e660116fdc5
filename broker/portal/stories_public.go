package portal

import (
	"net/url"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

func publicStories(v *visit, at places, p *policies.Program) []story {
	say := v.words.T
	overview, _ := v.guidePage(p, "overview")
	role, _ := v.guidePage(p, "practitioner")
	agreement, _ := v.agreementPage(p, "access-agreement", noon)
	search := func(query string, wrong map[string]string, searched bool, found ...registry.SiteHit) *sitesPage {
		s := v.sitesPage(p)
		s.siteSearch, s.Problems = v.siteSearch(query, "/requests/new/careconnect/join?site=", wrong)
		s.Searched, s.Found = searched, found
		return asStranger(s)
	}
	wrong := url.Values{"user-name": {hostile}, "given-name": {hostile}, "surname": {""}, "email": {hostile}, "language": {"xx"}}
	typed := url.Values{"user-name": {"ana.w"}, "given-name": {"Ana"}, "surname": {"Whitefeather"}, "email": {ana.Email}, "language": {v.words.Lang()},
		"return": {"/requests/new/careconnect/site"}}
	again, later := asStranger(v.signUpPage(typed, nil)), asStranger(v.signUpPage(typed, nil))
	again.Round, again.Problems = true, []problem{{Message: say("error.challenge-old")}}
	later.Problems = []problem{{Message: v.tooMany(&registry.Error{After: 12 * time.Minute})}}
	return []story{
		{"home", asStranger(v.homePage(at.ps))},
		{"home-signed-in", asMember(v.homePage(at.ps))},
		{"home-no-programs", asMember(v.homePage(nil))},
		{"program", asStranger(v.programPage(p))},
		{"triage", asStranger(v.triagePage(p))},
		{"text", asStranger(overview)},
		{"text-guide", asStranger(role)},
		{"text-agreement", asStranger(agreement)},
		{"agreements", asStranger(v.agreementsPage(p, noon))},
		{"sites", search("", nil, false)},
		{"sites-short", search("ab", map[string]string{"q": "error.three-letters"}, false)},
		{"sites-none", search(hostile, nil, true)},
		{"sites-found", search("cedar", nil, true, registry.SiteHit{ID: "0198a9a8-1", Name: "Cedar Hill Family Practice", City: "Victoria"},
			registry.SiteHit{ID: "0198a9a8-2", Name: hostile, City: "Nanaimo"})},
		{"feedback", asStranger(v.feedbackPage(at.ps))},
		{"signup", asStranger(v.signUpPage(url.Values{"language": {v.words.Lang()}}, nil))},
		{"signup-wrong", asStranger(v.signUpPage(wrong, checkSignUp(wrong)))},
		{"signup-again", again},
		{"signup-later", later},
		{"signup-invited", asStranger(v.invitedPage(registry.Invitation{Email: ana.Email}, url.Values{"language": {v.words.Lang()}}, nil))},
		{"signup-sent", asStranger(v.sentPage(false))},
		{"signup-sent-confirm", asStranger(v.sentPage(true))},
		{"signup-confirm", asStranger(&confirmPage{Page: v.page(say("signup.confirm-title"), say("signup.confirm-about")), UserName: ana.UserName})},
		{"error", asStranger(&errorPage{Page: v.page(say("error.title.not-found"), say("error.not-found")), Back: "/"})},
		{"error-reasons", asMember(&errorPage{Page: v.page(say("error.title.forbidden"), say("reason.own-request")),
			Reasons: []string{say("reason.site-closed")}, Back: "/access"})},
	}
}
