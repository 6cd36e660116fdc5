package portal

import (
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

func accessStories(v *visit, at places, p *policies.Program) []story {
	why := []registry.Why{{Kind: "join", At: tuesday, Detail: "practitioner"}, {Kind: "review", At: noon, Who: "Ben Osei", Detail: "group-administrator"},
		{Kind: "signature", At: tuesday, Until: moment(noon.AddDate(1, 0, 0)), Who: "Ana Whitefeather", Detail: "direct-care-only 1"},
		{Kind: "mandate", At: tuesday, Who: hostile}, {Kind: "standing", At: noon, Until: moment(noon.AddDate(0, 6, 0)), Who: "Rhea Registrar", Detail: "cpsbc"}}
	held := []registry.Access{
		{Join: joinID, Program: p.ID, Role: "practitioner", Site: cedar, Leaves: []string{"viewer"}, Since: tuesday, Until: moment(noon.AddDate(0, 6, 0)), Ready: true, Why: why},
		{Join: joinID, Program: p.ID, Role: "lpn", Site: cedar, Leaves: []string{"viewer"}, Since: tuesday, Until: moment(noon.AddDate(0, 1, 0)), Ready: true, Why: []registry.Why{{Kind: "adopted", At: tuesday, Until: moment(noon.AddDate(0, 1, 0)), Who: "Rhea Registrar"}}, Adopted: requestID, Asks: true},
		{Join: joinID, Program: p.ID, Role: "rpn", Site: cedar, Leaves: []string{"viewer"}, Since: tuesday, Until: moment(noon.AddDate(0, 1, 0)), Ready: true, Adopted: requestID},
		{Join: joinID, Program: p.ID, Role: "administrator", Site: cedar, Since: tuesday, Ready: false},
		{Join: joinID, Program: p.ID, Role: "on-behalf-of", Site: cedar, Leaves: []string{"viewer", "medications"}, Since: tuesday, Until: moment(noon.AddDate(0, 0, 9)), Planned: true, Ready: true, Why: why[3:4]},
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
	done := asMember(v.accessPage(at, held[:1], nil, nil, names))
	done.Done = v.words.T("done.signed")
	ended := asMember(v.accessPage(at, held[:1], nil, nil, names))
	ended.Others = v.endLines(at, endsOf(p))
	return []story{
		{"access", asMember(v.accessPage(at, held[:2], waiting[:1], requests[:1], names))},
		{"access-all", asMember(v.accessPage(at, held, waiting, requests, names))},
		{"access-done", done},
		{"access-late", asMember(v.accessPage(at, held[:2], nil, nil, names))},
		{"access-silent", asMember(v.whileSilent().accessPage(at, held[:2], nil, nil, names))},
		{"access-ended", ended},
		{"access-empty", asMember(v.accessPage(at, nil, nil, nil, nil))},
		{"access-waiting", asMember(v.accessPage(at, nil, waiting[:1], requests[:1], names))},
		{"end-leave", asMember(v.leavePage(at, join, cedar, dependants, url.Values{}, nil))},
		{"end-leave-wrong", asMember(v.leavePage(at, join, cedar, nil, url.Values{"when": {"day"}, "last": {hostile}}, messages))},
		{"invitation-stranger", asStranger(&invitationPage{Page: v.page(v.words.T("invitation.title"), v.words.T("invitation.stranger"))})},
		{"invitation-mandate", asMember(v.invitationPage(at, inv, cedar, hostile))},
		{"invitation-operator", asMember(v.invitationPage(at, operator, held[3].Site, ""))},
	}
}
