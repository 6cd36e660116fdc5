package registry

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"countersign/policies"
)

// opened is an open CareConnect site.
func (r *testRegistry) opened() string {
	r.t.Helper()
	id := NewID()
	r.sql(`insert into site (id, program, code, name, tz, opened_at, changed_at) values ($1, 'careconnect', $2, 'One', 'UTC', instant(), instant())`, id, code(6))
	return id
}

// holds makes somebody hold a role at a site, as if all its needs had been met.
func (r *testRegistry) holds(account, site, role string) (join string) {
	r.t.Helper()
	join = NewID()
	r.sql(`insert into fact_join (id, account_id, site_id, role, from_at, recorded_at, act_id) values ($1, $2, $3, $4, instant(), instant(), $1)`, join, account, site, role)
	r.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, changed_at) values ($1, $2, $3, $4, $4, array[$5::uuid], instant(), instant())`,
		NewID(), account, site, role, join)
	return join
}

// day is a date some days from now.
func (r *testRegistry) day(days int) string {
	r.t.Helper()
	now, err := r.Now(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return now.UTC().AddDate(0, 0, days).Format(time.DateOnly)
}

// Who is to go on a day an administrator set cannot put it off by leaving later,
// neither before that day nor after; their own plan they may change and call off.
func TestLeavingLaterLiftsNoPlan(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin, bob := r.opened(), r.someone("admin"), r.someone("bob")
	r.holds(admin, site, "administrator")
	join := r.holds(bob, site, "lpn")
	live := func(kind string, want int) {
		t.Helper()
		if n := r.count(`fact_restriction where account_id = $1 and kind = $2 and ended_at is null`, bob, kind); n != want {
			t.Errorf("%d live restrictions of kind %s, want %d", n, kind, want)
		}
	}
	if err := r.Deactivate(t.Context(), r.by(admin), join, r.day(2), []string{"left"}, ""); err != nil {
		t.Fatal(err)
	}
	for _, days := range []int{900, 800} {
		if err := r.Leave(t.Context(), r.by(bob), join, r.day(days)); err != nil {
			t.Fatal(err)
		}
		live("planned", 1)
		live("leaves", 1)
	}
	if err := r.CallOff(t.Context(), r.by(bob), join); err != nil {
		t.Fatal(err)
	}
	live("planned", 1)
	live("leaves", 0)
	says(t, r.CallOff(t.Context(), r.by(bob), join), Forbidden, "reason."+policies.OwnAccess)
	r.later(4 * 24 * time.Hour)
	if err := r.Leave(t.Context(), r.by(bob), join, r.day(900)); err != nil {
		t.Fatal(err)
	}
	live("planned", 1)
}

// An id that is none is an unknown one, not a fault of ours.
// proves: attack A65
func TestWhatIsNoID(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin := r.opened(), r.someone("admin")
	r.holds(admin, site, "administrator")
	for _, id := range []string{"nobody", NewID()} {
		says(t, r.Offer(t.Context(), r.by(admin), site, id), NotFound, "error.not-found")
		says(t, r.Offer(t.Context(), r.by(admin), id, admin), NotFound, "error.not-found")
		says(t, r.NameAdministrator(t.Context(), r.by(admin), site, id), NotFound, "error.not-found")
		says(t, r.Suspend(t.Context(), r.by(admin), "careconnect", id, []string{"misuse"}, ""), NotFound, "error.not-found")
	}
}

// Who ends a membership at once says why, and it is on record with that end, not
// with what else went.
// proves: X7
func TestDeactivatingIsOnRecordWithItsReason(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin, doc, moa := r.opened(), r.someone("admin"), r.someone("doc"), r.someone("moa")
	r.holds(admin, site, "administrator")
	r.holds(doc, site, "practitioner")
	join := r.holds(moa, site, "on-behalf-of")
	if err := r.Offer(t.Context(), r.by(doc), site, moa); err != nil {
		t.Fatal(err)
	}
	says(t, r.Deactivate(t.Context(), r.by(admin), join, "", nil, ""), Invalid, "error.check-fields")
	if err := r.Deactivate(t.Context(), r.by(admin), join, "", []string{"misuse"}, "seen twice"); err != nil {
		t.Fatal(err)
	}
	if n := r.count(`event e join event_private p on p.seq = e.seq where e.entity = 'join' and e.entity_id = $1 and e.kind = 'join.ended'
		and convert_from(e.body, 'UTF8')::jsonb -> 'data' -> 'reasons' = '["misuse"]'`, join); n != 1 {
		t.Error("the reason is not on record, or the words are not beside it")
	}
	if n := r.count(`fact_mandate where on_behalf = $1 and ended_at is null`, moa); n != 0 {
		t.Error("the mandate goes on")
	}
}

// Who acts on behalf has an authorizer, whatever the role gives: also one with a
// gift of its own can be offered a mandate, which goes with the role.
// proves: C17 C23
func TestAuthorizedWithAGiftOfItsOwn(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	other, err := policies.FromSource(bytes.Replace(built["careconnect"].Source, []byte("gives: as-authorizer"), []byte("gives: [viewer]"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.LoadProgram(t.Context(), CommandLine(), other); err != nil {
		t.Fatal(err)
	}
	site, admin, doc, moa := r.opened(), r.someone("admin"), r.someone("doc"), r.someone("moa")
	r.holds(admin, site, "administrator")
	r.holds(doc, site, "practitioner")
	join := r.holds(moa, site, "on-behalf-of")
	if at, err := r.Authorizing(t.Context(), doc); err != nil || len(at) != 1 || len(at[0].Could) != 1 || at[0].Could[0].ID != moa {
		t.Errorf("could authorize at %+v, %v", at, err)
	}
	if err := r.OfferByMail(t.Context(), r.by(doc), site, "on-behalf-of", "ann@example.org"); err != nil {
		t.Error(err)
	}
	if err := r.Offer(t.Context(), r.by(doc), site, moa); err != nil {
		t.Error(err)
	}
	if err := r.Deactivate(t.Context(), r.by(admin), join, "", []string{"left"}, ""); err != nil {
		t.Fatal(err)
	}
	if n := r.count(`fact_mandate where on_behalf = $1 and ended_at is null`, moa); n != 0 {
		t.Error("the mandate goes on")
	}
}

// Where a site's program is not in force nobody has anything to manage.
func TestSiteOfNoProgram(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, bob := NewID(), r.someone("bob")
	r.sql(`insert into site (id, program, code, name, tz, opened_at, changed_at) values ($1, 'gone', 'gone', 'Gone', 'UTC', instant(), instant())`, site)
	join := r.holds(bob, site, "lpn")
	says(t, r.Leave(t.Context(), r.by(bob), join, ""), NotFound, "error.not-found")
	says(t, r.Offer(t.Context(), r.by(bob), site, bob), NotFound, "error.not-found")
	says(t, r.NameAdministrator(t.Context(), r.by(bob), site, bob), NotFound, "error.not-found")
}

// Who lost their authorizer is told so, and not as if there had never been one.
// proves: C23
func TestWithoutAuthorizerAnyMore(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, doc, moa := r.opened(), r.someone("doc"), r.someone("moa")
	r.holds(doc, site, "practitioner")
	r.holds(moa, site, "on-behalf-of")
	missing := func(want string) {
		t.Helper()
		now, err := r.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f, err := factsOf(t.Context(), r.db, []string{moa}, now)
		if err != nil {
			t.Fatal(err)
		}
		ps, err := r.Programs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := policies.Decide(ps, f, moa, now).Withheld
		if len(w) != 1 || !slices.ContainsFunc(w[0].Reasons, func(x policies.Reason) bool { return x.Code == want && x.Need == byAuthorizer }) {
			t.Errorf("withheld %v, want %s", w, want)
		}
	}
	missing(policies.NeedOutstanding)
	if err := r.Offer(t.Context(), r.by(doc), site, moa); err != nil {
		t.Fatal(err)
	}
	if err := r.EndMandates(t.Context(), r.by(doc), site); err != nil {
		t.Fatal(err)
	}
	missing(policies.NoLiveAuthorizer)
}
