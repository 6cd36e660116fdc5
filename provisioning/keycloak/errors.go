package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Nerzal/gocloak/v13"
	"golang.org/x/oauth2"

	"countersign/provisioning"
)

// refusal is Keycloak's answer to a call that it did not carry out. One invalid
// field is reported flat, several under "errors"; gocloak loses the second form.
type refusal struct {
	code    int
	Message string    `json:"errorMessage"`
	Reason  string    `json:"error"`
	Field   string    `json:"field"`
	Errors  []refusal `json:"errors"`
}

func (r *refusal) Error() string {
	text := strings.TrimSpace(r.Message + " " + r.Reason)
	return fmt.Sprintf("%d %s: %s", r.code, http.StatusText(r.code), text)
}

// fields lists the refused fields of a 400; nil when Keycloak named none.
func (r *refusal) fields() []provisioning.InvalidField {
	all := r.Errors
	if len(all) == 0 && r.Field != "" {
		all = []refusal{*r}
	}
	var fields []provisioning.InvalidField
	for _, one := range all {
		fields = append(fields, provisioning.InvalidField{Name: one.Field, Rule: one.Message})
	}
	return fields
}

// status is the HTTP status of a failed call, 0 when no answer came.
func status(err error) int {
	var own *refusal
	if errors.As(err, &own) {
		return own.code
	}
	var theirs *gocloak.APIError
	if errors.As(err, &theirs) {
		return theirs.Code
	}
	var grant *oauth2.RetrieveError
	if errors.As(err, &grant) && grant.Response != nil {
		return grant.Response.StatusCode
	}
	return 0
}

// named says what was tried and turns the status into provisioning's words.
// gocloak's errors hide a context that ended, so that is asked first.
func named(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("keycloak: %s: %w", what, ctx.Err())
	}
	var own *refusal
	if errors.As(err, &own) && own.code == http.StatusBadRequest {
		if fields := own.fields(); fields != nil {
			return fmt.Errorf("keycloak: %s: %w", what, &provisioning.InvalidError{Fields: fields})
		}
	}
	meaning := map[int]error{
		http.StatusBadRequest:   provisioning.ErrInvalid,
		http.StatusUnauthorized: provisioning.ErrForbidden,
		http.StatusForbidden:    provisioning.ErrForbidden,
		http.StatusNotFound:     provisioning.ErrNotFound,
	}[status(err)]
	if meaning == nil {
		return fmt.Errorf("keycloak: %s: %w", what, err)
	}
	return fmt.Errorf("keycloak: %s: %w (%w)", what, meaning, err)
}
