package keycloak

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"countersign/provisioning"
)

// alike makes the realms of tests quickly. Keycloak takes a whole realm in one call,
// at half the price of the hundred by which Apply makes one; so the first is made by
// those, and the following ones of its kind of what Keycloak says of it. Apply goes
// on from there and compares everything: what the copy lacks is added as ever.
type alike struct {
	mu   sync.Mutex
	made map[string]pattern // by kind
}

// pattern is a realm as one document, and the name that it had.
type pattern struct {
	realm    string
	document []byte
}

var tests = alike{made: map[string]pattern{}}

// kind tells realms apart that copies could not be made of one another.
func (s Spec) kind() string {
	kind, _ := json.Marshal([]any{s.Root, s.DisplayName, s.Portal.ClientID, s.Writer.ID, s.Reader.ID, s.Programs}) // plain strings
	return string(kind)
}

// like is a realm of spec's kind under spec's name, with keys; nil before there was one.
func (a *alike) like(spec Spec, want object) (object, error) {
	a.mu.Lock()
	p, known := a.made[spec.kind()]
	a.mu.Unlock()
	if !known {
		return nil, nil
	}
	var copied object
	err := json.Unmarshal([]byte(strings.ReplaceAll(string(p.document), p.realm, spec.Realm)), &copied)
	keys := want["components"].(object)
	components, _ := copied["components"].(object)
	maps.Copy(components, keys)
	return overlay(copied, overlay(want, object{"components": components})), err
}

// keep remembers a realm that Apply has made, with its two service accounts: people,
// and so those, are not in what Keycloak exports.
func (a *alike) keep(ctx context.Context, r *run, spec Spec) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.made[spec.kind()]; known || len(spec.IdentityProviders) > 0 {
		return nil
	}
	var realm object
	err := r.once(ctx, "export realm", func(bearer string) error {
		return r.send(ctx, bearer, http.MethodPost, "/partial-export?exportClients=true&exportGroupsAndRoles=true", nil, &realm)
	})
	if err != nil {
		return err
	}
	writer, reader := spec.Topology.rights()
	var users []any
	for id, rights := range map[string][]string{spec.Writer.ID: writer, spec.Reader.ID: reader} {
		users = append(users, object{"username": serviceAccountUser(id), "enabled": true, "serviceAccountClientId": id,
			"realmRoles": []string{"default-roles-" + spec.Realm}, "clientRoles": object{administrative: rights}})
	}
	users[slices.IndexFunc(users, func(u any) bool { return u.(object)["serviceAccountClientId"] == spec.Reader.ID })].(object)["groups"] =
		[]string{cmp.Or(spec.Root, "/access") + "/" + provisioning.SentinelName}
	realm["users"] = users
	withoutIDs(realm)
	document, err := json.Marshal(realm)
	a.made[spec.kind()] = pattern{spec.Realm, document}
	return err
}

// withoutIDs lets Keycloak give ids anew.
func withoutIDs(v any) {
	switch v := v.(type) {
	case object:
		delete(v, "id")
		delete(v, "containerId")
		for _, inner := range v {
			withoutIDs(inner)
		}
	case []any:
		for _, inner := range v {
			withoutIDs(inner)
		}
	}
}
