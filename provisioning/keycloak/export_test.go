package keycloak

import "context"

// FixedKeys are the keys of tests' realms, for those that the tests make themselves.
var FixedKeys = fixedKeys

// ProbesAs has somebody else ask all that Capabilities asks, past every list.
func (i *Inspection) ProbesAs(ctx context.Context, admin Admin) ([]Capability, error) {
	at, err := i.d.places(ctx)
	a := admin.on(i.d.cfg.Realm).account
	t := i.d.cfg.Topology
	return append(a.ask(ctx, "writer", t.ofWriter(at)), a.ask(ctx, "reader", t.ofReader(at))...), err
}
