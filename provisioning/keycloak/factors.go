package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"countersign/provisioning"
)

// credential is what the adapter reads of one: Keycloak's answer holds no secret,
// and its public data are not asked for either.
type credential struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// isPassword tells what stays when factors go: the password, and the former ones
// that it must differ from. Whatever else there is, of a later Keycloak too, goes.
func (c credential) isPassword() bool { return c.Type == "password" || c.Type == "password-history" }

// ForgetFactors implements provisioning.Directory.
func (d *Directory) ForgetFactors(ctx context.Context, sub string) error {
	found, err := d.factors(ctx, sub)
	if err != nil {
		return err
	}
	for _, c := range found {
		err := d.writer.repeat(ctx, "forget a second factor", func(bearer string) error {
			return d.writer.send(ctx, bearer, http.MethodDelete, "/users/"+url.PathEscape(sub)+"/credentials/"+url.PathEscape(c.ID), nil, nil)
		})
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) { // gone already
			return err
		}
	}
	left, err := d.factors(ctx, sub)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%w: %d second factors are left", provisioning.ErrNotConverged, len(left))
	}
	return err
}

// factors lists the person's credentials without the password.
func (d *Directory) factors(ctx context.Context, sub string) ([]credential, error) {
	var all, out []credential
	err := d.reader.repeat(ctx, "list credentials", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "/users/"+url.PathEscape(sub)+"/credentials", nil, &all)
	})
	for _, c := range all {
		if !c.isPassword() {
			out = append(out, c)
		}
	}
	return out, err
}
