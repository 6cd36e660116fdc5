package keycloak

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// flow is one of the template's authentication flows: a name of ours, and where
// the realm uses it.
type flow struct {
	Bind       string      `json:"bind"` // the realm's field: browserFlow, resetCredentialsFlow
	Alias      string      `json:"alias"`
	Executions []execution `json:"executions"`
}

// execution is one step of a flow: an authenticator, or a flow within the flow.
type execution struct {
	Authenticator string      `json:"authenticator"`
	Flow          string      `json:"flow"`
	Requirement   string      `json:"requirement"`
	Config        object      `json:"config"`
	Executions    []execution `json:"executions"`
}

// flows ensures how people sign in. A flow that is in use is never changed in
// place: a sign-in under way would fall between its steps. One that differs is
// built anew under the next number, put in the former's place in one call, and
// then the former goes. What a run that was cut short left behind goes with it.
func (r *run) flows(ctx context.Context, t *template, _ Spec) error {
	for _, f := range t.Flows {
		if err := r.ensureFlow(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) ensureFlow(ctx context.Context, f flow) error {
	var realm object
	if err := r.get(ctx, "", &realm); err != nil {
		return err
	}
	bound, _ := realm[f.Bind].(string)
	alias, err := r.currentFlow(ctx, f, bound)
	if err != nil {
		return err
	}
	if alias != bound {
		if err := r.write(ctx, http.MethodPut, "", object{f.Bind: alias}, "realm:", f.Bind); err != nil {
			return err
		}
	}
	return r.dropFormer(ctx, f, alias)
}

// currentFlow is the alias of the flow as it should be: the one that is bound, or
// one that is built now.
func (r *run) currentFlow(ctx context.Context, f flow, bound string) (alias string, err error) {
	number, ours := f.number(bound)
	if ours {
		have, err := r.readFlow(ctx, bound)
		if err != nil {
			return "", err
		}
		if slices.Equal(have, f.lines(bound, f.Executions, 0)) {
			return bound, nil
		}
	}
	built, err := r.builtFlows(ctx, f)
	if err != nil {
		return "", err
	}
	for n := range built {
		number = max(number, n)
	}
	alias = f.named(number + 1)
	return alias, r.buildFlow(ctx, f, alias)
}

// dropFormer removes all that were built of the flow but the one that is in use.
func (r *run) dropFormer(ctx context.Context, f flow, used string) error {
	built, err := r.builtFlows(ctx, f)
	if err != nil {
		return err
	}
	for n, id := range built {
		if alias := f.named(n); alias != used {
			if err := r.write(ctx, http.MethodDelete, "/authentication/flows/"+id, nil, "flow", alias, "removed"); err != nil {
				return err
			}
		}
	}
	return nil
}

// builtFlows are the ids of all that were built of the flow, by number.
func (r *run) builtFlows(ctx context.Context, f flow) (map[int]string, error) {
	var all []struct{ ID, Alias string }
	if err := r.get(ctx, "/authentication/flows", &all); err != nil {
		return nil, err
	}
	out := map[int]string{}
	for _, one := range all {
		if n, found := f.number(one.Alias); found {
			out[n] = one.ID
		}
	}
	return out, nil
}

// named is the alias of the n-th flow that was built; number reads it back.
func (f flow) named(n int) string { return f.Alias + " " + strconv.Itoa(n) }

func (f flow) number(alias string) (n int, ours bool) {
	rest, ours := strings.CutPrefix(alias, f.Alias+" ")
	n, err := strconv.Atoi(rest)
	return n, ours && err == nil
}

// within is the alias of a flow inside a flow: aliases are unique in a realm.
func within(top, name string) string { return top + " - " + name }

// lines say a flow as text, a line a step, in the order in which it is walked.
func (f flow) lines(top string, steps []execution, level int) []string {
	var out []string
	for _, e := range steps {
		out = append(out, line(level, e.Requirement, e.Authenticator, within(top, e.Flow), e.filled(top)))
		out = append(out, f.lines(top, e.Executions, level+1)...)
	}
	return out
}

func line(level int, requirement, authenticator, alias string, config object) string {
	if authenticator != "" {
		alias = ""
	}
	return fmt.Sprint(level, " ", requirement, " ", authenticator, alias, " ", config) // a map prints sorted
}

// filled is the step's configuration, where a condition may name a flow beside it.
func (e execution) filled(top string) object {
	out := object{}
	for key, value := range e.Config {
		text, _ := value.(string)
		out[key] = strings.ReplaceAll(text, "{{flow}}", top)
	}
	return out
}

func (r *run) readFlow(ctx context.Context, alias string) ([]string, error) {
	var steps []struct {
		Level                             int
		Requirement, ProviderID           string
		DisplayName, AuthenticationConfig string
		AuthenticationFlow                bool
	}
	if err := r.get(ctx, "/authentication/flows/"+url.PathEscape(alias)+"/executions", &steps); err != nil {
		return nil, err
	}
	var out []string
	for _, s := range steps {
		var held struct{ Config object }
		if s.AuthenticationConfig != "" {
			if err := r.get(ctx, "/authentication/config/"+s.AuthenticationConfig, &held); err != nil {
				return nil, err
			}
		}
		if held.Config == nil {
			held.Config = object{}
		}
		out = append(out, line(s.Level, s.Requirement, s.ProviderID, s.DisplayName, held.Config))
	}
	return out, nil
}

func (r *run) buildFlow(ctx context.Context, f flow, top string) error {
	if r.dry {
		r.note("flow", top, "built")
		return nil
	}
	id, err := r.made(ctx, "/authentication/flows", object{"alias": top, "providerId": "basic-flow", "topLevel": true, "builtIn": false})
	if err != nil {
		return err
	}
	if err := r.buildSteps(ctx, top, id, f.Executions); err != nil {
		return err
	}
	r.note("flow", top, "built")
	return nil
}

func (r *run) buildSteps(ctx context.Context, top, parent string, steps []execution) error {
	for i, e := range steps {
		step := object{"parentFlow": parent, "requirement": e.Requirement, "priority": 10 * (i + 1)}
		if e.Flow != "" {
			id, err := r.made(ctx, "/authentication/flows", object{"alias": within(top, e.Flow), "providerId": "basic-flow", "topLevel": false, "builtIn": false})
			if err != nil {
				return err
			}
			step["flowId"], step["authenticatorFlow"] = id, true
			if err := r.buildSteps(ctx, top, id, e.Executions); err != nil {
				return err
			}
		} else {
			step["authenticator"] = e.Authenticator
		}
		id, err := r.made(ctx, "/authentication/executions", step)
		if err != nil {
			return err
		}
		if len(e.Config) > 0 {
			if _, err := r.made(ctx, "/authentication/executions/"+id+"/config", object{"alias": top + " " + id, "config": e.filled(top)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// made creates what Keycloak gives an id to.
func (r *run) made(ctx context.Context, path string, in object) (id string, err error) {
	err = r.once(ctx, "POST "+path, func(bearer string) (err error) {
		id, err = r.sendTo(ctx, bearer, http.MethodPost, r.base+path, in, nil)
		return err
	})
	return id, err
}

// requiredActions ensures what people may be asked, or ask, to set up.
func (r *run) requiredActions(ctx context.Context, t *template, _ Spec) error {
	var all []object
	if err := r.get(ctx, "/authentication/required-actions", &all); err != nil {
		return err
	}
	for _, have := range all {
		alias, _ := have["alias"].(string)
		want := t.RequiredActions[alias]
		if diff := differences(have, want, ""); want != nil && len(diff) > 0 {
			if err := r.write(ctx, http.MethodPut, "/authentication/required-actions/"+url.PathEscape(alias), overlay(have, want),
				"required action", alias+":", strings.Join(diff, " ")); err != nil {
				return err
			}
		}
	}
	return nil
}
