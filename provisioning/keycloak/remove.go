package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"countersign/provisioning"
)

// Remove takes all that is ours out of a shared realm: permissions and policies,
// the root group and everything below it, the programs' client scopes, the
// applications, and last our own clients with their service accounts. People stay,
// those too who came through us. It says what it did or, with dry, what it would
// do. What was removed is not there the second time: an interrupted run is
// finished by the next.
//
// Of a realm of our own nothing else would be left, so it refuses: who wants that
// deletes the realm.
func Remove(ctx context.Context, admin Admin, spec Spec, dry bool) (done []string, err error) {
	if spec.Topology != Shared {
		return nil, errors.New("keycloak: the realm is the product's own: to be rid of it, delete the realm")
	}
	r := admin.on(spec.Realm)
	ours, err := r.ours(ctx, spec)
	if err != nil {
		return nil, err
	}
	for _, one := range ours {
		if dry {
			r.note(one.what)
			continue
		}
		err := r.write(ctx, http.MethodDelete, one.path, nil, one.what)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return r.changed, err
		}
	}
	return r.changed, nil
}

// thing is something of ours in the realm.
type thing struct{ what, path string }

// ours lists all of it, in the order in which it may go.
func (r *run) ours(ctx context.Context, spec Spec) (all []thing, err error) {
	if all, err = r.ourPermissions(ctx); err != nil {
		return nil, err
	}
	root := "/" + strings.Trim(spec.Root, "/")
	if root == "/" {
		root = "/access"
	}
	var g role
	switch err := r.get(ctx, "/group-by-path"+root, &g); {
	case err == nil:
		all = append(all, thing{"group " + root + " and all below it", "/groups/" + g.ID})
	case !errors.Is(err, provisioning.ErrNotFound):
		return nil, err
	}
	var scopes []object
	if err := r.get(ctx, "/client-scopes", &scopes); err != nil {
		return nil, err
	}
	for _, s := range scopes {
		if isProgramScope(s) {
			all = append(all, thing{fmt.Sprint("scope ", s["name"]), "/client-scopes/" + s["id"].(string)})
		}
	}
	var clients []object
	if err := r.get(ctx, "/clients", &clients); err != nil {
		return nil, err
	}
	last := []string{spec.Portal.ClientID, spec.Writer.ID, spec.Reader.ID}
	for _, c := range clients {
		if name := c["clientId"].(string); programsOf(c) != "" && !slices.Contains(last, name) {
			all = append(all, thing{"application " + name, "/clients/" + c["id"].(string)})
		}
	}
	for _, name := range last {
		for _, c := range clients {
			if c["clientId"] == name {
				all = append(all, thing{"client " + name, "/clients/" + c["id"].(string)})
			}
		}
	}
	return all, nil
}

func (r *run) ourPermissions(ctx context.Context) (all []thing, err error) {
	fine, err := getter(r.get).fineGrained(ctx)
	if err != nil || fine.base == "" {
		return nil, err
	}
	var permissions, policies []role
	if err := errors.Join(pages(ctx, fine.get, fine.base+"/permission/scope", &permissions), pages(ctx, fine.get, fine.base+"/policy/user", &policies)); err != nil {
		return nil, err
	}
	// What is given goes before what is denied.
	slices.SortFunc(permissions, func(a, b role) int {
		_, first := denialOf(a.Name)
		_, second := denialOf(b.Name)
		if first != second {
			if second {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, p := range permissions {
		if strings.HasPrefix(p.Name, ourPrefix) {
			all = append(all, thing{"permission " + p.Name, fine.base + "/permission/scope/" + p.ID})
		}
	}
	for _, p := range policies {
		if strings.HasPrefix(p.Name, ourPrefix) {
			all = append(all, thing{"policy " + p.Name, fine.base + "/policy/user/" + p.ID})
		}
	}
	return all, nil
}

// isProgramScope knows a scope of ours by what it tells, not by its name alone.
func isProgramScope(scope object) bool {
	program, named := strings.CutPrefix(scope["name"].(string), scopeName(""))
	groups := keyed(scope["protocolMappers"])["groups"]
	if !named || groups == nil {
		return false
	}
	config, _ := groups["config"].(object)
	return config["user.attribute"] == groupAttribute(program)
}
