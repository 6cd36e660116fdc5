package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"countersign/broker/portal"
)

type storybookCmd struct {
	Listen string `default:"127.0.0.1:7480" help:"Address to serve the pages at."`
	Out    string `help:"Write the pages into this folder, to open from disk, and serve nothing."`
}

// Run implements the command.
func (c storybookCmd) Run(ctx context.Context) error {
	if err := portal.CheckAssets(); err != nil {
		return err
	}
	if c.Out != "" {
		return portal.WriteStorybook(c.Out)
	}
	book, err := portal.Storybook()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Printf("storybook at http://%s/\n", listener.Addr())
	server := &http.Server{Handler: book, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing here is worth waiting for
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
