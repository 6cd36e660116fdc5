package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// Outcomes of looking at one target.
const (
	Even    = "even"    // the realm showed what is wanted: there was nothing to do
	Planned = "planned" // what would be done; nothing was
	Done    = "done"    // the plan was carried out, and read back
	Kept    = "kept"    // something differs and is left as it is: the brake, or the mode, holds it
	Waits   = "waits"   // for the groups of a site, for somebody else who has it in hand, or for people
	Failed  = "failed"
)

// Looked is what became of one site or account.
type Looked struct {
	Kind    string // "site" or "account"
	ID      string
	Plan    []Planning
	Left    []string // paths of what differs and is left as it is
	Outcome string
	Err     error // of Failed and Waits
}

// Planning is one step of a plan: what the worker would do, or did.
type Planning struct {
	Do   string `json:"do"`             // a step's kind; "make" for a group of a site
	Path string `json:"path,omitempty"` // of the group, where it is about one
}

// most is how often one target is tried before it is left to the product's own workers,
// and how long one waits for somebody else who has it in hand.
const (
	most    = 3
	inHands = 10 * time.Second
)

// Look finds what one account's place in the realm lacks by the code that mends it, and
// where apply is set mends it: it claims the account, carries the same steps out, under
// the same brake, and reads back. Any number of workers may be at it meanwhile.
func (w *Worker) Look(ctx context.Context, account string, apply bool) Looked {
	l := Looked{Kind: "account", ID: account}
	for try := 0; ; try++ {
		err := w.look(ctx, &l, apply)
		if err == nil || errors.Is(err, errBusy) || try == most-1 || ctx.Err() != nil {
			l.close(err)
			return l
		}
		pause(ctx, time.Second<<try)
	}
}

var (
	errBusy      = errors.New("somebody else has it in hand")
	errRehearsed = errors.New("that is the plan")
)

// waiting are no failures of ours: what they name goes on by itself.
func waiting(err error) bool {
	return errors.Is(err, errBusy) || errors.Is(err, errSiteFirst) || errors.Is(err, errFrozen)
}

func (l *Looked) close(err error) {
	switch {
	case err != nil && waiting(err):
		l.Outcome, l.Err = Waits, err
	case err != nil:
		l.Outcome, l.Err = Failed, err
	case len(l.Left) > 0:
		l.Outcome = Kept
	case len(l.Plan) == 0:
		l.Outcome = Even
	}
}

func (w *Worker) look(ctx context.Context, l *Looked, apply bool) error {
	reg, log := w.Registry, w.Log
	if !apply {
		reg, log = reg.Rehearsal(), slog.New(slog.DiscardHandler) // nothing of it has happened
	}
	var work registry.AccountWork
	if err := claim(ctx, func() (ok bool, err error) { work, ok, err = reg.Reclaim(ctx, l.ID, w.Root); return ok, err }); err != nil {
		return err
	}
	told := &told{Record: &record{Registry: reg, work: work, log: log}, into: l, apply: apply, paths: map[string]string{}}
	if !apply {
		err := w.follow(ctx, Way{reg, w.Directory}, work, told)
		if errors.Is(err, errRehearsed) {
			err = nil
		}
		l.Outcome = Planned
		return err
	}
	_, err := w.carryOut(ctx, Way{reg, w.Directory}, work, told)
	if err != nil {
		return err
	}
	l.Outcome = Done
	even, state, err := reg.IsEven(ctx, l.ID, work.Rev)
	switch {
	case err != nil || even:
		return err
	case work.Frozen:
		return errFrozen
	case work.Waits:
		return errSiteFirst
	}
	return fmt.Errorf("it is %s: see the record", state)
}

// claim waits for whoever has a target in hand.
func claim(ctx context.Context, take func() (bool, error)) error {
	for end := time.Now().Add(inHands); ; pause(ctx, 200*time.Millisecond) {
		ok, err := take()
		if err != nil || ok {
			return err
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return errBusy
		}
	}
}

// told is a record that also tells the plan, and stops there where it is not to be
// carried out.
type told struct {
	provisioning.Record
	into  *Looked
	apply bool
	paths map[string]string // of groups, by id
}

// Differs implements provisioning.Record.
func (t *told) Differs(ctx context.Context, surplus, missing []provisioning.Group) ([]provisioning.Group, error) {
	for _, g := range slices.Concat(surplus, missing) {
		t.paths[g.ID] = g.Path
	}
	kept, err := t.Record.Differs(ctx, surplus, missing)
	t.into.Left = nil
	for _, g := range kept {
		t.into.Left = append(t.into.Left, g.Path)
	}
	return kept, err
}

// Planned implements provisioning.Record.
func (t *told) Planned(ctx context.Context, steps []provisioning.Step) error {
	for _, s := range steps {
		if p := (Planning{Do: string(s.Kind), Path: t.paths[s.Object]}); !slices.Contains(t.into.Plan, p) { // what failed is planned again
			t.into.Plan = append(t.into.Plan, p)
		}
	}
	if !t.apply {
		return errRehearsed
	}
	return t.Record.Planned(ctx, steps)
}

// LookAtSite is Look for the groups of one site; has are the paths of the groups that
// the realm has.
func (w *Worker) LookAtSite(ctx context.Context, site string, has map[string]bool, apply bool) Looked {
	l := Looked{Kind: "site", ID: site}
	reg := w.Registry
	if !apply {
		reg = reg.Rehearsal()
	}
	var work registry.SiteWork
	err := claim(ctx, func() (ok bool, err error) { work, ok, err = reg.ReclaimSite(ctx, site); return ok, err })
	if err == nil {
		for _, leaf := range groupsOf(work).Leaves {
			if path := w.Root + "/" + work.Program + "/" + work.Code + "/" + leaf.Code; !has[path] {
				l.Plan = append(l.Plan, Planning{"make", path})
			}
		}
		l.Outcome = Planned
	}
	if err == nil && apply {
		l.Outcome, err = Done, w.ensure(ctx, work)
	}
	l.close(err)
	return l
}
