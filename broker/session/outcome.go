package session

import (
	"net/http"

	"countersign/broker/registry"
)

// Callback ends a sign-in: GET with state, iss and code from Keycloak. Nothing
// that arrives is used before it is known to belong to a sign-in that this
// browser began. What became of it is counted: "signed-in" by start, and the rest
// here; a sign-in that is begun anew is counted when it comes back.
func (s *Sessions) Callback(w http.ResponseWriter, r *http.Request) error {
	err := s.callback(w, r)
	switch {
	case err == nil:
	case registry.IsKind(err, registry.Gone):
		s.count("stale")
	case registry.IsKind(err, registry.Unavailable):
		s.count("unavailable")
	case registry.IsKind(err, registry.Invalid):
		s.count("refused")
	default:
		s.count("failed")
	}
	return err
}

func (s *Sessions) count(outcome string) {
	if s.cfg.Count != nil {
		s.cfg.Count(outcome)
	}
}
