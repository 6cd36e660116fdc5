package broker_test

import (
	"encoding/json"
	"testing"
	"time"

	"countersign/broker/registry"
	realm "countersign/keycloak-realm"
)

// A sign-in may take as long here as at Keycloak.
func TestSignInWithin(t *testing.T) {
	t.Parallel()
	var template struct {
		Realm struct {
			Login int `json:"accessCodeLifespanLogin"` // seconds
		}
	}
	must(t, json.Unmarshal(realm.JSON, &template))
	if at := time.Duration(template.Realm.Login) * time.Second; at != registry.SignInWithin {
		t.Errorf("Keycloak's page stands for %s, a sign-in is good for %s", at, registry.SignInWithin)
	}
}
