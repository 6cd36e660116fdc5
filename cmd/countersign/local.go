package main

import (
	"context"
	"os"
	"os/exec"

	"countersign/broker/local"
)

type localCmd struct {
	Measured bool `help:"Keycloak compiles its code and hashes passwords as a server for real people does: for figures that count."`

	Command []string `arg:"" passthrough:"" help:"The command and its arguments, after --."`
}

// Run implements the command.
func (c localCmd) Run(ctx context.Context) error {
	argv := c.Command
	if len(argv) > 0 && argv[0] == "--" {
		argv = argv[1:]
	}
	err := local.RunWith(ctx, argv, c.Measured)
	if child, failed := err.(*exec.ExitError); failed { // it has said why itself; a server that ended has not, and is no bare one
		os.Exit(child.ExitCode())
	}
	return err
}
