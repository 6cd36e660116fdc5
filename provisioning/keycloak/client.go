package keycloak

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ensureClient makes the client of want's client id say what want says, with
// exactly its scopes and mappers, and returns its id. An empty secret keeps the
// one that is there, or lets Keycloak make one.
func (r *run) ensureClient(ctx context.Context, want object) (id string, err error) {
	clientID, _ := want["clientId"].(string)
	what := "client " + clientID
	want = maps.Clone(want)
	if want["secret"] == "" || r.dry { // whoever looks is shown no secret to compare
		delete(want, "secret")
	}
	have, err := r.clientNamed(ctx, clientID)
	if err != nil {
		return "", err
	}
	if have == nil {
		if err := r.write(ctx, http.MethodPost, "/clients", want, what, "created"); err != nil {
			return "", err
		}
		if r.dry {
			return "", nil
		}
		if have, err = r.clientNamed(ctx, clientID); err != nil || have == nil {
			return "", fmt.Errorf("keycloak: %s was created and is not there: %w", what, err)
		}
	}
	id = have["id"].(string)
	plain := maps.Clone(want)
	for _, key := range []string{"protocolMappers", "defaultClientScopes", "optionalClientScopes"} {
		delete(plain, key) // PUT ignores them; they have their own resources
	}
	if diff := differences(have, plain, ""); len(diff) > 0 {
		if err := r.write(ctx, http.MethodPut, "/clients/"+id, overlay(have, plain), what+":", strings.Join(diff, " ")); err != nil {
			return "", err
		}
	}
	// Optional ones first: Keycloak answers 204 and does nothing when a scope that
	// is still optional is to become a default one.
	for _, kind := range []string{"optional", "default"} {
		key := kind + "ClientScopes"
		if err := r.ensureScopes(ctx, what, "/clients/"+id+"/"+kind+"-client-scopes", texts(have[key]), texts(want[key])); err != nil {
			return "", err
		}
	}
	if err := r.ensureMappers(ctx, what, "/clients/"+id, have["protocolMappers"], want["protocolMappers"]); err != nil {
		return "", err
	}
	secret, _ := want["secret"].(string)
	return id, r.checkVault(ctx, id, clientID, secret)
}

// ensureScopes makes a client's default or optional scopes exactly want.
func (r *run) ensureScopes(ctx context.Context, what, path string, have, want []string) error {
	if sameNames(have, want) {
		return nil
	}
	var all []role // a scope has an id and a name too
	if err := r.get(ctx, "/client-scopes", &all); err != nil {
		return err
	}
	for _, s := range all {
		method, done := "", ""
		switch held, wanted := slices.Contains(have, s.Name), slices.Contains(want, s.Name); {
		case wanted && !held:
			method, done = http.MethodPut, "added"
		case held && !wanted:
			method, done = http.MethodDelete, "removed"
		default:
			continue
		}
		if err := r.write(ctx, method, path+"/"+s.ID, nil, what+": scope", s.Name, done); err != nil {
			return err
		}
	}
	for _, name := range want {
		if !r.dry && !slices.ContainsFunc(all, func(s role) bool { return s.Name == name }) {
			return fmt.Errorf("keycloak: %s asks for scope %s, which the realm lacks", what, name)
		}
	}
	return nil
}

// ensureMappers makes the protocol mappers of a client or a client scope exactly want.
func (r *run) ensureMappers(ctx context.Context, what, path string, have, want any) error {
	known, wanted := keyed(have), keyed(want)
	path += "/protocol-mappers/models"
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		mapper, found := known[name]
		if !found {
			if err := r.write(ctx, http.MethodPost, path, wanted[name], what+": mapper", name, "added"); err != nil {
				return err
			}
			continue
		}
		if diff := differences(mapper, wanted[name], ""); len(diff) > 0 {
			if err := r.write(ctx, http.MethodPut, path+"/"+mapper["id"].(string), overlay(mapper, wanted[name]),
				what+": mapper", name+":", strings.Join(diff, " ")); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if wanted[name] == nil {
			if err := r.write(ctx, http.MethodDelete, path+"/"+known[name]["id"].(string), nil, what+": mapper", name, "removed"); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyed keys a list of representations by name.
func keyed(list any) map[string]object {
	byName := map[string]object{}
	items, _ := list.([]any)
	for _, item := range items {
		if o, ok := item.(object); ok {
			name, _ := o["name"].(string)
			byName[name] = o
		}
	}
	return byName
}

// texts reads a decoded list of strings.
func texts(list any) []string {
	items, _ := list.([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func sameNames(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
