package broker

import (
	"context"
	"log/slog"

	"countersign/broker/registry"
	"countersign/broker/worker"
	"countersign/provisioning"
)

// Reconcile makes the realm hold, in a scope, what the record says, or tells what would
// be done: one Looked for each site and account, in the order of their ids. It works
// beside the product's own workers and in their way. Begin is told first how many there
// are.
func Reconcile(ctx context.Context, c Config, scope registry.Scope, apply bool, log *slog.Logger, begin func(int), tell func(worker.Looked)) error {
	reg, err := Open(ctx, c)
	if err != nil {
		return err
	}
	defer reg.Close()
	sites, accounts, err := reg.Targets(ctx, scope)
	if err != nil {
		return err
	}
	directory := c.directory(nil)
	if apply { // whoever changes a realm demands what the product demands of it
		if err := directory.Prove(ctx); err != nil {
			return err
		}
	}
	begin(len(sites) + len(accounts))
	w := &worker.Worker{Registry: reg, Directory: directory, Root: c.Root, Log: log,
		Setup: provisioning.Setup{ClientID: c.PortalID, RedirectURI: c.at("/access"), Lifespan: setupLife}}
	return w.Reconcile(ctx, sites, accounts, apply, tell)
}
