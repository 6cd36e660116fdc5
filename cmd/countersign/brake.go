package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/provisioning"
)

type brakeCmd struct {
	List brakeListCmd `cmd:"" help:"List what is held."`
	Show brakeShowCmd `cmd:"" help:"Print one brake with its whole plan and the plan's digest."`
}

type brakeListCmd struct{ broker.Config }

// Run implements the command.
func (c brakeListCmd) Run(ctx context.Context) error {
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		held, err := reg.Brakes(ctx)
		if err != nil {
			return err
		}
		if len(held) == 0 {
			fmt.Println("nothing is held")
			return nil
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, b := range held {
			fmt.Fprintf(w, "%s\t%s\t%d of %d\theld since %s\t%s/realm/brake/%s\n", b.ID, b.Kind, len(b.Effects), b.Total, b.Held.UTC().Format(time.RFC3339), c.PublicURL, b.ID)
		}
		return w.Flush()
	})
}

type brakeShowCmd struct {
	broker.Config
	ID string `arg:"" help:"Which, as countersign brake list says."`
}

// Run implements the command. It prints ids and paths, and names nobody: who is who is
// on the page, for those who may release.
func (c brakeShowCmd) Run(ctx context.Context) error {
	return withRegistry(ctx, c.Config, func(reg *registry.Registry) error {
		b, err := reg.BrakeByID(ctx, c.ID)
		if registry.IsKind(err, registry.NotFound) {
			return fmt.Errorf("there is no brake %s", c.ID)
		}
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, line := range brakeLines(b) {
			fmt.Fprintln(w, line)
		}
		return w.Flush()
	})
}

func brakeLines(b registry.Brake) []string {
	say := fmt.Sprintf
	lines := []string{say("%s\t%s", b.Kind, b.State)}
	for _, about := range []string{b.About, b.Reason} {
		if about != "" {
			lines = append(lines, "about\t"+about)
		}
	}
	lines = append(lines, "held since\t"+b.Held.UTC().Format(time.RFC3339))
	if b.Kind == registry.BrakeImplausible {
		lines = append(lines, say("people\t%d listed, %d known to be there", b.Counts.Listed.People, b.Counts.Confirmed.People),
			say("memberships\t%d listed, %d known to be there", b.Counts.Listed.Memberships, b.Counts.Confirmed.Memberships))
	} else {
		lines = append(lines, say("plan\t%d of %d, up to %d go by themselves", len(b.Effects), b.Total, provisioning.Limit(b.Total)))
	}
	for _, release := range []struct {
		by string
		at *time.Time
	}{{b.FirstBy, b.FirstAt}, {b.SecondBy, b.SecondAt}} {
		if release.at != nil {
			lines = append(lines, say("released by\taccount %s, %s", release.by, release.at.UTC().Format(time.RFC3339)))
		}
	}
	lines = append(lines, "digest\t"+b.Digest)
	for _, e := range b.Effects {
		where := say("group %s %s", e.Group, e.Path)
		if e.Group == "" {
			where = say("site %s role %s leaf %s", e.Site, e.Role, e.Leaf)
		}
		lines = append(lines, say("%s\taccount %s\tsub %s\t%s", e.Do, e.Account, e.Sub, where))
	}
	return lines
}
