package provisioning

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Elsewhere is the same directory in the hands of somebody else: what is done
// through it shows in Changes as not ours.
func (m *Memory) Elsewhere() *Memory { return &Memory{store: m.store, elsewhere: true} }

// AddGroup makes a group at a path and gives its id.
func (m *Memory) AddGroup(path string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.group(path)
}

// MoveGroup gives a group, and those below it, another path: renamed or re-parented.
func (m *Memory) MoveGroup(id, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := m.groups[id].Path
	for other, g := range m.groups {
		if below, found := strings.CutPrefix(g.Path+"/", from+"/"); found {
			m.groups[other] = Group{ID: other, Path: strings.TrimSuffix(to+"/"+below, "/")}
		}
	}
	m.note(Change{Kind: ChangeGroupChanged, GroupID: id})
}

// RemoveGroup takes away a group, those below it, and who was in them.
func (m *Memory) RemoveGroup(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := m.groups[id].Path + "/"
	for other, g := range m.groups {
		if strings.HasPrefix(g.Path+"/", gone) {
			delete(m.groups, other)
			for _, held := range m.members {
				delete(held, other)
			}
		}
	}
	m.note(Change{Kind: ChangeGroupRemoved, GroupID: id})
}

// Rename gives a person another user name.
func (m *Memory) Rename(sub, userName string) error {
	return m.change(sub, func(p *Person) { p.UserName = userName })
}

// SetEnabled lets a person sign in, or not.
func (m *Memory) SetEnabled(sub string, enabled bool) error {
	return m.change(sub, func(p *Person) { p.Enabled = enabled })
}

func (m *Memory) change(sub string, fn func(*Person)) error {
	return m.with(sub, func() {
		p := m.people[sub]
		fn(&p)
		m.people[sub] = p
		m.note(Change{Kind: ChangePersonChanged, Sub: sub})
	})
}

// Drop removes a person, whoever made them.
func (m *Memory) Drop(sub string) error { return m.with(sub, func() { m.drop(sub) }) }

func (m *Memory) drop(sub string) {
	delete(m.people, sub)
	delete(m.members, sub)
	m.note(Change{Kind: ChangePersonRemoved, Sub: sub})
}

// HideSentinel makes the directory answer as one that does not show everything.
func (m *Memory) HideSentinel(hidden bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hidden = hidden
}

// group gives the id of the group at a path, and makes it where there is none.
func (m *Memory) group(at string) string {
	if id := m.byPath(at); id != "" {
		return id
	}
	id := m.nextID("group")
	m.groups[id] = Group{ID: id, Path: at}
	m.note(Change{Kind: ChangeGroupMade, GroupID: m.byPath(path.Dir(at))})
	return id
}

func (m *Memory) join(sub, groupID string) {
	if !m.members[sub][groupID] {
		m.members[sub][groupID] = true
		m.note(Change{Kind: ChangeJoined, Sub: sub, GroupID: groupID})
	}
}

// note keeps a change. Its moment is as fine as Keycloak's: to the millisecond.
func (m *Memory) note(c Change) {
	c.ID, c.At = m.nextID("change"), time.Now().Truncate(time.Millisecond)
	c.ByClient, c.ByUser, c.Ours = "writer", "service-account-writer", !m.elsewhere
	if m.elsewhere {
		c.ByClient, c.ByUser = "admin-console", "console-admin"
	}
	m.changes = append(m.changes, c)
}

// Changes implements Directory.
func (m *Memory) Changes(_ context.Context, since time.Time) (all []Change, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.changes {
		if !c.At.Before(since) {
			c.Path = m.groups[c.GroupID].Path
			all = append(all, c)
		}
	}
	return all, nil
}

// Groups implements Directory.
func (m *Memory) Groups(context.Context) (all []Group, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.groups {
		if strings.HasPrefix(g.Path, m.root+"/") {
			all = append(all, g)
		}
	}
	return all, nil
}

// Members implements Directory.
func (m *Memory) Members(_ context.Context, groupID string) (all []Member, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.groups[groupID]; !known {
		return nil, ErrNotFound
	}
	for sub, p := range m.people {
		if m.members[sub][groupID] {
			all = append(all, Member{Sub: p.Sub, UserName: p.UserName, Enabled: p.Enabled})
		}
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.UserName, b.UserName) })
	return all, nil
}

// Person implements Directory.
func (m *Memory) Person(_ context.Context, sub string) (who Member, err error) {
	err = m.with(sub, func() {
		p := m.people[sub]
		who = Member{Sub: p.Sub, UserName: p.UserName, Enabled: p.Enabled,
			Details: Details{p.GivenName, p.Surname, p.Email, p.Locale, p.EmailVerified}}
	})
	return who, err
}

// People implements Directory, all of them in one page.
func (m *Memory) People(_ context.Context, each func([]Member) error) error {
	m.mu.Lock()
	var all []Member
	for _, p := range slices.SortedFunc(maps.Values(m.people), func(a, b Person) int { return cmp.Compare(a.UserName, b.UserName) }) {
		if p.Account != "" {
			all = append(all, Member{Sub: p.Sub, UserName: p.UserName, Enabled: p.Enabled})
		}
	}
	m.mu.Unlock() // each may ask the directory
	return each(all)
}

// Sentinel implements Directory.
func (m *Memory) Sentinel(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hidden {
		return ErrImplausible
	}
	return nil
}
