package main

import (
	"context"
	"fmt"

	"countersign/broker"
	realm "countersign/keycloak-realm"
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
	Apply  realmApplyCmd  `cmd:"" help:"Make the realm as it should be; says what it changed, and changes nothing a second time. In a shared realm it only adds what is ours, and prints what its owner is asked for."`
	Mode   realmModeCmd   `cmd:"" help:"Say what is done about differences between Keycloak and the record, or change it."`
	Remove realmRemoveCmd `cmd:"" help:"Take all that is ours out of a shared realm; people stay. Without --yes it only says what it would take."`
	Files  realmFilesCmd  `cmd:"" help:"Write the theme of Keycloak's pages and mails, and the passwords that it refuses, into a folder."`
}

type realmApplyCmd struct {
	broker.Config
	administrator
	IdentityProvider []broker.Secret `env:"COUNTERSIGN_IDENTITY_PROVIDERS" sep:";" placeholder:"alias=A,name=N,issuer=I,client=C,secret=S" help:"An OpenID provider, such as an existing realm, that people of a realm of our own may sign in through; the secret may be a reference into Keycloak's vault."`
}

// Run implements the command.
func (c realmApplyCmd) Run(ctx context.Context) error {
	programs, err := c.programs(ctx)
	if err != nil {
		return err
	}
	spec := c.RealmSpec(programs)
	for _, text := range c.IdentityProvider {
		p, err := keycloak.ParseIdentityProvider(string(text))
		if err != nil {
			return err
		}
		spec.IdentityProviders = append(spec.IdentityProviders, p)
	}
	changed, err := keycloak.Apply(ctx, c.at(c.Keycloak), spec)
	for _, what := range changed {
		fmt.Println(what)
	}
	if err == nil && len(changed) == 0 {
		fmt.Println("nothing to change")
	}
	if err != nil {
		return err
	}
	version, err := keycloak.Version(ctx, c.at(c.Keycloak))
	if err != nil {
		return err
	}
	for _, remark := range keycloak.JudgeVersion(version) {
		fmt.Println("mind: " + remark + ". Production needs the newest patch")
	}
	wishes, err := keycloak.Wishes(ctx, c.at(c.Keycloak), spec)
	if len(wishes) > 0 {
		fmt.Println("\nWishes for the realm's owner; the product changes none of this itself:")
	}
	for _, w := range wishes {
		fmt.Println("- " + w.String())
	}
	return err
}

type realmRemoveCmd struct {
	broker.Config
	administrator
	Yes bool `help:"Do it."`
}

// Run implements the command.
func (c realmRemoveCmd) Run(ctx context.Context) error {
	done, err := keycloak.Remove(ctx, c.at(c.Keycloak), c.RealmSpec(nil), !c.Yes)
	for _, what := range done {
		if !c.Yes {
			what = "would remove " + what
		} else {
			what = "removed " + what
		}
		fmt.Println(what)
	}
	switch {
	case err != nil:
		return err
	case len(done) == 0:
		fmt.Println("nothing of ours is there")
	case !c.Yes:
		fmt.Println("nothing is removed yet: say --yes")
	}
	return nil
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

type realmFilesCmd struct {
	Folder string `arg:"" help:"Gets themes/ and password-blacklists/; keycloak-realm/README.md says how a server is told."`
}

// Run implements the command.
func (c realmFilesCmd) Run() error { return realm.WriteFiles(c.Folder) }
