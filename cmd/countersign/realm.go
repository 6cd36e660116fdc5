package main

import (
	"context"
	"fmt"

	"countersign/broker"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

// administrator is a credential for one run; it is stored nowhere.
type administrator struct {
	AdminClient string        `env:"KEYCLOAK_ADMIN_CLIENT_ID" required:"" help:"An administrator's client of the realm master, for this run only."`
	AdminSecret broker.Secret `env:"KEYCLOAK_ADMIN_CLIENT_SECRET" required:"" help:"The secret of that client."`
}

func (a administrator) at(url string) keycloak.Admin {
	return keycloak.Admin{URL: url, ClientID: a.AdminClient, ClientSecret: string(a.AdminSecret)}
}

type realmCmd struct {
	Apply realmApplyCmd `cmd:"" help:"Make the realm as it should be; says what it changed, and changes nothing a second time."`
}

type realmApplyCmd struct {
	broker.Config
	administrator
}

// Run implements the command.
func (c realmApplyCmd) Run(ctx context.Context) error {
	programs, err := c.programs(ctx)
	if err != nil {
		return err
	}
	changed, err := keycloak.Apply(ctx, c.at(c.Keycloak), c.RealmSpec(programs))
	for _, what := range changed {
		fmt.Println(what)
	}
	if err == nil && len(changed) == 0 {
		fmt.Println("nothing to change")
	}
	return err
}

// programs are those in force, or the built-in ones where none is loaded yet.
func (c realmApplyCmd) programs(ctx context.Context) (policies.Programs, error) {
	reg, err := broker.Open(ctx, c.Config)
	if err != nil {
		return nil, err
	}
	defer reg.Close()
	ps, err := reg.Programs(ctx)
	if err != nil || len(ps) > 0 {
		return ps, err
	}
	return policies.Builtin()
}
