package main

import (
	"context"
	"fmt"

	"countersign/broker"
	"countersign/broker/registry"
)

type accessCmd struct {
	Bootstrap bootstrapCmd `cmd:"" help:"Invite the first registrar by mail; refuses when there is one."`
}

type bootstrapCmd struct {
	broker.Config
	Email string `arg:"" help:"Where the invitation goes."`
}

// Run implements the command.
func (c bootstrapCmd) Run(ctx context.Context) error {
	reg, err := broker.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	defer reg.Close()
	if err := reg.Bootstrap(ctx, registry.CommandLine(), c.Email); err != nil {
		return err
	}
	fmt.Println("invited", c.Email)
	return nil
}
