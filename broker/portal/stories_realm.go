package portal

import (
	"countersign/broker/registry"
	"countersign/policies"
)

func realmStories(v *visit, _ places, _ *policies.Program) []story {
	busy := registry.Realm{Backlog: registry.Backlog{Waiting: []registry.Pile{{Kind: "accounts", N: 12840, Oldest: 4000}, {Kind: "urgent", N: 1, Oldest: 1},
		{Kind: "sites", N: 3, Oldest: 59}, {Kind: "languages"}, {Kind: "mail", N: 2, Oldest: 300000}}}}
	return []story{{"realm", asMember(v.realmPage(busy))}}
}
