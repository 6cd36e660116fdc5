package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// member is somebody who holds a role at a site, and whom the directory has.
func (b *bench) member(name, site string) (account, sub string) {
	b.t.Helper()
	sub, err := b.shut.CreatePerson(b.t.Context(), provisioning.NewPerson{Account: name, UserName: name, Email: name + "@example.test"})
	must(b.t, err)
	account, err = b.Registry.SignedIn(b.t.Context(), registry.SignedIn{Issuer: "http://localhost/realms/test", Sub: sub, UserName: name, Email: name + "@example.test"})
	must(b.t, err)
	b.grant(account, site)
	return account, sub
}

// record is all that a rehearsal must leave as it was.
func (b *bench) kept() (all string) {
	b.t.Helper()
	must(b.t, b.db.QueryRow(`select (select string_agg(a::text, ';' order by id) from account a) || (select string_agg(s::text, ';' order by id) from site s)
		|| (select count(*) from step) || (select count(*) from realm_group) || (select count(*) from operation) || (select count(*) from act) || (select count(*) from mail)`).Scan(&all))
	return all
}

// reconciles looks at a scope and gives what was told, one line each.
func (b *bench) reconciles(scope registry.Scope, apply bool) (told []string) {
	b.t.Helper()
	sites, accounts, err := b.Registry.Targets(b.t.Context(), scope)
	must(b.t, err)
	must(b.t, b.Worker.Reconcile(b.t.Context(), sites, accounts, apply, func(l Looked) {
		line := l.Kind + " " + l.ID + " " + l.Outcome
		for _, p := range l.Plan {
			line += " " + strings.TrimSpace(p.Do+" "+p.Path)
		}
		told = append(told, line)
	}))
	return told
}

func (b *bench) want(what string, got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: told\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a dry run tells is what applying it does, step for step, and it leaves no trace;
// applied, it is done once, beside whoever else is at it, and one that fails holds no
// other up.
// proves: I12 F18
func TestReconcileTellsWhatItDoes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site := b.opened("elm")
	ana, anaSub := b.member("ana", site)
	ben, benSub := b.member("ben", site)
	there := registry.Scope{Site: "elm"}
	leaf := func(code string) string { return "/access/careconnect/elm/" + code }

	before := b.kept()
	told := b.reconciles(there, false)
	if len(told) != 3 || !strings.HasPrefix(told[0], "site "+site+" planned make ") || !strings.Contains(told[0], "make "+leaf("lpn")) {
		t.Errorf("told %q", told)
	}
	b.want("before the groups are made", told[1:], "account "+ana+" waits", "account "+ben+" waits")
	if b.kept() != before {
		t.Error("a dry run left something behind")
	}
	must(t, b.Worker.Reconcile(t.Context(), []string{site}, nil, true, func(Looked) {}))
	both := func(outcome, plan string) []string {
		return []string{"site " + site + " even", "account " + ana + " " + outcome + plan, "account " + ben + " " + outcome + plan}
	}
	before = b.kept()
	b.want("dry", b.reconciles(there, false), both(Planned, " join "+leaf("lpn"))...)
	if b.kept() != before {
		t.Error("a dry run left something behind")
	}
	applied := both(Done, " join "+leaf("lpn"))
	applied[0] = "site " + site + " even" // its groups are there
	b.want("applied", b.reconciles(there, true), applied...)
	b.want("again", b.reconciles(there, true), both(Even, "")...)

	// Somebody meddles: one loses what they hold, another gets more.
	groups, err := b.shut.Memberships(t.Context(), anaSub)
	must(t, err)
	must(t, b.shut.Leave(t.Context(), anaSub, groups[0].ID))
	all, err := b.shut.Groups(t.Context())
	must(t, err)
	more := all[slices.IndexFunc(all, func(g provisioning.Group) bool { return g.Path == leaf("administrator") })]
	must(t, b.shut.Join(t.Context(), benSub, more.ID))
	mends := []string{"account " + ana + " %s join " + leaf("lpn"), "account " + ben + " %s leave " + leaf("administrator") + " consents end-sessions"}
	for _, run := range []struct {
		apply   bool
		outcome string
	}{{false, Planned}, {false, Planned}, {true, Done}} {
		var want []string
		for _, line := range mends {
			want = append(want, fmt.Sprintf(line, run.outcome))
		}
		b.want(run.outcome, b.reconciles(there, run.apply)[1:], want...)
	}
	var steps string
	must(t, b.db.QueryRow(`select string_agg(kind || ' ' || outcome, ', ' order by n) from step where target = $1 and rev = (select applied_rev from account where id = $1)`, ben).Scan(&steps))
	if steps != "leave done, consents done, end-sessions done" {
		t.Errorf("the record has the steps %s", steps)
	}

	// Who is in somebody else's hands is waited for.
	b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, ana)
	work, ok, err := b.Registry.ClaimAccount(t.Context(), false, b.Root)
	if !ok || err != nil || work.Account.ID != ana {
		t.Fatal(ok, err)
	}
	go func() {
		time.Sleep(300 * time.Millisecond)
		_ = b.Registry.FinishAccount(context.Background(), work) // else it is told as waiting
	}()
	b.want("beside another", b.reconciles(registry.Scope{Account: "ana"}, true), "account "+ana+" even")
}

// Whoever stops it finds everything either untouched or done, and goes on by beginning
// anew; and what fails is told and left to the product's own workers.
// proves: F01
func TestReconcileIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site := b.opened("elm")
	const all = 120 // many more than are in hand before the first five are told
	for i := range all {
		b.member(fmt.Sprintf("person-%d", i), site)
	}
	must(t, b.Worker.Reconcile(t.Context(), []string{site}, nil, true, func(Looked) {}))
	_, accounts, err := b.Registry.Targets(t.Context(), registry.Scope{Site: "elm"})
	must(t, err)
	if len(accounts) != all || !slices.IsSorted(accounts) {
		t.Fatalf("%d accounts, in order: %t", len(accounts), slices.IsSorted(accounts))
	}
	ctx, stop := context.WithCancel(t.Context())
	told := 0
	if err := b.Worker.Reconcile(ctx, nil, accounts, true, func(l Looked) {
		if told++; told == 5 {
			stop()
		}
		if l.Outcome != Done || l.ID != accounts[told-1] {
			t.Errorf("%+v", l)
		}
	}); err == nil {
		t.Error("stopped, and says nothing of it")
	}
	var behind, leased, members int
	must(t, b.db.QueryRow(`select count(*) filter (where wanted_rev > applied_rev), count(*) filter (where lease is not null) from account`).Scan(&behind, &leased))
	groups, err := b.shut.Groups(t.Context())
	must(t, err)
	for _, g := range groups {
		m, err := b.shut.Members(t.Context(), g.ID)
		must(t, err)
		members += len(m)
	}
	if told == all || behind != 0 || leased != 0 || members != told {
		t.Errorf("%d told, %d behind, %d claimed, %d members", told, behind, leased, members)
	}
	even := 0
	must(t, b.Worker.Reconcile(t.Context(), nil, accounts, true, func(l Looked) {
		if l.Outcome == Even {
			even++
		} else if l.Outcome != Done {
			t.Errorf("%+v", l)
		}
	}))
	if even != told {
		t.Errorf("%d were even, %d had been done", even, told)
	}

	b.shut.closed = true
	failed := b.Worker.LookAtSite(t.Context(), site, nil, true)
	if failed.Outcome != Failed || failed.Err == nil {
		t.Errorf("%+v", failed)
	}
	b.shut.closed = false
	b.turn(b.site) // the product goes on with it
}
