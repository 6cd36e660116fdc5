package keycloak

import (
	"context"
	"slices"
)

// FixedKeys are the keys of tests' realms, for those that the tests make themselves.
var FixedKeys = fixedKeys

// ProbesAs has somebody else ask all that Capabilities asks, past every list.
func (i *Inspection) ProbesAs(ctx context.Context, admin Admin) ([]Capability, error) {
	at, err := i.d.places(ctx)
	a := admin.on(i.d.cfg.Realm).account
	t := i.d.cfg.Topology
	return append(a.ask(ctx, "writer", t.ofWriter(at)), a.ask(ctx, "reader", t.ofReader(at))...), err
}

// Lists are the calls that may leave the process, as "METHOD pattern", by whoever
// makes them: the reader and the writer of a directory, and whoever inspects.
func Lists() map[string][]string {
	lists := map[string][]string{}
	for name, calls := range map[string][]call{"reader": slices.Concat(reads, sharedReads), "writer": writes, "inspection": inspections[:len(inspections)-len(reads)]} {
		for _, c := range calls {
			lists[name] = append(lists[name], c.method+" "+c.path)
		}
	}
	at := places{root: "*", portal: "*", reader: "*", writer: "*", person: "*"}
	for _, t := range []Topology{Own, Shared} {
		for name, probes := range map[string][]probe{"writer's probes": t.ofWriter(at), "reader's probes": t.ofReader(at)} {
			for _, p := range probes {
				if c := p.call(); c.method != "" && !slices.Contains(lists[name], c.method+" "+c.path) {
					lists[name] = append(lists[name], c.method+" "+c.path)
				}
			}
		}
	}
	return lists
}

// Matches says whether a path fits a pattern of a list.
var Matches = matches
