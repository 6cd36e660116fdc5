package keycloak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"countersign/provisioning"
)

// IdentityProvider is an OpenID provider, such as an organization's existing
// realm, through which people may sign in to a realm of our own. There our
// redirect URI is <Keycloak>/realms/<realm>/broker/<alias>/endpoint.
type IdentityProvider struct {
	Alias    string // short; people's user names begin with it
	Name     string // on the sign-in page
	Issuer   string
	ClientID string // who we are there
	Secret   string // may be "${vault.<key>}"
}

var aliasForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// ParseIdentityProvider reads "alias=…,name=…,issuer=…,client=…,secret=…", in any order.
func ParseIdentityProvider(text string) (IdentityProvider, error) {
	var p IdentityProvider
	fields := map[string]*string{"alias": &p.Alias, "name": &p.Name, "issuer": &p.Issuer, "client": &p.ClientID, "secret": &p.Secret}
	for _, part := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		field := fields[strings.TrimSpace(key)]
		if field == nil || *field != "" {
			return p, fmt.Errorf("%w: identity provider: %q; want alias=…,name=…,issuer=…,client=…,secret=…", provisioning.ErrInvalid, key)
		}
		*field = strings.TrimSpace(value)
	}
	return p, p.check()
}

func (p IdentityProvider) check() error {
	issuer, err := url.Parse(p.Issuer)
	switch {
	case !aliasForm.MatchString(p.Alias):
		return fmt.Errorf("%w: identity provider: alias %q: want at most twenty small letters, digits and hyphens", provisioning.ErrInvalid, p.Alias)
	case p.Name == "" || p.ClientID == "" || p.Secret == "":
		return fmt.Errorf("%w: identity provider %s needs name, issuer, client and secret", provisioning.ErrInvalid, p.Alias)
	case err != nil || issuer.Host == "":
		return fmt.Errorf("%w: identity provider %s: issuer %q is no address", provisioning.ErrInvalid, p.Alias, p.Issuer)
	case issuer.Scheme != "https" && (issuer.Scheme != "http" || issuer.Hostname() != "localhost" && issuer.Hostname() != "127.0.0.1"):
		return fmt.Errorf("%w: identity provider %s: issuer %q: http is for loopback only", provisioning.ErrInvalid, p.Alias, p.Issuer)
	}
	return nil
}

// identityProviders ensures the providers of the specification. Others stay: it
// may have been somebody's wish to add one by hand.
func (r *run) identityProviders(ctx context.Context, t *template, spec Spec) error {
	if len(spec.IdentityProviders) == 0 {
		return nil
	}
	if err := r.firstSignIn(ctx); err != nil {
		return err
	}
	after, err := r.afterProvider(ctx, t, spec)
	if err != nil {
		return err
	}
	for _, p := range spec.IdentityProviders {
		if err := r.ensureProvider(ctx, p, after); err != nil {
			return err
		}
	}
	return r.dropFormer(ctx, t.ProviderFlow, after)
}

// afterProvider ensures the flow that follows the provider's sign-in, which counts
// as one factor here, whatever was asked there: nobody says in acr how it was done.
// Who has a second factor of this realm's is asked for it each time, and where two
// are asked for, who has none sets one up.
func (r *run) afterProvider(ctx context.Context, t *template, spec Spec) (alias string, err error) {
	bound := ""
	for _, p := range spec.IdentityProviders {
		var have struct{ PostBrokerLoginFlowAlias string }
		err := r.get(ctx, "/identity-provider/instances/"+p.Alias, &have)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return "", err
		}
		bound = cmp.Or(bound, have.PostBrokerLoginFlowAlias)
	}
	return r.currentFlow(ctx, t.ProviderFlow, bound)
}

// ensureProvider lets Keycloak discover the provider's addresses, and demands
// that the issuer calls itself as we call it. Nothing that it says of a mail
// address is believed: Keycloak verifies it as anybody's. Names and address follow
// the provider at each sign-in; how old the proof may be is passed on to it.
func (r *run) ensureProvider(ctx context.Context, p IdentityProvider, after string) error {
	if err := p.check(); err != nil {
		return err
	}
	config := object{}
	err := r.once(ctx, "discover "+p.Issuer, func(bearer string) error {
		return r.send(ctx, bearer, http.MethodPost, "/identity-provider/import-config",
			object{"fromUrl": strings.TrimRight(p.Issuer, "/") + "/.well-known/openid-configuration", "providerId": "oidc"}, &config)
	})
	if err != nil {
		return err
	}
	if config["issuer"] != p.Issuer {
		return fmt.Errorf("keycloak: identity provider %s: the issuer calls itself %v", p.Alias, config["issuer"])
	}
	for key, value := range map[string]string{"clientId": p.ClientID, "clientSecret": p.Secret, "clientAuthMethod": "client_secret_basic",
		"pkceEnabled": "true", "pkceMethod": "S256", "validateSignature": "true", "useJwksUrl": "true", "syncMode": "FORCE",
		"defaultScope": "openid profile email", "passMaxAge": "true"} {
		config[key] = value
	}
	want := object{"alias": p.Alias, "displayName": p.Name, "providerId": "oidc", "enabled": true, "trustEmail": false, "storeToken": false,
		"addReadTokenRoleOnCreate": false, "linkOnly": false, "firstBrokerLoginFlowAlias": firstSignIn, "postBrokerLoginFlowAlias": after,
		"config": config}
	what := "identity provider " + p.Alias
	var have object
	err = r.get(ctx, "/identity-provider/instances/"+p.Alias, &have)
	if errors.Is(err, provisioning.ErrNotFound) {
		err = r.write(ctx, http.MethodPost, "/identity-provider/instances", want, what, "created")
	} else if err == nil {
		// A plain secret is hidden on reading, and so is written each time, without a word.
		known := overlay(want, object{"config": overlay(config, object{"clientSecret": "**********"})})
		if vaulted.MatchString(p.Secret) {
			known = want
		}
		if diff := differences(have, known, ""); len(diff) > 0 {
			err = r.write(ctx, http.MethodPut, "/identity-provider/instances/"+p.Alias, overlay(have, want), what+":", strings.Join(diff, " "))
		} else if !vaulted.MatchString(p.Secret) {
			err = r.once(ctx, what, func(bearer string) error {
				return r.send(ctx, bearer, http.MethodPut, "/identity-provider/instances/"+p.Alias, overlay(have, want), nil)
			})
		}
	}
	if err != nil {
		return err
	}
	return r.userNames(ctx, p.Alias, what)
}

// userNames gives people who come through the provider names of its own, so that
// none of them meets the name of somebody who is here: there is nothing to take
// over, and nothing to learn about who is here (A36, A41).
func (r *run) userNames(ctx context.Context, alias, what string) error {
	path := "/identity-provider/instances/" + alias + "/mappers"
	want := object{"name": "user name", "identityProviderAlias": alias, "identityProviderMapper": "oidc-username-idp-mapper",
		"config": object{"syncMode": "IMPORT", "template": "${ALIAS}.${CLAIM.preferred_username}", "target": "LOCAL"}}
	var have []any
	if err := r.get(ctx, path, &have); err != nil {
		return err
	}
	mapper := keyed(have)["user name"]
	if mapper == nil {
		return r.write(ctx, http.MethodPost, path, want, what+": mapper user name added")
	}
	if diff := differences(mapper, want, ""); len(diff) > 0 {
		return r.write(ctx, http.MethodPut, path+"/"+mapper["id"].(string), overlay(mapper, want), what+": mapper user name:", strings.Join(diff, " "))
	}
	return nil
}

// firstSignIn is the flow of somebody who comes through a provider for the first
// time. Keycloak's own lets them take over the account that has their mail
// address, after a mail to it: couples share a mailbox. Ours asks for what is
// missing and makes a new account, or refuses.
const firstSignIn = "countersign first sign-in"

// step is one execution of a flow, as Keycloak shows it.
type step struct {
	ID          string `json:"id"`
	ProviderID  string `json:"providerId"`
	Requirement string `json:"requirement"`
	Config      string `json:"authenticationConfig"`
}

func (r *run) firstSignIn(ctx context.Context) error {
	var flows []object
	if err := r.get(ctx, "/authentication/flows", &flows); err != nil {
		return err
	}
	base := "/authentication/flows/" + url.PathEscape(firstSignIn)
	there := false
	for _, f := range flows {
		there = there || f["alias"] == firstSignIn
	}
	if !there {
		if err := r.write(ctx, http.MethodPost, "/authentication/flows", object{"alias": firstSignIn, "providerId": "basic-flow", "topLevel": true, "builtIn": false,
			"description": "Ask for what is missing and make an account; never link to one that is there"}, "flow", firstSignIn, "created"); err != nil {
			return err
		}
	}
	for _, provider := range []string{"idp-review-profile", "idp-create-user-if-unique"} {
		one, err := r.stepOf(ctx, base, provider)
		if err != nil {
			return err
		}
		if one == nil {
			if err := r.write(ctx, http.MethodPost, base+"/executions/execution", object{"provider": provider}, "flow", firstSignIn+":", provider, "added"); err != nil {
				return err
			}
			if one, err = r.stepOf(ctx, base, provider); err != nil || one == nil {
				return fmt.Errorf("keycloak: flow %s has no %s: %w", firstSignIn, provider, err)
			}
		}
		if one.Config == "" && provider == "idp-review-profile" {
			if err := r.write(ctx, http.MethodPost, "/authentication/executions/"+one.ID+"/config",
				object{"alias": firstSignIn, "config": object{"update.profile.on.first.login": "missing"}}, "flow", firstSignIn+": asks for what is missing"); err != nil {
				return err
			}
		}
		if one.Requirement != "REQUIRED" {
			if err := r.write(ctx, http.MethodPut, base+"/executions", object{"id": one.ID, "providerId": provider, "requirement": "REQUIRED"},
				"flow", firstSignIn+":", provider, "required"); err != nil {
				return err
			}
		}
	}
	return r.onlyThese(ctx, base)
}

func (r *run) stepOf(ctx context.Context, flow, provider string) (*step, error) {
	var steps []step
	if err := r.get(ctx, flow+"/executions", &steps); err != nil {
		return nil, err
	}
	for _, s := range steps {
		if s.ProviderID == provider {
			return &s, nil
		}
	}
	return nil, nil
}

// onlyThese takes out what somebody added: one more alternative could link accounts.
func (r *run) onlyThese(ctx context.Context, flow string) error {
	var steps []step
	if err := r.get(ctx, flow+"/executions", &steps); err != nil {
		return err
	}
	for _, s := range steps {
		if s.ProviderID == "idp-review-profile" || s.ProviderID == "idp-create-user-if-unique" {
			continue
		}
		if err := r.write(ctx, http.MethodDelete, "/authentication/executions/"+s.ID, nil, "flow", firstSignIn+":", s.ProviderID, "removed"); err != nil {
			return err
		}
	}
	return nil
}
