package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

func caseStories(v *visit, at places, p *policies.Program) []story {
	answers := []answered{{v.words.Program(p, "field.site.legal-name.label"), "Cedar Hill Medical Corp."}, {v.words.Program(p, "field.site.signer-name.label"), hostile}}
	site := caseFacts{answers: answers, alike: []registry.SiteHit{{Name: "Cedar Hill", City: "Victoria"}}, Tracker: registry.Tracker{Item: itemOf(p, policies.SiteRequest, "administrator", policies.Submitted, ben, unnamed),
		Program: p, Registrar: true, Registrars: 1, Tried: []registry.SignerTried{{Name: "Dr Chan", Email: "chan@cedarhill.example", Created: tuesday, Expires: noon.AddDate(0, 0, 9)}},
		Happened: []registry.Happened{{At: tuesday, Kind: "request.submitted", Who: "Ben"}}}}
	site.Needs = []registry.NeedView{siteNeed(p, "declare:worksite-privacy-security", policies.Outstanding), turn(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar, false, "")}
	declared := site
	declared.Declared = &registry.Declared{By: "Ben Osei", At: noon, Version: 1, BySelf: true}
	declared.Needs = []registry.NeedView{siteNeed(p, "declare:worksite-privacy-security", policies.Met), turn(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar, true, ""),
		turn(siteNeed(p, "approve:second-registrar", policies.Outstanding), policies.BySecondRegistrar, true, "")}
	person := caseFacts{answers: answers, Tracker: registry.Tracker{Item: itemOf(p, policies.JoinRequest, "practitioner", policies.Submitted, mallory, cedar), Program: p, Registrar: true, Registrars: 2},
		known: registry.Known{Alike: []registry.Account{ben}}}
	person.Request.Profession = "physician"
	person.Request.Answers = registry.Answers{"body": {"cpsbc"}, "number": {"12345"}, "expires": {"2027-03-31"}}
	person.Needs = []registry.NeedView{needOf(p, "practitioner", "standing", policies.Outstanding), turn(needOf(p, "practitioner", "approve:group-administrator", policies.Outstanding), policies.ByRegistrar, true, "")}
	clear := person
	clear.Subject, clear.known = ben, registry.Known{}
	clear.answers = answers[:1]
	known := person
	known.Needs = []registry.NeedView{needOf(p, "practitioner", "standing", policies.Met)}
	known.Request.State = policies.Granted
	known.known = registry.Known{Suspended: &registry.Why{At: noon, Who: "Rhea"}, Standings: []registry.Why{{Kind: "standing", At: tuesday, Who: "Rhea", Detail: "cpsbc", Until: moment(noon)}},
		Holds: []registry.Access{{Program: p.ID, Role: "practitioner", Site: cedar, Since: tuesday}}}
	own := person
	own.Subject, own.Request.Account = ana, ana.ID
	own.Needs = []registry.NeedView{needOf(p, "practitioner", "standing", policies.Outstanding), waitsFor(needOf(p, "practitioner", "approve:group-administrator", policies.Outstanding), policies.ByRegistrar)}
	typed := url.Values{"body": {""}, "number": {hostile}, "expires": {"then"}}
	wrong := map[string]string{"body": "field-error.choose", "number": "field-error.licence-number", "expires": "field-error.date"}
	return []story{
		{"case-site", asMember(v.casePage(at, site, nil, nil, ""))},
		{"case-declared", asMember(v.casePage(at, declared, nil, nil, ""))},
		{"case-person", asMember(v.casePage(at, clear, nil, nil, ""))},
		{"case-long", asMember(v.casePage(at, person, nil, nil, ""))},
		{"case-standing-wrong", asMember(v.casePage(at, person, typed, wrong, ""))},
		{"case-stale", asMember(v.casePage(at, person, nil, nil, "error.changed-review-again"))},
		{"case-granted", asMember(v.casePage(at, known, nil, nil, ""))},
		{"case-own", asMember(v.casePage(at, own, nil, nil, ""))},
		{"end-suspend", asMember(v.suspendPage(at, known, []registry.Dependant{{Name: "Ben Osei", Site: cedar.Name}}, url.Values{}, nil))},
		{"end-suspend-wrong", asMember(v.suspendPage(at, known, nil, url.Values{"words": {hostile}}, map[string]string{"reasons": "error.reason-needed"}))},
	}
}
