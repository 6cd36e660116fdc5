package provisioning

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
)

// Kinds of difference that a look at the whole directory finds.
const (
	Surplus        = "surplus"         // somebody known is in a group that they are not wanted in
	Missing        = "missing"         // and the other way round
	Stranger       = "stranger"        // somebody unknown is in a group of ours
	PersonMissing  = "person-missing"  // somebody whom we made is gone
	PersonDisabled = "person-disabled" // or disabled
	PersonRenamed  = "person-renamed"  // or has another user name
	GroupMissing   = "group-missing"
	GroupRenamed   = "group-renamed" // a group of ours, or one that holds groups of ours
	GroupMoved     = "group-moved"   // to another parent under our root
	GroupSurplus   = "group-surplus" // an unknown group under our root
)

// Difference is one between what is expected and what a directory shows.
type Difference struct {
	Kind  string
	Sub   string // of the person
	Group Group  // as the directory has it; of one that is gone, as it was expected
	Was   string // of a group that is elsewhere: the path where it was expected
}

// Expected is what a directory should show, as a whole.
type Expected struct {
	Root   string
	Groups []Group           // every leaf that was made
	Inner  []string          // the paths under root that hold them: programs and sites
	Made   map[string]string // user names by sub, of those whom we made and who are there
	Known  map[string]bool   // subs of everybody who has an account
	// Members gives the subs of those who are to be in a group now. It is asked after
	// the directory was.
	Members func(ctx context.Context, groupID string) (map[string]bool, error)
}

// Seen counts what a look at a whole directory showed.
type Seen struct {
	People, Memberships int
	Calls               int // to the directory, as it is asked here; pages are its own
}

// Compare looks at the whole directory and hands over, group by group, all that
// differs. Memory is of the size of Expected, not of the directory. What it finds of
// memberships may be torn by changes made meanwhile: each account is to be looked at by
// itself before anything is done.
func Compare(ctx context.Context, d Directory, e Expected, found func([]Difference) error) (seen Seen, err error) {
	groups, err := d.Groups(ctx)
	seen.Calls++
	if err != nil {
		return seen, err
	}
	if err := found(CompareGroups(e, groups)); err != nil {
		return seen, err
	}
	for _, g := range e.Groups {
		members, err := d.Members(ctx, g.ID)
		seen.Calls++
		if errors.Is(err, ErrNotFound) {
			continue // said above, or gone since: the next compare says it
		}
		if err != nil {
			return seen, err
		}
		seen.Memberships += len(members)
		wanted, err := e.Members(ctx, g.ID)
		if err != nil {
			return seen, err
		}
		if err := found(CompareMembers(g, wanted, e.Known, members)); err != nil {
			return seen, err
		}
	}
	there := make(map[string]bool, len(e.Made))
	err = d.People(ctx, func(some []Member) error {
		seen.Calls++
		for _, p := range some {
			there[p.Sub] = true
		}
		seen.People = len(there)
		return found(ComparePeople(e.Made, some))
	})
	if err != nil {
		return seen, err
	}
	return seen, found(gone(e.Made, there))
}

// CompareGroups tells what is amiss with the groups. Of a group of ours that is
// elsewhere, and of one that holds several which are, there is one difference: the
// group that was renamed or moved itself.
func CompareGroups(e Expected, have []Group) []Difference {
	byID, byPath := map[string]Group{}, map[string]Group{}
	for _, g := range have {
		byID[g.ID], byPath[g.Path] = g, g
	}
	expected := map[string]bool{e.Root: true}
	for _, p := range e.Inner {
		expected[p] = true
	}
	var out []Difference
	told := map[string]bool{} // paths, as they are now, of what is elsewhere as a whole
	for _, want := range e.Groups {
		expected[want.Path] = true
		now, there := byID[want.ID]
		switch {
		case !there:
			out = append(out, Difference{Kind: GroupMissing, Group: want})
		case now.Path != want.Path:
			was, is := changed(want.Path, now.Path, byPath)
			if told[is] {
				continue
			}
			told[is] = true
			kind := GroupMoved
			if path.Dir(was) == path.Dir(is) {
				kind = GroupRenamed
			}
			out = append(out, Difference{Kind: kind, Group: cmp.Or(byPath[is], now), Was: was})
		}
	}
	known := map[string]bool{}
	for _, g := range e.Groups {
		known[g.ID] = true
	}
	for _, g := range have {
		if !expected[g.Path] && !known[g.ID] && !underAny(told, g.Path) {
			out = append(out, Difference{Kind: GroupSurplus, Group: g})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group.Path, b.Group.Path))
	})
	return out
}

// changed cuts from two paths of one group what they end in alike, as far as what held
// it is no longer there: what is left is the group that was renamed or moved itself,
// before and after.
func changed(was, is string, there map[string]Group) (string, string) {
	for path.Base(was) == path.Base(is) {
		if _, stayed := there[path.Dir(was)]; stayed || path.Dir(was) == "/" || path.Dir(is) == "/" {
			break
		}
		was, is = path.Dir(was), path.Dir(is)
	}
	return was, is
}

func underAny(roots map[string]bool, p string) bool {
	for ; p != "/" && p != "."; p = path.Dir(p) {
		if roots[p] {
			return true
		}
	}
	return false
}

// CompareMembers tells who is in a group and should not be, and who is not and should.
func CompareMembers(g Group, wanted, known map[string]bool, have []Member) []Difference {
	var out []Difference
	in := make(map[string]bool, len(have))
	for _, m := range have {
		in[m.Sub] = true
		switch {
		case wanted[m.Sub]:
		case known[m.Sub]:
			out = append(out, Difference{Kind: Surplus, Sub: m.Sub, Group: g})
		default:
			out = append(out, Difference{Kind: Stranger, Sub: m.Sub, Group: g})
		}
	}
	for sub := range wanted {
		if !in[sub] {
			out = append(out, Difference{Kind: Missing, Sub: sub, Group: g})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Sub, b.Sub)) })
	return out
}

// ComparePeople tells of some whom the directory shows who of those whom we made is not
// as we made them; made has their user names by sub. Whom the record does not know any
// more is on their way out, or somebody's whose account is elsewhere.
func ComparePeople(made map[string]string, have []Member) []Difference {
	var out []Difference
	for _, m := range have {
		name, ours := made[m.Sub]
		if !ours {
			continue
		}
		if !m.Enabled {
			out = append(out, Difference{Kind: PersonDisabled, Sub: m.Sub})
		}
		if !strings.EqualFold(name, m.UserName) {
			out = append(out, Difference{Kind: PersonRenamed, Sub: m.Sub})
		}
	}
	return out
}

func gone(made map[string]string, there map[string]bool) []Difference {
	var out []Difference
	for sub := range made {
		if !there[sub] {
			out = append(out, Difference{Kind: PersonMissing, Sub: sub})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return cmp.Compare(a.Sub, b.Sub) })
	return out
}
