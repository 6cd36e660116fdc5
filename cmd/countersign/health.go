package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// healthCmd asks a product beside it, for a container whose image has no curl.
type healthCmd struct {
	OpsListen string `group:"Portal" env:"COUNTERSIGN_OPS_LISTEN" default:"127.0.0.1:7401" help:"Address of /livez, /readyz and /metrics; not for the public."`
}

// Run implements the command.
func (c healthCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.OpsListen+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return err
	}
	fmt.Print(string(said))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}
