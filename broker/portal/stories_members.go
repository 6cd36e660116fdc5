package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

func memberStories(v *visit, at places, p *policies.Program) []story {
	m := registry.MembersPage{Site: cedar, Program: p, Administrators: 1, Registrar: true, Members: []registry.Member{
		{Join: "0198a9a8-3333-7000-8000-000000000001", Account: ana.ID, Name: ana.Name(), UserName: ana.UserName, Role: "administrator", Held: true, Ready: true, Since: tuesday, Self: true,
			Word: []registry.Why{{Kind: "review", At: noon, Who: "Rhea", Detail: "registrar"}, {Kind: "review", At: noon, Who: "Rob", Detail: "second-registrar"}}},
		{Join: "0198a9a8-3333-7000-8000-000000000002", Account: ben.ID, Name: ben.Name(), UserName: ben.UserName, Role: "practitioner", Request: requestID, Held: true, Ready: true, Planned: true, MayEnd: true, Since: tuesday,
			Until: moment(noon.AddDate(0, 0, 9)), Word: []registry.Why{{Kind: "review", At: noon, Who: "Ana", Detail: "registrar", Batch: "7Q4M-2XKP"}}},
		{Join: joinID, Account: mallory.ID, Name: mallory.Name(), UserName: mallory.UserName, Role: "on-behalf-of", Request: requestID, Since: noon, Mine: true, MayEnd: true, Waits: []registry.NeedView{
			turn(needOf(p, "on-behalf-of", "approve:group-administrator", policies.Outstanding), policies.ByGroupAdministrator, true, "Ana"),
			waitsFor(needOf(p, "on-behalf-of", "approve:authorizer", policies.Outstanding), policies.ByAuthorizer, "Ben Osei")}},
		{Join: joinID, Account: mallory.ID, Name: mallory.Name(), UserName: mallory.UserName, Role: "practitioner", Request: requestID, Since: noon, Mine: true, MayEnd: true, Waits: []registry.NeedView{
			waitsFor(needOf(p, "practitioner", "standing", policies.Outstanding), policies.ByRegistrar)}}}}
	two := m
	two.Administrators, two.Members = 2, m.Members[:1]
	coming := m
	coming.Members = []registry.Member{m.Members[0], m.Members[1]}
	coming.Members[1].Ready, coming.Members[1].Planned = false, false
	ended := v.membersPage(at, two, "", "")
	ended.Others = v.endLines(at, endsOf(p))
	mandates := []registry.Mandate{{ID: joinID, Site: cedar, Authorizer: ana.ID, OnBehalf: ben.ID, AuthorizerName: "Ana", OnBehalfName: "Ben Osei", Since: tuesday, Live: true},
		{ID: requestID, Site: cedar, Authorizer: ana.ID, OnBehalf: mallory.ID, AuthorizerName: "Ana", OnBehalfName: hostile, Since: noon}}
	f := authorizingFacts{given: mandates, received: mandates[:1], sites: []registry.AuthorizingAt{{Site: cedar, Roles: []string{"on-behalf-of"}, Could: []registry.Account{ben, mallory}}},
		held: []registry.Access{{Program: p.ID, Role: "on-behalf-of", Site: cedar}}, waiting: []registry.Waiting{{Request: itemOf(p, policies.JoinRequest, "on-behalf-of", policies.Submitted, ana, cedar).Request, Site: cedar}}}
	later := authorizingFacts{given: []registry.Mandate{{ID: joinID, Site: unnamed, OnBehalfName: "Ben", Since: tuesday}}, waiting: f.waiting}
	holders := authorizingFacts{sites: []registry.AuthorizingAt{{Site: cedar}}} // no role of the program needs an authorizer
	wrong := map[string]string{"account": "field-error.choose", "email": "field-error.email", "reasons": "error.reason-needed", "when": "field-error.choose"}
	return []story{
		{"members", asMember(v.membersPage(at, m, "", ""))},
		{"members-wrong", asMember(v.membersPage(at, m, "", "field-error.choose"))},
		{"members-silent", asMember(v.whileSilent().membersPage(at, coming, "", ""))},
		{"members-two", asMember(v.membersPage(at, two, "", ""))},
		{"members-ended", asMember(ended)},
		{"end-member", asMember(v.endMemberPage(at, m, m.Members[1], []registry.Dependant{{Name: "Ben Osei", Site: cedar.Name}, {Name: hostile, Site: cedar.Name, Keeps: true}}, url.Values{}, nil))},
		{"end-member-wrong", asMember(v.endMemberPage(at, m, m.Members[1], nil, url.Values{"last": {hostile}, "words": {hostile}}, wrong))},
		{"authorizing", asMember(v.authorizingPage(at, f, "", nil, nil))},
		{"authorizing-wrong", asMember(v.authorizingPage(at, f, cedar.ID, url.Values{"email": {hostile}}, wrong))},
		{"authorizing-later", asMember(v.authorizingPage(at, later, "", nil, nil))},
		{"authorizing-nobody", asMember(v.authorizingPage(at, holders, "", nil, nil))},
		{"authorizing-none", asMember(v.authorizingPage(at, authorizingFacts{}, "", nil, nil))},
		{"end-mandate", asMember(v.endMandatesPage(at, mandates[:1], []registry.Dependant{{Name: "Ben Osei", Site: cedar.Name}}, joinID))},
		{"end-mandates", asMember(v.endMandatesPage(at, mandates, nil, ""))},
	}
}
