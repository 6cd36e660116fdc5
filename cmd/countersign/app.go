package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/broker/registry"
	realm "countersign/keycloak-realm"
	"countersign/policies"
	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

type appCmd struct {
	Add    appAddCmd    `cmd:"" help:"Register a relying application, or change it; prints its secret."`
	List   appListCmd   `cmd:"" help:"List them."`
	Rotate appRotateCmd `cmd:"" help:"Give one a new secret, and print it."`
	Remove appRemoveCmd `cmd:"" help:"Remove one from the realm."`
}

// application is what says which application, in which realm, on whose credential.
type application struct {
	broker.Config
	administrator
	ClientID string `arg:"" help:"The application's client id."`
}

type appAddCmd struct {
	application
	Programs   []string `required:"" help:"The programs whose groups it sees."`
	Redirect   []string `required:"" help:"Exact redirect URIs."`
	PostLogout []string `help:"Exact URIs to return to after signing out."`
	LogoutURL  string   `required:"" help:"Where Keycloak sends back-channel logout tokens."`
	EventURL   string   `help:"Where our signed events go."`
	Owner      string   `required:"" help:"Who answers for it."`

	SecretReference string `placeholder:"REFERENCE" help:"Where Keycloak's vault has its secret, as $${vault.KEY}; Keycloak makes a secret otherwise."`
}

// Run implements the command.
func (c appAddCmd) Run(ctx context.Context) error {
	if c.SecretReference != "" && !keycloak.IsReference(c.SecretReference) {
		return fmt.Errorf("--secret-reference %q: want ${vault.KEY}, and the secret in the vault's file", c.SecretReference)
	}
	if c.EventURL != "" && !policies.MayPushTo(c.EventURL) {
		return fmt.Errorf("--event-url %q: want https, or http to this machine", c.EventURL)
	}
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		secret, err := addApp(ctx, reg, c.Config, c.at(c.Keycloak), keycloak.App{ClientID: c.ClientID, Programs: c.Programs,
			RedirectURIs: c.Redirect, PostLogoutURIs: c.PostLogout, LogoutURL: c.LogoutURL, Secret: c.SecretReference}, c.EventURL, c.Owner)
		if err == nil {
			fmt.Println(secret)
		}
		return err
	})
}

// addApp registers an application in the record and in the realm.
func addApp(ctx context.Context, reg *registry.Registry, c broker.Config, admin keycloak.Admin, app keycloak.App, eventURL, owner string) (string, error) {
	programs, err := reg.Programs(ctx)
	if err != nil {
		return "", err
	}
	for _, id := range app.Programs {
		if programs[id] == nil {
			return "", fmt.Errorf("there is no program %q", id)
		}
	}
	app.LeastACR = programs.LeastACR(app.Programs)
	secret, err := keycloak.AddApp(ctx, admin, keycloak.Realm{Name: c.Realm, PortalClientID: c.PortalID, Template: realm.JSON}, app)
	if err != nil {
		return "", err
	}
	return secret, reg.AddApplication(ctx, registry.CommandLine(), registry.Application{ClientID: app.ClientID,
		Programs: app.Programs, LogoutURL: app.LogoutURL, EventURL: eventURL, Owner: owner})
}

type appListCmd struct{ broker.Config }

// Run implements the command.
func (c appListCmd) Run(ctx context.Context) error {
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		all, err := reg.Applications(ctx)
		for _, a := range all {
			state := ""
			if a.Leaving != nil {
				state = "\tits removal was cut short: app remove ends it"
			}
			fmt.Printf("%s\t%s\t%s\t%s%s\n", a.ClientID, strings.Join(a.Programs, ","), a.LogoutURL, a.Owner, state)
		}
		return err
	})
}

type appRotateCmd struct{ application }

// Run implements the command.
func (c appRotateCmd) Run(ctx context.Context) error {
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		secret, err := keycloak.RotateApp(ctx, c.at(c.Keycloak), c.Realm, c.ClientID)
		if err != nil {
			return err
		}
		fmt.Println(secret)
		return reg.RotatedApplication(ctx, registry.CommandLine(), c.ClientID)
	})
}

type appRemoveCmd struct{ application }

// Run implements the command. The record says first that the removal begins, and
// last that it is done: cut short in between, it is taken up by a second run. Only
// then may the realm have lost the application already; otherwise this may be the
// wrong realm.
func (c appRemoveCmd) Run(ctx context.Context) error {
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		known, err := reg.Applications(ctx)
		if err != nil {
			return err
		}
		begun := slices.ContainsFunc(known, func(a registry.Application) bool { return a.ClientID == c.ClientID && a.Leaving != nil })
		if !begun {
			if err := c.leave(ctx, reg); err != nil {
				return err
			}
		}
		err = keycloak.RemoveApp(ctx, c.at(c.Keycloak), c.Realm, c.ClientID)
		if err != nil && (!begun || !errors.Is(err, provisioning.ErrNotFound)) {
			return err
		}
		return reg.RemoveApplication(ctx, registry.CommandLine(), c.ClientID)
	})
}

// leave records that the removal begins of an application that the realm has.
func (c appRemoveCmd) leave(ctx context.Context, reg *registry.Registry) error {
	held, err := keycloak.Apps(ctx, c.at(c.Keycloak), c.Realm)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(held, func(a keycloak.App) bool { return a.ClientID == c.ClientID }) {
		return fmt.Errorf("the realm %s has no application %s", c.Realm, c.ClientID)
	}
	return reg.LeavingApplication(ctx, registry.CommandLine(), c.ClientID)
}

func withRegistry(ctx context.Context, c broker.Config, do func(*registry.Registry) error) error {
	reg, err := broker.Open(ctx, c)
	if err != nil {
		return err
	}
	defer reg.Close()
	return do(reg)
}
