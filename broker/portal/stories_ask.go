package portal

import (
	"countersign/broker/registry"
	"countersign/policies"
)

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

func askStories(v *visit, _ places, p *policies.Program) []story {
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

	kinds := siteForm
	kinds.form = []policies.Field{{Name: "legal-name", Kind: "checkbox"}, {Name: "requester-role", Kind: "profession", Required: true}, {Name: "address", Kind: "notes"}}

	said, lang := p.Agreements["direct-care-only"].Versions[0].Text(v.words.Lang())
	text := markdown(said.Markdown)
	signing := func(unticked bool) *signPage {
		s := &signPage{Page: v.page(v.words.T("sign.title"), ""), Language: lang, Text: text, Version: 1, Display: "d1", Action: "/requests/1/sign/direct-care-only", Back: "/b"}
		s.Agree, s.Problems = v.agreeBox(v.words.T("sign.agree"), unticked)
		s.Steps = v.steps(join, stepSign)
		return asMember(s)
	}
	declaring := asMember(&signPage{Page: v.page(v.words.T("sign.title"), v.words.T("sign.declare-lead")), Language: lang, Text: text, Version: 1, Display: "d1",
		About: []answered{{v.words.T("sign.declare-site"), "Cedar Hill"}, {v.words.T("sign.declare-asked-by"), hostile}}, Note: v.words.T("sign.declare-unproven"), Action: "/declare/1", Back: "/",
		Agree: control{ID: "agree", Name: "agree", Widget: "check", Label: v.words.T("sign.declare")}})

	ahead := signing(false)
	ahead.Ahead = v.words.N("strength.ahead", 15)
	search := v.newJoinPage(p, "practitioner")
	search.siteSearch, _ = v.siteSearch(hostile, "/x?role=practitioner&site=", nil)
	search.Searched, search.Found = true, []registry.SiteHit{{ID: "1", Name: "Cedar Hill Family Practice", City: "Victoria"}, {ID: "2", Name: hostile, City: "Nanaimo"}}
	roles := v.newJoinPage(p, "practitioner")
	roles.chooseRole(v, p, cedar, "")
	noRole := v.newJoinPage(p, "")
	noRole.chooseRole(v, p, unnamed, "field-error.choose")
	none := *search
	none.Found = nil
	return []story{
		{"new-site", asMember(v.newSitePage(p))},
		{"new-join", asMember(search)},
		{"new-join-none", asMember(&none)},
		{"new-join-role", asMember(roles)},
		{"new-join-role-wrong", asMember(noRole)},
		{"form-site", asMember(v.formPage(siteForm, siteForm.Request.Answers, nil))},
		{"form-site-wrong", asMember(v.formPage(siteForm, answers(wrong), siteForm.check(answers(wrong))))},
		{"form-site-returned", asMember(v.formPage(returned, returned.Request.Answers, nil))},
		{"form-kinds", asMember(v.formPage(kinds, answers{"legal-name": {"yes"}}, map[string]string{"requester-role": "field-error.choose", "address": "field-error.too-long"}))},
		{"form-join", asMember(v.formPage(join, join.Request.Answers, nil))},
		{"form-behalf", asMember(v.formPage(behalf, behalf.Request.Answers, nil))},
		{"form-behalf-nobody", asMember(v.formPage(nobody, nobody.Request.Answers, nil))},
		{"check-site", asMember(v.checkPage(siteFull))},
		{"check-join", asMember(v.checkPage(join))},
		{"check-join-signed", asMember(v.checkPage(signed))},
		{"sign", signing(false)},
		{"sign-ahead", ahead},
		{"sign-unticked", signing(true)},
		{"sign-declare", declaring},
		{"sign-declare-stranger", asStranger(&signPage{Page: v.page(v.words.T("sign.title"), v.words.T("sign.declare-lead")), Language: lang, Text: text, Version: 1, SignIn: "/sign-in"})},
	}
}
