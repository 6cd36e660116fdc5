package keycloak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/provisioning"
)

// Spec is what a realm should be: the template and what fills it.
type Spec struct {
	Template    []byte // package realm's JSON
	Realm       string
	DisplayName string
	Root        string // default "/access"
	Topology    Topology
	Portal      Portal
	Writer      Credential
	Reader      Credential
	Programs    []Program
	SMTP        SMTP // no Host: the realm keeps the mail server it has

	IdentityProviders []IdentityProvider // attached to a realm of our own

	SSOIdle    time.Duration // replaces the template's 15 minutes; for tests
	ReuseCodes bool          // one-time codes count again until they change; for the demo and tests, whose people sign in many times a minute
	Quick      bool          // signing keys made once in this process, and realms after the first one of their kind as its copies; for tests
}

// Portal is the portal's own client.
type Portal struct {
	ClientID, Secret             string
	RedirectURIs, PostLogoutURIs []string // exact
	BackchannelURL, BaseURL      string
}

// Credential is a service account's client id and secret. Here and for the other
// clients a secret may be a reference into the server's vault, "${vault.<key>}".
type Credential struct{ ID, Secret string }

// Program is one program's part of the realm.
type Program struct {
	ID           string
	Entitlements []string // codes
}

// SMTP is the mail server that Keycloak sends through. Keycloak shows a reference
// into its vault, and no plain password: one of those is written at each Apply.
type SMTP struct {
	Host           string
	Port           int
	From, FromName string
	SSL, StartTLS  bool   // from the first byte, or by STARTTLS; not both
	User, Password string // no User: no authentication
}

// guard fills in how the conversation with the server is protected.
func (s SMTP) guard(server object) {
	server["ssl"], server["starttls"] = strconv.FormatBool(s.SSL), strconv.FormatBool(s.StartTLS)
	server["auth"] = strconv.FormatBool(s.User != "")
	if s.User != "" {
		server["user"], server["password"] = s.User, s.Password
	}
}

// Apply makes the realm equal to spec and says what it changed; a second run
// changes nothing. It reads, compares and writes only what differs, and touches
// nothing that the template does not mention. Clients get their scopes through
// the API: a realm imported with explicit scopes loses Keycloak's own.
func Apply(ctx context.Context, admin Admin, spec Spec) (changed []string, err error) {
	t, err := parseTemplate(spec.Template)
	if err != nil {
		return nil, err
	}
	if err := spec.check(); err != nil {
		return nil, err
	}
	r := admin.on(spec.Realm)
	err = r.apply(ctx, t, spec)
	return r.changed, err
}

func (r *run) apply(ctx context.Context, t *template, spec Spec) error {
	spec.Root = cmp.Or(spec.Root, "/access")
	steps := []func(context.Context, *template, Spec) error{r.settings, r.flows, r.requiredActions, r.profile, r.ownClients, r.programs, r.identityProviders}
	if spec.Topology == Shared { // additive only
		steps = []func(context.Context, *template, Spec) error{r.shared, r.ownClients, r.programs, r.permissions}
		if r.dry { // permissions are the owner's to see; the start proof looks at what follows from them
			steps = steps[:3]
		}
	}
	for _, step := range steps {
		if err := step(ctx, t, spec); err != nil {
			return err
		}
	}
	if spec.Quick && !r.dry && spec.Topology != Shared && slices.Contains(r.changed, "realm "+spec.Realm+" created") {
		return tests.keep(ctx, r, spec)
	}
	return nil
}

func (s Spec) check() error {
	var missing []string
	for name, value := range map[string]string{
		"realm": s.Realm, "portal client id": s.Portal.ClientID, "portal secret": s.Portal.Secret,
		"writer id": s.Writer.ID, "writer secret": s.Writer.Secret, "reader id": s.Reader.ID, "reader secret": s.Reader.Secret,
	} {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("keycloak: the realm's specification lacks %s", strings.Join(missing, ", "))
	}
	if s.Topology == Shared && len(s.IdentityProviders) > 0 {
		return errors.New("keycloak: a shared realm's identity providers are its owner's to attach")
	}
	if s.SMTP.User != "" && !s.SMTP.SSL && !s.SMTP.StartTLS {
		return errors.New("keycloak: the mail server's password needs TLS")
	}
	return exact(s.Portal.RedirectURIs, s.Portal.PostLogoutURIs)
}

// shared demands that the realm of somebody else is there.
func (r *run) shared(ctx context.Context, _ *template, spec Spec) error {
	if spec.Realm == "master" {
		return errors.New("keycloak: the realm master administers the others: nothing of ours belongs there")
	}
	err := r.get(ctx, "", nil)
	if errors.Is(err, provisioning.ErrNotFound) {
		return fmt.Errorf("keycloak: realm %s is not there, and a shared realm is its owner's to make: %w", spec.Realm, err)
	}
	return err
}

// settings ensures the realm itself.
func (r *run) settings(ctx context.Context, t *template, spec Spec) error {
	want, err := fill(t.Realm, map[string]any{
		"realm": spec.Realm, "display_name": spec.DisplayName, "base_url": spec.Portal.BaseURL,
		"smtp_host": spec.SMTP.Host, "smtp_port": strconv.Itoa(spec.SMTP.Port),
		"smtp_from": spec.SMTP.From, "smtp_from_name": spec.SMTP.FromName,
	})
	if err != nil {
		return err
	}
	if server, ok := want["smtpServer"].(object); ok {
		spec.SMTP.guard(server)
		if r.dry {
			delete(server, "password") // whoever looks is not shown it
		}
	}
	if spec.SMTP.Host == "" {
		delete(want, "smtpServer")
	}
	if spec.SSOIdle > 0 {
		want["ssoSessionIdleTimeout"] = spec.SSOIdle.Seconds()
	}
	want["otpPolicyCodeReusable"] = spec.ReuseCodes
	var have object
	err = r.get(ctx, "", &have)
	if errors.Is(err, provisioning.ErrNotFound) {
		return r.create(ctx, spec, want)
	}
	if err != nil {
		return err
	}
	diff := differences(have, want, "")
	if len(diff) == 0 {
		return nil
	}
	// Fields not sent keep their value.
	return r.write(ctx, http.MethodPut, "", want, "realm:", strings.Join(diff, " "))
}

func (r *run) create(ctx context.Context, spec Spec, want object) error {
	if spec.Quick {
		keys, err := fixedKeys()
		if err != nil {
			return err
		}
		want = overlay(want, object{"components": keys})
		copied, err := tests.like(spec, want)
		if err != nil {
			return err
		}
		if copied != nil {
			want = copied
		}
	}
	err := r.once(ctx, "create realm", func(bearer string) error {
		// The token knows only the realms that there were when it was issued.
		defer r.forget(bearer)
		_, err := r.sendTo(ctx, bearer, http.MethodPost, r.url+"/admin/realms", want, nil)
		return err
	})
	if err == nil {
		r.note("realm", spec.Realm, "created")
	}
	return err
}

// profile ensures which attributes people have.
func (r *run) profile(ctx context.Context, t *template, spec Spec) error {
	var have object
	if err := r.get(ctx, "/users/profile", &have); err != nil {
		return err
	}
	want := overlay(have, t.Profile)
	want["attributes"] = attributes(have["attributes"], t.Profile["attributes"], spec.Programs)
	diff := differences(have, want, "")
	if len(diff) == 0 {
		return nil
	}
	return r.write(ctx, http.MethodPut, "/users/profile", want, "user profile:", strings.Join(diff, " "))
}

// attributes are the template's, and after them what somebody else declared. Only
// an attribute that a program's scope would tell as groups goes: a person could
// write it.
func attributes(have, ours any, programs []Program) []any {
	declared := keyed(have)
	for _, p := range programs {
		delete(declared, groupAttribute(p.ID))
	}
	var all []any
	for _, want := range ours.([]any) {
		want := want.(object)
		name := want["name"].(string)
		if known := declared[name]; known != nil {
			want = overlay(known, want)
		}
		delete(declared, name)
		all = append(all, want)
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		all = append(all, declared[name])
	}
	return all
}

// ownClients ensures the portal's client and the two service accounts with their rights.
func (r *run) ownClients(ctx context.Context, t *template, spec Spec) error {
	p := spec.Portal
	portal, err := fill(t.Clients["portal"], map[string]any{
		"client_id": p.ClientID, "secret": p.Secret, "name": spec.DisplayName, "base_url": p.BaseURL,
		"redirect_uris": p.RedirectURIs, "post_logout_uris": strings.Join(p.PostLogoutURIs, "##"), "logout_url": p.BackchannelURL,
	})
	if err != nil {
		return err
	}
	if _, err := r.ensureClient(ctx, portal); err != nil {
		return err
	}
	writer, reader := spec.Topology.rights()
	if err := r.serviceAccount(ctx, t, spec.Writer, "Countersign writer", writer); err != nil {
		return err
	}
	return r.serviceAccount(ctx, t, spec.Reader, "Countersign reader", reader)
}

// serviceAccount ensures a service account that holds exactly these rights. Its
// scope is limited to them as well: a role added by hand would not reach a token.
func (r *run) serviceAccount(ctx context.Context, t *template, c Credential, name string, rights []string) error {
	want, err := fill(t.Clients["service"], map[string]any{"client_id": c.ID, "secret": c.Secret, "name": name})
	if err != nil {
		return err
	}
	id, err := r.ensureClient(ctx, want)
	if err != nil || id == "" {
		return err
	}
	management, err := r.clientNamed(ctx, administrative)
	if err != nil || management == nil {
		return fmt.Errorf("keycloak: client %s: %w", administrative, cmp.Or(err, provisioning.ErrNotFound))
	}
	managementID := management["id"].(string)
	known, err := r.roles(ctx, managementID)
	if err != nil {
		return err
	}
	var user struct {
		ID string `json:"id"`
	}
	if err := r.get(ctx, "/clients/"+id+"/service-account-user", &user); err != nil {
		return err
	}
	for what, path := range map[string]string{
		"rights of " + c.ID: "/users/" + user.ID + "/role-mappings/clients/" + managementID,
		"scope of " + c.ID:  "/clients/" + id + "/scope-mappings/clients/" + managementID,
	} {
		if err := r.ensureRoles(ctx, what, path, path, known, rights); err != nil {
			return err
		}
	}
	return nil
}
