package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/provisioning"
)

// telling is how long one account's language may take: less than the lease, so that
// no other worker has told Keycloak a later choice meanwhile.
const telling = time.Minute

// language makes Keycloak's own pages and mails speak to one person as they chose.
// Whom Keycloak does not hold as made by us, in a realm that keeps no mark of it or
// after the account was closed, is not ours to write to: that is the end of it.
func (w *Worker) language(ctx context.Context) (bool, error) {
	work, ok, err := w.Registry.ClaimLanguage(ctx)
	if err != nil || !ok {
		return false, err
	}
	call, done := context.WithTimeout(ctx, telling)
	defer done()
	called, err := w.Registry.Calling(ctx, "language", work.Account)
	if err != nil {
		return true, errors.Join(err, w.Registry.LanguageLater(ctx, work))
	}
	defer called()
	err = w.Directory.SetLanguage(call, work.Account, work.Language)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return true, errors.Join(fmt.Errorf("language of account %s: %w", work.Account, err), w.Registry.LanguageLater(ctx, work))
	}
	return true, w.Registry.LanguageShown(ctx, work)
}
