package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// ourPrefix begins the name of every permission and policy of ours.
const ourPrefix = "countersign-"

// asked is a permission as the realm has it.
type asked struct {
	permission
	id string
}

// fineGrained reads the realm's fine-grained permissions; base is "" where they
// are off.
type fineGrained struct {
	get  getter
	base string
}

func (get getter) fineGrained(ctx context.Context) (fineGrained, error) {
	var realm struct {
		On     bool `json:"adminPermissionsEnabled"`
		Client struct{ ID string }
		Admin  struct{ ID string } `json:"adminPermissionsClient"`
	}
	if err := get(ctx, "", &realm); err != nil || !realm.On {
		return fineGrained{}, err
	}
	if realm.Admin.ID == "" {
		return fineGrained{}, fmt.Errorf("keycloak: the realm does not name its client of admin permissions")
	}
	return fineGrained{get, "/clients/" + realm.Admin.ID + "/authz/resource-server"}, nil
}

// permissions reads all of them with what they hold.
func (g fineGrained) permissions(ctx context.Context) ([]asked, error) {
	var list []struct{ ID, Name, ResourceType string }
	if err := pages(ctx, g.get, g.base+"/permission/scope", &list); err != nil {
		return nil, err
	}
	var all []asked
	for _, one := range list {
		p := asked{permission{name: one.Name, kind: one.ResourceType}, one.ID}
		at := g.base + "/permission/scope/" + one.ID
		var scopes, policies, resources []role
		for what, to := range map[string]*[]role{"/scopes": &scopes, "/associatedPolicies": &policies, "/resources": &resources} {
			if err := g.get(ctx, at+what, to); err != nil {
				return nil, err
			}
		}
		for _, s := range scopes {
			p.scopes = append(p.scopes, s.Name)
		}
		for _, r := range resources {
			if r.Name != p.kind { // the kind itself stands for all of it
				p.resources = append(p.resources, r.Name)
			}
		}
		var of []string
		for _, one := range policies {
			of = append(of, one.Name)
		}
		slices.Sort(of)
		p.policy = strings.Join(of, " ")
		all = append(all, p)
	}
	return all, nil
}

// policy is a policy about users.
type policy struct {
	ID    string   `json:"id,omitempty"`
	Name  string   `json:"name"`
	Logic string   `json:"logic"`
	Users []string `json:"users"`
}

func (g fineGrained) policies(ctx context.Context) (all []policy, err error) {
	return all, pages(ctx, g.get, g.base+"/policy/user", &all)
}

// pages reads a list of the authorization API page by page.
func pages[T any](ctx context.Context, get getter, path string, all *[]T) error {
	for first := 0; ; first += page {
		var some []T
		if err := get(ctx, fmt.Sprintf("%s?first=%d&max=%d", path, first, page), &some); err != nil {
			return err
		}
		*all = append(*all, some...)
		if len(some) < page {
			return nil
		}
	}
}

// crowding names somebody else's permissions about all people or all groups.
// Beside ours they would shut out either us or them (keycloak/keycloak#50740).
func crowding(all []asked) (names []string) {
	for _, p := range all {
		if (p.kind == "Users" || p.kind == "Groups") && p.resources == nil && !strings.HasPrefix(p.name, ourPrefix) {
			names = append(names, p.name)
		}
	}
	return names
}

// permissions ensures what our two service accounts may in a shared realm. Where
// its owner has to act first (Wishes), nothing is written.
func (r *run) permissions(ctx context.Context, _ *template, spec Spec) error {
	fine, err := getter(r.get).fineGrained(ctx)
	if err != nil || fine.base == "" {
		return err
	}
	have, err := fine.permissions(ctx)
	if err != nil || len(crowding(have)) > 0 {
		return err
	}
	portal, err := r.clientNamed(ctx, spec.Portal.ClientID)
	if err != nil {
		return err
	}
	f, err := getter(r.get).survey(ctx, spec.Root)
	if err != nil {
		return err
	}
	policies, err := r.policies(ctx, fine, spec)
	if err != nil {
		return err
	}
	wanted := f.permissions(portal["id"].(string))
	for _, p := range have { // surplus first: an old list must not outlive what it protected from
		if strings.HasPrefix(p.name, ourPrefix) && !slices.ContainsFunc(wanted, func(w permission) bool { return w.name == p.name }) {
			if err := r.write(ctx, http.MethodDelete, fine.base+"/permission/scope/"+p.id, nil, "permission", p.name, "removed"); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(wanted, func(a, b permission) int { return strings.Compare(a.policy, b.policy) }) // what is denied, before what is given
	for _, p := range wanted {
		if err := r.ensurePermission(ctx, fine, have, p, policies); err != nil {
			return err
		}
	}
	return r.surplusPolicies(ctx, fine, policies)
}

// surplusPolicies takes away those of ours that no permission is to use any more.
func (r *run) surplusPolicies(ctx context.Context, fine fineGrained, wanted map[string]string) error {
	have, err := fine.policies(ctx)
	for _, p := range have {
		if strings.HasPrefix(p.Name, ourPrefix) && wanted[p.Name] == "" {
			err = errors.Join(err, r.write(ctx, http.MethodDelete, fine.base+"/policy/user/"+p.ID, nil, "policy", p.Name, "removed"))
		}
	}
	return err
}

// policies ensures our policies and gives their ids by name.
func (r *run) policies(ctx context.Context, fine fineGrained, spec Spec) (map[string]string, error) {
	have, err := fine.policies(ctx)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, want := range []struct{ name, logic, client string }{
		{isWriter, "POSITIVE", spec.Writer.ID}, {isReader, "POSITIVE", spec.Reader.ID},
	} {
		user, err := r.serviceUser(ctx, want.client)
		if err != nil {
			return nil, err
		}
		p := policy{Name: want.name, Logic: want.logic, Users: []string{user}}
		method, path, done := http.MethodPost, fine.base+"/policy/user", "created"
		if i := slices.IndexFunc(have, func(h policy) bool { return h.Name == p.Name }); i >= 0 {
			p.ID = have[i].ID
			ids[p.Name] = p.ID
			if have[i].Logic == p.Logic && slices.Equal(have[i].Users, p.Users) {
				continue
			}
			method, path, done = http.MethodPut, path+"/"+p.ID, "put right"
		}
		var made role
		err = r.once(ctx, "policy "+p.Name, func(bearer string) error {
			return r.send(ctx, bearer, method, path, p, &made)
		})
		if err != nil {
			return nil, err
		}
		ids[p.Name] = made.ID
		r.note("policy", p.Name, done)
	}
	return ids, nil
}

// serviceUser is the id of the user behind a service account.
func (r *run) serviceUser(ctx context.Context, clientID string) (string, error) {
	client, err := r.clientNamed(ctx, clientID)
	if err != nil || client == nil {
		return "", fmt.Errorf("keycloak: client %s: %w", clientID, err)
	}
	var user struct{ ID string }
	err = r.get(ctx, "/clients/"+client["id"].(string)+"/service-account-user", &user)
	return user.ID, err
}

func (r *run) ensurePermission(ctx context.Context, fine fineGrained, have []asked, want permission, policies map[string]string) error {
	var of []string
	for _, name := range strings.Fields(want.policy) {
		of = append(of, policies[name])
	}
	body := object{"name": want.name, "resourceType": want.kind, "scopes": want.scopes, "policies": of,
		"decisionStrategy": "UNANIMOUS", "logic": "POSITIVE"}
	if want.resources != nil {
		body["resources"] = want.resources
	}
	i := slices.IndexFunc(have, func(h asked) bool { return h.name == want.name })
	if i < 0 {
		return r.write(ctx, http.MethodPost, fine.base+"/permission/scope", body, "permission", want.name, "created")
	}
	if have[i].says(want) {
		return nil
	}
	body["id"] = have[i].id
	return r.write(ctx, http.MethodPut, fine.base+"/permission/scope/"+have[i].id, body, "permission", want.name, "put right")
}

// says compares a permission of the realm with what it should be.
func (p permission) says(want permission) bool {
	return p.kind == want.kind && p.policy == want.policy && sameNames(p.scopes, want.scopes) && sameNames(p.resources, want.resources)
}
