package main

import (
	"context"
	"log/slog"

	"countersign/broker"
)

type serveCmd struct {
	broker.Config
}

// Run implements the command.
func (c serveCmd) Run(ctx context.Context, log *slog.Logger) error {
	c.Version = version()
	return broker.Run(ctx, c.Config, log, func() { log.Info("serving", "url", c.PublicURL) })
}
