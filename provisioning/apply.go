package provisioning

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNotConverged is returned when the directory, read back, does not hold what
// is wanted. Somebody else changed it meanwhile: plan again.
var ErrNotConverged = errors.New("provisioning: the directory differs from what is wanted")

// Apply carries out one step. A create step sets w.Sub, which the caller stores.
func Apply(ctx context.Context, d Directory, w *Wanted, s Step) error {
	if s.Kind == KindCreate {
		return create(ctx, d, w)
	}
	if w.Sub == "" {
		return fmt.Errorf("provisioning: step %s for account %s, who is not in the directory", s.Kind, w.Account)
	}
	switch s.Kind {
	case KindSetup:
		if w.Setup == nil {
			return fmt.Errorf("provisioning: step setup for account %s without a setup", w.Account)
		}
		return d.SendSetup(ctx, w.Sub, *w.Setup)
	case KindLeave:
		return d.Leave(ctx, w.Sub, s.Object)
	case KindEndSessions:
		return d.EndSessions(ctx, w.Sub)
	case KindJoin:
		return d.Join(ctx, w.Sub, s.Object)
	}
	return fmt.Errorf("provisioning: unknown step %q", s.Kind)
}

func create(ctx context.Context, d Directory, w *Wanted) error {
	if w.Create == nil {
		return fmt.Errorf("provisioning: step create for account %s without a person", w.Account)
	}
	p := *w.Create
	p.Account = w.Account
	p.Groups = nil
	for _, g := range w.Groups {
		p.Groups = append(p.Groups, g.Path)
	}
	sub, err := d.CreatePerson(ctx, p)
	if err != nil {
		return err
	}
	w.Sub = sub
	return nil
}

// ReadHeld asks the directory what the person holds. Somebody who does not exist
// yet holds nothing.
func ReadHeld(ctx context.Context, d Directory, sub string) (Held, error) {
	if sub == "" {
		return Held{}, nil
	}
	groups, err := d.Memberships(ctx, sub)
	return Held{Groups: groups}, err
}

// ReadBack asks the directory whether the person now holds exactly what is
// wanted. ErrNotConverged, with the difference, when not.
func ReadBack(ctx context.Context, d Directory, w Wanted) error {
	held, err := ReadHeld(ctx, d, w.Sub)
	if err != nil {
		return err
	}
	missing, surplus := without(w.Groups, held.Groups), without(held.Groups, w.Groups)
	if len(missing) == 0 && len(surplus) == 0 {
		return nil
	}
	return fmt.Errorf("%w: account %s: missing %s, surplus %s", ErrNotConverged, w.Account, paths(missing), paths(surplus))
}

// Record is told of each step before it is sent; what it returns is told how the
// step ended. An error from either stops the run.
type Record func(Step) (done func(outcome error) error, err error)

// Reconcile makes the directory hold what is wanted and reads back. record may be nil.
func Reconcile(ctx context.Context, d Directory, w *Wanted, record Record) error {
	held, err := ReadHeld(ctx, d, w.Sub)
	if err != nil {
		return err
	}
	for _, s := range Plan(*w, held) {
		if err := recorded(ctx, d, w, s, record); err != nil {
			return err
		}
	}
	return ReadBack(ctx, d, *w)
}

func recorded(ctx context.Context, d Directory, w *Wanted, s Step, record Record) error {
	if record == nil {
		return Apply(ctx, d, w, s)
	}
	done, err := record(s)
	if err != nil {
		return err
	}
	outcome := Apply(ctx, d, w, s)
	return errors.Join(outcome, done(outcome))
}

func paths(groups []Group) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Path
	}
	return "[" + strings.Join(names, " ") + "]"
}
