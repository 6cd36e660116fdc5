package main

import (
	"context"
	"fmt"

	"countersign/broker"
	"countersign/broker/registry"
)

type realmModeCmd struct {
	broker.Config
	Mode string `arg:"" optional:"" default:"show" enum:"show,observe,enforce" help:"observe: report differences between Keycloak and the record, and change nothing that no decision explains. enforce: put them right. show: print which it is."`
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
		return err
	})
}
