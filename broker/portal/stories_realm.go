package portal

import (
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// quietRealm is one in which nothing waits.
var quietRealm = registry.Realm{Backlog: registry.Backlog{Waiting: []registry.Pile{{Kind: "accounts"}, {Kind: "urgent"}, {Kind: "sites"}, {Kind: "languages"}, {Kind: "mail"}},
	Unconfirmed: []registry.Pile{{Kind: "ends"}, {Kind: "events"}}}}

func realmStories(v *visit, _ places, _ *policies.Program) []story {
	busy := registry.Realm{Backlog: registry.Backlog{Waiting: []registry.Pile{{Kind: "accounts", N: 12840, Oldest: 4000}, {Kind: "urgent", N: 1, Oldest: 1},
		{Kind: "sites", N: 3, Oldest: 59}, {Kind: "languages"}, {Kind: "mail", N: 2, Oldest: 300000}},
		Differences: []registry.Pile{{Kind: "surplus", N: 212, Oldest: 5000}, {Kind: "unexplained", N: 1, Oldest: 4}},
		Unconfirmed: []registry.Pile{{Kind: "ends", N: 3, Oldest: 190}, {Kind: "events", N: 1, Oldest: 20}}, Brakes: map[string]int{registry.BrakeDrift: 1}}}
	return []story{
		{"realm", asMember(v.realmPage(busy, sampledStory(windows[0]), windows[0], 3*time.Minute))},
		{"realm-week", asMember(v.realmPage(busy, sampledStory(windows[2]), windows[2], 0))},
		{"realm-quiet", asMember(v.realmPage(quietRealm, registry.Samples{From: noon, Step: time.Minute, Known: make([]bool, 60)}, windows[0], 0))},
	}
}

// sampledStory is an import with a pause of Keycloak in it, and a time in which the
// product did not run.
func sampledStory(over window) registry.Samples {
	s := registry.Samples{From: noon.Add(-time.Duration(over.steps-1) * over.step), Step: over.step, Known: make([]bool, over.steps),
		Most: map[string][]float64{}, Sum: map[string][]float64{}}
	set := func(in map[string][]float64, name string, i int, value float64) {
		if in[name] == nil {
			in[name] = make([]float64, over.steps)
		}
		in[name][i] = value
	}
	for i := range s.Known {
		s.Known[i] = i < 8 || i > 12
		if i > 20 && i < 50 {
			waits := float64(400 * min(i-20, 50-i))
			set(s.Most, "waiting.accounts", i, waits)
			set(s.Most, "oldest.accounts", i, waits/2)
			set(s.Most, "waiting.mail", i, waits/3)
		}
		if s.Known[i] {
			set(s.Sum, "calls.answered", i, float64(300+i*7%50))
		}
		if i > 30 && i < 36 {
			set(s.Sum, "calls.failed", i, 180)
			set(s.Most, "oldest.urgent", i, float64(60*(i-30)))
			set(s.Most, "waiting.urgent", i, 3)
			set(s.Most, "unconfirmed.ends", i, 3)
			set(s.Most, "differences.surplus", i, float64(212-i))
			set(s.Most, "differences.unexplained", i, 1)
			set(s.Most, "oldest.ends", i, float64(60*(i-30)))
		}
	}
	return s
}
