package keycloak

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Nerzal/gocloak/v13"
)

// administrative is the client whose roles open the realm's admin API.
const administrative = "realm-management"

// UnsafeRealmError lists what Prove found.
type UnsafeRealmError struct {
	Findings []string
}

// Error lists every finding.
func (e *UnsafeRealmError) Error() string {
	return "keycloak: the realm is not safe to serve: " + strings.Join(e.Findings, "; ")
}

// Prove asks the realm, by role and not by person, whether anything but our two
// service accounts holds a realm-management role: users and other service
// accounts, groups, and roles that contain one (a default role would give it to
// everybody). realm-management's own composites are Keycloak's. It also demands
// that the portal and every application have full scope off, that undeclared
// attributes of people are dropped (else a person could write their own
// access_<program>) and none of that name is declared, and that fine-grained permissions, which this proof cannot
// see into, are off. It returns *UnsafeRealmError with every offender.
//
// With manage-users in the realm, a group or role that carries an administrative
// role would turn each join into an escalation.
//
// A shared realm has administrators and privileged groups of its own. There Prove
// demands that fine-grained permissions are on, are ours as Apply writes them, and
// keep the writer from everything privileged that the reader can see
// (prove_shared.go). In both, the two accounts hold neither more nor less than
// this topology's rights.
//
// A sentinel that is not there does not stop the product: what was decided goes on
// being carried out, and what rests on a list is not (Directory.Sentinel).
func (d *Directory) Prove(ctx context.Context) error {
	p := proof{d: d, held: map[string][]string{}}
	if d.cfg.Topology == Shared {
		if err := p.permitted(ctx); err != nil || len(p.findings) > 0 { // else the reader sees nothing
			return cmp.Or(err, error(&UnsafeRealmError{Findings: p.findings}))
		}
	}
	clients, err := d.clients(ctx, "")
	if err != nil {
		return err
	}
	for _, c := range clients {
		if *c.ClientID == administrative {
			p.admin = *c.ID
		}
	}
	if p.admin == "" {
		return fmt.Errorf("keycloak: realm %s shows no client %s", d.cfg.Realm, administrative)
	}
	checks := []func(context.Context, []*gocloak.Client) error{p.settings, p.scopes, p.holders, p.complete, p.tokens, p.composites}
	if d.cfg.Topology == Shared {
		checks = []func(context.Context, []*gocloak.Client) error{p.settings, p.scopes, p.holders, p.complete, p.tokens, p.apart}
	}
	for _, check := range checks {
		if err := check(ctx, clients); err != nil {
			return err
		}
	}
	if len(p.findings) > 0 {
		return &UnsafeRealmError{Findings: p.findings}
	}
	return nil
}

type proof struct {
	d        *Directory
	admin    string              // id of realm-management
	held     map[string][]string // roles of realm-management by the user names of our two accounts
	fine     fineGrained         // of a shared realm
	asked    []asked             // its permissions
	findings []string
}

func (p *proof) found(format string, args ...any) {
	p.findings = append(p.findings, fmt.Sprintf(format, args...))
}

func (p *proof) get(ctx context.Context, path string, out any) error {
	r := p.d.reader
	return r.repeat(ctx, "prove "+path, func(bearer string) error {
		return r.send(ctx, bearer, http.MethodGet, path, nil, out)
	})
}

func (p *proof) settings(ctx context.Context, clients []*gocloak.Client) error {
	var profile struct {
		Policy     string `json:"unmanagedAttributePolicy"`
		Attributes []struct{ Name string }
	}
	if err := p.get(ctx, "/users/profile", &profile); err != nil {
		return err
	}
	if profile.Policy != "" && profile.Policy != "DISABLED" {
		p.found("unmanaged attributes are %s", profile.Policy)
	}
	for _, a := range profile.Attributes {
		if slices.ContainsFunc(clients, func(c *gocloak.Client) bool { return tells(c, a.Name) }) {
			p.found("people may have the attribute %s, which applications are told as groups", a.Name)
		}
	}
	if p.d.cfg.Topology == Shared {
		return nil
	}
	var realm struct {
		FineGrained *bool `json:"adminPermissionsEnabled"`
	}
	if err := p.get(ctx, "", &realm); err != nil {
		return err
	}
	if realm.FineGrained == nil || *realm.FineGrained {
		p.found("fine-grained admin permissions are on or cannot be read")
	}
	return nil
}

// tells says whether the client is an application that reads the attribute as groups.
func tells(c *gocloak.Client, attribute string) bool {
	return isApplication(c) && slices.ContainsFunc(strings.Fields((*c.Attributes)[programsAttribute]),
		func(program string) bool { return groupAttribute(program) == attribute })
}

func (p *proof) scopes(_ context.Context, clients []*gocloak.Client) error {
	portal := false
	for _, c := range clients {
		ours := *c.ClientID == p.d.cfg.PortalClientID
		portal = portal || ours
		if (ours || isApplication(c)) && (c.FullScopeAllowed == nil || *c.FullScopeAllowed) {
			p.found("client %s has full scope", *c.ClientID)
		}
	}
	if !portal {
		p.found("client %s is missing", p.d.cfg.PortalClientID)
	}
	return nil
}

// holders asks each administrative role for its users and groups.
func (p *proof) holders(ctx context.Context, _ []*gocloak.Client) error {
	roles, err := p.d.clientRoles(ctx, p.admin)
	if err != nil {
		return err
	}
	for _, role := range roles {
		users, err := p.list(ctx, *role.Name, "users")
		if err != nil {
			return err
		}
		for _, u := range users {
			if p.ours(u) != nil {
				p.held[u] = append(p.held[u], *role.Name)
			}
			if !p.mayHold(u, *role.Name) {
				p.found("user %s holds %s", u, *role.Name)
			}
		}
		groups, err := p.list(ctx, *role.Name, "groups")
		if err != nil {
			return err
		}
		for _, g := range groups {
			if p.d.cfg.Topology != Shared || strings.HasPrefix(g+"/", p.d.cfg.Root+"/") {
				p.found("group %s holds %s", g, *role.Name)
			}
		}
	}
	return nil
}

// list names the users or groups that hold a role of realm-management directly.
func (p *proof) list(ctx context.Context, role, kind string) (names []string, err error) {
	for first := 0; ; first += page {
		var some []struct {
			UserName string `json:"username"`
			Path     string `json:"path"`
		}
		path := fmt.Sprintf("/clients/%s/roles/%s/%s?first=%d&max=%d", p.admin, url.PathEscape(role), kind, first, page)
		if err := p.get(ctx, path, &some); err != nil {
			return nil, err
		}
		for _, one := range some {
			names = append(names, one.UserName+one.Path)
		}
		if len(some) < page {
			return names, nil
		}
	}
}

// ours lists the rights of one of our two accounts; nil for anybody else. People
// cannot take these names, because Keycloak refuses a second one.
func (p *proof) ours(user string) []string {
	writer, reader := p.d.cfg.Topology.rights()
	switch user {
	case serviceAccountUser(p.d.cfg.WriterID):
		return writer
	case serviceAccountUser(p.d.cfg.ReaderID):
		return reader
	}
	return nil
}

func (p *proof) mayHold(user, role string) bool {
	rights := p.ours(user)
	if rights == nil {
		return p.d.cfg.Topology == Shared // its owner has administrators
	}
	return slices.Contains(rights, role)
}

// complete demands that our accounts lack no right: found now, it is not found by
// an access that cannot be ended.
func (p *proof) complete(context.Context, []*gocloak.Client) error {
	for _, user := range []string{serviceAccountUser(p.d.cfg.WriterID), serviceAccountUser(p.d.cfg.ReaderID)} {
		for _, right := range p.ours(user) {
			if !p.later(right) && !slices.Contains(p.held[user], right) {
				p.found("user %s lacks %s", user, right)
			}
		}
	}
	return nil
}

// later says whether a right may be missing: see laterRight.
func (p *proof) later(right string) bool { return p.d.cfg.Topology == Shared && right == laterRight }

// tokens demands that what our accounts hold is also what they are given: a client's
// scope may keep a role from its tokens.
func (p *proof) tokens(ctx context.Context, _ []*gocloak.Client) error {
	for id, a := range map[string]*account{p.d.cfg.WriterID: p.d.writer, p.d.cfg.ReaderID: p.d.reader} {
		given, err := a.rights(ctx)
		if err != nil {
			return named(ctx, "token of "+id, err)
		}
		user := serviceAccountUser(id)
		for _, right := range p.held[user] {
			if slices.Contains(p.ours(user), right) && !p.later(right) && !slices.Contains(given, right) {
				p.found("the token of %s lacks %s: its client's scope keeps it out", id, right)
			}
		}
	}
	return nil
}

func serviceAccountUser(clientID string) string {
	return "service-account-" + strings.ToLower(clientID)
}

// composites asks every composite role outside realm-management whether it
// contains an administrative role. One level is enough: a role that contains a
// role that contains one is found by the inner one.
func (p *proof) composites(ctx context.Context, clients []*gocloak.Client) error {
	var realmRoles []*gocloak.Role
	if err := p.get(ctx, "/roles", &realmRoles); err != nil {
		return err
	}
	if err := p.composite(ctx, "realm", realmRoles); err != nil {
		return err
	}
	for _, c := range clients {
		if *c.ID == p.admin {
			continue
		}
		roles, err := p.d.clientRoles(ctx, *c.ID)
		if err != nil {
			return err
		}
		if err := p.composite(ctx, *c.ClientID, roles); err != nil {
			return err
		}
	}
	return nil
}

func (p *proof) composite(ctx context.Context, owner string, roles []*gocloak.Role) error {
	for _, role := range roles {
		if !gocloak.PBool(role.Composite) {
			continue
		}
		var inside []*gocloak.Role
		if err := p.get(ctx, "/roles-by-id/"+*role.ID+"/composites/clients/"+p.admin, &inside); err != nil {
			return err
		}
		for _, r := range inside {
			p.found("role %s of %s contains %s", *role.Name, owner, *r.Name)
		}
	}
	return nil
}
