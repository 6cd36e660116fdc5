package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// inClinic are people of a site whom both the record and the realm have there, made
// here and by steps of ours, so that what comes later is drift.
func (b *bench) inClinic(n int) (site, group string, ids, subs []string) {
	b.t.Helper()
	site, group, ids, subs = b.clinic(n)
	b.follows() // who made these people was the bench, with our credential
	b.sql(`delete from drift`)
	for _, id := range ids {
		b.grant(id, site)
		b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, id)
	}
	b.all()
	b.follows()
	if rows := b.drifts(); len(rows) != 0 {
		b.t.Fatalf("what we did ourselves is reported: %v", rows)
	}
	return site, group, ids, subs
}

// follows reads the log of changes now.
func (b *bench) follows() {
	b.t.Helper()
	b.sql(`update realm_follow set polled_at = null`)
	must(b.t, b.followChanges(b.t.Context()))
}

// compares looks at everything now.
func (b *bench) compares() {
	b.t.Helper()
	b.sql(`update realm_compare set due_at = clock_timestamp()`)
	must(b.t, b.compare(b.t.Context()))
}

// drifts are all differences that were ever found, as "kind doing/outcome by".
func (b *bench) drifts() (out []string) {
	b.t.Helper()
	rows, err := b.db.Query(`select kind || ' ' || coalesce(nullif(outcome, ''), doing) || case when by_user = '' then '' else ' by ' || by_client end from drift order by found_at, id`)
	must(b.t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(b.t, rows.Scan(&s))
		out = append(out, s)
	}
	must(b.t, rows.Err())
	return out
}

func (b *bench) wants(what string, want ...string) {
	b.t.Helper()
	got := b.drifts()
	slices.Sort(got) // two accounts may be looked at in either order
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: got %q, want %q", what, got, want)
	}
	found, err := b.Registry.Invariants(b.t.Context())
	must(b.t, err)
	for _, v := range found {
		if row, of := strings.CutPrefix(v.What, "drift "); of && !strings.Contains(row, "is at version 0") { // those of before are deleted, below
			b.t.Errorf("%s: %s", v.Invariant, v.What)
		}
	}
	b.sql(`delete from drift`)
}

// Whatever somebody else does to memberships in the realm is found once, with who did
// it, and put right; what is done with our own credential and no step of ours is an
// alarm besides, and mailed to those who keep the realm, once.
// proves: F18 I1 I13 attack A67
func TestDriftIsPutRight(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site, group, ids, subs := b.inClinic(4)
	theirs := b.shut.Memory.Elsewhere()
	ctx := t.Context()
	right := func() {
		t.Helper()
		b.follows()
		b.all()
		for {
			did, err := b.stranger(ctx)
			must(t, err)
			if !did {
				break
			}
		}
		b.follows() // what we did to put it right is ours
		if n := b.in(group); n != 4 {
			t.Errorf("%d are in the group, want 4", n)
		}
	}
	var other string
	must(t, b.db.QueryRow(`select kc_id from realm_group where site_id = $1 and leaf = 'practitioner'`, site).Scan(&other))

	must(t, theirs.Leave(ctx, subs[0], group))
	must(t, theirs.Join(ctx, subs[1], other))
	right()
	b.wants("an administrator", "missing restored by admin-console", "surplus removed by admin-console")

	must(t, theirs.Leave(ctx, subs[0], group))
	must(t, theirs.Join(ctx, subs[0], group))
	right()
	b.wants("put right by whoever did it", "missing gone by admin-console")

	stranger, err := theirs.CreatePerson(ctx, provisioning.NewPerson{Account: "x", UserName: "stranger", Email: "s@example.test"})
	must(t, err)
	must(t, theirs.Join(ctx, stranger, group))
	right()
	b.wants("a stranger", "stranger removed by admin-console")

	var operators string
	must(t, b.db.QueryRow(`select id from site where program = 'operator' and code = 'operator'`).Scan(&operators))
	b.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, changed_at) values ($1, $2, $3, 'security', 'security', array[$1::uuid], instant(), instant())`,
		registry.NewID(), ids[3], operators)
	must(t, b.shut.Memory.Join(ctx, subs[2], other)) // as whoever stole our secret would
	right()
	b.wants("our own credential", "surplus removed by writer", "unexplained person by writer")
	var mails int
	must(t, b.db.QueryRow(`select count(*) from mail where kind = 'realm-alarm'`).Scan(&mails))
	if mails != 1 {
		t.Errorf("%d mails of the alarm, want 1", mails)
	}

	must(t, theirs.Leave(ctx, subs[0], group)) // while nobody reads the log
	must(t, theirs.Join(ctx, subs[1], other))
	must(t, theirs.Join(ctx, stranger, group))
	b.sql(`update realm_follow set seen_at = clock_timestamp() + interval '1 day'`)
	b.compares()
	right()
	b.wants("the full compare alone", "stranger removed", "missing restored", "surplus removed")
}

// While the realm is only observed nothing changes that no decision explains; what a
// recorded end takes away goes all the same. Afterwards what was reported is put right.
func TestObserve(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site, group, ids, subs := b.inClinic(4)
	theirs := b.shut.Memory.Elsewhere()
	ctx := t.Context()
	must(t, b.Registry.SetRealmMode(ctx, registry.CommandLine(), registry.ModeObserve))
	var other string
	must(t, b.db.QueryRow(`select kc_id from realm_group where site_id = $1 and leaf = 'practitioner'`, site).Scan(&other))
	must(t, theirs.Join(ctx, subs[0], other))
	must(t, theirs.Leave(ctx, subs[1], group))
	b.sql(`update access_grant set ended_at = instant(), changed_at = instant() where account_id = $1`, ids[2])
	b.sql(`update account set wanted_rev = wanted_rev + 1, urgent_rev = wanted_rev + 1 where id = $1`, ids[2])
	for range 2 {
		b.follows()
		b.all()
		b.compares()
	}
	if n, m := b.in(group), b.in(other); n != 2 || m != 1 {
		t.Errorf("%d and %d are in the groups, want 2 and 1", n, m)
	}
	if got, want := fmt.Sprint(b.drifts()), "[surplus report by admin-console missing report by admin-console]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	must(t, b.Registry.SetRealmMode(ctx, registry.CommandLine(), registry.ModeEnforce))
	b.all()
	if n, m := b.in(group), b.in(other); n != 3 || m != 0 {
		t.Errorf("%d and %d are in the groups, want 3 and none", n, m)
	}
	b.wants("enforced", "surplus removed by admin-console", "missing restored by admin-console")
}

// What was renamed, moved, deleted or disabled is a person's to see to: told once, and
// nobody tries for ever. A deleted group is made again, with its members, once somebody
// says so; what they put right in the realm themselves is over.
// proves: F18
func TestWhatAPersonSeesTo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site, group, ids, subs := b.inClinic(5)
	theirs := b.shut.Memory.Elsewhere()
	ctx := t.Context()
	keeper := ids[4]
	var operators string
	must(t, b.db.QueryRow(`select id from site where program = 'operator' and code = 'operator'`).Scan(&operators))
	b.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, changed_at) values ($1, $2, $3, 'security', 'security', array[$1::uuid], instant(), instant())`,
		registry.NewID(), keeper, operators)
	b.sql(`update site set wanted_rev = wanted_rev + 1 where program = 'operator'`)
	b.turn(b.site)
	b.turn(b.site)
	b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, keeper)
	b.all()
	by := func() registry.By {
		now, err := b.Registry.Now(ctx)
		must(t, err)
		return registry.By{Account: keeper, Op: registry.NewID(), AuthTime: now, ACR: "two-factor"}
	}
	only := func() (d registry.DriftView) {
		t.Helper()
		p, err := b.Registry.Differences(ctx, keeper, time.Time{})
		must(t, err)
		if len(p.Open) != 1 {
			t.Fatalf("open: %v", p.Open)
		}
		return p.Open[0]
	}

	theirs.MoveGroup(group, "/access/careconnect/clinic/renamed")
	b.follows()
	b.compares()
	theirs.MoveGroup(group, "/access/careconnect/clinic/lpn")
	b.follows()
	b.wants("renamed and named back", "group-renamed gone by admin-console")

	must(t, theirs.Drop(subs[0]))
	b.follows()
	b.all()
	b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, ids[0])
	b.all()
	b.compares()
	if d := only(); d.Kind != registry.DriftNoPerson || d.MakeAgain { // the realm's own: not ours to make
		t.Errorf("got %v", d)
	}
	if err := b.Registry.SettleDifference(ctx, by(), only().ID, " "); err == nil {
		t.Error("settled without a word")
	}
	must(t, b.Registry.SettleDifference(ctx, by(), only().ID, "left the country"))
	b.sql(`update access_grant set ended_at = instant() where account_id = $1`, ids[0])
	b.wants("a person deleted", "person-missing settled by admin-console")
	b.sql(`update account set state = 'closed' where id = $1`, ids[0])

	theirs.RemoveGroup(group)
	b.follows()
	b.sql(`update account set wanted_rev = wanted_rev + 1`)
	b.all() // nobody waits for it
	var behind int
	must(t, b.db.QueryRow(`select count(*) from account where wanted_rev > applied_rev`).Scan(&behind))
	if behind != 0 {
		t.Errorf("%d accounts wait for a group that nobody makes", behind)
	}
	d := only()
	if d.Kind != registry.DriftNoGroup || d.Leaf != "lpn" || !d.MakeAgain {
		t.Errorf("got %v", d)
	}
	must(t, b.Registry.MakeAgain(ctx, by(), d.ID))
	b.turn(b.site)
	b.all()
	must(t, b.db.QueryRow(`select kc_id from realm_group where site_id = $1 and leaf = 'lpn'`, site).Scan(&group))
	if n := b.in(group); n != 4 {
		t.Errorf("%d are in the group, want 4", n)
	}
	b.follows()
	b.wants("a group deleted", "group-missing made-again by admin-console")
}

// While we make a site's groups the realm has them before the record does: when somebody
// else changes a group then, theirs alone is told, and ours is not put down to them.
// proves: F18 I13
func TestOwnGroupsAreNobodyElses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.opened("elm")
	work, ok, err := b.Registry.ClaimSite(t.Context())
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	made, err := b.shut.EnsureSite(t.Context(), groupsOf(work))
	must(t, err)
	b.shut.Memory.Elsewhere().AddGroup("/access/careconnect/elm/theirs")
	b.follows()
	b.wants("while groups are made", "group-surplus person by admin-console")
	b.compares()
	b.wants("the compare meanwhile", "group-surplus person")
	must(t, b.Registry.FinishSite(t.Context(), work, made))

	// Finished between the two readings: what the record knew before is not all it knows.
	l := &look{Worker: b.Worker}
	_, err = l.expected(t.Context())
	must(t, err)
	l.found = []registry.Difference{{Kind: registry.DriftGroupNew, Path: "/access/careconnect/elm/lpn"}, {Kind: registry.DriftGroupNew, Path: "/access/careconnect/elm/theirs"}}
	must(t, l.dropOurs(t.Context()))
	if len(l.found) != 1 || l.found[0].Path != "/access/careconnect/elm/theirs" {
		t.Errorf("found %+v", l.found)
	}
}
