package session

import (
	"net/http"
	"net/url"
	"slices"

	"countersign/broker/registry"
)

// Keycloak's names for what a person can set up or change (its kc_action), each on
// a page of Keycloak's own: no secret passes here.
const (
	SetUpPasskey   = "webauthn-register-passwordless"
	SetUpCodes     = "CONFIGURE_TOTP"
	SetUpRecovery  = "CONFIGURE_RECOVERY_AUTHN_CODES"
	ChangePassword = "UPDATE_PASSWORD"
)

var actions = []string{SetUpPasskey, SetUpCodes, SetUpRecovery, ChangePassword}

// outcomes are what became of it, as Keycloak says; the browser brings it, so it
// is good for a sentence on a page and for nothing else.
var outcomes = []string{"success", "cancelled", "error"}

// outcome of an action, for the page that began it.
func outcome(q url.Values) string {
	if said := q.Get("kc_action_status"); slices.Contains(outcomes, said) {
		return said
	}
	return "error"
}

// ActionPath is where the portal mounts Action.
const ActionPath = "/sign-in-methods/change"

// Action leads a person who is signed in to the page of Keycloak's on which they
// change how they sign in: GET ActionPath?action=CONFIGURE_TOTP&return=/path.
// Keycloak asks for proof first where the last one is older than five minutes, and
// for the second factor of who has one. It comes back to the path with
// ?outcome=success, cancelled or error.
func (s *Sessions) Action(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p, err := s.Authenticate(r)
	if err != nil {
		return err
	}
	if !slices.Contains(actions, q.Get("action")) {
		return registry.Fail(registry.NotFound, "error.not-found")
	}
	flow := registry.SignIn{ReturnTo: ReturnPath(q.Get("return")), Action: q.Get("action"), Strength: p.Session.ACR}
	return s.begin(w, r, flow, p.Account.UserName, "")
}
