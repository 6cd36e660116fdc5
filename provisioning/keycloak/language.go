package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"countersign/provisioning"
)

// details are what a change of one attribute has to carry. Measured on 26.7.3: of
// these and of the attributes that an administrator may see, Keycloak takes away what
// is not sent; user name, enabled, verified, required actions and credentials it then
// leaves alone, so that they are not sent. The guard lets out nothing else.
type details struct {
	Email      string              `json:"email,omitempty"`
	GivenName  string              `json:"firstName,omitempty"`
	Surname    string              `json:"lastName,omitempty"`
	Attributes map[string][]string `json:"attributes"`
}

// speaks tells whether language is the person's.
func (p details) speaks(language string) bool {
	return slices.Equal(p.Attributes["locale"], []string{language})
}

// SetLanguage implements provisioning.Directory. Keycloak prefers the attribute to the
// browser's language and to ui_locales.
func (d *Directory) SetLanguage(ctx context.Context, account, language string) error {
	if account == "" {
		return provisioning.ErrNotFound
	}
	sub, err := d.byAccount(ctx, account)
	switch {
	case err == nil && sub == "":
		return fmt.Errorf("keycloak: language of account %s: %w", account, provisioning.ErrNotFound)
	case err == nil:
		err = d.setLanguage(ctx, sub, account, language)
	}
	if errors.Is(err, provisioning.ErrNotFound) { // of a call: the realm is away, or the person just went
		return fmt.Errorf("keycloak: language of account %s: %v", account, err)
	}
	return err
}

func (d *Directory) setLanguage(ctx context.Context, sub, account, language string) error {
	p, err := d.details(ctx, sub)
	if err != nil || p.speaks(language) {
		return err
	}
	p.Attributes["locale"] = []string{language}
	// Once: what was read is older with each try, and the caller begins anew.
	err = d.writer.once(ctx, "set the language of account "+account, func(bearer string) error {
		return d.writer.send(ctx, bearer, http.MethodPut, "/users/"+url.PathEscape(sub), p, nil)
	})
	if err == nil {
		p, err = d.details(ctx, sub)
	}
	if err == nil && p.speaks(language) || err != nil && !errors.Is(err, provisioning.ErrInvalid) {
		return err
	}
	if speaks, failed := d.speaksLanguages(ctx); failed != nil || !speaks {
		return failed
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("keycloak: language of account %s: %w", account, provisioning.ErrNotConverged)
}

// details reads what is to be written back.
func (d *Directory) details(ctx context.Context, sub string) (p details, err error) {
	err = d.reader.repeat(ctx, "look up person", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "/users/"+url.PathEscape(sub), nil, &p)
	})
	if p.Attributes == nil {
		p.Attributes = map[string][]string{}
	}
	return p, err
}

// speaksLanguages tells whether a language can be set in the realm at all: where it has
// none, as a shared one may, Keycloak answers 204 to a change of somebody's and makes
// none; where it lets user names be changed, it refuses a change that says none, and the
// guard lets out no user name.
func (d *Directory) speaksLanguages(ctx context.Context) (bool, error) {
	var realm struct {
		On    bool `json:"internationalizationEnabled"`
		Names bool `json:"editUsernameAllowed"`
	}
	err := d.reader.repeat(ctx, "look up the realm", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "", nil, &realm)
	})
	return realm.On && !realm.Names, err
}
