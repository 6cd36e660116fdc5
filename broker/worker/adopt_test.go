package worker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
	"countersign/provisioning"
)

// keepers makes two accounts that decide about the realm.
func (b *bench) keepers(ids ...string) {
	b.t.Helper()
	var operators string
	must(b.t, b.db.QueryRow(`select id from site where program = 'operator' and code = 'operator'`).Scan(&operators))
	for _, id := range ids {
		b.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, changed_at) values ($1, $2, $3, 'security', 'security', array[$1::uuid], instant(), instant())`,
			registry.NewID(), id, operators)
		b.sql(`update account set wanted_rev = wanted_rev + 1 where id = $1`, id)
	}
	b.sql(`update site set wanted_rev = wanted_rev + 1 where program = 'operator'`)
	b.turn(b.site)
	b.turn(b.site)
	b.all()
}

func (b *bench) by(account string) registry.By {
	b.t.Helper()
	now, err := b.Registry.Now(b.t.Context())
	must(b.t, err)
	return registry.By{Account: account, Op: registry.NewID(), AuthTime: now, ACR: "two-factor"}
}

// plan is the open adoption's as keeper sees it.
func (b *bench) plan(keeper string) registry.AdoptionPage {
	b.t.Helper()
	p, err := b.Registry.LookAtAdoption(b.t.Context(), keeper)
	must(b.t, err)
	return p
}

// sound demands the invariants, but of what the bench wrote by itself: sites, and the
// keepers' grants, without events or facts.
func (b *bench) sound(keepers ...string) {
	b.t.Helper()
	found, err := b.Registry.Invariants(b.t.Context())
	must(b.t, err)
	for _, v := range found {
		bare := strings.HasSuffix(v.What, "at version 1 and has events 1 to 0, 0 of them")
		if !bare && !slices.ContainsFunc(keepers, func(id string) bool { return strings.HasPrefix(v.What, "account "+id) }) {
			b.t.Errorf("%s: %s", v.Invariant, v.What)
		}
	}
}

// What the realm had before anybody decided is adopted by two people whom it is not
// about, over exactly the plan that both were shown; nothing is removed; whom the record
// did not know has an account, and the sub is theirs; at the end it lapses, and goes.
// proves: F18 I1 attack A71
func TestAdopt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	site := b.opened("clinic")
	b.turn(b.site)
	group := func(leaf string) (id string) {
		must(t, b.db.QueryRow(`select kc_id from realm_group where site_id = $1 and leaf = $2`, site, leaf).Scan(&id))
		return id
	}
	theirs := b.shut.Memory.Elsewhere()
	person := func(name string, known bool) (account, sub string) {
		sub, err := theirs.CreatePerson(ctx, provisioning.NewPerson{Account: "x" + name, UserName: name, GivenName: name, Email: name + "@example.test"})
		must(t, err)
		if known {
			account, err = b.Registry.SignedIn(ctx, registry.SignedIn{Issuer: "http://localhost/realms/test", Sub: sub, UserName: name, GivenName: name, Email: name + "@example.test"})
			must(t, err)
		}
		return account, sub
	}
	ana, anas := person("ana", true)
	_, evas := person("eva", false)
	_, udos := person("udo", false)
	kim, kims := person("kim", true)
	lea, _ := person("lea", true)
	max, _ := person("max", true)
	b.keepers(kim, lea, max)
	must(t, b.Registry.SetRealmMode(ctx, registry.CommandLine(), registry.ModeAdopt))
	for sub, leaves := range map[string][]string{anas: {"practitioner"}, evas: {"lpn", "viewer"}, udos: {"viewer"}, kims: {"lpn"}} {
		for _, leaf := range leaves {
			must(t, theirs.Join(ctx, sub, group(leaf)))
		}
	}
	must(t, theirs.Join(ctx, anas, group("administrator")))
	look := func() {
		t.Helper()
		b.compares()
		b.all()
		b.follows()
	}
	b.follows()
	if p := b.plan(lea); p.Digest != "" || p.Looked {
		t.Fatalf("there is a plan before all was looked at: %+v", p)
	}
	look()
	p := b.plan(lea)
	if p.Total != 4 || p.Stay != 2 || !p.May.OK { // ana, eva's two, kim; udo's and who decides about others stay
		t.Fatalf("plan %+v", p)
	}
	last := time.Now().UTC().AddDate(0, 0, 30).Format("2006-01-02")
	adopt := func(who, digest, last string) error {
		_, err := b.Registry.Adopt(ctx, b.by(who), digest, last)
		return err
	}
	if err := adopt(kim, p.Digest, last); !registry.IsKind(err, registry.Forbidden) {
		t.Errorf("kim proposes their own: %v", err)
	}
	must(t, theirs.Leave(ctx, kims, group("lpn")))
	if err := adopt(lea, p.Digest, last); err != nil { // nobody has looked yet
		t.Fatal(err)
	}
	proposed := b.plan(max)
	b.follows()
	b.all()
	b.follows()
	if err := adopt(max, proposed.Digest, ""); !registry.IsKind(err, registry.Conflict) {
		t.Fatalf("another plan was approved: %v", err)
	}
	p = b.plan(lea)
	if p.Total != 3 || p.First != "" {
		t.Fatalf("plan %+v", p)
	}
	for _, wrong := range []string{"", "2020-01-01", time.Now().AddDate(0, 0, 92).Format("2006-01-02")} {
		if err := adopt(lea, p.Digest, wrong); !registry.IsKind(err, registry.Invalid) {
			t.Errorf("until %q: %v", wrong, err)
		}
	}
	must(t, adopt(lea, p.Digest, last))
	p = b.plan(lea)
	if err := adopt(lea, p.Digest, ""); !registry.IsKind(err, registry.Forbidden) {
		t.Errorf("one person twice: %v", err)
	}
	if err := adopt(ana, p.Digest, ""); !registry.IsKind(err, registry.NotFound) {
		t.Errorf("nobody's business: %v", err)
	}
	must(t, adopt(max, p.Digest, ""))
	look()
	if p := b.plan(lea); p.Digest != "" || p.Stay != 2 || len(p.Done) != 1 || p.Done[0].Live != 2 {
		t.Errorf("afterwards: %+v", p)
	}
	for leaf, want := range map[string]int{"practitioner": 1, "lpn": 1, "viewer": 3, "administrator": 1} {
		if n := b.in(group(leaf)); n != want {
			t.Errorf("%d in %s, want %d", n, leaf, want)
		}
	}
	evaSigns := func() string {
		id, err := b.Registry.SignedIn(ctx, registry.SignedIn{Issuer: "http://localhost/realms/test", Sub: evas, UserName: "eva", GivenName: "Eva", Email: "eva@example.test"})
		must(t, err)
		return id
	}
	eva := evaSigns()
	held, waiting, err := b.Registry.MyAccess(ctx, eva)
	must(t, err)
	if len(held) != 1 || held[0].Role != "lpn" || held[0].Until == nil || held[0].Adopted == "" || !held[0].Asks || len(waiting) != 0 {
		t.Fatalf("eva holds %+v, waits for %+v", held, waiting)
	}
	asks, err := b.Registry.Draft(ctx, eva, held[0].Adopted)
	must(t, err)
	if asks.State != policies.ReturnedR {
		t.Errorf("the request is %s", asks.State)
	}
	must(t, b.Registry.SaveDraft(ctx, b.by(eva), asks.ID, asks.Version, registry.Answers{"body": {"bccnm"}, "number": {"123"}, "expires": {"2030-01-01"}}))
	must(t, b.Registry.Submit(ctx, b.by(eva), asks.ID, asks.Version+1))
	if held, _, err = b.Registry.MyAccess(ctx, eva); err != nil || len(held) != 1 || held[0].Asks || held[0].Until == nil {
		t.Errorf("eva, who has sent it, holds %+v %v", held, err)
	}
	var state string
	must(t, b.db.QueryRow(`select state from request where id = $1`, asks.ID).Scan(&state))
	if state != policies.Submitted { // nobody has approved it: it is not granted
		t.Errorf("the request is %s", state)
	}
	var mails int
	must(t, b.db.QueryRow(`select count(*) from mail where kind = 'access-adopted'`).Scan(&mails))
	if mails != 2 {
		t.Errorf("%d mails, want 2", mails)
	}
	b.sound(kim, lea, max) // whom the bench made keepers

	must(t, b.Registry.SetRealmMode(ctx, registry.CommandLine(), registry.ModeEnforce))
	b.sql(`update clock set shift = interval '32 days'`)
	for _, id := range []string{ana, eva} {
		must(t, b.Registry.Settle(ctx, id))
	}
	b.all()
	for leaf, want := range map[string]int{"practitioner": 0, "lpn": 0} {
		if n := b.in(group(leaf)); n != want {
			t.Errorf("after the end: %d in %s, want %d", n, leaf, want)
		}
	}
	var receipts int
	must(t, b.db.QueryRow(`select count(*) from receipt where account_id in ($1, $2)`, ana, eva).Scan(&receipts))
	if receipts != 2 {
		t.Errorf("%d receipts, want 2", receipts)
	}
	b.sound(kim, lea, max)
}
