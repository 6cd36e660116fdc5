package portal

import (
	"net/url"
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// hostile is typed into every field of a story: markup, quotes, a long word.
const hostile = `"><script>alert(1)</script>' onfocus=alert(1) Ωx` + "javascript:alert(1)"

func publicStories(p *policies.Program) []story {
	v := &visit{words: locale.For("en")}
	say := func(key string) string { return v.words.Program(p, key) }
	heading, overview := splitHeading(say("guide.overview"))
	version, _ := p.Agreements["access-agreement"].Current(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	roles := roleCards(v, p)

	home := &homePage{Page: stranger("The right access, on the right word", "Ask for access."), Programs: []programCard{{p.ID, say("name"), say("about")}}}
	search := func(query string, searched bool, found ...registry.SiteHit) *sitesPage {
		return &sitesPage{Page: stranger("Is my worksite registered?", ""), ID: p.ID, Name: say("name"), Site: "worksite",
			siteSearch: siteSearch{Query: input("q", "text", "Name or city", "At least three letters", query), Searched: searched, Found: found, JoinAt: "/j?site="}, Begin: "/b"}
	}
	short := search("ab", false)
	short.Query.Error = "Type at least three letters"
	short.Problems = []problem{{"q", "Type at least three letters"}}

	signUp := v.signUpPage(url.Values{"language": {"en"}}, nil)
	wrong := url.Values{"user-name": {hostile}, "given-name": {hostile}, "surname": {""}, "email": {hostile}, "language": {"xx"}}
	signUpWrong := v.signUpPage(wrong, checkSignUp(wrong))
	for _, page := range []*signUpPage{signUp, signUpWrong} {
		problems := page.Problems
		page.Page = stranger(page.Title, page.Lead)
		page.Problems = problems
	}
	idle := &idlePage{Page: stranger("Are you still there?", ""), Name: "Ana Whitefeather", Return: "/access"}
	idle.FormToken = "form-token"
	return []story{
		{"home", home},
		{"home-signed-in", &homePage{Page: member("The right access, on the right word", "")}},
		{"program", &programPage{Page: stranger(say("name"), say("about")), ID: p.ID, Site: "worksite",
			Eligibility: markdown(say("eligibility")), Takes: markdown(say("time")), Roles: roles}},
		{"triage", &triagePage{Page: stranger("Which of these are you?", ""), ID: p.ID, Name: say("name"), Site: "worksite", Roles: roles, Eligibility: markdown(say("eligibility"))}},
		{"guide", &textPage{Page: stranger(heading, ""), ID: p.ID, Name: say("name"), Text: markdown(overview), Begin: "/b", BeginAs: "Begin"}},
		{"agreement", &textPage{Page: stranger("Access agreement", ""), ID: p.ID, Name: say("name"), Sample: "For reading.", Text: markdown(version.Texts["en"].Markdown)}},
		{"agreements", &agreementsPage{Page: stranger("What you will sign", ""), ID: p.ID, Name: say("name"), About: markdown(say("agreements")),
			Declaration: markdown(say("declaration")), Agreements: []agreementLine{{"access-agreement", "Access agreement", 1, "January 1, 2026"}}}},
		{"sites", search("", false)},
		{"sites-short", short},
		{"sites-none", search(hostile, true)},
		{"sites-found", search("cedar", true, registry.SiteHit{ID: "0198a9a8-1", Name: "Cedar Hill Family Practice", City: "Victoria"}, registry.SiteHit{ID: "0198a9a8-2", Name: hostile, City: "Nanaimo"})},
		{"feedback", &feedbackPage{Page: stranger("Feedback", "Tell us."), Programs: []feedbackOf{{say("name"), markdown(say("feedback")), markdown(say("browser"))}}}},
		{"signup", signUp},
		{"signup-wrong", signUpWrong},
		{"signup-sent", &sentPage{Page: stranger("Look into your mail", "If an account can be made, a mail is on its way.")}},
		{"signed-out", &signedOutPage{Page: stranger("You are signed out", "")}},
		{"idle", idle},
		{"error", &errorPage{Page: stranger("There is no such page", "Either the address is wrong."), Back: "/"}},
		{"error-reasons", &errorPage{Page: member("This is not possible", "A rule refuses."), Reasons: []string{"You cannot decide your own request."}, Back: "/access"}},
	}
}
