package provisioning

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNotConverged is returned when the directory, read back, does not hold what
// is wanted. Somebody else changed it meanwhile: plan again.
var ErrNotConverged = errors.New("provisioning: the directory differs from what is wanted")

// ErrNoPerson is returned when the directory no longer knows somebody whom the record
// has there: somebody deleted them. Trying again would not bring them back.
var ErrNoPerson = errors.New("provisioning: the person is gone from the directory")

// apply carries out one step. A create step sets w.Sub.
func apply(ctx context.Context, d Directory, w *Wanted, s Step) error {
	switch s.Kind {
	case KindCreate:
		return create(ctx, d, w)
	case KindRemove: // by the account: where a creation's answer was lost, nobody knows the sub
		return d.RemovePerson(ctx, w.Account)
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
	case KindForget:
		return d.ForgetFactors(ctx, w.Sub)
	case KindConsents:
		return d.RevokeConsents(ctx, w.Sub)
	case KindEndSessions:
		return endSessions(ctx, d, w)
	case KindJoin:
		return d.Join(ctx, w.Sub, s.Object)
	}
	return fmt.Errorf("provisioning: unknown step %q", s.Kind)
}

// endSessions keeps when it was done, so that the read-back sees what outlived it.
func endSessions(ctx context.Context, d Directory, w *Wanted) error {
	err := d.EndSessions(ctx, w.Sub)
	if w.Remove && errors.Is(err, ErrNotFound) {
		return nil // gone before
	}
	if err == nil {
		w.LoggedOut = time.Now()
	}
	return err
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

// readHeld asks the directory what the person holds. Somebody who does not exist
// yet holds nothing; ErrNoPerson when they did exist and are gone.
func readHeld(ctx context.Context, d Directory, w Wanted) (h Held, err error) {
	if w.Sub == "" {
		return h, nil
	}
	h.Groups, err = d.Memberships(ctx, w.Sub)
	if err == nil && !w.LoggedOut.IsZero() {
		h.Sessions, err = d.Sessions(ctx, w.Sub)
	}
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrNoPerson, err)
	}
	return h, err
}

// ReadBack asks the directory whether the person now holds exactly what is
// wanted, and no session that was to end. ErrNotConverged, with the difference, when not.
func ReadBack(ctx context.Context, d Directory, w Wanted) error {
	held, err := readHeld(ctx, d, w)
	if err != nil {
		return err
	}
	missing, surplus, alive := w.missing(held), w.surplus(held), w.survivors(held)
	if len(missing) == 0 && len(surplus) == 0 && len(alive) == 0 {
		return nil
	}
	return fmt.Errorf("%w: account %s: missing %s, surplus %s, sessions that outlived their end: %d",
		ErrNotConverged, w.Account, paths(missing), paths(surplus), len(alive))
}

// Record keeps what a run is about to do and what became of it. An error from any
// of these stops the run.
type Record interface {
	// Differs is told, before anything is planned, what of the groups held is not
	// wanted and what of those wanted is not held, if there is any. Of these it gives
	// those that are to be left as they are: neither left nor joined.
	Differs(ctx context.Context, surplus, missing []Group) (kept []Group, err error)
	// Planned is told every step. The first of them goes out then.
	Planned(ctx context.Context, steps []Step) error
	// Done is told how the nth of them ended, from 0, and for whom: a create step has
	// set w.Sub. Where it succeeded the next goes out then.
	Done(ctx context.Context, n int, s Step, w Wanted, outcome error) error
}

// Reconcile makes the directory hold what is wanted and reads back.
func Reconcile(ctx context.Context, d Directory, w *Wanted, record Record) error {
	var held Held
	var err error
	if !w.Remove { // who is to go may be gone
		held, err = readHeld(ctx, d, *w)
	}
	if err != nil {
		return err
	}
	if surplus, missing := w.surplus(held), w.missing(held); w.Sub != "" && !w.Remove && len(surplus)+len(missing) > 0 {
		if w.Kept, err = record.Differs(ctx, surplus, missing); err != nil {
			return err
		}
	}
	steps := Plan(*w, held)
	if err := record.Planned(ctx, steps); err != nil {
		return err
	}
	for n, s := range steps {
		outcome := apply(ctx, d, w, s)
		if err := errors.Join(outcome, record.Done(ctx, n, s, *w, outcome)); err != nil {
			return err
		}
	}
	if w.Remove {
		return nil
	}
	return ReadBack(ctx, d, *w)
}

func paths(groups []Group) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Path
	}
	return "[" + strings.Join(names, " ") + "]"
}
