package worker

import (
	"context"
	"errors"
	"fmt"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// site makes the groups of one site.
func (w *Worker) site(ctx context.Context) (bool, error) {
	work, ok, err := w.Registry.ClaimSite(ctx)
	if err != nil || !ok {
		return false, err
	}
	s := provisioning.Site{Program: work.Program, Code: work.Code, Name: work.Name}
	for _, role := range work.Roles {
		s.Leaves = append(s.Leaves, provisioning.Leaf{Code: role})
	}
	for _, entitlement := range work.Gives {
		s.Leaves = append(s.Leaves, provisioning.Leaf{Code: entitlement, Entitlement: true})
	}
	groups, err := w.Directory.EnsureSite(ctx, s)
	if err != nil {
		return true, errors.Join(fmt.Errorf("site %s/%s: %w", work.Program, work.Code, err),
			w.Registry.Later(ctx, "site", work.ID, work.Lease, work.Tries))
	}
	return true, w.Registry.FinishSite(ctx, work, groups)
}

// account brings one account's place in the realm to what the record says.
func (w *Worker) account(ctx context.Context, urgent bool) (bool, error) {
	work, ok, err := w.Registry.ClaimAccount(ctx, urgent, w.Root)
	if err != nil || !ok {
		return false, err
	}
	err = w.follow(ctx, work)
	switch {
	case err == nil:
		return true, w.Registry.FinishAccount(ctx, work)
	case errors.Is(err, errSiteFirst): // nothing is wrong: the site's lane is on its way
		return true, w.Registry.Later(ctx, "account", work.Account.ID, work.Lease, work.Tries)
	case work.Account.Sub == "" && errors.Is(err, provisioning.ErrUserNameTaken):
		return true, w.Registry.NameTaken(ctx, work.Account.ID)
	case work.Account.Sub == "" && refusedDetails(err):
		return true, w.Registry.DetailsRefused(ctx, work.Account.ID)
	}
	return true, errors.Join(fmt.Errorf("account %s: %w", work.Account.ID, err),
		w.Registry.Later(ctx, "account", work.Account.ID, work.Lease, work.Tries))
}

// refusedDetails: Keycloak does not take a new person as they asked, and trying
// again would not help. It must have named the field: any other 400 is about us,
// such as a redirect address that is not registered, and is tried again.
func refusedDetails(err error) bool {
	var field *provisioning.InvalidError
	return errors.Is(err, provisioning.ErrMailTaken) || errors.As(err, &field)
}

var errSiteFirst = errors.New("a site's groups are not made yet")

// follow plans, records and takes the steps, and reads back.
func (w *Worker) follow(ctx context.Context, work registry.AccountWork) error {
	if work.Waits && !work.Urgent {
		return errSiteFirst
	}
	want := w.wanted(work)
	held, err := provisioning.ReadHeld(ctx, w.Directory, want.Sub)
	if err != nil {
		return err
	}
	steps := provisioning.Plan(want, held)
	plan := make([][2]string, len(steps))
	for i, s := range steps {
		plan[i] = [2]string{string(s.Kind), s.Object}
	}
	first, err := w.Registry.Plan(ctx, work.Account.ID, work.Rev, plan)
	if err != nil {
		return err
	}
	for i, s := range steps {
		if err := w.step(ctx, work, &want, first+i, s); err != nil {
			return err
		}
	}
	if err := provisioning.ReadBack(ctx, w.Directory, want); err != nil {
		return err
	}
	if work.Waits {
		return errSiteFirst
	}
	return nil
}

func (w *Worker) wanted(work registry.AccountWork) provisioning.Wanted {
	a := work.Account
	want := provisioning.Wanted{Account: a.ID, Sub: a.Sub, EndSessions: work.Urgent && !work.Ended && a.Sub != ""}
	for _, g := range work.Groups {
		want.Groups = append(want.Groups, provisioning.Group{ID: g.ID, Path: g.Path})
	}
	if a.Sub == "" {
		want.Create = &provisioning.NewPerson{Account: a.ID, UserName: a.UserName, GivenName: a.GivenName,
			Surname: a.Surname, Email: a.Email, Locale: a.Locale}
	}
	if a.Setup {
		setup := w.Setup
		want.Setup = &setup
	}
	return want
}

// step takes one step; what the record must know of it is recorded at once.
func (w *Worker) step(ctx context.Context, work registry.AccountWork, want *provisioning.Wanted, n int, s provisioning.Step) error {
	id := work.Account.ID
	if err := w.Registry.StepSent(ctx, id, work.Rev, n); err != nil {
		return err
	}
	err := provisioning.Apply(ctx, w.Directory, want, s)
	outcome := "done"
	if err != nil {
		outcome = err.Error()
	}
	if err == nil && s.Kind == provisioning.KindCreate {
		err = w.Registry.AccountMade(ctx, id, want.Sub)
	}
	if err == nil && s.Kind == provisioning.KindSetup {
		err = w.Registry.SetupSent(ctx, id)
	}
	return errors.Join(err, w.Registry.StepDone(ctx, id, work.Rev, n, outcome))
}
