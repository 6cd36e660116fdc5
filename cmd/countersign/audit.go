package main

import (
	"context"
	"errors"
	"fmt"

	"countersign/broker"
)

type auditCmd struct {
	Invariants auditInvariantsCmd `cmd:"" help:"Check that grants follow from facts, that every version has its signed event, and that Keycloak shows exactly the grants; exit 1 and a list when not."`
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
	realm, away := broker.AuditRealm(ctx, c.Config, reg)
	found = append(found, realm.Violations...)
	for _, v := range found {
		fmt.Println(v.Invariant, v.What)
	}
	for _, what := range realm.NotYet {
		fmt.Println("not yet:", what)
	}
	if away != nil {
		away = fmt.Errorf("the realm could not be looked at, only the record was: %w", away)
	}
	if len(found) > 0 {
		return errors.Join(fmt.Errorf("%d violations", len(found)), away)
	}
	if away != nil {
		return away
	}
	fmt.Println("nothing found")
	return nil
}
