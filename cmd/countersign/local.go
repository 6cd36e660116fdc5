package main

import (
	"context"

	"countersign/broker/local"
)

type localCmd struct {
	Command []string `arg:"" passthrough:"" help:"The command and its arguments, after --."`
}

// Run implements the command.
func (c localCmd) Run(ctx context.Context) error {
	argv := c.Command
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	return local.RunWith(ctx, argv)
}
