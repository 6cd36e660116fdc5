package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/broker/worker"
)

type reconcileCmd struct {
	broker.Config
	Account string `xor:"scope" required:"" placeholder:"ID" help:"One person, by the account's id or the user name."`
	Site    string `xor:"scope" required:"" placeholder:"CODE" help:"One site, by its code (or program/code) or id, with everybody who holds or held something there."`
	All     bool   `xor:"scope" required:"" help:"Every site and every person."`
	DryRun  bool   `help:"Say what would be done, and do nothing."`
	JSON    bool   `name:"json" help:"One JSON object a line, for machines: each site and account, also those with nothing to do."`
}

// Run implements the command: exit status 1 where the realm, or part of it, does not
// hold what the record says and this did not mend it.
func (c reconcileCmd) Run(ctx context.Context, log *slog.Logger) error {
	told := reconciled{out: os.Stdout, json: c.JSON, counts: map[string]int{}, step: func() {}, hide: func() {}}
	begin := func(n int) {
		told.of = n
		if !c.JSON {
			told.step, told.hide = progress("looking", n)
		}
	}
	err := broker.Reconcile(ctx, c.Config, registry.Scope{Account: c.Account, Site: c.Site, All: c.All}, !c.DryRun, log, begin, told.tell)
	if err != nil && ctx.Err() == nil {
		return err
	}
	return told.end(ctx)
}

// reconciled says what became of each target as it comes, and in the end how many.
type reconciled struct {
	out  io.Writer
	json bool
	of   int

	step, hide func() // of the bar; what is hidden is drawn again with the next step

	counts map[string]int
}

func (r *reconciled) tell(l worker.Looked) {
	r.counts[l.Outcome]++
	if r.json {
		line := struct {
			Kind    string            `json:"kind"`
			ID      string            `json:"id"`
			Plan    []worker.Planning `json:"plan"`
			Left    []string          `json:"left,omitempty"`
			Outcome string            `json:"outcome"`
			Error   string            `json:"error,omitempty"`
		}{l.Kind, l.ID, l.Plan, l.Left, l.Outcome, ""}
		if line.Plan == nil {
			line.Plan = []worker.Planning{}
		}
		if l.Err != nil {
			line.Error = l.Err.Error()
		}
		_ = json.NewEncoder(r.out).Encode(line) // a closed pipe is nobody's loss
		return
	}
	if l.Outcome != worker.Even {
		r.hide()
		fmt.Fprintln(r.out, sentence(l))
	}
	r.step()
}

// sentence says what became of one target: the plan, and how it ended.
func sentence(l worker.Looked) string {
	var steps []string
	for _, p := range l.Plan {
		steps = append(steps, strings.TrimSpace(p.Do+" "+p.Path))
	}
	for _, path := range l.Left {
		steps = append(steps, "left as it is: "+path)
	}
	plan := strings.Join(steps, ", ")
	if plan == "" {
		plan = "nothing to do"
	}
	out := fmt.Sprintf("%-7s %s %s: %s", l.Outcome, l.Kind, l.ID, plan)
	if l.Err != nil {
		out += ": " + l.Err.Error()
	}
	return out
}

func (r *reconciled) end(ctx context.Context) error {
	r.hide()
	looked := 0
	var said []string
	for _, outcome := range []string{worker.Even, worker.Planned, worker.Done, worker.Kept, worker.Waits, worker.Failed} {
		if n := r.counts[outcome]; n > 0 {
			looked += n
			said = append(said, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	if !r.json {
		fmt.Fprintf(r.out, "%d of %d looked at: %s\n", looked, r.of, strings.Join(said, ", "))
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stopped after %d of %d: what was begun is finished; run it again for the rest", looked, r.of)
	case r.counts[worker.Kept]+r.counts[worker.Waits]+r.counts[worker.Failed] > 0:
		return errors.New("not all of the realm holds what the record says")
	}
	return nil
}
