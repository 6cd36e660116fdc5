package portal

import (
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// noon is the moment of all stories.
var noon = time.Date(2026, time.November, 22, 20, 0, 0, 0, time.UTC)

// asMember puts the frame of a person signed in around a page that a handler's
// own function made.
func asMember[P view](p P) P {
	f := p.frame()
	m := member(f.Title, f.Lead)
	m.Problems = f.Problems
	*f = m
	return p
}

func need(n policies.Need, state policies.State) registry.NeedView {
	return registry.NeedView{NeedState: policies.NeedState{Need: n, State: state}, Key: n.Key()}
}

// askingFor is a request that is being written: for a site, or for a role.
func askingFor(p *policies.Program, kind, role string, given registry.Answers, needs ...registry.NeedView) asking {
	a := asking{Tracker: registry.Tracker{Program: p, Own: true}, questions: questions{program: p, texts: "site", form: p.Sites.Form, today: "2026-11-22"}}
	a.Request = registry.Request{ID: "0198a9a8-1111-7000-8000-000000000000", Ref: "K3J9-M2PX", Program: p.ID, Kind: kind, Role: role, State: policies.Draft, Version: 3, Answers: given}
	a.Needs = needs
	if kind != policies.SiteRequest {
		a.role, _ = p.Role(role)
		a.texts, a.form = role, a.role.Form
		a.Site = registry.Site{ID: "0198a9a8-2222-7000-8000-000000000000", Name: "Cedar Hill Family Practice", City: "Victoria"}
	}
	return a
}

func askStories(p *policies.Program) []story {
	v := &visit{words: locale.For("en"), person: registry.Person{Account: registry.Account{GivenName: "Ana", Surname: "Whitefeather"}, At: noon}}
	siteForm := askingFor(p, policies.SiteRequest, "", registry.Answers{})
	filled := registry.Answers{"display-name": {"Cedar Hill"}, "legal-name": {"Cedar Hill Medical Corp."}, "clinic-kind": {"family-practice"}, "address": {hostile},
		"city": {"Victoria"}, "province": {"BC"}, "postal-code": {"V8P 1A1"}, "phone": {"250-555-0100"}, "requester-role": {"lead-moa"}, "signer": {"other"},
		"signer-name": {"Dr. Robin Hale"}, "signer-email": {"robin.hale@cedarhill.example"}, "signer-email-again": {"robin.hale@cedarhill.example"}}
	wrong := registry.Answers{"display-name": {hostile}, "postal-code": {"90210"}, "phone": {"call me"}, "signer": {"other"}, "signer-email": {"robin"}}
	siteFull := askingFor(p, policies.SiteRequest, "", filled)
	returned := siteFull
	returned.Request.State = policies.ReturnedR
	returned.Happened = []registry.Happened{{Verdict: string(policies.Returned), Reasons: []string{"incomplete"}, Words: "Please give the street address, not the box.\n" + hostile}}

	join := askingFor(p, policies.JoinRequest, "practitioner", registry.Answers{"profession": {"physician"}, "body": {"cpsbc"}, "number": {"12345"}, "expires": {"2027-06-30"}})
	practitioner, _ := p.Role("practitioner")
	for i, n := range practitioner.Needs {
		state := policies.Outstanding
		if i == 0 {
			state = policies.Met
		}
		join.Needs = append(join.Needs, need(n, state))
	}
	signed := join
	signed.Needs = nil
	for _, n := range join.Needs {
		if n.Need.Kind == policies.NeedAttest {
			n.State = policies.Met
		}
		signed.Needs = append(signed.Needs, n)
	}
	behalf := askingFor(p, policies.JoinRequest, "on-behalf-of", registry.Answers{"authorizers": {"a2"}})
	nobody := behalf
	behalf.people = []option{{Value: "a1", Label: "Dr. Robin Hale"}, {Value: "a2", Label: hostile}}

	text := markdown(p.Agreements["direct-care-only"].Versions[0].Texts["en"].Markdown)
	signing := func(unticked bool) *signPage {
		s := &signPage{Page: v.page("Direct care only", ""), Language: "en", Text: text, Version: 1, Display: "d1", Action: "/requests/1/sign/direct-care-only", Back: "/b"}
		s.Agree, s.Problems = v.agreeBox(v.words.T("sign.agree"), unticked)
		return asMember(s)
	}
	declaring := asMember(&signPage{Page: v.page("Worksite Privacy and Security Declaration", v.words.T("sign.declare-lead")), Language: "en", Text: text, Version: 1, Display: "d1",
		About: []answered{{"Site", "Cedar Hill"}, {"Asked by", hostile}}, Note: v.words.T("sign.declare-unproven"), Action: "/declare/1", Back: "/",
		Agree: control{ID: "agree", Name: "agree", Widget: "check", Label: v.words.T("sign.declare")}})

	search := v.newJoinPage(p, "practitioner")
	search.siteSearch = siteSearch{Query: input("q", "text", "Name or city", "At least three letters", hostile), Searched: true, JoinAt: "/x?role=practitioner&site=",
		Found: []registry.SiteHit{{ID: "1", Name: "Cedar Hill Family Practice", City: "Victoria"}, {ID: "2", Name: hostile, City: "Nanaimo"}}}
	roles := v.newJoinPage(p, "practitioner")
	roles.SiteID, roles.SiteName, roles.City = "1", hostile, "Victoria"
	var options []option
	for _, card := range roleCards(v, p) {
		options = append(options, option{Value: card.Code, Label: card.Name, Hint: card.About})
	}
	roles.Role = choice("role", "In which role?", "", "practitioner", options)
	roles.Role.Widget = "radio"
	return []story{
		{"new-site", asMember(&newSitePage{Page: v.page("Register a worksite", "For the person who will administer it."), ID: p.ID, Site: "worksite"})},
		{"new-join", asMember(search)},
		{"new-join-role", asMember(roles)},
		{"form-site", asMember(v.formPage(siteForm, siteForm.Request.Answers, nil))},
		{"form-site-wrong", asMember(v.formPage(siteForm, answers(wrong), siteForm.check(answers(wrong))))},
		{"form-site-returned", asMember(v.formPage(returned, returned.Request.Answers, nil))},
		{"form-join", asMember(v.formPage(join, join.Request.Answers, nil))},
		{"form-behalf", asMember(v.formPage(behalf, behalf.Request.Answers, nil))},
		{"form-behalf-nobody", asMember(v.formPage(nobody, nobody.Request.Answers, nil))},
		{"check-site", asMember(v.checkPage(siteFull))},
		{"check-join", asMember(v.checkPage(join))},
		{"check-join-signed", asMember(v.checkPage(signed))},
		{"sign", signing(false)},
		{"sign-unticked", signing(true)},
		{"declare", declaring},
		{"declare-stranger", &signPage{Page: stranger("Worksite Privacy and Security Declaration", ""), Language: "en", Text: text, Version: 1, SignIn: "/sign-in"}},
	}
}
