package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"countersign/provisioning"
)

// many is how many people are asked for at once. To find out who carries an account,
// Keycloak joins and sorts all people of the realm again for each page (0.2 s of 20,000,
// without that attribute 0.06 s), and so few pages are better; but one must come within
// the time of a call, also from a server that takes 2 ms for a person.
const many = 2500

// relisted is how often the groups are listed anew when others come or go meanwhile.
const relisted = 3

// Groups implements provisioning.Directory with one call for all, and one that counts
// them. Keycloak sorts a list of groups by name alone and pages it by position: with
// leaves of one name in every site a second page repeats some groups and misses others
// (26.7.3 showed 615 of 663 in pages of 50). Asked with search=* and no limit it hands
// over the whole tree, flat and with paths. Of a shared realm that is every group
// there is; what is not under our root is dropped here.
func (d *Directory) Groups(ctx context.Context) ([]provisioning.Group, error) {
	var ours []provisioning.Group
	for range relisted {
		var all []struct{ ID, Path string }
		var there struct{ Count int }
		if err := d.list(ctx, "count groups", "/groups/count", nil, &there); err != nil {
			return nil, err
		}
		for _, any := range []string{"*", "%"} { // 26.5.6 finds nothing by the first, 26.7.3 by the second
			err := d.list(ctx, "list groups", "/groups", url.Values{"search": {any}, "max": {"-1"},
				"populateHierarchy": {"false"}, "subGroupsCount": {"false"}}, &all) // to count children costs more than all the rest
			if err != nil {
				return nil, err
			}
			if len(all) > 0 {
				break
			}
		}
		seen := map[string]bool{}
		ours = ours[:0]
		for _, g := range all {
			if strings.HasPrefix(g.Path, d.cfg.Root+"/") && g.Path != d.sentinel() && !seen[g.ID] {
				ours = append(ours, provisioning.Group{ID: g.ID, Path: g.Path})
			}
			seen[g.ID] = true
		}
		if len(seen) == there.Count {
			return ours, nil
		}
	}
	return nil, fmt.Errorf("keycloak: list groups: not as many as the realm counts: %w", provisioning.ErrImplausible)
}

// Members implements provisioning.Directory.
func (d *Directory) Members(ctx context.Context, groupID string) (all []provisioning.Member, err error) {
	err = d.pages(ctx, "list members", "/groups/"+url.PathEscape(groupID)+"/members", url.Values{}, func(some []provisioning.Member) error {
		all = append(all, some...)
		return nil
	})
	return all, err
}

// People implements provisioning.Directory: whoever carries an account of ours. Where a
// shared realm does not declare that attribute, that is nobody.
func (d *Directory) People(ctx context.Context, each func([]provisioning.Member) error) error {
	return d.pages(ctx, "list people", "/users", url.Values{"exact": {"false"}, "q": {accountAttribute + ":"}}, each)
}

// shifts is how often a list may lose people while it is read, before it is given up.
const shifts = 20

// pages reads a list of people, which Keycloak sorts by user name and pages by
// position: who is removed meanwhile moves the others up, and the next page would
// begin behind somebody who was never shown. So each page begins with the last row of
// the one before, and where that is nobody whom we know, we go back.
func (d *Directory) pages(ctx context.Context, what, path string, query url.Values, each func([]provisioning.Member) error) error {
	query.Set("briefRepresentation", "true")
	query.Set("max", strconv.Itoa(many))
	seen := map[string]bool{}
	back := 0
	for first := 0; ; {
		var some []struct {
			ID, Username string
			Enabled      bool
		}
		query.Set("first", strconv.Itoa(first))
		if err := d.list(ctx, what, path, query, &some); err != nil {
			return err
		}
		if first > 0 && (len(some) == 0 || !seen[some[0].ID]) {
			if back++; back > shifts {
				return fmt.Errorf("keycloak: %s: it changes faster than it can be read: %w", what, provisioning.ErrImplausible)
			}
			first = max(0, first-many/2)
			continue
		}
		var fresh []provisioning.Member
		for _, one := range some {
			if !seen[one.ID] {
				seen[one.ID] = true
				fresh = append(fresh, provisioning.Member{Sub: one.ID, UserName: one.Username, Enabled: one.Enabled})
			}
		}
		if len(fresh) > 0 {
			if err := each(fresh); err != nil {
				return err
			}
		}
		if len(some) < many {
			return nil
		}
		first += many - 1
	}
}

// list is one read of the reader's.
func (d *Directory) list(ctx context.Context, what, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return d.reader.repeat(ctx, what, func(bearer string) error {
		return d.reader.send(ctx, bearer, http.MethodGet, path, nil, out)
	})
}

// sentinel is the path of the sentinel's group.
func (d *Directory) sentinel() string { return d.cfg.Root + "/" + provisioning.SentinelName }

// Sentinel implements provisioning.Directory. The member is the reader's own service
// account, which nobody removes without noticing; that somebody else is there too is
// no reason to distrust the realm.
func (d *Directory) Sentinel(ctx context.Context) error {
	g, err := d.groupAt(ctx, d.sentinel())
	if errors.Is(err, provisioning.ErrNotFound) {
		return fmt.Errorf("keycloak: group %s is not there: %w", d.sentinel(), provisioning.ErrImplausible)
	}
	if err != nil {
		return err
	}
	members, err := d.Members(ctx, *g.ID)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return err
	}
	for _, m := range members {
		if m.UserName == serviceAccountUser(d.cfg.ReaderID) {
			return nil
		}
	}
	return fmt.Errorf("keycloak: group %s lacks its member: %w", d.sentinel(), provisioning.ErrImplausible)
}
