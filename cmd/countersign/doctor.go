package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"countersign/broker"
)

type doctorCmd struct {
	broker.Config
	JSON bool `name:"json" help:"One JSON object a line, for machines."`

	RunsKeycloak string `name:"keycloak-version" placeholder:"26.7.3" env:"KEYCLOAK_VERSION" help:"The version of Keycloak that runs, which it shows to administrators of master alone; realm apply asks it itself."`
}

// Run implements the command: exit status 1 where there is a fault.
func (c doctorCmd) Run(ctx context.Context, s *settings) error {
	c.KeycloakVersion = c.RunsKeycloak
	faults, warnings := 0, 0
	area := ""
	tell := func(f broker.Finding) {
		switch f.State {
		case broker.Bad:
			faults++
		case broker.Warning:
			warnings++
		}
		if c.JSON {
			_ = json.NewEncoder(os.Stdout).Encode(f) // a closed pipe is nobody's loss
			return
		}
		if f.Area != area {
			area = f.Area
			fmt.Println(area)
		}
		fmt.Printf("  %-8s %s\n", f.State, f.What)
		if f.Advice != "" {
			fmt.Printf("  %-8s → %s\n", "", f.Advice)
		}
	}
	broker.Doctor(ctx, c.Config, s.checked(c.ServeFaults()), tell)
	if !c.JSON {
		fmt.Printf("\n%d fault(s), %d warning(s)\n", faults, warnings)
	}
	if faults > 0 {
		os.Exit(1)
	}
	return nil
}
