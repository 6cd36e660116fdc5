package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/policies"
)

type programCmd struct {
	Load programLoadCmd `cmd:"" help:"Put a version of a program in force, from its folder; one that would end what many hold is held until two people release it."`
}

type programLoadCmd struct {
	broker.Config
	Folder string `arg:"" type:"existingdir" help:"The program's folder: program.yaml, its texts and agreements."`
}

// Run implements the command.
func (c programLoadCmd) Run(ctx context.Context) error {
	p, err := policies.Load(os.DirFS(c.Folder))
	if err != nil {
		return err
	}
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		loaded, err := reg.LoadProgram(ctx, registry.CommandLine(), p)
		var held *registry.Error
		switch {
		case errors.As(err, &held) && held.Args["brake"] != nil:
			return fmt.Errorf("program %s would end what many hold, so it is not in force: two people must release the list first, at %s/realm/brake/%s", p.ID, c.PublicURL, held.Args["brake"])
		case err != nil:
			return err
		case !loaded:
			fmt.Println(p.ID, "is in force as it is")
		default:
			fmt.Println(p.ID, "is in force from now on")
		}
		return nil
	})
}
