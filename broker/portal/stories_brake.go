package portal

import (
	"strings"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
	"countersign/provisioning"
)

// brakeStories are what the brake holds, and held, as those see it who may release it
// and those who may not.
func brakeStories(v *visit, at places, p *policies.Program) []story {
	role := p.Roles[0].Code
	line := func(a registry.Account, do, site, role string) registry.EffectLine {
		return registry.EffectLine{Effect: provisioning.Effect{Do: do, Sub: "0b2f6a52-4d0a-4f57-8f3c-3c1d8a3c9e11"}, Person: strings.TrimSpace(a.Name()), UserName: a.UserName,
			Program: cedar.Program, SiteName: site, Role: role}
	}
	drift := registry.BrakePage{Names: true, May: policies.Answer{OK: true, Capacity: policies.ByRegistrar}, Brake: registry.Brake{ID: requestID, Kind: registry.BrakeDrift,
		State: registry.BrakeHeld, Digest: strings.Repeat("5a0c", 16), Effects: make(provisioning.Effects, 212), Total: 14210, Held: noon},
		Lines: []registry.EffectLine{line(ana, provisioning.DoLeave, cedar.Name, role), line(ben, provisioning.DoLeave, cedar.Name, p.Entitlements[0]),
			line(registry.Account{}, provisioning.DoLeave, unnamed.Name, role)}, More: 209}
	drift.Lines = append(drift.Lines, registry.EffectLine{Effect: drift.Lines[2].Effect, SiteName: "/access/careconnect/old-practice-of-nobody", Role: "viewer"})
	hidden, second, lapse, older, settled := drift, drift, drift, drift, drift
	hidden.Names, hidden.May = false, policies.Answer{Reasons: []string{policies.NotRealmKeeper}}
	second.FirstAt, second.First, second.More = moment(tuesday), ben.Name(), 0
	mine, changed, released := second, second, second
	mine.May = policies.Answer{Reasons: []string{policies.ReleasedAlready}}
	lapse.Kind, lapse.About, lapse.More = registry.BrakeLapse, cedar.Program, 0
	gives := line(ben, provisioning.DoLapse, cedar.Name, role)
	gives.Leaf = p.Entitlements[0]
	lapse.Lines = []registry.EffectLine{line(ana, provisioning.DoLapse, cedar.Name, role), gives}
	older.Kind, older.Lines = registry.BrakeOlder, []registry.EffectLine{line(ana, provisioning.DoLeave, cedar.Name, role), line(ben, provisioning.DoJoin, cedar.Name, role)}
	implausible := drift
	implausible.Kind, implausible.Reason, implausible.Lines, implausible.Effects, implausible.More = registry.BrakeImplausible, "people-missing", nil, nil, 0
	implausible.Counts = registry.ImplausibleCount{Confirmed: provisioning.Counts{People: 7105, Memberships: 14210}, Listed: provisioning.Counts{People: 100, Memberships: 212}}
	settled.State, settled.SettledAt = registry.BrakeSettled, moment(noon)
	released.State, released.SecondAt, released.Second = registry.BrakeReleased, moment(noon), ana.Name()
	again := v.brakePage(at, changed)
	again.Problems = []problem{{Message: v.words.T("error.brake-changed")}}
	held := v.brakeLinks([]registry.BrakeLink{{ID: requestID, Kind: registry.BrakeDrift, Effects: 212, Held: noon}, {ID: joinID, Kind: registry.BrakeImplausible, Held: noon}})
	inbox, desk := asMember(v.inboxPage(at, registry.Items{})), asMember(v.deskPage(at, p.ID, registry.Items{}, registry.Items{}))
	inbox.Brakes, desk.Brakes = held, held
	realm := asMember(v.realmPage(quietRealm, registry.Samples{From: noon, Step: time.Minute, Known: make([]bool, 60)}, windows[0], 0))
	realm.Brakes = held
	return []story{
		{"inbox-held", inbox},
		{"desk-held", desk},
		{"realm-held", realm},
		{"brake", asMember(v.brakePage(at, drift))},
		{"brake-hidden", asMember(v.brakePage(at, hidden))},
		{"brake-second", asMember(v.brakePage(at, second))},
		{"brake-mine", asMember(v.brakePage(at, mine))},
		{"brake-changed", asMember(again)},
		{"brake-lapse", asMember(v.brakePage(at, lapse))},
		{"brake-older", asMember(v.brakePage(at, older))},
		{"brake-implausible", asMember(v.brakePage(at, implausible))},
		{"brake-released", asMember(v.brakePage(at, released))},
		{"brake-settled", asMember(v.brakePage(at, settled))},
	}
}
