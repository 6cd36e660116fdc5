package portal

import (
	"net/url"
	"strings"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
	"countersign/provisioning"
)

// adoptionStories are the plan of what may be adopted, as each of the two sees it who
// decide, and those who may not.
func adoptionStories(v *visit, at places, p *policies.Program) []story {
	role, gives := p.Roles[1].Code, p.Entitlements[0]
	line := func(a registry.Account, do, role string) registry.EffectLine {
		return registry.EffectLine{Effect: provisioning.Effect{Do: do, Sub: "0b2f6a52-4d0a-4f57-8f3c-3c1d8a3c9e11"}, Person: strings.TrimSpace(a.Name()), UserName: a.UserName,
			Program: cedar.Program, SiteCode: cedar.Code, SiteName: cedar.Name, Role: role}
	}
	until := noon.AddDate(0, 0, 30).Truncate(24 * time.Hour)
	x := registry.AdoptionPage{At: noon, Mode: registry.ModeAdopt, Looked: true, Digest: strings.Repeat("5a0c", 16), Total: 212, More: 209, Stay: 4, Names: true,
		May:   policies.Answer{OK: true, Capacity: policies.ByRegistrar},
		Lines: []registry.EffectLine{line(ana, provisioning.DoAdopt, role), line(ana, provisioning.DoKeep, gives), line(ben, provisioning.DoAdopt, role)},
		Done:  []registry.Adopted{{At: tuesday, Until: until, First: ana.Name(), Second: ben.Name(), Effects: 31, Live: 7}}}
	second, mine, own, hidden, looking, nothing, other := x, x, x, x, x, x, x
	second.FirstAt, second.First, second.Until = moment(noon), ben.Name(), &until
	mine = second
	mine.May = policies.Answer{Reasons: []string{policies.ProposedAlready}}
	own.May = policies.Answer{Reasons: []string{policies.OwnAdoption}}
	hidden.Names, hidden.May = false, policies.Answer{Reasons: []string{policies.NotRealmKeeper}}
	looking.Looked = false
	nothing.Digest, nothing.Lines = "", nil
	other.Mode, other.Done, other.Stay = registry.ModeEnforce, nil, 0
	return []story{
		{"adoption", asMember(v.adoptionPage(at, x, nil, nil))},
		{"adoption-wrong", asMember(v.adoptionPage(at, x, url.Values{"last": {"2020-01-01"}}, registry.InvalidField("last", "error.adoption-last")))},
		{"adoption-second", asMember(v.adoptionPage(at, second, nil, nil))},
		{"adoption-changed", asMember(v.adoptionPage(at, x, nil, registry.Fail(registry.Conflict, "error.adoption-changed")))},
		{"adoption-mine", asMember(v.adoptionPage(at, mine, nil, nil))},
		{"adoption-own", asMember(v.adoptionPage(at, own, nil, nil))},
		{"adoption-hidden", asMember(v.adoptionPage(at, hidden, nil, nil))},
		{"adoption-looking", asMember(v.adoptionPage(at, looking, nil, nil))},
		{"adoption-nothing", asMember(v.adoptionPage(at, nothing, nil, nil))},
		{"adoption-other-mode", asMember(v.adoptionPage(at, other, nil, nil))},
	}
}
