package keycloak

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/Nerzal/gocloak/v13"

	"countersign/provisioning"
)

// nameAttribute holds a site group's display name.
const nameAttribute = "display_name"

// groupAttribute is the attribute by which a leaf tells its own path to the
// program's client scope, and so to the program's applications alone.
func groupAttribute(program string) string { return "access_" + program }

// EnsureSite implements provisioning.Directory. The program's group and the
// portal client's roles must exist: Apply makes them, with rights that the
// writer does not have.
func (d *Directory) EnsureSite(ctx context.Context, s provisioning.Site) (map[string]string, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	program, err := d.groupAt(ctx, d.cfg.Root+"/"+s.Program)
	if err != nil {
		return nil, fmt.Errorf("program %s is not in the realm, apply the realm first: %w", s.Program, err)
	}
	site, err := d.ensureGroup(ctx, *program.ID, s.Code, map[string][]string{nameAttribute: {s.Name}})
	if err != nil {
		return nil, err
	}
	path := d.cfg.Root + "/" + s.Program + "/" + s.Code
	ids := map[string]string{}
	for _, leaf := range s.Leaves {
		g, err := d.ensureLeaf(ctx, *site.ID, s.Program, path, leaf)
		if err != nil {
			return nil, err
		}
		ids[leaf.Code] = *g.ID
	}
	return ids, nil
}

func (d *Directory) ensureLeaf(ctx context.Context, site, program, path string, leaf provisioning.Leaf) (*gocloak.Group, error) {
	g, err := d.ensureGroup(ctx, site, leaf.Code, map[string][]string{groupAttribute(program): {path + "/" + leaf.Code}})
	if err != nil {
		return nil, err
	}
	want := ""
	if leaf.Entitlement {
		want = roleName(program, leaf.Code)
	}
	err = d.ensureRole(ctx, g, want)
	if code := status(err); code == http.StatusBadRequest || code == http.StatusConflict {
		// So Keycloak answers when another worker maps the role at the same moment.
		again, readErr := d.child(ctx, site, leaf.Code)
		if readErr != nil || again == nil {
			return nil, cmp.Or(readErr, err)
		}
		return again, d.ensureRole(ctx, again, want)
	}
	return g, err
}

// roleName is the portal client's role that an entitlement's leaf carries.
func roleName(program, entitlement string) string { return program + "." + entitlement }

// ensureGroup makes the child of that name, or gives it the attributes. Another
// worker may make it at the same moment: then it is read again.
func (d *Directory) ensureGroup(ctx context.Context, parent, name string, attributes map[string][]string) (*gocloak.Group, error) {
	g, err := d.child(ctx, parent, name)
	if err != nil {
		return nil, err
	}
	if g == nil {
		err := d.writer.once(ctx, "create group "+name, func(bearer string) error {
			_, err := d.writer.kc.CreateChildGroup(ctx, bearer, d.cfg.Realm, parent, gocloak.Group{Name: &name, Attributes: &attributes})
			return err
		})
		if err != nil && status(err) != http.StatusConflict {
			return nil, err
		}
		if g, err = d.child(ctx, parent, name); err != nil {
			return nil, err
		}
		if g == nil {
			return nil, fmt.Errorf("keycloak: group %s vanished while it was made: %w", name, provisioning.ErrNotFound)
		}
	}
	have := map[string][]string{}
	if g.Attributes != nil {
		have = *g.Attributes
	}
	if maps.EqualFunc(have, attributes, slices.Equal) {
		return g, nil
	}
	return g, d.writer.repeat(ctx, "update group "+name, func(bearer string) error {
		return d.writer.kc.UpdateGroup(ctx, bearer, d.cfg.Realm, gocloak.Group{ID: g.ID, Name: &name, Attributes: &attributes})
	})
}

// child finds a group among its parent's children, with attributes and roles; nil when there is none.
func (d *Directory) child(ctx context.Context, parent, name string) (*gocloak.Group, error) {
	query := url.Values{"search": {name}, "exact": {"true"}, "briefRepresentation": {"false"}}
	var found []*gocloak.Group
	err := d.reader.repeat(ctx, "list children", func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, "/groups/"+parent+"/children?"+query.Encode(), nil, &found)
	})
	if err != nil {
		return nil, err
	}
	for _, g := range found {
		if gocloak.PString(g.Name) == name {
			return g, nil
		}
	}
	return nil, nil
}

// ensureRole makes the group carry exactly that role of the portal's client, or
// none of them for "".
func (d *Directory) ensureRole(ctx context.Context, g *gocloak.Group, want string) error {
	var held []string
	if g.ClientRoles != nil {
		held = (*g.ClientRoles)[d.cfg.PortalClientID]
	}
	if want == "" && len(held) == 0 || want != "" && slices.Equal(held, []string{want}) {
		return nil
	}
	client, roles, err := d.portalRoles(ctx)
	if err != nil {
		return err
	}
	var surplus, missing []gocloak.Role
	for _, name := range held {
		if name != want {
			surplus = append(surplus, roles[name])
		}
	}
	if want != "" && !slices.Contains(held, want) {
		role, known := roles[want]
		if !known {
			return fmt.Errorf("keycloak: role %s of client %s, apply the realm first: %w", want, d.cfg.PortalClientID, provisioning.ErrNotFound)
		}
		missing = append(missing, role)
	}
	return d.mapRoles(ctx, *g.ID, client, missing, surplus)
}

func (d *Directory) mapRoles(ctx context.Context, group, client string, missing, surplus []gocloak.Role) error {
	if len(surplus) > 0 {
		err := d.writer.repeat(ctx, "unmap role", func(bearer string) error {
			return d.writer.kc.DeleteClientRoleFromGroup(ctx, bearer, d.cfg.Realm, client, group, surplus)
		})
		if err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return d.writer.repeat(ctx, "map role", func(bearer string) error {
		return d.writer.kc.AddClientRolesToGroup(ctx, bearer, d.cfg.Realm, client, group, missing)
	})
}

// portalRoles reads the portal client's id and its roles by name.
func (d *Directory) portalRoles(ctx context.Context) (client string, roles map[string]gocloak.Role, err error) {
	clients, err := d.clients(ctx, d.cfg.PortalClientID)
	if err != nil {
		return "", nil, err
	}
	if len(clients) != 1 {
		return "", nil, fmt.Errorf("keycloak: client %s: %w", d.cfg.PortalClientID, provisioning.ErrNotFound)
	}
	client = *clients[0].ID
	list, err := d.clientRoles(ctx, client)
	roles = map[string]gocloak.Role{}
	for _, r := range list {
		roles[*r.Name] = *r
	}
	return client, roles, err
}

// clients lists the client of that client id, or every client for "".
func (d *Directory) clients(ctx context.Context, clientID string) (list []*gocloak.Client, err error) {
	params := gocloak.GetClientsParams{}
	if clientID != "" {
		params.ClientID = &clientID
	}
	err = d.reader.repeat(ctx, "list clients", func(bearer string) (err error) {
		list, err = d.reader.kc.GetClients(ctx, bearer, d.cfg.Realm, params)
		return err
	})
	return list, err
}

func (d *Directory) clientRoles(ctx context.Context, client string) (list []*gocloak.Role, err error) {
	err = d.reader.repeat(ctx, "list client roles", func(bearer string) (err error) {
		list, err = d.reader.kc.GetClientRoles(ctx, bearer, d.cfg.Realm, client, gocloak.GetRoleParams{})
		return err
	})
	return list, err
}
