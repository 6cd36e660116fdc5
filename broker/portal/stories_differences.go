package portal

import (
	"net/url"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// differenceStories are the differences between Keycloak and the record, as those see
// them who keep the realm and those who may only look.
func differenceStories(v *visit, at places, p *policies.Program) []story {
	const group, sub, client = "3d567f4b-0150-4182-ae25-d60ab43201d7", "8b30c87e-5625-4b5d-a747-bb5d85834bbe", "security-admin-console"
	role, leaf := p.Roles[0].Code, p.Entitlements[0]
	one := func(kind, doing string) registry.DriftView {
		return registry.DriftView{ID: requestID, Kind: kind, Program: cedar.Program, SiteCode: cedar.Code, SiteName: cedar.Name, Leaf: leaf, Group: group, Sub: sub,
			FoundBy: "event", ByClient: client, ByUser: "kc-administrator", Found: noon, Doing: doing, Mode: registry.ModeEnforce}
	}
	of := func(d registry.DriftView, name string) registry.DriftView {
		d.Account, d.Name = joinID, name
		return d
	}
	stranger := one(registry.DriftStranger, registry.DoRepair)
	alarm := of(one(registry.DriftCall, registry.DoPerson), ben.Name()+" ("+ben.UserName+")")
	alarm.Alarm, alarm.Leaf = true, role
	moved := one(registry.DriftGroupMove, registry.DoPerson)
	moved.Sub = ""
	moved.Path = "/access/careconnect/" + cedar.Code + "-old/" + leaf
	unknown := registry.DriftView{ID: joinID, Kind: registry.DriftGroupNew, Group: group, Path: "/access/" + hostile, FoundBy: "compare", Found: noon, Doing: registry.DoPerson}
	deleted := one(registry.DriftNoGroup, registry.DoPerson)
	deleted.MakeAgain, deleted.Sub = true, ""
	gone := of(one(registry.DriftNoPerson, registry.DoPerson), ana.Name()+" ("+ana.UserName+")")
	gone.MakeAgain, gone.Program, gone.Leaf, gone.Group = true, "", "", ""
	bare := registry.DriftView{ID: joinID, Kind: registry.DriftNoGroup, Group: group, FoundBy: "compare", Found: noon, Doing: registry.DoPerson}
	over := func(d registry.DriftView, outcome string) registry.DriftView {
		d.Outcome, d.Done = outcome, moment(noon.Add(3*time.Second))
		return d
	}
	settled := over(gone, registry.OutSettled)
	settled.DoneName, settled.Words = ana.Name(), "Left the country; the account is suspended here."
	keeps := policies.Answer{OK: true, Capacity: policies.ByRegistrar}
	looks := policies.Answer{Reasons: []string{policies.NotRealmKeeper}}
	x := registry.DriftPage{Mode: registry.ModeEnforce, May: keeps, Polled: moment(noon), Open: []registry.DriftView{alarm, deleted, moved, unknown, stranger, of(one(registry.DriftSurplus, registry.DoHold), ben.Name()), bare},
		History: []registry.DriftView{settled, over(of(one(registry.DriftMissing, ""), ana.Name()), registry.OutRestored), over(stranger, registry.OutRemoved)}, Older: true, More: 12}
	x.Compare.Ended, x.Compare.Outcome, x.Compare.People, x.Compare.Memberships = moment(noon), "done", 20000, 41200
	others, observe, failed := x, x, x
	others.May, others.More = looks, 0
	others.Open = []registry.DriftView{of(one(registry.DriftSurplus, registry.DoRepair), "")}
	observe.Mode, observe.Since = registry.ModeObserve, moment(tuesday)
	adopts := observe
	adopts.Mode = registry.ModeAdopt
	failed.Compare.Outcome, failed.Open, failed.More = "people-missing", nil, 0
	older := asMember(v.differencesPage(at, failed, nil))
	older.Newest = true
	return []story{
		{"differences", asMember(v.differencesPage(at, x, nil))},
		{"differences-looking", asMember(v.differencesPage(at, others, nil))},
		{"differences-observe", asMember(v.differencesPage(at, observe, map[string]string{"mode": "field-error.choose"}))},
		{"differences-adopt", asMember(v.differencesPage(at, adopts, nil))},
		{"differences-none", asMember(v.differencesPage(at, registry.DriftPage{Mode: registry.ModeEnforce, May: looks}, nil))},
		{"differences-older", older},
		{"difference", asMember(v.differencePage(at, deleted, keeps, url.Values{}, nil))},
		{"difference-person", asMember(v.differencePage(at, gone, keeps, url.Values{"words": {" "}}, map[string]string{"words": "field-error.required"}))},
		{"difference-looking", asMember(v.differencePage(at, alarm, looks, url.Values{}, nil))},
		{"difference-settled", asMember(v.differencePage(at, settled, keeps, url.Values{}, nil))},
		{"difference-repair", asMember(v.differencePage(at, stranger, keeps, url.Values{}, nil))},
	}
}
