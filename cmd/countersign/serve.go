package main

import (
	"context"
	"log/slog"

	"countersign/broker"
)

type serveCmd struct {
	broker.Config
}

// Faults implements what main asks before a command runs.
func (c serveCmd) Faults() broker.Faults { return c.ServeFaults() }

// Run implements the command.
func (c serveCmd) Run(ctx context.Context, log *slog.Logger) error {
	c.Version = version()
	return broker.Run(ctx, c.Config, log, func() { log.Info("serving", "url", c.PublicURL) })
}
