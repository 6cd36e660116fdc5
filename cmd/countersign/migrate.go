package main

import (
	"context"
	"time"

	"countersign/broker/registry"
)

type owner struct {
	Owner string `env:"DATABASE_OWNER_URL" required:"" help:"PostgreSQL, as the role that owns the schema."`
}

type migrateCmd struct{ owner }

// Run implements the command.
func (c migrateCmd) Run(ctx context.Context) error { return registry.Migrate(ctx, c.Owner) }

type clockCmd struct {
	owner
	By time.Duration `arg:"" help:"How far, such as 36h."`
}

// Run implements the command.
func (c clockCmd) Run(ctx context.Context) error { return registry.MoveClock(ctx, c.Owner, c.By) }

type keysCmd struct {
	Dir string `arg:"" help:"A folder without keys."`
}

// Run implements the command.
func (c keysCmd) Run() error { return registry.NewKeys(c.Dir) }
