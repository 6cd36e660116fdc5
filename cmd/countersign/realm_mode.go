package main

import (
	"context"
	"fmt"

	"countersign/broker"
	"countersign/broker/registry"
)

type realmModeCmd struct {
	broker.Config
	Mode string `arg:"" optional:"" default:"show" enum:"show,observe,adopt,enforce" help:"observe: report differences between Keycloak and the record, and change nothing that no decision explains. adopt: likewise, and make a plan of the memberships that two people may let go on for a while. enforce: put them right. show: print which it is."`
}

// Run implements the command. It is recorded as done from the command line.
func (c realmModeCmd) Run(ctx context.Context) error {
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		if c.Mode != "show" {
			if err := reg.SetRealmMode(ctx, registry.CommandLine(), c.Mode); err != nil {
				return err
			}
		}
		mode, err := reg.RealmMode(ctx)
		if err == nil {
			fmt.Println(mode)
		}
		if err == nil && c.Mode == registry.ModeAdopt {
			fmt.Println(adoptionFollows)
		}
		return err
	})
}

// adoptionFollows tells whoever begins an adoption how it goes on.
const adoptionFollows = `Everything is compared now, and nothing is removed that no recorded end explains.
Then two people who decide about the realm, neither of them on the list, see the plan at /realm/adoption:
one proposes it with its last day, the other approves. Whoever is on it is asked to sign, and keeps the
access after that day if those who decide have approved it by then.
When nothing is left to adopt: countersign realm mode enforce`
