package keycloak

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/Nerzal/gocloak/v13"

	"countersign/provisioning"
)

// programsAttribute marks a client as an application of ours and names its programs.
const programsAttribute = "countersign.programs"

func isApplication(c *gocloak.Client) bool {
	return c.Attributes != nil && (*c.Attributes)[programsAttribute] != ""
}

// Realm says where applications are registered.
type Realm struct {
	Name           string
	PortalClientID string
	Template       []byte // package realm's JSON
}

// App is a relying application.
type App struct {
	ClientID       string
	Programs       []string // whose groups it sees
	RedirectURIs   []string // exact
	PostLogoutURIs []string // exact
	LogoutURL      string   // back-channel logout; empty for none
	Secret         string   // empty: Keycloak makes one; may be "${vault.<key>}"
	LeastACR       string   // what every sign-in there proves, whatever is asked for; empty for anything

	// Roles are the application's own roles, each with the entitlements that give
	// it, as "<program>.<entitlement>". Nil: one role per entitlement of its
	// programs, named by the entitlement's code. Apps leaves it nil.
	Roles map[string][]string
}

var clientIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// AddApp registers the application, or makes a registered one equal to app, and
// returns its secret. Its roles become part of the portal client's entitlement
// roles, which the leaves of every site carry: sites that exist need no change.
func AddApp(ctx context.Context, admin Admin, realm Realm, app App) (secret string, err error) {
	if err := app.check(); err != nil {
		return "", err
	}
	t, err := parseTemplate(realm.Template)
	if err != nil {
		return "", err
	}
	r := admin.on(realm.Name)
	have, err := r.clientNamed(ctx, app.ClientID)
	if err != nil {
		return "", err
	}
	if have != nil && programsOf(have) == "" {
		return "", fmt.Errorf("keycloak: client %s exists and is not an application of ours", app.ClientID)
	}
	entitlements, err := r.entitlements(ctx, realm.PortalClientID, &app)
	if err != nil {
		return "", err
	}
	id, err := r.ensureClientOf(ctx, t, app)
	if err != nil {
		return "", err
	}
	if err := r.appRoles(ctx, id, entitlements, app.Roles); err != nil {
		return "", err
	}
	var held struct {
		Value string `json:"value"`
	}
	err = r.get(ctx, "/clients/"+id+"/client-secret", &held)
	return held.Value, err
}

func (a App) check() error {
	if !clientIDForm.MatchString(a.ClientID) {
		return fmt.Errorf("%w: client id %q", provisioning.ErrInvalid, a.ClientID)
	}
	if len(a.Programs) == 0 || len(a.RedirectURIs) == 0 {
		return fmt.Errorf("%w: application %s needs a program and a redirect URI", provisioning.ErrInvalid, a.ClientID)
	}
	if a.LogoutURL != "" {
		if err := exact([]string{a.LogoutURL}); err != nil {
			return err
		}
	}
	for name, entitlements := range a.Roles {
		for _, e := range entitlements {
			program, _, _ := strings.Cut(e, ".")
			if name == "" || !slices.Contains(a.Programs, program) {
				return fmt.Errorf("%w: role %q of %s: %q is not an entitlement of its programs", provisioning.ErrInvalid, name, a.ClientID, e)
			}
		}
	}
	return exact(a.RedirectURIs, a.PostLogoutURIs)
}

// exact refuses addresses that are not absolute or hold a wildcard or a fragment.
func exact(lists ...[]string) error {
	for _, address := range slices.Concat(lists...) {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" || strings.Contains(address, "*") {
			return fmt.Errorf("%w: address %q must be an exact http or https address", provisioning.ErrInvalid, address)
		}
	}
	return nil
}

func (r *run) ensureClientOf(ctx context.Context, t *template, app App) (string, error) {
	var scopes []string
	for _, p := range app.Programs {
		scopes = append(scopes, scopeName(p))
	}
	want, err := fill(t.Clients["application"], map[string]any{
		"client_id": app.ClientID, "name": app.ClientID, "secret": app.Secret,
		"programs": strings.Join(app.Programs, " "), "program_scopes": scopes,
		"redirect_uris": app.RedirectURIs, "post_logout_uris": strings.Join(app.PostLogoutURIs, "##"), "logout_url": app.LogoutURL, "least_acr": app.LeastACR,
	})
	if err != nil {
		return "", err
	}
	return r.ensureClient(ctx, want)
}

// RotateApp gives the application a new secret; the old one ends at once. A
// secret in the vault is rotated there.
func RotateApp(ctx context.Context, admin Admin, realm, clientID string) (secret string, err error) {
	r := admin.on(realm)
	c, err := r.application(ctx, clientID)
	if err != nil {
		return "", err
	}
	if held, _ := c["secret"].(string); vaulted.MatchString(held) {
		return "", fmt.Errorf("keycloak: the secret of %s is in the vault as %s: change it there", clientID, held)
	}
	var made *gocloak.CredentialRepresentation
	err = r.once(ctx, "rotate the secret of "+clientID, func(bearer string) (err error) {
		made, err = r.kc.RegenerateClientSecret(ctx, bearer, realm, c["id"].(string))
		return err
	})
	if err != nil {
		return "", err
	}
	return gocloak.PString(made.Value), nil
}

// RemoveApp deletes the application's client, and with it its roles and sessions.
func RemoveApp(ctx context.Context, admin Admin, realm, clientID string) error {
	r := admin.on(realm)
	c, err := r.application(ctx, clientID)
	if err != nil {
		return err
	}
	return r.once(ctx, "remove "+clientID, func(bearer string) error {
		return r.kc.DeleteClient(ctx, bearer, realm, c["id"].(string))
	})
}

// Apps lists the applications, ordered by client id, without secrets and roles.
func Apps(ctx context.Context, admin Admin, realm string) ([]App, error) {
	r := admin.on(realm)
	var clients []object
	if err := r.get(ctx, "/clients", &clients); err != nil {
		return nil, err
	}
	var apps []App
	for _, c := range clients {
		programs := programsOf(c)
		if programs == "" {
			continue
		}
		attributes := c["attributes"].(object)
		app := App{ClientID: c["clientId"].(string), Programs: strings.Fields(programs), RedirectURIs: texts(c["redirectUris"])}
		app.LogoutURL, _ = attributes["backchannel.logout.url"].(string)
		app.LeastACR, _ = attributes["minimum.acr.value"].(string)
		if uris, _ := attributes["post.logout.redirect.uris"].(string); uris != "" {
			app.PostLogoutURIs = strings.Split(uris, "##")
		}
		apps = append(apps, app)
	}
	slices.SortFunc(apps, func(a, b App) int { return strings.Compare(a.ClientID, b.ClientID) })
	return apps, nil
}

// application reads an application of ours. ErrNotFound for any other client.
func (r *run) application(ctx context.Context, clientID string) (object, error) {
	c, err := r.clientNamed(ctx, clientID)
	if err != nil {
		return nil, err
	}
	if c == nil || programsOf(c) == "" {
		return nil, fmt.Errorf("keycloak: application %s: %w", clientID, provisioning.ErrNotFound)
	}
	return c, nil
}

func programsOf(client object) string {
	attributes, _ := client["attributes"].(object)
	programs, _ := attributes[programsAttribute].(string)
	return programs
}
