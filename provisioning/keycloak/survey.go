package keycloak

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// getter reads below /admin/realms/<realm>, as an administrator or as the reader.
type getter func(ctx context.Context, path string, out any) error

// found is what in a shared realm is none of our writer's business. The ids are
// sorted, so that two surveys of one realm are the same.
type found struct {
	management   string   // id of the client realm-management
	applications []string // ids of our applications
	adminGroups  []string // groups that carry an administrative role, and those below them
	otherGroups  []string // the other groups outside our root
	adminUsers   []string // who holds an administrative role directly, and every service account

	names    map[string]string // user names and group paths, by id
	carrying []string          // of otherGroups, those that carry some role or are below one that does
}

// survey reads what is privileged in the realm. The reader sees few clients, and
// so finds less than an administrator does.
type survey struct {
	get   getter
	root  string
	found found
}

func (get getter) survey(ctx context.Context, root string) (*found, error) {
	s := survey{get: get, root: root, found: found{names: map[string]string{}}}
	var clients []object
	if err := get(ctx, "/clients", &clients); err != nil {
		return nil, err
	}
	for _, c := range clients {
		id := c["id"].(string)
		if c["clientId"] == administrative {
			s.found.management = id
		}
		if programsOf(c) != "" {
			s.found.applications = append(s.found.applications, id)
		}
		if c["serviceAccountsEnabled"] != true {
			continue
		}
		// Not asked by /clients/{id}/service-account-user: that makes the account
		// where there is none, and gives the client a scope.
		var users []struct{ ID, Username string }
		name := url.QueryEscape(serviceAccountUser(c["clientId"].(string)))
		if err := get(ctx, "/users?exact=true&username="+name, &users); err != nil {
			return nil, err
		}
		for _, u := range users {
			s.user(u.ID, u.Username)
		}
	}
	if s.found.management == "" {
		return nil, fmt.Errorf("keycloak: the realm shows no client %s", administrative)
	}
	admins := map[string]bool{} // groups
	roles, err := s.administrative(ctx, clients)
	if err != nil {
		return nil, err
	}
	for _, path := range roles {
		if err := s.holders(ctx, path, admins); err != nil {
			return nil, err
		}
	}
	if err := s.groups(ctx, "/groups", admins, false, false); err != nil {
		return nil, err
	}
	for _, list := range []*[]string{&s.found.applications, &s.found.adminGroups, &s.found.otherGroups, &s.found.adminUsers, &s.found.carrying} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return &s.found, nil
}

func (s *survey) user(id, name string) {
	s.found.adminUsers = append(s.found.adminUsers, id)
	s.found.names[id] = name
}

// administrative lists the paths of the roles that open the admin API: those of
// realm-management, and whatever contains one, at any depth.
func (s *survey) administrative(ctx context.Context, clients []object) ([]string, error) {
	opens := map[string]string{} // path by role id
	inside := map[string][]string{}
	paths := map[string]string{}
	read := func(at string, all bool) error {
		var roles []struct {
			ID, Name  string
			Composite bool
		}
		if err := s.get(ctx, at, &roles); err != nil {
			return err
		}
		for _, r := range roles {
			paths[r.ID] = at + "/" + url.PathEscape(r.Name)
			if all {
				opens[r.ID] = paths[r.ID]
				continue
			}
			if !r.Composite {
				continue
			}
			var parts []role
			if err := s.get(ctx, "/roles-by-id/"+r.ID+"/composites", &parts); err != nil {
				return err
			}
			for _, p := range parts {
				inside[r.ID] = append(inside[r.ID], p.ID)
			}
		}
		return nil
	}
	if err := read("/roles", false); err != nil {
		return nil, err
	}
	for _, c := range clients {
		if err := read("/clients/"+c["id"].(string)+"/roles", c["clientId"] == administrative); err != nil {
			return nil, err
		}
	}
	for grew := true; grew; {
		grew = false
		for outer, parts := range inside {
			if opens[outer] == "" && slices.ContainsFunc(parts, func(id string) bool { return opens[id] != "" }) {
				opens[outer], grew = paths[outer], true
			}
		}
	}
	var all []string
	for _, path := range opens {
		all = append(all, path)
	}
	slices.Sort(all)
	return all, nil
}

// holders notes who holds the role at the path.
func (s *survey) holders(ctx context.Context, path string, admins map[string]bool) error {
	for _, kind := range []string{"/users", "/groups"} {
		for first := 0; ; first += page {
			var some []struct{ ID, Username string }
			if err := s.get(ctx, path+kind+"?first="+strconv.Itoa(first)+"&max="+strconv.Itoa(page), &some); err != nil {
				return err
			}
			for _, one := range some {
				if kind == "/groups" {
					admins[one.ID] = true
					continue
				}
				s.user(one.ID, one.Username)
			}
			if len(some) < page {
				break
			}
		}
	}
	return nil
}

// groups walks the tree; below an administrative group everything is, below one
// with roles everything has them.
func (s *survey) groups(ctx context.Context, under string, admins map[string]bool, inAdmin, inCarrying bool) error {
	for first := 0; ; first += page {
		var some []struct {
			ID, Path      string
			RealmRoles    []string
			ClientRoles   map[string][]string
			SubGroupCount int
		}
		if err := s.get(ctx, under+"?briefRepresentation=false&first="+strconv.Itoa(first)+"&max="+strconv.Itoa(page), &some); err != nil {
			return err
		}
		for _, g := range some {
			s.found.names[g.ID] = g.Path
			admin := inAdmin || admins[g.ID]
			carrying := inCarrying || len(g.RealmRoles)+len(g.ClientRoles) > 0
			ours := g.Path == s.root || strings.HasPrefix(g.Path, s.root+"/")
			switch {
			case admin:
				s.found.adminGroups = append(s.found.adminGroups, g.ID)
			case ours || strings.HasPrefix(s.root, g.Path+"/"):
			default:
				s.found.otherGroups = append(s.found.otherGroups, g.ID)
				if carrying {
					s.found.carrying = append(s.found.carrying, g.ID)
				}
			}
			if g.SubGroupCount == 0 || ours && !admin {
				continue // of ours, the holders of roles say what there is to say
			}
			if err := s.groups(ctx, "/groups/"+g.ID+"/children", admins, admin, carrying); err != nil {
				return err
			}
		}
		if len(some) < page {
			return nil
		}
	}
}
