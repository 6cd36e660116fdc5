package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// site makes the groups of one site.
func (w *Worker) site(ctx context.Context) (bool, error) {
	work, ok, err := w.Registry.ClaimSite(ctx)
	if err != nil || !ok {
		return false, err
	}
	return true, w.ensure(ctx, work)
}

// groupsOf says which groups a site has.
func groupsOf(work registry.SiteWork) provisioning.Site {
	s := provisioning.Site{Program: work.Program, Code: work.Code, Name: work.Name}
	for _, role := range work.Roles {
		s.Leaves = append(s.Leaves, provisioning.Leaf{Code: role})
	}
	for _, entitlement := range work.Gives {
		s.Leaves = append(s.Leaves, provisioning.Leaf{Code: entitlement, Entitlement: true})
	}
	return s
}

func (w *Worker) ensure(ctx context.Context, work registry.SiteWork) error {
	called, err := w.Registry.Calling(ctx, "site", work.ID)
	if err != nil {
		return errors.Join(err, w.Registry.Later(ctx, "site", work.ID, work.Lease, work.Tries))
	}
	release := w.Registry.Hold(ctx, "site", work.ID, work.Lease)
	groups, err := w.Directory.EnsureSite(ctx, groupsOf(work))
	release()
	called()
	if err != nil {
		return errors.Join(fmt.Errorf("site %s/%s: %w", work.Program, work.Code, err),
			w.Registry.Later(ctx, "site", work.ID, work.Lease, work.Tries))
	}
	return errors.Join(w.Registry.FinishSite(ctx, work, groups), w.Registry.SiteRemade(ctx, work.ID))
}

// account brings one account's place in the realm to what the record says.
func (w *Worker) account(ctx context.Context, urgent bool) (bool, error) {
	way := w.way(urgent)
	work, ok, err := way.Registry.ClaimAccount(ctx, urgent, w.Root)
	if err != nil || !ok {
		return false, err
	}
	return w.carryOut(ctx, way, work, &record{Registry: way.Registry, work: work, log: w.Log})
}

// carryOut does what a claimed account needs, as far as it goes, and puts it down.
func (w *Worker) carryOut(ctx context.Context, way Way, work registry.AccountWork, told provisioning.Record) (bool, error) {
	release := way.Registry.Hold(ctx, "account", work.Account.ID, work.Lease)
	err := w.follow(ctx, way, work, told)
	if work.Urgent || !work.LoggedOut.IsZero() {
		work.TokenLife = w.life.ask(ctx, way.Directory)
	}
	release()
	if err != nil {
		if err = w.drifted(ctx, work, err); err == nil {
			return true, nil
		}
	}
	switch {
	case err == nil:
		return true, way.Registry.FinishAccount(ctx, work)
	case errors.Is(err, errSiteFirst): // nothing is wrong: the site's lane is on its way
		return true, errors.Join(ended(ctx, way, work), way.Registry.Later(ctx, "account", work.Account.ID, work.Lease, work.Tries))
	case errors.Is(err, errFrozen): // nothing is wrong here either: people are on their way
		return true, way.Registry.Later(ctx, "account", work.Account.ID, work.Lease, work.Tries)
	case errors.Is(err, provisioning.ErrMail): // the last of all steps: everything else is done
		return true, errors.Join(fmt.Errorf("account %s: %w", work.Account.ID, err), ended(ctx, way, work), way.Registry.SetupLater(ctx, work))
	case work.Account.Sub == "" && errors.Is(err, provisioning.ErrUserNameTaken):
		return true, way.Registry.NameTaken(ctx, work.Account.ID)
	case work.Account.Sub == "" && refusedDetails(err):
		return true, way.Registry.DetailsRefused(ctx, work.Account.ID)
	case errors.Is(err, provisioning.ErrNoPerson): // who is not there holds nothing there
		err = errors.Join(err, ended(ctx, way, work))
	}
	return true, errors.Join(fmt.Errorf("account %s: %w", work.Account.ID, err), way.Registry.AccountLater(ctx, work, err.Error()))
}

// ended confirms what ended, of an account whose run reached its end but for what it
// waits for.
func ended(ctx context.Context, way Way, work registry.AccountWork) error {
	if !work.Urgent {
		return nil
	}
	return way.Registry.EndCarriedOut(ctx, work)
}

// life is how long access tokens last, asked seldom: an import's ends are many.
type life struct {
	mu   sync.Mutex
	at   time.Time
	last time.Duration
}

// ask gives what is known, zero where nobody could tell: no end waits for it.
func (l *life) ask(ctx context.Context, d provisioning.Directory) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > time.Minute {
		call, done := context.WithTimeout(ctx, 2*time.Second)
		defer done()
		l.last, _ = d.TokenLife(call)
		l.at = time.Now()
	}
	return l.last
}

// unverified asks Keycloak about the accounts that nobody has used here, and lets
// the record tell them of their end, or end them.
func (w *Worker) unverified(ctx context.Context) (bool, error) {
	due, err := w.Registry.DueUnverified(ctx)
	for _, u := range due {
		verified := false
		if u.Sub != "" {
			var failed error
			verified, failed = w.Directory.Verified(ctx, u.Sub)
			if failed != nil && !errors.Is(failed, provisioning.ErrNotFound) {
				err = errors.Join(err, fmt.Errorf("account %s: %w", u.ID, failed))
				continue
			}
		}
		record := w.Registry.StillUnverified
		if verified {
			record = w.Registry.Verified
		}
		if failed := record(ctx, u.ID); failed != nil {
			err = errors.Join(err, fmt.Errorf("account %s: %w", u.ID, failed))
		}
	}
	return len(due) > 0, err
}

// refusedDetails: Keycloak does not take a new person as they asked, and trying
// again would not help. It must have named the field: any other 400 is about us,
// such as a redirect address that is not registered, and is tried again.
func refusedDetails(err error) bool {
	var field *provisioning.InvalidError
	return errors.Is(err, provisioning.ErrMailTaken) || errors.As(err, &field)
}

var (
	errSiteFirst = errors.New("a site's groups are not made yet")
	errFrozen    = errors.New("the realm knows more than the record: people decide first")
)

// follow brings the account's place in the realm to what is wanted, as far as the
// sites' groups are made.
func (w *Worker) follow(ctx context.Context, way Way, work registry.AccountWork, told provisioning.Record) error {
	if work.Frozen {
		return errFrozen
	}
	if work.Waits && !work.Urgent {
		return errSiteFirst
	}
	want := w.wanted(work)
	err := provisioning.Reconcile(ctx, way.Directory, &want, told)
	if errors.Is(err, provisioning.ErrMail) && work.Urgent { // it comes before the reading back, which an end needs
		err = cmp.Or(provisioning.ReadBack(ctx, way.Directory, want), err)
	}
	if err == nil {
		err = way.Registry.SettleAccount(ctx, work, leaves(want.Kept))
	}
	if err == nil && work.Waits {
		return errSiteFirst
	}
	return err
}

// importedLink is how long the link is good that begins an imported account: as long as
// that of an invitation.
const importedLink = 14 * 24 * time.Hour

func (w *Worker) wanted(work registry.AccountWork) provisioning.Wanted {
	a := work.Account
	if a.State == "closed" {
		return provisioning.Wanted{Account: a.ID, Sub: a.Sub, Remove: true}
	}
	want := provisioning.Wanted{Account: a.ID, Sub: a.Sub, Forget: work.Forget, EndSessions: work.Urgent && !work.Ended && a.Sub != "", LoggedOut: work.LoggedOut}
	for _, g := range work.Groups {
		want.Groups = append(want.Groups, provisioning.Group{ID: g.ID, Path: g.Path})
	}
	if a.Sub == "" {
		want.Create = &provisioning.NewPerson{Account: a.ID, UserName: a.UserName, GivenName: a.GivenName,
			Surname: a.Surname, Email: a.Email, Locale: a.Locale, Before: work.Before}
	}
	if a.Setup {
		setup := w.Setup
		if a.Imported { // they do not wait for it
			setup.Lifespan = importedLink
		}
		want.Setup = &setup
	}
	return want
}

// record writes a run's steps to the registry.
type record struct {
	*registry.Registry
	work  registry.AccountWork
	first int          // number of this plan's first step among those of the revision
	log   *slog.Logger // of what is found to differ
}

// Planned implements provisioning.Record.
func (r *record) Planned(ctx context.Context, steps []provisioning.Step) (err error) {
	plan := make([][2]string, len(steps))
	for i, s := range steps {
		plan[i] = [2]string{string(s.Kind), s.Object}
	}
	r.first, err = r.Plan(ctx, r.work, plan)
	return err
}

// Done implements provisioning.Record. What the record must know of a step beyond
// the step itself is recorded at once.
func (r *record) Done(ctx context.Context, n int, s provisioning.Step, want provisioning.Wanted, outcome error) (err error) {
	how := "done"
	switch {
	case outcome != nil:
		how = outcome.Error()
	case s.Kind == provisioning.KindCreate:
		err = r.AccountMade(ctx, r.work.Account.ID, want.Sub)
	case s.Kind == provisioning.KindLeave:
		err = r.Removed(ctx, want.Sub, s.Object)
	case s.Kind == provisioning.KindSetup:
		err = r.SetupSent(ctx, r.work.Account.ID)
	}
	return errors.Join(err, r.StepDone(ctx, r.work, r.first+n, how))
}
