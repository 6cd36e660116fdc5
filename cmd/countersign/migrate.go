package main

import (
	"context"
	"time"

	"countersign/broker"
	"countersign/broker/registry"
)

type owner struct {
	Owner broker.Secret `env:"DATABASE_OWNER_URL" required:"" help:"PostgreSQL, as the role that owns the schema."`
}

type migrateCmd struct{ owner }

// Run implements the command.
func (c migrateCmd) Run(ctx context.Context) error { return registry.Migrate(ctx, string(c.Owner)) }

type clockCmd struct {
	owner
	By time.Duration `arg:"" help:"How far, such as 36h."`
}

// Run implements the command.
func (c clockCmd) Run(ctx context.Context) error {
	return registry.MoveClock(ctx, string(c.Owner), c.By)
}

type keysCmd struct {
	Dir string `arg:"" help:"A folder without keys."`
}

// Run implements the command.
func (c keysCmd) Run() error { return registry.NewKeys(c.Dir) }
