package keycloak

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/provisioning"
)

// programs ensures for each program its group, its client scope and the roles of
// the portal's client that its entitlement leaves carry.
func (r *run) programs(ctx context.Context, t *template, spec Spec) error {
	portal, err := r.clientNamed(ctx, spec.Portal.ClientID)
	if err != nil {
		return err
	}
	if portal == nil && r.dry {
		return nil
	}
	portalID := portal["id"].(string)
	known, err := r.roles(ctx, portalID)
	if err != nil {
		return err
	}
	if err := r.sentinel(ctx, spec); err != nil {
		return err
	}
	for _, p := range spec.Programs {
		if err := r.ensureGroupPath(ctx, spec.Root+"/"+p.ID); err != nil {
			return err
		}
		if err := r.ensureProgramScope(ctx, t, p.ID); err != nil {
			return err
		}
		for _, entitlement := range p.Entitlements {
			name := roleName(p.ID, entitlement)
			if _, found := known[name]; found {
				continue
			}
			if err := r.write(ctx, http.MethodPost, "/clients/"+portalID+"/roles", object{"name": name},
				"role", name, "of client", spec.Portal.ClientID, "created"); err != nil {
				return err
			}
		}
	}
	return nil
}

// sentinel ensures the root and under it the sentinel: a group in which the reader's
// own service account always is. Who reads of the realm's groups and does not see it
// does not see the realm as it is. It carries no role and no attribute, so that no
// token shows it.
func (r *run) sentinel(ctx context.Context, spec Spec) error {
	path := spec.Root + "/" + provisioning.SentinelName
	if err := r.ensureGroupPath(ctx, path); err != nil {
		return err
	}
	var g role
	var member []struct{ ID, Username string }
	name := serviceAccountUser(spec.Reader.ID)
	err := errors.Join(r.get(ctx, "/group-by-path"+path, &g),
		r.get(ctx, "/users?"+url.Values{"exact": {"true"}, "username": {name}}.Encode(), &member))
	if r.dry && errors.Is(err, provisioning.ErrNotFound) {
		return nil // said already
	}
	if err != nil {
		return err
	}
	if len(member) != 1 || member[0].Username != name {
		return fmt.Errorf("keycloak: user %s: %w", name, provisioning.ErrNotFound)
	}
	var held []role
	if err := r.get(ctx, "/users/"+member[0].ID+"/groups?max=1000", &held); err != nil {
		return err
	}
	if slices.ContainsFunc(held, func(h role) bool { return h.ID == g.ID }) {
		return nil
	}
	return r.write(ctx, http.MethodPut, "/users/"+member[0].ID+"/groups/"+g.ID, nil, "member of the sentinel added")
}

// ensureGroupPath makes the group at path and those above it.
func (r *run) ensureGroupPath(ctx context.Context, path string) error {
	parent, at := "", ""
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		at += "/" + name
		var g role // a group has an id and a name too
		err := r.get(ctx, "/group-by-path"+at, &g)
		if errors.Is(err, provisioning.ErrNotFound) {
			under := "/groups"
			if parent != "" {
				under += "/" + parent + "/children"
			}
			if err := r.write(ctx, http.MethodPost, under, object{"name": name}, "group", at, "created"); err != nil {
				return err
			}
			if r.dry {
				return nil
			}
			err = r.get(ctx, "/group-by-path"+at, &g)
		}
		if err != nil {
			return err
		}
		parent = g.ID
	}
	return nil
}

// scopeName is the client scope that tells a program's groups to its applications.
func scopeName(program string) string { return "access-" + program }

func (r *run) ensureProgramScope(ctx context.Context, t *template, program string) error {
	want, err := fill(t.ProgramScope, map[string]any{
		"scope": scopeName(program), "program": program, "group_attribute": groupAttribute(program),
	})
	if err != nil {
		return err
	}
	what := "scope " + scopeName(program)
	var all []object
	if err := r.get(ctx, "/client-scopes", &all); err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s object) bool { return s["name"] == want["name"] })
	if i < 0 {
		return r.write(ctx, http.MethodPost, "/client-scopes", want, what, "created")
	}
	path := "/client-scopes/" + all[i]["id"].(string)
	plain := maps.Clone(want)
	delete(plain, "protocolMappers")
	if diff := differences(all[i], plain, ""); len(diff) > 0 {
		if err := r.write(ctx, http.MethodPut, path, overlay(all[i], plain), what+":", strings.Join(diff, " ")); err != nil {
			return err
		}
	}
	return r.ensureMappers(ctx, what, path, all[i]["protocolMappers"], want["protocolMappers"])
}
