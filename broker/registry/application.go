package registry

import (
	"context"
	"time"

	"github.com/lib/pq"

	"countersign/policies"
)

// Application is a relying application: whoever consumes tokens.
type Application struct {
	ClientID  string `db:"client_id"`
	Programs  pq.StringArray
	LogoutURL string     `db:"logout_url"`
	EventURL  string     `db:"event_url"`
	Owner     string     // who answers for it
	Leaving   *time.Time `db:"leaving_at"` // since when it is being removed: the realm may have it or not
}

// AddApplication records a relying application, or its new particulars.
func (r *Registry) AddApplication(ctx context.Context, by By, a Application) error {
	if a.EventURL != "" && !policies.MayPushTo(a.EventURL) {
		return InvalidField("event-url", "field-error.event-url")
	}
	_, err := r.Do(ctx, Act{By: by, Kind: "application.add", What: a}, Touch{}, func(tx *Tx) (string, error) {
		var version int64
		err := tx.GetContext(ctx, &version, `insert into application (client_id, programs, logout_url, event_url, owner, changed_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (client_id) do update set programs = $2, logout_url = $3, event_url = $4, owner = $5, leaving_at = null, removed_at = null,
				version = application.version + 1, changed_at = $6 returning version`,
			a.ClientID, a.Programs, a.LogoutURL, a.EventURL, a.Owner, tx.At)
		tx.privateEvent("application", a.ClientID, version, "application.added", map[string]any{"programs": a.Programs, "logout": a.LogoutURL, "events": a.EventURL},
			map[string]string{"owner": a.Owner})
		return "", err
	})
	return err
}

// RotatedApplication records that an application got a new secret.
func (r *Registry) RotatedApplication(ctx context.Context, by By, clientID string) error {
	return r.changeApplication(ctx, by, clientID, "application.rotated", ``)
}

// LeavingApplication records that the removal of an application begins.
func (r *Registry) LeavingApplication(ctx context.Context, by By, clientID string) error {
	return r.changeApplication(ctx, by, clientID, "application.leaving", `leaving_at = $2, `)
}

// RemoveApplication records that an application is gone.
func (r *Registry) RemoveApplication(ctx context.Context, by By, clientID string) error {
	return r.changeApplication(ctx, by, clientID, "application.removed", `removed_at = $2, `)
}

func (r *Registry) changeApplication(ctx context.Context, by By, clientID, kind, set string) error {
	_, err := r.Do(ctx, Act{By: by, Kind: kind, What: clientID}, Touch{}, func(tx *Tx) (string, error) {
		var version int64
		err := tx.GetContext(ctx, &version, `update application set `+set+`version = version + 1, changed_at = $2 where client_id = $1 and removed_at is null returning version`, clientID, tx.At)
		if isNoRows(err) {
			return "", Fail(NotFound, "error.not-found")
		}
		tx.event("application", clientID, version, kind, nil)
		return "", err
	})
	return err
}

// Applications lists the relying applications, by client id.
func (r *Registry) Applications(ctx context.Context) ([]Application, error) {
	var out []Application
	err := r.db.SelectContext(ctx, &out, `select client_id, programs, logout_url, event_url, owner, leaving_at from application where removed_at is null order by client_id`)
	return out, err
}
