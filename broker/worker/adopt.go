package worker

import (
	"context"
	"errors"
	"fmt"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// planAdoption keeps the plan of what may be adopted as it should be, while that is the
// mode. Whom the record does not know, the realm is asked about once.
func (w *Worker) planAdoption(ctx context.Context) error {
	subs, err := w.Registry.StrangersToAdopt(ctx)
	if err != nil {
		return err
	}
	people := map[string]registry.AdoptedPerson{}
	for _, sub := range subs {
		p, err := w.Directory.Person(ctx, sub)
		if errors.Is(err, provisioning.ErrNotFound) {
			continue // they are gone
		}
		if err != nil {
			return fmt.Errorf("whom the record does not know: %w", err)
		}
		people[sub] = registry.AdoptedPerson{UserName: p.UserName, GivenName: p.GivenName, Surname: p.Surname, Email: p.Email, Locale: p.Locale, EmailVerified: p.EmailVerified}
	}
	return w.Registry.PlanAdoption(ctx, people)
}
