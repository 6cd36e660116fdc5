package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"countersign/provisioning"
)

// lists: everything under the root is listed with its path, the sentinel is there and
// not listed, and everybody whom we made is handed over once.
func (s suite) lists(t *testing.T) {
	ctx, d := t.Context(), s.Directory
	must(t, d.Sentinel(ctx))
	ids := s.sited(t, "lists")
	site := s.Root + "/careconnect/lists-" + s.tag
	want := map[string]string{site + "/viewer": ids["viewer"], site + "/practitioner": ids["practitioner"]}
	groups, err := d.Groups(ctx)
	must(t, err)
	paths := map[string]string{}
	for _, g := range groups {
		if paths[g.Path] != "" {
			t.Errorf("%s twice", g.Path)
		}
		paths[g.Path] = g.ID
	}
	for path, id := range want {
		equal(t, path, paths[path], id)
	}
	if paths[site] == "" || paths[s.Root+"/careconnect"] == "" || paths[s.Root] != "" || paths[s.Root+"/"+provisioning.SentinelName] != "" {
		t.Errorf("got %v", slices.Sorted(maps.Keys(paths)))
	}

	var members []provisioning.Member
	for i := range 3 {
		name := fmt.Sprintf("lists-%d", i)
		sub := s.created(t, name)
		must(t, d.Join(ctx, sub, ids["viewer"]))
		members = append(members, provisioning.Member{Sub: sub, UserName: name + "-" + s.tag, Enabled: true})
	}
	got, err := d.Members(ctx, ids["viewer"])
	must(t, err)
	equal(t, "members", got, members)
	got, err = d.Members(ctx, ids["practitioner"])
	must(t, err)
	equal(t, "members of an empty group", len(got), 0)
	_, err = d.Members(ctx, "00000000-0000-4000-8000-000000000000")
	is(t, err, provisioning.ErrNotFound)

	seen := map[provisioning.Member]int{}
	must(t, d.People(ctx, func(some []provisioning.Member) error {
		for _, m := range some {
			seen[m]++
		}
		return nil
	}))
	for _, m := range members {
		equal(t, "times that "+m.UserName+" is handed over", seen[m], 1)
	}
	is(t, d.People(ctx, func([]provisioning.Member) error { return context.Canceled }), context.Canceled)
}

// changes: what anybody did is told once, in order, with whose doing it was; not what
// came before, and no more often for being asked again.
func (s suite) changes(t *testing.T) {
	ctx, d := t.Context(), s.Directory
	ids := s.sited(t, "changes")
	before := s.created(t, "before-changes")
	time.Sleep(5 * time.Millisecond)
	began := time.Now().Truncate(time.Millisecond)
	p := s.person("changes")
	p.Groups = []string{s.Root + "/careconnect/changes-" + s.tag + "/practitioner"} // no change of its own
	sub, err := d.CreatePerson(ctx, p)
	must(t, err)
	viewer := ids["viewer"]
	for range 2 {
		must(t, d.Join(ctx, sub, viewer))
	}
	s.Elsewhere.Leave(t, sub, viewer)
	s.Elsewhere.Join(t, sub, viewer)
	must(t, d.Leave(ctx, sub, viewer))
	must(t, d.EndSessions(ctx, sub))
	s.Elsewhere.Rename(t, sub, "told-name-"+s.tag)
	s.Elsewhere.RemoveGroup(t, viewer)
	must(t, d.RemovePerson(ctx, p.Account))

	type row struct {
		kind  provisioning.ChangeKind
		group string
		ours  bool
	}
	want := []row{{provisioning.ChangePersonMade, "", true}, {provisioning.ChangeJoined, viewer, true}, {provisioning.ChangeLeft, viewer, false},
		{provisioning.ChangeJoined, viewer, false}, {provisioning.ChangeLeft, viewer, true}, {provisioning.ChangeSessionsEnded, "", true},
		{provisioning.ChangePersonChanged, "", false}, {provisioning.ChangeGroupRemoved, viewer, false}, {provisioning.ChangePersonRemoved, "", true}}
	var all []provisioning.Change
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		all, err = d.Changes(ctx, began)
		must(t, err)
		var got []row
		for _, c := range all {
			if c.Sub == sub || c.GroupID == viewer {
				got = append(got, row{c.Kind, c.GroupID, c.Ours})
			}
			if c.Sub == before {
				t.Errorf("told again: %+v", c)
			}
		}
		if len(got) >= len(want) || time.Now().After(deadline) {
			equal(t, "changes", got, want)
			break
		}
	}
	seen := map[string]bool{}
	for i, c := range all {
		if seen[c.ID] || i > 0 && c.At.Before(all[i-1].At) || c.At.Before(began) || c.ByUser == "" || c.ByClient == "" {
			t.Errorf("change %d: %+v", i, c)
		}
		seen[c.ID] = true
		if c.GroupID == viewer && c.Path != "" && !c.Ours {
			t.Errorf("a group that is gone has a path: %+v", c)
		}
	}
	last := all[len(all)-1]
	again, err := d.Changes(ctx, last.At)
	must(t, err)
	if len(again) == 0 || !seen[last.ID] {
		t.Errorf("since is not inclusive: %v", again)
	}
	none, err := d.Changes(ctx, time.Now().Add(time.Hour))
	must(t, err)
	equal(t, "changes to come", len(none), 0)
}
