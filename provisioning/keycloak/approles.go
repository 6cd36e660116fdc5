package keycloak

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/provisioning"
)

// entitlements reads the portal client's roles, fills in app's roles where it
// names none, and refuses programs and entitlements that the realm does not
// know: before anything is written.
func (r *run) entitlements(ctx context.Context, portalClientID string, app *App) (map[string]role, error) {
	portal, err := r.clientNamed(ctx, portalClientID)
	if err != nil || portal == nil {
		return nil, fmt.Errorf("keycloak: client %s: %w", portalClientID, cmp.Or(err, provisioning.ErrNotFound))
	}
	known, err := r.roles(ctx, portal["id"].(string))
	if err != nil {
		return nil, err
	}
	var scopes []role
	if err := r.get(ctx, "/client-scopes", &scopes); err != nil {
		return nil, err
	}
	for _, p := range app.Programs {
		if !slices.ContainsFunc(scopes, func(s role) bool { return s.Name == scopeName(p) }) {
			return nil, fmt.Errorf("keycloak: program %s: %w", p, provisioning.ErrNotFound)
		}
	}
	if app.Roles == nil {
		app.Roles = rolesPerEntitlement(app.Programs, slices.Collect(maps.Keys(known)))
	}
	for _, by := range app.Roles {
		for _, e := range by {
			if _, found := known[e]; !found {
				return nil, fmt.Errorf("keycloak: entitlement %s: %w", e, provisioning.ErrNotFound)
			}
		}
	}
	return known, nil
}

// appRoles ensures the application's roles and puts each into the portal
// client's entitlement roles that give it.
func (r *run) appRoles(ctx context.Context, id string, entitlements map[string]role, wanted map[string][]string) error {
	if err := r.ensureOwnRoles(ctx, id, slices.Sorted(maps.Keys(wanted))); err != nil {
		return err
	}
	known, err := r.roles(ctx, id)
	if err != nil {
		return err
	}
	given := map[string][]string{} // by entitlement role
	for name, by := range wanted {
		for _, e := range by {
			given[e] = append(given[e], name)
		}
	}
	for name, e := range entitlements {
		path := "/roles-by-id/" + e.ID + "/composites"
		if err := r.ensureRoles(ctx, "role "+name, path+"/clients/"+id, path, known, given[name]); err != nil {
			return err
		}
	}
	return nil
}

func rolesPerEntitlement(programs, entitlements []string) map[string][]string {
	roles := map[string][]string{}
	for _, e := range entitlements {
		program, short, _ := strings.Cut(e, ".")
		if slices.Contains(programs, program) {
			roles[short] = append(roles[short], e)
		}
	}
	return roles
}

// ensureOwnRoles makes a client's roles exactly want.
func (r *run) ensureOwnRoles(ctx context.Context, id string, want []string) error {
	have, err := r.roles(ctx, id)
	if err != nil {
		return err
	}
	for _, name := range want {
		if _, found := have[name]; found {
			continue
		}
		if err := r.write(ctx, http.MethodPost, "/clients/"+id+"/roles", object{"name": name}, "role", name, "created"); err != nil {
			return err
		}
	}
	for name := range have {
		if slices.Contains(want, name) {
			continue
		}
		if err := r.write(ctx, http.MethodDelete, "/clients/"+id+"/roles/"+url.PathEscape(name), nil, "role", name, "removed"); err != nil {
			return err
		}
	}
	return nil
}
