package keycloak

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Nerzal/gocloak/v13"

	"countersign/provisioning"
)

// page is how many rows are asked for at once; Keycloak's own default is 100.
const page = 500

// Memberships implements provisioning.Directory.
func (d *Directory) Memberships(ctx context.Context, sub string) ([]provisioning.Group, error) {
	var ours []provisioning.Group
	for first := 0; ; first += page {
		var some []*gocloak.Group
		err := d.reader.repeat(ctx, "list memberships", func(bearer string) (err error) {
			some, err = d.reader.kc.GetUserGroups(ctx, bearer, d.cfg.Realm, sub, gocloak.GetGroupsParams{
				First: &first, Max: gocloak.IntP(page), BriefRepresentation: gocloak.BoolP(true),
			})
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, g := range some {
			if strings.HasPrefix(gocloak.PString(g.Path), d.cfg.Root+"/") {
				ours = append(ours, provisioning.Group{ID: *g.ID, Path: *g.Path})
			}
		}
		if len(some) < page {
			return ours, nil
		}
	}
}

// Join implements provisioning.Directory. Parallel joins of one membership are
// answered with 409; then what is there decides.
func (d *Directory) Join(ctx context.Context, sub, groupID string) error {
	err := d.writer.repeat(ctx, "join", func(bearer string) error {
		return d.writer.kc.AddUserToGroup(ctx, bearer, d.cfg.Realm, sub, groupID)
	})
	if err == nil || status(err) != http.StatusConflict {
		return err
	}
	groups, readErr := d.Memberships(ctx, sub)
	if readErr != nil {
		return readErr
	}
	if slices.ContainsFunc(groups, func(g provisioning.Group) bool { return g.ID == groupID }) {
		return nil
	}
	return err
}

// Leave implements provisioning.Directory.
func (d *Directory) Leave(ctx context.Context, sub, groupID string) error {
	return d.writer.repeat(ctx, "leave", func(bearer string) error {
		return d.writer.kc.DeleteUserFromGroup(ctx, bearer, d.cfg.Realm, sub, groupID)
	})
}

// groupAt reads the group at a path, with its attributes. ErrNotFound when there is none.
func (d *Directory) groupAt(ctx context.Context, path string) (*gocloak.Group, error) {
	var g *gocloak.Group
	err := d.reader.repeat(ctx, "group "+path, func(bearer string) (err error) {
		g, err = d.reader.kc.GetGroupByPath(ctx, bearer, d.cfg.Realm, strings.TrimPrefix(path, "/"))
		return err
	})
	if err == nil && g.ID == nil {
		err = fmt.Errorf("keycloak: group %s: empty answer", path)
	}
	return g, err
}
