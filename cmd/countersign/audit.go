package main

import (
	"context"
	"fmt"

	"countersign/broker"
)

type auditCmd struct {
	Invariants auditInvariantsCmd `cmd:"" help:"Check that grants follow from facts and that every version has its signed event; exit 1 and a list when not."`
}

type auditInvariantsCmd struct{ broker.Config }

// Run implements the command.
func (c auditInvariantsCmd) Run(ctx context.Context) error {
	reg, err := broker.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	defer reg.Close()
	found, err := reg.Invariants(ctx)
	if err != nil {
		return err
	}
	for _, v := range found {
		fmt.Println(v.Invariant, v.What)
	}
	if len(found) > 0 {
		return fmt.Errorf("%d violations", len(found))
	}
	fmt.Println("nothing found")
	return nil
}
