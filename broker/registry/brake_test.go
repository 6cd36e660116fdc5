package registry

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/policies"
	"countersign/provisioning"
)

// keepers are two who may release a brake, and one operator who may not.
func (r *testRegistry) keepers() (rosa, sam, aida string) {
	r.t.Helper()
	var site, care string
	for code, id := range map[string]*string{"operator": &site, "careconnect": &care} {
		if err := r.db.GetContext(r.t.Context(), id, `select id from site where program = 'operator' and code = $1`, code); err != nil {
			r.t.Fatal(err)
		}
	}
	rosa, sam, aida = r.someone("rosa"), r.someone("sam"), r.someone("aida")
	r.holds(rosa, site, "registrar")
	r.holds(sam, site, "security")
	r.holds(aida, care, "registrar")
	return rosa, sam, aida
}

// surplus are memberships of strangers to the record, from the nth to the mth.
func surplus(from, to int) (out []provisioning.Effect) {
	for i := from; i <= to; i++ {
		out = append(out, provisioning.Effect{Do: provisioning.DoLeave, Sub: fmt.Sprintf("sub-%02d", i), Group: "g", Path: "/access/careconnect/one/viewer"})
	}
	return out
}

// passes asks the brake and demands how many may go.
func (r *testRegistry) passes(asked []provisioning.Effect, whole bool, want int) {
	r.t.Helper()
	got, err := r.PassBrake(r.t.Context(), asked, whole)
	if err != nil || len(got) != want {
		r.t.Fatalf("%d of %d pass, %v; want %d", len(got), len(asked), err, want)
	}
}

// theBrake is the one that is held.
func (r *testRegistry) theBrake() Brake {
	r.t.Helper()
	all, err := r.Brakes(r.t.Context())
	if err != nil || len(all) != 1 {
		r.t.Fatalf("held: %v, %v", all, err)
	}
	return all[0]
}

func (r *testRegistry) violations() {
	r.t.Helper()
	found, err := r.checkVersions(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, v := range found {
		if strings.HasPrefix(v.What, "brake ") || strings.HasPrefix(v.What, "program ") { // of the rest the tests wrote rows themselves
			r.t.Errorf("%s: %s", v.Invariant, v.What)
		}
	}
}

// Removals that nothing explains pass one by one up to the limit within an hour and no
// further; a removal that is tried again is the same one.
// proves: F10 F18
func TestBrakeWindow(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	for i := 1; i <= 5; i++ {
		r.passes(surplus(i, i), false, 1)
		r.passes(surplus(i, i), false, 1) // the call was lost
	}
	r.later(59 * time.Minute)
	r.passes(surplus(6, 6), false, 0)
	r.passes(surplus(1, 5), false, 5) // those may go on
	if b := r.theBrake(); b.Kind != BrakeDrift || len(b.Effects) != 1 {
		t.Errorf("held: %+v", b)
	}
	// Once held, nothing passes because time went: people look first.
	r.later(2 * time.Hour)
	r.passes(surplus(7, 7), false, 0)
	if b := r.theBrake(); len(b.Effects) != 2 {
		t.Errorf("held: %+v", b)
	}
	// What was carried out and came back is another removal.
	if err := r.Removed(t.Context(), "sub-01", "g"); err != nil {
		t.Fatal(err)
	}
	r.passes(surplus(1, 1), false, 0)
	r.violations()
}

// A whole look is held as a whole: not even the first five go. Two people release
// exactly the plan that they were shown, and nothing that comes later.
// proves: F10 F24 A07 A71
func TestBrakeReleased(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	rosa, sam, aida := r.keepers()
	r.passes(surplus(1, 8), true, 0)
	b := r.theBrake()
	if len(b.Effects) != 8 || r.count(`mail where kind = 'brake-held' and about_id = $1`, b.ID) != 2 {
		t.Fatalf("%d effects, %d mails", len(b.Effects), r.count(`mail where kind = 'brake-held'`))
	}
	release := func(who, digest, want string, kind Kind) {
		t.Helper()
		state, err := r.ReleaseBrake(t.Context(), r.by(who), b.ID, digest)
		if kind == 0 && (err != nil || state != want) || kind != 0 && !IsKind(err, kind) {
			t.Fatalf("%q, %v", state, err)
		}
	}
	release(r.someone("eve"), b.Digest, "", NotFound)
	release(aida, b.Digest, "", Forbidden)
	old := r.by(rosa)
	old.AuthTime = old.AuthTime.Add(-time.Hour)
	if _, err := r.ReleaseBrake(t.Context(), old, b.ID, b.Digest); !IsKind(err, Forbidden) {
		t.Errorf("with an old sign-in: %v", err)
	}
	release(rosa, b.Digest, BrakeHeld, 0)
	release(rosa, b.Digest, "", Forbidden) // twice is not two people
	r.passes(surplus(1, 8), true, 0)       // and one is not enough

	// Meanwhile there is more: what the first one released is void, and the second, who
	// was shown the former plan, is told.
	r.passes(surplus(1, 9), true, 0)
	release(sam, b.Digest, "", Conflict)
	b = r.theBrake()
	if b.FirstBy != "" || len(b.Effects) != 9 || r.count(`mail where kind = 'brake-held'`) != 2 {
		t.Fatalf("%+v", b)
	}
	release(sam, b.Digest, BrakeHeld, 0)
	release(rosa, b.Digest, BrakeReleased, 0)
	release(rosa, b.Digest, "", Conflict)
	r.passes(surplus(1, 9), false, 9)
	r.passes(surplus(10, 15), false, 0) // not what comes later
	if n := r.count(`event where entity = 'brake' and entity_id = $1 and convert_from(body, 'UTF8')::jsonb #>> '{data,digest}' = $2 and kind in ('brake.release', 'brake.released')`, b.ID, b.Digest); n != 2 {
		t.Errorf("%d releases of that digest on record", n)
	}
	r.violations()
}

// What is only rehearsed is stopped as it would be: each asks for itself, and together
// they are too many. Nothing of it is noted.
func TestBrakeRehearsed(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	for i := 1; i <= 7; i++ {
		want := 1
		if i > 5 {
			want = 0
		}
		got, err := r.Rehearsal().PassBrake(t.Context(), surplus(i, i), false)
		if err != nil || len(got) != want {
			t.Fatalf("the %dth: %v, %v", i, got, err)
		}
	}
	if n := r.count(`removal`) + r.count(`brake`); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// A brake whose cause is gone settles itself.
func TestBrakeSettles(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	r.passes(surplus(1, 8), true, 0)
	r.passes(surplus(1, 6), true, 0)
	if b := r.theBrake(); len(b.Effects) != 6 {
		t.Errorf("held: %+v", b)
	}
	r.passes(nil, true, 0)
	implausible := ImplausibleCount{provisioning.Counts{People: 300, Memberships: 600}, provisioning.Counts{}}
	believed := func(reason string, count ImplausibleCount, want bool) {
		t.Helper()
		if got, err := r.Believe(t.Context(), reason, count); err != nil || got != want {
			t.Fatalf("%q: %v, %v", reason, got, err)
		}
	}
	believed("", implausible, true)
	believed("empty", implausible, false)
	believed("empty", implausible, false)
	r.passes(surplus(1, 1), false, 0) // while the realm is not believed nothing goes
	if b := r.theBrake(); b.Kind != BrakeImplausible || b.Counts != implausible {
		t.Errorf("held: %+v", b)
	}
	believed("", implausible, true)
	r.passes(surplus(1, 1), false, 1)
	if held, err := r.BrakesHeld(t.Context()); err != nil || held[BrakeDrift]+held[BrakeImplausible] != 0 || len(held) != 4 {
		t.Errorf("held: %v, %v", held, err)
	}

	// Two people may find it right after all: then that much is believed, and less is not.
	rosa, sam, _ := r.keepers()
	implausible.Listed = provisioning.Counts{People: 100, Memberships: 200}
	believed("people-missing", implausible, false)
	for _, who := range []string{rosa, sam} {
		if _, err := r.ReleaseBrake(t.Context(), r.by(who), r.theBrake().ID, r.theBrake().Digest); err != nil {
			t.Fatal(err)
		}
	}
	believed("people-missing", implausible, true)
	implausible.Listed.People = 99
	believed("people-missing", implausible, false)
	r.violations()
}

// shop is a program of one's own whose roles need nothing but an invitation; cut takes
// away what matches it of its source.
func shop(t *testing.T, cut string) *policies.Program {
	t.Helper()
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	source := bytes.ReplaceAll(built[policies.OperatorProgram].Source, []byte("program: operator"), []byte("program: shop"))
	if cut != "" {
		source = regexp.MustCompile(cut).ReplaceAll(source, nil)
	}
	p, err := policies.FromSource(source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// smaller is the shop's next version: without auditors.
func smaller(t *testing.T) *policies.Program {
	return shop(t, `  auditor: {[^\\}]*}\\n|role\.auditor\.[a-z]+: [^\\]*\\n`)
}

// audits makes somebody an auditor of the shop's site.
func (r *testRegistry) audits(name, site string) string {
	r.t.Helper()
	id := r.someone(name)
	r.sql(`insert into fact_join (id, request_id, account_id, site_id, role, from_at, recorded_at, act_id)
		select $1, $1, $2, $3, 'auditor', instant(), instant(), id from act limit 1`, NewID(), id, site)
	r.sql(`insert into fact_review (id, request_id, by_account, need, capacity, verdict, from_at, recorded_at, act_id)
		select gen_random_uuid(), request_id, $2, 'invited', 'registrar', 'approve', from_at, recorded_at, act_id from fact_join where account_id = $1`, id, NewID())
	if err := r.Settle(r.t.Context(), id); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// corner is a site of the shop.
func (r *testRegistry) corner() string {
	site := NewID()
	r.sql(`insert into site (id, program, code, name, tz, opened_at, changed_at) values ($1, 'shop', 'corner', 'Corner', 'UTC', instant(), instant())`, site)
	return site
}

// A version of a program that would end what many hold is held with the list of who
// loses what, and comes into force when two people have released that list; one that
// ends what a few hold comes into force at once.
// proves: A07 A71
func TestBrakeOfAVersion(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	rosa, sam, _ := r.keepers()
	if loaded, err := r.LoadProgram(t.Context(), CommandLine(), shop(t, "")); err != nil || !loaded {
		t.Fatal(loaded, err)
	}
	site := r.corner()
	var who []string
	for i := range 6 {
		who = append(who, r.audits(fmt.Sprintf("ann%d", i), site))
	}
	next := smaller(t)
	load := func(want bool, kind Kind) {
		t.Helper()
		loaded, err := r.LoadProgram(t.Context(), CommandLine(), next)
		if loaded != want || kind == 0 && err != nil || kind != 0 && !IsKind(err, kind) {
			t.Fatal(loaded, err)
		}
	}
	load(false, Conflict)
	load(false, Conflict)
	b := r.theBrake()
	if b.Kind != BrakeLapse || b.About != "shop" || len(b.Effects) != 6 || b.Effects[0].Role != "auditor" || b.Effects[0].Site != site {
		t.Fatalf("held: %+v", b)
	}
	// Somebody more by now: those who release are shown that.
	who = append(who, r.audits("zoe", site))
	if _, err := r.ReleaseBrake(t.Context(), r.by(rosa), b.ID, b.Digest); !IsKind(err, Conflict) {
		t.Fatal(err)
	}
	b = r.theBrake()
	if len(b.Effects) != 7 {
		t.Fatalf("held: %+v", b)
	}
	for i, by := range []string{rosa, sam} {
		state, err := r.ReleaseBrake(t.Context(), r.by(by), b.ID, b.Digest)
		if err != nil || state != []string{BrakeHeld, BrakeReleased}[i] {
			t.Fatal(state, err)
		}
	}
	load(false, 0) // it is in force
	for _, id := range who {
		if err := r.Settle(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count(`access_grant where site_id = $1 and ended_at is null`, site); n != 0 {
		t.Errorf("%d grants stand", n)
	}
	if n := r.count(`program_version where program = 'shop'`); n != 2 {
		t.Errorf("%d versions", n)
	}
	r.violations()
}

// A small loss passes, and one version after the other does not get past the limit.
func TestBrakeOfSmallVersions(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	if _, err := r.LoadProgram(t.Context(), CommandLine(), shop(t, "")); err != nil {
		t.Fatal(err)
	}
	site := r.corner()
	for i := range 3 {
		r.audits(fmt.Sprintf("ann%d", i), site)
	}
	var got []bool
	for _, p := range []*policies.Program{smaller(t), shop(t, ""), smaller(t)} {
		loaded, err := r.LoadProgram(t.Context(), CommandLine(), p)
		if err != nil && !IsKind(err, Conflict) {
			t.Fatal(err)
		}
		got = append(got, loaded)
	}
	if !slices.Equal(got, []bool{true, true, false}) {
		t.Errorf("loaded: %v", got)
	}
	if b := r.theBrake(); len(b.Effects) != 3 {
		t.Errorf("held: %+v", b)
	}
}
