package keycloak

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/provisioning"
)

// Admin is an administrator's credential, a service account of master, given for
// one run and stored nowhere.
type Admin struct {
	URL          string // base URL of Keycloak, without /realms
	ClientID     string
	ClientSecret string
}

// run is one run with an administrator's credential on one realm. It keeps what
// it changed, in words for the person at the terminal and without secrets.
type run struct {
	*account
	url     string
	changed []string
	dry     bool // nothing is written, only noted: see inspect.go
}

func (a Admin) on(realm string) *run {
	base := strings.TrimRight(a.URL, "/")
	return &run{
		account: newAccount(base, "master", realm, a.ClientID, a.ClientSecret, newTransport(), 30*time.Second),
		url:     base,
	}
}

func (r *run) get(ctx context.Context, path string, out any) error {
	return r.repeat(ctx, "GET "+path, func(bearer string) error {
		return r.send(ctx, bearer, http.MethodGet, path, nil, out)
	})
}

// write makes a change and, once it is made, notes it in these words.
func (r *run) write(ctx context.Context, method, path string, in any, what ...string) error {
	if r.dry {
		r.note(what...)
		return nil
	}
	err := r.once(ctx, method+" "+path, func(bearer string) error {
		return r.send(ctx, bearer, method, path, in, nil)
	})
	if err == nil {
		r.note(what...)
	}
	return err
}

func (r *run) note(what ...string) { r.changed = append(r.changed, strings.Join(what, " ")) }

// role is a role as role mappings name it.
type role struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (r *run) roles(ctx context.Context, client string) (map[string]role, error) {
	var list []role
	err := r.get(ctx, "/clients/"+client+"/roles", &list)
	byName := make(map[string]role, len(list))
	for _, one := range list {
		byName[one.Name] = one
	}
	return byName, err
}

// ensureRoles makes the roles read at readPath exactly want, by POST and DELETE
// at writePath. known holds every role that may be named.
func (r *run) ensureRoles(ctx context.Context, what, readPath, writePath string, known map[string]role, want []string) error {
	var have []role
	if err := r.get(ctx, readPath, &have); err != nil {
		return err
	}
	var missing, surplus []role
	for _, name := range want {
		if slices.ContainsFunc(have, func(h role) bool { return h.Name == name }) {
			continue
		}
		one, found := known[name]
		if !found {
			return errors.Join(provisioning.ErrNotFound, errors.New("keycloak: role "+name+" for "+what))
		}
		missing = append(missing, one)
	}
	for _, h := range have {
		if !slices.Contains(want, h.Name) {
			surplus = append(surplus, h)
		}
	}
	if len(surplus) > 0 {
		if err := r.write(ctx, http.MethodDelete, writePath, surplus, what+": removed", names(surplus)); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return r.write(ctx, http.MethodPost, writePath, missing, what+": added", names(missing))
	}
	return nil
}

func names(roles []role) string {
	var all []string
	for _, one := range roles {
		all = append(all, one.Name)
	}
	return strings.Join(all, " ")
}

// clientNamed reads a client's whole representation by client id; nil when there is none.
func (r *run) clientNamed(ctx context.Context, clientID string) (object, error) {
	var found []object
	err := r.get(ctx, "/clients?"+url.Values{"clientId": {clientID}}.Encode(), &found)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
