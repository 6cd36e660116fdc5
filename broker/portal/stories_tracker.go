package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

func trackerStories(v *visit, at places, p *policies.Program) []story {
	answers := []answered{{v.words.Program(p, "field.site.display-name.label"), hostile}, {v.words.Program(p, "field.site.city.label"), "Victoria"}}
	site := registry.Tracker{Item: itemOf(p, policies.SiteRequest, "administrator", policies.Submitted, ana, unnamed), Program: p, Own: true, Registrars: 1, MayCorrect: true, MayTake: true,
		Tried: []registry.SignerTried{{Name: "Dr Chan", Email: "chan@wrong.example", Created: tuesday, Replaced: moment(noon), Expires: noon.AddDate(0, 0, 9)},
			{Name: hostile, Email: hostile, Created: tuesday, Expires: noon}, {Name: "Dr Chan", Email: "chan@cedarhill.example", Created: noon, Expires: noon.AddDate(0, 0, 14)}},
		Happened: []registry.Happened{{At: tuesday, Kind: "request.submitted", Who: "Ana"}, {At: noon, Kind: "request.signer-corrected", Who: "Ana"}}}
	site.Needs = []registry.NeedView{siteNeed(p, "declare:worksite-privacy-security", policies.Outstanding), waitsFor(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar),
		waitsFor(siteNeed(p, "approve:second-registrar", policies.Outstanding), policies.BySecondRegistrar)}
	mine := registry.Tracker{Item: itemOf(p, policies.JoinRequest, "practitioner", policies.Submitted, ana, cedar), Program: p, Own: true, MayTake: true,
		Happened: []registry.Happened{{At: tuesday, Kind: "request.submitted", Who: "Ana"}}}
	mine.Needs = []registry.NeedView{needOf(p, "practitioner", "attest:direct-care-only", policies.Outstanding), needOf(p, "practitioner", "attest:access-agreement", policies.Met),
		waitsFor(needOf(p, "practitioner", "standing", policies.Outstanding), policies.ByRegistrar),
		waitsFor(needOf(p, "practitioner", "approve:group-administrator", policies.Outstanding), policies.ByGroupAdministrator, "Ben Osei")}
	signed := site
	signed.MayCorrect, signed.Registrars = false, 2
	signed.Needs = []registry.NeedView{siteNeed(p, "declare:worksite-privacy-security", policies.Met), waitsFor(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar)}
	signed.Tried = append([]registry.SignerTried{}, site.Tried[2])
	signed.Tried[0].Used = moment(noon)
	signed.Declared = &registry.Declared{By: "Dr Chan", At: noon, Proven: true, Version: 1}
	returned := registry.Tracker{Item: itemOf(p, policies.JoinRequest, "practitioner", policies.ReturnedR, ana, cedar), Program: p, Own: true, MayTake: true,
		Happened: []registry.Happened{{At: tuesday, Kind: "request.submitted"}, {At: noon, Kind: "review", Verdict: "return", Need: "approve:group-administrator", Who: "Ben Osei", Reasons: []string{"incomplete", "other"}, Words: hostile},
			{At: noon, Kind: "request.returned"}}}
	refused := returned
	refused.Request.State, refused.MayTake = policies.RefusedR, false
	refused.Happened = []registry.Happened{{At: noon, Kind: "review", Verdict: "refuse", Need: "approve:registrar", Who: "Rhea", Reasons: []string{"not-eligible"}}, {At: noon, Kind: "review", Verdict: "approve", Need: "approve:authorizer", Who: "Cleo"},
		{At: noon, Kind: "request.withdrawn", Who: "Ana"}, {At: noon, Kind: "request.granted"}, {At: noon, Kind: "request.declared", Who: "Dr Chan"}}
	form := url.Values{"name": {hostile}, "email": {"nobody"}, "email-again": {""}}
	wrong := map[string]string{"email": "field-error.email", "email-again": "field-error.required"}
	back := asMember(v.trackerPage(at, site, answers, nil, nil))
	back.Back = v.mailsBack([]registry.MailTodo{{ID: joinID, Kind: "declaration-asked", Address: "chan@cedarhill.example", Request: site.Request.ID, Opened: noon}}, "/requests/"+site.Request.ID)
	entered := mine // by a registrar's decision over a file
	entered.Request.Batch = "7Q4M-2XKP"
	entered.Needs = []registry.NeedView{needOf(p, "practitioner", "attest:direct-care-only", policies.Outstanding), needOf(p, "practitioner", "attest:access-agreement", policies.Outstanding),
		needOf(p, "practitioner", "standing", policies.Met), needOf(p, "practitioner", "approve:group-administrator", policies.Met)}
	entered.Happened = []registry.Happened{{At: tuesday, Kind: "request.submitted", Batch: "7Q4M-2XKP"},
		{At: tuesday, Kind: "review", Verdict: "approve", Need: "approve:group-administrator", Who: "Rhea", Batch: "7Q4M-2XKP"}}
	granted := returned
	granted.Request.State, granted.MayTake, granted.OnItsWay = policies.Granted, false, noon
	granted.Happened = []registry.Happened{{At: noon, Kind: "request.granted"}}
	return []story{
		{"tracker", asMember(v.trackerPage(at, mine, nil, nil, nil))},
		{"tracker-entered", asMember(v.trackerPage(at, entered, nil, nil, nil))},
		{"tracker-on-its-way", asMember(v.whileSilent().trackerPage(at, granted, nil, nil, nil))},
		{"tracker-site", asMember(v.trackerPage(at, site, answers, nil, nil))},
		{"tracker-signer-wrong", asMember(v.trackerPage(at, site, answers, form, wrong))},
		{"tracker-mail-back", back},
		{"tracker-declared", asMember(v.trackerPage(at, signed, answers, nil, nil))},
		{"tracker-returned", asMember(v.trackerPage(at, returned, answers, nil, nil))},
		{"tracker-refused", asMember(v.trackerPage(at, refused, nil, nil, nil))},
	}
}
