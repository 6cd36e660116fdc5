package portal

import (
	"net/url"
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// The people and places of the deciding pages' stories.
var (
	cedar   = registry.Site{ID: "0198a9a8-2222-7000-8000-000000000000", Program: "careconnect", Code: "k3j9d2", Name: "Cedar Hill Family Practice", City: "Victoria", TZ: "America/Vancouver", Opened: moment(noon)}
	unnamed = registry.Site{ID: "0198a9a8-2222-7000-8000-000000000001", Program: "careconnect", Name: hostile, City: "Nanaimo", TZ: "America/Vancouver"}
	ana     = registry.Account{ID: "0198a9a8-0000-7000-8000-00000000000a", UserName: "ana.w", GivenName: "Ana", Surname: "Whitefeather-O’Sullivan", Email: "ana@cedarhill.example"}
	ben     = registry.Account{ID: "0198a9a8-0000-7000-8000-00000000000b", UserName: "ben.osei", GivenName: "Ben", Surname: "Osei", Email: "ben@cedarhill.example"}
	mallory = registry.Account{ID: "0198a9a8-0000-7000-8000-00000000000c", UserName: "mallory", GivenName: hostile, Surname: hostile, Email: "m@cedarhill.example"}
	tuesday = noon.AddDate(0, 0, -5)
)

const (
	joinID    = "0198a9a8-3333-7000-8000-000000000000"
	requestID = "0198a9a8-1111-7000-8000-000000000000"
)

// decidingStories shows every deciding page in every state.
func decidingStories(p *policies.Program) []story {
	all, err := policies.Builtin()
	if err != nil {
		panic(err)
	}
	all["careconnect"] = p
	registrar := policies.Actor{Account: ana.ID, Holds: []policies.Held{{Program: policies.OperatorProgram, SiteCode: "careconnect", Role: "registrar"}}}
	v := &visit{site: &site{Deps{PublicURL: &url.URL{Scheme: "https", Host: "portal.example"}}}, words: locale.For("en"), person: registry.Person{Account: ana, Actor: registrar, At: noon}}
	at := places{v, all}
	stories := accessStories(v, at, p)
	stories = append(stories, trackerStories(v, at, p)...)
	stories = append(stories, inboxStories(v, at, p)...)
	stories = append(stories, caseStories(v, at, p)...)
	return append(stories, memberStories(v, at, p)...)
}

// turn marks a need as one that the person who looks can decide in a capacity.
func turn(n registry.NeedView, as policies.Approver, mine bool, names ...string) registry.NeedView {
	n.As, n.Mine, n.Turn, n.Names = as, mine, true, names
	return n
}

func waitsFor(n registry.NeedView, as policies.Approver, names ...string) registry.NeedView {
	n.As, n.Names = as, names
	return n
}

// needOf finds a need of a role by its key.
func needOf(p *policies.Program, role, key string, state policies.State) registry.NeedView {
	r, _ := p.Role(role)
	for _, n := range r.Needs {
		if n.Key() == key {
			return need(n, state)
		}
	}
	panic("no such need: " + key)
}

func siteNeed(p *policies.Program, key string, state policies.State) registry.NeedView {
	for _, n := range p.Sites.Needs {
		if n.Key() == key {
			return need(n, state)
		}
	}
	panic("no such need: " + key)
}

func itemOf(p *policies.Program, kind, role, state string, who registry.Account, site registry.Site) registry.Item {
	return registry.Item{Request: registry.Request{ID: requestID, Ref: "K3J9-M2PX", Program: p.ID, Kind: kind, Role: role, Account: who.ID, By: who.ID, Site: site.ID,
		State: state, Version: 4, Created: tuesday, Submitted: moment(tuesday)}, Site: site, Subject: who}
}

func accessStories(v *visit, at places, p *policies.Program) []story {
	why := []registry.Why{{Kind: "join", At: tuesday, Detail: "practitioner"}, {Kind: "review", At: noon, Who: "Ben Osei", Detail: "group-administrator"},
		{Kind: "signature", At: tuesday, Until: moment(noon.AddDate(1, 0, 0)), Who: "Ana Whitefeather", Detail: "direct-care-only 1"},
		{Kind: "mandate", At: tuesday, Who: hostile}, {Kind: "standing", At: noon, Until: moment(noon.AddDate(0, 6, 0)), Who: "Rhea Registrar", Detail: "cpsbc"}}
	held := []registry.Access{
		{Join: joinID, Program: p.ID, Role: "practitioner", Site: cedar, Leaves: []string{"viewer"}, Since: tuesday, Until: moment(noon.AddDate(0, 6, 0)), Ready: true, Why: why},
		{Join: joinID, Program: p.ID, Role: "administrator", Site: cedar, Since: tuesday, Ready: false},
		{Join: joinID, Program: p.ID, Role: "on-behalf-of", Site: cedar, Leaves: []string{"viewer"}, Since: tuesday, Until: moment(noon.AddDate(0, 0, 9)), Planned: true, Ready: true, Why: why[3:4]},
		{Program: policies.OperatorProgram, Role: "registrar", Site: registry.Site{Program: policies.OperatorProgram, Code: "careconnect", Name: "careconnect", TZ: "UTC"}, Since: tuesday, Ready: true}}
	obo := itemOf(p, policies.JoinRequest, "on-behalf-of", policies.Submitted, ana, cedar)
	waiting := []registry.Waiting{
		{Request: obo.Request, Site: cedar, Reasons: []string{policies.NeedOutstanding}, Needs: []registry.NeedView{
			needOf(p, "on-behalf-of", "attest:direct-care-only", policies.Outstanding), needOf(p, "on-behalf-of", "attest:access-agreement", policies.Met),
			waitsFor(needOf(p, "on-behalf-of", "approve:group-administrator", policies.Outstanding), policies.ByGroupAdministrator, "Ben Osei", "Cleo Chan"),
			waitsFor(needOf(p, "on-behalf-of", "approve:authorizer", policies.Outstanding), policies.ByAuthorizer)}},
		{Request: itemOf(p, policies.JoinRequest, "practitioner", policies.Granted, ana, cedar).Request, Site: cedar, HadBefore: true, Reasons: []string{policies.Restricted, policies.NeedRefused},
			Needs: []registry.NeedView{needOf(p, "practitioner", "standing", policies.Outstanding), needOf(p, "practitioner", "approve:group-administrator", policies.RefusedNeed)}},
		{Request: itemOf(p, policies.SiteRequest, "administrator", policies.ReturnedR, ana, unnamed).Request, Site: unnamed, Administering: true,
			Needs: []registry.NeedView{siteNeed(p, "declare:worksite-privacy-security", policies.Outstanding), waitsFor(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar, ""),
				siteNeed(p, "approve:second-registrar", policies.NotAsked)}}}
	draft := registry.Request{ID: requestID, Ref: "AAAA-BBBB", Program: p.ID, Kind: policies.SiteRequest, State: policies.Draft, Created: tuesday, Answers: registry.Answers{"display-name": {hostile}}}
	begun := draft
	begun.Answers = nil
	requests := []registry.Request{obo.Request, draft, begun, {ID: requestID, Ref: "CCCC-DDDD", Program: p.ID, Kind: policies.MandateRequest, Role: "on-behalf-of", Site: cedar.ID, State: policies.RefusedR, Created: tuesday, Submitted: moment(noon)}}
	names := map[string]string{cedar.ID: cedar.Name, unnamed.ID: unnamed.Name}
	join := registry.Join{ID: joinID, Account: ana.ID, Site: cedar.ID, Role: "practitioner", Request: requestID}
	dependants := []registry.Dependant{{Name: "Ben Osei", Site: cedar.Name}, {Name: hostile, Site: hostile, Keeps: true}}
	wrong, _ := lastDay(url.Values{"when": {"day"}, "last": {"soon"}})
	_, messages := lastDay(url.Values{"when": {"day"}, "last": {wrong}})
	inv := registry.Invitation{Purpose: "mandate", Role: "on-behalf-of", Expires: noon.AddDate(0, 0, 14)}
	operator := registry.Invitation{Purpose: "operator", Role: "registrar", Expires: noon.AddDate(0, 0, 14)}
	return []story{
		{"access", asMember(v.accessPage(at, held, waiting, requests, names))},
		{"access-empty", asMember(v.accessPage(at, nil, nil, nil, nil))},
		{"access-waiting", asMember(v.accessPage(at, nil, waiting[:1], requests[:1], names))},
		{"leave", asMember(v.leavePage(at, join, cedar, dependants, url.Values{}, nil))},
		{"leave-wrong", asMember(v.leavePage(at, join, cedar, nil, url.Values{"when": {"day"}, "last": {hostile}}, messages))},
		{"invitation-stranger", &invitationPage{Page: stranger(v.words.T("invitation.title"), v.words.T("invitation.stranger"))}},
		{"invitation-mandate", asMember(v.invitationPage(at, inv, cedar, hostile))},
		{"invitation-operator", asMember(v.invitationPage(at, operator, held[3].Site, ""))},
	}
}

func trackerStories(v *visit, at places, p *policies.Program) []story {
	answers := []answered{{"Name that people use", hostile}, {"City", "Victoria"}}
	site := registry.Tracker{Item: itemOf(p, policies.SiteRequest, "administrator", policies.Submitted, ana, unnamed), Program: p, Own: true, Registrars: 1, MayCorrect: true, MayTake: true,
		Tried: []registry.SignerTried{{Name: "Dr Chan", Email: "chan@wrong.example", Created: tuesday, Replaced: moment(noon), Expires: noon.AddDate(0, 0, 9)},
			{Name: hostile, Email: hostile, Created: tuesday, Expires: noon}, {Name: "Dr Chan", Email: "chan@cedarhill.example", Created: noon, Expires: noon.AddDate(0, 0, 14)}},
		Happened: []registry.Happened{{At: tuesday, Kind: "request.submitted", Who: "Ana"}, {At: noon, Kind: "request.signer-corrected", Who: "Ana"}}}
	site.Needs = []registry.NeedView{siteNeed(p, "declare:worksite-privacy-security", policies.Outstanding), waitsFor(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar),
		waitsFor(siteNeed(p, "approve:second-registrar", policies.Outstanding), policies.BySecondRegistrar)}
	signed := site
	signed.MayCorrect, signed.Registrars = false, 2
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
	return []story{
		{"tracker-site", asMember(v.trackerPage(at, site, answers, nil, nil))},
		{"tracker-signer-wrong", asMember(v.trackerPage(at, site, answers, form, wrong))},
		{"tracker-declared", asMember(v.trackerPage(at, signed, answers, nil, nil))},
		{"tracker-returned", asMember(v.trackerPage(at, returned, answers, nil, nil))},
		{"tracker-refused", asMember(v.trackerPage(at, refused, nil, nil, nil))},
	}
}

func inboxStories(v *visit, at places, p *policies.Program) []story {
	join := itemOf(p, policies.JoinRequest, "on-behalf-of", policies.Submitted, mallory, cedar)
	join.Request.Profession = "medical-office-assistant"
	join.Needs = []registry.NeedView{needOf(p, "on-behalf-of", "attest:direct-care-only", policies.Met),
		turn(needOf(p, "on-behalf-of", "approve:group-administrator", policies.Outstanding), policies.ByGroupAdministrator, true, "Ana"),
		turn(needOf(p, "on-behalf-of", "approve:authorizer", policies.Outstanding), policies.ByAuthorizer, true, "Ana")}
	t := registry.Tracker{Item: join, Program: p, Registrars: 2}
	site := itemOf(p, policies.SiteRequest, "administrator", policies.Submitted, ben, unnamed)
	site.Needs = []registry.NeedView{turn(siteNeed(p, "approve:registrar", policies.Outstanding), policies.ByRegistrar, true, "")}
	over := t
	over.Needs = join.Needs[:1]
	over.Request.State = policies.Granted
	form := url.Values{"need": {"approve:group-administrator"}, "verdict": {"refuse"}, "words": {hostile}}
	returned := itemOf(p, policies.JoinRequest, "pharmacist", policies.ReturnedR, ben, cedar)
	return []story{
		{"inbox", asMember(v.inboxPage(at, registry.Items{List: []registry.Item{join, site}, More: 1}))},
		{"inbox-empty", asMember(v.inboxPage(at, registry.Items{}))},
		{"item", asMember(v.itemPage(at, t, nil, nil, ""))},
		{"item-wrong", asMember(v.itemPage(at, t, form, checkVerdict(form), ""))},
		{"item-stale", asMember(v.itemPage(at, over, form, nil, "error.changed-review-again"))},
		{"desk", asMember(v.deskPage(at, p.ID, registry.Items{List: []registry.Item{site}}, registry.Items{List: []registry.Item{join, returned}, More: 40}))},
		{"desk-empty", asMember(v.deskPage(at, p.ID, registry.Items{}, registry.Items{}))},
		{"desks", asMember(&desksPage{Page: v.page("Registrar's desk", "Which program?"), Desks: []deskLink{{"/desk/careconnect", "CareConnect"}, {"/desk/other", hostile}}})},
		{"operators", asMember(v.operatorsPage(at, p.ID, []registry.Operator{{Name: "Rhea Registrar", UserName: "rhea", Role: "registrar", Since: tuesday},
			{Email: "new@region.example", Role: "support", Since: noon, Expires: moment(noon.AddDate(0, 0, 14))}}, url.Values{}, nil))},
		{"operators-wrong", asMember(v.operatorsPage(at, p.ID, nil, url.Values{"email": {hostile}}, map[string]string{"role": "field-error.choose", "email": "field-error.email"}))},
	}
}

func caseStories(v *visit, at places, p *policies.Program) []story {
	answers := []answered{{"Legal name", "Cedar Hill Medical Corp."}, {"Signing authority", hostile}}
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
	known := person
	known.Needs = []registry.NeedView{needOf(p, "practitioner", "standing", policies.Met)}
	known.Request.State = policies.Granted
	known.known = registry.Known{Suspended: &registry.Why{At: noon, Who: "Rhea"}, Standings: []registry.Why{{Kind: "standing", At: tuesday, Who: "Rhea", Detail: "cpsbc", Until: moment(noon)}},
		Holds: []registry.Access{{Program: p.ID, Role: "practitioner", Site: cedar, Since: tuesday}}}
	own := person
	own.Subject, own.Request.Account = ana, ana.ID
	typed := url.Values{"body": {""}, "number": {hostile}, "expires": {"then"}}
	wrong := map[string]string{"body": "field-error.choose", "number": "field-error.licence-number", "expires": "field-error.date"}
	return []story{
		{"case-site", asMember(v.casePage(at, site, nil, nil, ""))},
		{"case-declared", asMember(v.casePage(at, declared, nil, nil, ""))},
		{"case-person", asMember(v.casePage(at, person, nil, nil, ""))},
		{"case-standing-wrong", asMember(v.casePage(at, person, typed, wrong, ""))},
		{"case-stale", asMember(v.casePage(at, person, nil, nil, "error.changed-review-again"))},
		{"case-granted", asMember(v.casePage(at, known, nil, nil, ""))},
		{"case-own", asMember(v.casePage(at, own, nil, nil, ""))},
		{"suspend", asMember(v.suspendPage(at, known, []registry.Dependant{{Name: "Ben Osei", Site: cedar.Name}}, url.Values{}, nil))},
		{"suspend-wrong", asMember(v.suspendPage(at, known, nil, url.Values{"words": {hostile}}, map[string]string{"reasons": "error.reason-needed"}))},
	}
}

func memberStories(v *visit, at places, p *policies.Program) []story {
	m := registry.MembersPage{Site: cedar, Program: p, Administrators: 1, Registrar: true, Members: []registry.Member{
		{Join: "0198a9a8-3333-7000-8000-000000000001", Account: ana.ID, Name: ana.Name(), UserName: ana.UserName, Role: "administrator", Held: true, Since: tuesday, Self: true,
			Word: []registry.Why{{Kind: "review", At: noon, Who: "Rhea", Detail: "registrar"}, {Kind: "review", At: noon, Who: "Rob", Detail: "second-registrar"}}},
		{Join: "0198a9a8-3333-7000-8000-000000000002", Account: ben.ID, Name: ben.Name(), UserName: ben.UserName, Role: "practitioner", Request: requestID, Held: true, Planned: true, MayEnd: true, Since: tuesday,
			Until: moment(noon.AddDate(0, 0, 9)), Word: []registry.Why{{Kind: "review", At: noon, Who: "Ana", Detail: "group-administrator"}}},
		{Join: joinID, Account: mallory.ID, Name: mallory.Name(), UserName: mallory.UserName, Role: "on-behalf-of", Request: requestID, Since: noon, Mine: true, MayEnd: true, Waits: []registry.NeedView{
			turn(needOf(p, "on-behalf-of", "approve:group-administrator", policies.Outstanding), policies.ByGroupAdministrator, true, "Ana"),
			waitsFor(needOf(p, "on-behalf-of", "approve:authorizer", policies.Outstanding), policies.ByAuthorizer, "Ben Osei")}},
		{Join: joinID, Account: mallory.ID, Name: mallory.Name(), UserName: mallory.UserName, Role: "practitioner", Request: requestID, Since: noon, Mine: true, MayEnd: true, Waits: []registry.NeedView{
			waitsFor(needOf(p, "practitioner", "standing", policies.Outstanding), policies.ByRegistrar)}}}}
	two := m
	two.Administrators, two.Members = 2, m.Members[:1]
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
		{"members-two", asMember(v.membersPage(at, two, "", ""))},
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

// moment gives a time an address.
func moment(t time.Time) *time.Time { return &t }
