package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

func inboxStories(v *visit, at places, p *policies.Program) []story {
	join := itemOf(p, policies.JoinRequest, "on-behalf-of", policies.Submitted, mallory, cedar)
	join.Request.Profession = "medical-office-assistant"
	join.Needs = []registry.NeedView{needOf(p, "on-behalf-of", "attest:direct-care-only", policies.Met),
		turn(needOf(p, "on-behalf-of", "approve:group-administrator", policies.Outstanding), policies.ByGroupAdministrator, true, "Ana"),
		turn(needOf(p, "on-behalf-of", "approve:authorizer", policies.Outstanding), policies.ByAuthorizer, true, "Ana")}
	t := registry.Tracker{Item: join, Program: p, Registrars: 2}
	site := itemOf(p, policies.SiteRequest, "administrator", policies.Submitted, ben, unnamed)
	site.Needs = []registry.NeedView{turn(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar, true, "")}
	clear := t
	clear.Subject = ben
	over := t
	over.Needs = join.Needs[:1]
	over.Request.State = policies.Granted
	form := url.Values{"need": {"approve:group-administrator"}, "verdict": {"refuse"}, "words": {hostile}}
	returned := itemOf(p, policies.JoinRequest, "pharmacist", policies.ReturnedR, ben, cedar)
	back := asMember(v.inboxPage(at, registry.Items{}))
	back.Back = v.mailsBack([]registry.MailTodo{{ID: joinID, Kind: "declaration-asked", Address: "chan@cedarhill.example", Request: requestID, Site: cedar.Name, Opened: tuesday},
		{ID: requestID, Kind: "welcome", Address: hostile + "@cedarhill.example", Opened: noon}}, "/inbox")
	deskBack := asMember(v.deskPage(at, p.ID, registry.Items{}, registry.Items{}))
	deskBack.Back = v.mailsBack([]registry.MailTodo{{ID: joinID, Kind: "operator-invited", Address: "new@region.example", Opened: noon},
		{ID: joinID, Kind: "account-setup", Address: "ira@vally.example", Begins: "ira.bell", Opened: noon, Closes: noon.AddDate(0, 0, 2)}}, "/desk/careconnect")
	return []story{
		{"inbox", asMember(v.inboxPage(at, registry.Items{List: []registry.Item{join, site}, More: 1}))},
		{"inbox-mail-back", back},
		{"inbox-empty", asMember(v.inboxPage(at, registry.Items{}))},
		{"item", asMember(v.itemPage(at, clear, nil, nil, ""))},
		{"item-long", asMember(v.itemPage(at, t, nil, nil, ""))},
		{"item-wrong", asMember(v.itemPage(at, t, form, checkVerdict(form), ""))},
		{"item-stale", asMember(v.itemPage(at, over, form, nil, "error.changed-review-again"))},
		{"desk", asMember(v.deskPage(at, p.ID, registry.Items{List: []registry.Item{site}, More: 3}, registry.Items{List: []registry.Item{join, returned}, More: 40}))},
		{"desk-mail-back", deskBack},
		{"desk-empty", asMember(v.deskPage(at, p.ID, registry.Items{}, registry.Items{}))},
		{"desks", asMember(&desksPage{Page: v.page(v.words.T("desk.titles"), v.words.T("desk.choose")), Desks: []deskLink{{"/desk/careconnect", "CareConnect"}, {"/desk/other", hostile}}})},
		{"operators", asMember(v.operatorsPage(at, p.ID, []registry.Operator{{Name: "Rhea Registrar", UserName: "rhea", Role: "registrar", Since: tuesday},
			{Email: "new@region.example", Role: "support", Since: noon, Expires: moment(noon.AddDate(0, 0, 14))}}, url.Values{}, nil))},
		{"operators-wrong", asMember(v.operatorsPage(at, p.ID, []registry.Operator{{Name: "Rhea Registrar", UserName: "rhea", Role: "registrar", Since: tuesday}}, url.Values{"email": {hostile}}, map[string]string{"role": "field-error.choose", "email": "field-error.email"}))},
	}
}
