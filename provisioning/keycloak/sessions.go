package keycloak

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/provisioning"
)

// consent is what a person has given one client: a consent, an offline token, or both.
type consent struct {
	ClientID string `json:"clientId"`
	Grants   []struct {
		Client string `json:"client"` // its id in the realm
		Key    string `json:"key"`
	} `json:"additionalGrants"`
}

func (d *Directory) consents(ctx context.Context, sub string) (all []consent, err error) {
	err = d.reader.repeat(ctx, "list consents", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "/users/"+url.PathEscape(sub)+"/consents", nil, &all)
	})
	return all, err
}

// RevokeConsents implements provisioning.Directory. Keycloak lists consents and
// offline tokens together, by client, and takes them back one client at a time.
func (d *Directory) RevokeConsents(ctx context.Context, sub string) error {
	all, err := d.consents(ctx, sub)
	if err != nil {
		return err
	}
	for _, c := range all {
		err := d.writer.repeat(ctx, "revoke consent for "+c.ClientID, func(bearer string) error {
			return d.writer.kc.RevokeUserConsents(ctx, bearer, d.cfg.Realm, sub, c.ClientID)
		})
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
	}
	return nil
}

// EndSessions implements provisioning.Directory.
func (d *Directory) EndSessions(ctx context.Context, sub string) error {
	return d.writer.repeat(ctx, "log out", func(bearer string) error {
		return d.writer.kc.LogoutAllSessions(ctx, bearer, d.cfg.Realm, sub)
	})
}

// Sessions implements provisioning.Directory. Keycloak lists offline sessions by
// client only; which clients have one, it tells with the consents.
func (d *Directory) Sessions(ctx context.Context, sub string) ([]provisioning.Session, error) {
	person := "/users/" + url.PathEscape(sub)
	all, err := d.sessionsAt(ctx, person+"/sessions", false)
	if err != nil {
		return nil, err
	}
	consents, err := d.consents(ctx, sub)
	if err != nil {
		return nil, err
	}
	for _, c := range consents {
		for _, g := range c.Grants {
			if g.Key != "Offline Token" {
				continue
			}
			offline, err := d.sessionsAt(ctx, person+"/offline-sessions/"+url.PathEscape(g.Client), true)
			if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
				return nil, err
			}
			all = append(all, offline...)
		}
	}
	return all, nil
}

func (d *Directory) sessionsAt(ctx context.Context, path string, offline bool) (all []provisioning.Session, err error) {
	var found []struct {
		Start int64 `json:"start"` // milliseconds, of whole seconds
	}
	err = d.reader.repeat(ctx, "list sessions", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, path, nil, &found)
	})
	for _, s := range found {
		all = append(all, provisioning.Session{Began: time.UnixMilli(s.Start), Offline: offline})
	}
	return all, err
}

// TokenLife implements provisioning.Directory: the realm's, unless a client was given
// a longer one. A realm that shows its settings to its administrators alone shows none.
func (d *Directory) TokenLife(ctx context.Context) (time.Duration, error) {
	var realm struct {
		Life int `json:"accessTokenLifespan"`
	}
	err := d.reader.repeat(ctx, "read the realm", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "", nil, &realm)
	})
	if err != nil {
		return 0, err
	}
	if realm.Life == 0 {
		return 0, provisioning.ErrForbidden
	}
	var clients []struct {
		Attributes map[string]string `json:"attributes"`
	}
	err = d.reader.repeat(ctx, "list clients", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "/clients", nil, &clients)
	})
	longest := realm.Life
	for _, c := range clients {
		if life, err := strconv.Atoi(cmp.Or(c.Attributes["access.token.lifespan"], "0")); err == nil {
			longest = max(longest, life)
		}
	}
	return time.Duration(longest) * time.Second, err
}
