package worker

import (
	"errors"
	"fmt"
	"testing"

	"countersign/provisioning"
)

// Only what Keycloak refuses of the person ends the asking for an account, and a
// name that somebody else has is told as that alone; what it refuses of us, such as
// the address in the setup mail, is tried again.
func TestRefusedDetails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{provisioning.ErrUserNameTaken, false},
		{provisioning.ErrMailTaken, true},
		{&provisioning.InvalidError{Fields: []provisioning.InvalidField{{Name: "username", Rule: "error-invalid-length"}}}, true},
		{fmt.Errorf("400 Bad Request: Invalid redirect uri.: %w", provisioning.ErrInvalid), false},
		{provisioning.ErrForbidden, false},
		{provisioning.ErrNotFound, false},
		{errors.New("connection refused"), false},
	} {
		err := errors.Join(fmt.Errorf("keycloak: create: %w", test.err), nil)
		if got := refusedDetails(err); got != test.want {
			t.Errorf("%v: got %v", test.err, got)
		}
	}
}
