package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/policies"
)

type accessCmd struct {
	Bootstrap bootstrapCmd `cmd:"" help:"Invite the first registrar by mail; refuses when there is one."`

	ResetFactors resetFactorsCmd `cmd:"" help:"Take away the second factors of an operator whom nobody can reset on a page; refuses all others."`
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

type resetFactorsCmd struct {
	broker.Config
	UserName string `arg:"" help:"Who lost the second factor."`
	Reason   string `required:"" enum:"${factor_reasons}" help:"What happened: ${enum}."`
	Words    string `required:"" help:"How it was made sure that it is really them; it is kept in the record."`
}

// Run implements the command.
func (c resetFactorsCmd) Run(ctx context.Context) error {
	if strings.TrimSpace(c.Words) == "" {
		return errors.New("--words must say how it was made sure that it is really them")
	}
	reg, err := broker.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	defer reg.Close()
	able, program, err := reg.ResetOperatorFactors(ctx, registry.CommandLine(), c.UserName, []string{c.Reason}, c.Words)
	var refused *registry.Error
	switch {
	case err == nil:
		fmt.Println("recorded: the product takes away the second factors of", c.UserName, "and ends every session; the password stays, and they are told by mail")
		return nil
	case !errors.As(err, &refused):
		return err
	case registry.IsKind(err, registry.Invalid):
		return fmt.Errorf("nobody with an account here has the user name %s", c.UserName)
	case slices.Contains(refused.Reasons, policies.NotOperator):
		return fmt.Errorf("%s operates no program: an administrator of their worksite, or a registrar at %s/desk, resets it", c.UserName, c.PublicURL)
	case slices.Contains(refused.Reasons, policies.OthersReset):
		return fmt.Errorf("others can, at %s/desk/%s/factors: %s", c.PublicURL, program, strings.Join(able, ", "))
	}
	return err
}
