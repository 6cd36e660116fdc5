package registry

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/policies"
)

// importing is a record with a registrar, an open site, and a batch that may be decided.
type importing struct {
	*testRegistry
	rosa, site, code string
	batch            NewBatch
}

func newImporting(t *testing.T) importing {
	t.Helper()
	r := loaded(t)
	rosa := r.someone("rosa")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), r.invited()); err != nil {
		t.Fatal(err)
	}
	i := importing{testRegistry: r, rosa: rosa, site: r.opened(), batch: NewBatch{Program: "careconnect", Approver: "rosa", Reference: "minutes of 3 March", Licences: true, Digest: "d", Rows: 1}}
	if err := r.db.GetContext(t.Context(), &i.code, `select code from site where id = $1`, i.site); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Do(t.Context(), Act{By: CommandLine(), Kind: "test.site"}, Touch{}, func(tx *Tx) (string, error) {
		tx.event("site", i.site, 1, "site.requested", nil)
		return "", nil
	}); err != nil {
		t.Fatal(err)
	}
	r.sql(`update account set applied_rev = wanted_rev`)
	return i
}

func (i importing) pharmacist(name string) ImportRow {
	return ImportRow{Person: policies.Person{UserName: name, GivenName: "Pat", Surname: name, Email: name + "@import.example", Language: "es"}, Site: i.code, Role: "pharmacist",
		Answers: Answers{"body": {"cpbc"}, "number": {"RX-" + name}, "expires": {i.day(400)}}}
}

func (i importing) assistant(name string, authorizers ...string) ImportRow {
	row := i.pharmacist(name)
	row.Role, row.Answers = "on-behalf-of", Answers{"profession": {"office-manager"}, "authorizers": authorizers}
	return row
}

func (i importing) decided() Batch {
	i.t.Helper()
	b, err := i.DecideBatch(i.t.Context(), i.batch)
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}

func (i importing) does(b Batch, row ImportRow, outcome string, before bool) {
	i.t.Helper()
	got, err := i.Import(i.t.Context(), b, row)
	if err != nil || got.Outcome != outcome || got.Before != before {
		i.t.Errorf("%s: %+v, %v; want %s", row.Person.UserName, got, err, outcome)
	}
}

// A batch makes accounts and requests that are approved in advance, by the registrar
// whose decision it is; access begins with the person's own signatures and not before.
// Decided and run twice, it is there once; every registrar is told.
// proves: I2 I3 I7 attack A13
func TestImport(t *testing.T) {
	t.Parallel()
	i := newImporting(t)
	b := i.decided()
	if again := i.decided(); again.ID != b.ID || again.Ref != b.Ref || !again.Decided.Equal(b.Decided) {
		t.Errorf("the same decision is %+v and %+v", b, again)
	}
	if n := i.count(`mail where kind = 'batch-decided'`); n != 1 {
		t.Errorf("%d registrars were told, want the one there is", n)
	}
	row := i.pharmacist("pia")
	i.does(b, row, ImportMade, false)
	i.does(b, row, ImportMade, true)
	var who string
	if err := i.db.GetContext(t.Context(), &who, `select id from account where user_name = 'pia' and state = 'asked' and wanted_rev = 1`); err != nil {
		t.Fatal(err)
	}
	if n := i.count(`request q join import_batch b on b.id = q.batch_id where q.account_id = $1 and q.state = 'submitted' and b.approver = $2`, who, i.rosa); n != 1 {
		t.Errorf("%d requests refer to the batch, want 1", n)
	}
	if n := i.count(`access_grant where account_id = $1`, who); n != 0 {
		t.Error("access began before the person signed")
	}
	if err := i.AccountMade(t.Context(), who, "sub-pia"); err != nil {
		t.Fatal(err)
	}
	if _, err := i.SignedIn(t.Context(), SignedIn{Issuer: testIssuer, Sub: "sub-pia", UserName: "pia", GivenName: "Pat", Surname: "pia", Email: "pia@import.example", EmailVerified: true}); err != nil {
		t.Fatal(err)
	}
	i.attests(who, "careconnect", "direct-care-only")
	if n := i.count(`access_grant where account_id = $1`, who); n != 0 {
		t.Error("access began with one signature of two")
	}
	i.attests(who, "careconnect", "access-agreement")
	held, _, err := i.MyAccess(t.Context(), who)
	if err != nil || len(held) != 1 {
		t.Fatalf("%+v, %v", held, err)
	}
	var why []string
	for _, w := range held[0].Why {
		why = append(why, w.Kind+" "+w.Who+" "+w.Batch)
	}
	for _, want := range []string{"join  " + b.Ref, "review Rosa Test " + b.Ref, "standing Rosa Test " + b.Ref, "signature Pat pia "} {
		if !slices.Contains(why, want) {
			t.Errorf("why is %q, want %q", why, want)
		}
	}
	i.does(b, row, ImportMade, true)
	other := i.batch
	other.Reference = "minutes of 4 March"
	c, err := i.DecideBatch(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	i.does(c, row, ImportAlready, false)
	i.sound()
}

// Who has an account keeps it, and what they have signed already counts; a user name
// that is somebody else's is nobody's to take.
func TestImportOfKnownPeople(t *testing.T) {
	t.Parallel()
	i := newImporting(t)
	b := i.decided()
	kim := i.someone("kim")
	i.attests(kim, "careconnect", "direct-care-only")
	row := i.pharmacist("kim")
	if _, err := i.Import(t.Context(), b, row); !IsKind(err, Invalid) {
		t.Errorf("a name that is somebody else's: %v", err)
	}
	row.Person = policies.Person{UserName: "kim", GivenName: "KIM", Surname: "test", Email: "Kim@example.org", Language: "en"}
	i.does(b, row, ImportAsked, false)
	if n := i.count(`account where user_name = 'kim'`); n != 1 {
		t.Errorf("%d accounts of Kim", n)
	}
	i.attests(kim, "careconnect", "access-agreement")
	if n := i.count(`access_grant where account_id = $1 and role = 'pharmacist' and leaf = 'viewer' and ended_at is null`, kim); n != 1 {
		t.Errorf("%d grants, want 1", n)
	}
	twin := i.pharmacist("kim2")
	twin.Person.GivenName, twin.Person.Surname, twin.Person.Email = "Kim", "Test", "kim@example.org"
	twin.Answers["number"] = row.Answers["number"]
	found, err := i.LookAtRows(t.Context(), i.batch, []ImportRow{twin, row}, nil)
	if err != nil || len(found[0].Wrong) > 0 || !slices.Equal(found[0].Notes, []Note{{"import.alike", "kim"}, {"import.same-licence", "kim"}}) || !found[1].Already {
		t.Errorf("%+v, %v", found, err)
	}
	i.sound()
}

// What a batch cannot give: a role that is entered by invitation, something to the
// registrar whose decision it is, a closed or foreign site, authorizers who cannot; and
// nothing at all where the registrar is none, now or by the time that the row comes.
// proves: attack A01 A05 A08 A09
func TestImportIsNoWayAround(t *testing.T) {
	t.Parallel()
	i := newImporting(t)
	b := i.decided()
	doc := i.someone("doc")
	i.holds(doc, i.site, "practitioner")
	with := func(change func(*ImportRow)) ImportRow {
		row := i.pharmacist("pia")
		change(&row)
		return row
	}
	for _, c := range []struct {
		what   string
		row    ImportRow
		column string
		key    string
	}{
		{"an administrator", with(func(r *ImportRow) { r.Role, r.Answers = "administrator", nil }), "role", "reason." + policies.ByInvitation},
		{"unknown role", with(func(r *ImportRow) { r.Role = "emperor" }), "role", "reason." + policies.RoleUnknown},
		{"the registrar", with(func(r *ImportRow) {
			r.Person = policies.Person{UserName: "rosa", GivenName: "Rosa", Surname: "Test", Email: "rosa@example.org", Language: "en"}
		}), "user-name", "reason." + policies.OwnRequest},
		{"unknown site", with(func(r *ImportRow) { r.Site = "nowhere" }), "site", "import.site-unknown"},
		{"no authorizer", i.assistant("moa"), "authorizers", "reason." + policies.AuthorizersMissing},
		{"who cannot authorize", i.assistant("moa", "kim"), "authorizers", "reason." + policies.AuthorizerUnfit},
		{"oneself", i.assistant("moa", "moa"), "authorizers", "reason." + policies.AuthorizerUnfit},
		{"a body of another profession", with(func(r *ImportRow) { r.Answers["body"] = []string{"cpsbc"} }), "body", "field-error.choose"},
	} {
		_, err := i.Import(t.Context(), b, c.row)
		var e *Error
		if e, _ = err.(*Error); e == nil || e.Kind != Invalid || e.Fields[c.column] != c.key {
			t.Errorf("%s: %v %+v, want %s at %s", c.what, err, e, c.key, c.column)
		}
	}
	i.does(b, i.assistant("moa", "doc"), ImportMade, false)
	if n := i.count(`fact_mandate`); n != 0 {
		t.Error("a batch lets somebody act for an authorizer who did not say so")
	}
	if n := i.count(`fact_review where capacity = 'registrar' and need = 'approve:group-administrator' and by_account = $1`, i.rosa); n != 1 {
		t.Errorf("%d approvals, want 1", n)
	}
	if n := i.count(`mail where kind = 'to-authorize'`); n != 1 {
		t.Errorf("%d authorizers were asked, want 1", n)
	}
	for _, change := range []func(*NewBatch){func(n *NewBatch) { n.Approver = "doc" }, func(n *NewBatch) { n.Program = policies.OperatorProgram }, func(n *NewBatch) { n.Program = "none" }} {
		n := i.batch
		change(&n)
		if _, err := i.DecideBatch(t.Context(), n); !IsKind(err, Forbidden) {
			t.Errorf("%+v: %v", n, err)
		}
		if _, err := i.LookAtRows(t.Context(), n, []ImportRow{i.pharmacist("pia")}, nil); !IsKind(err, Forbidden) {
			t.Errorf("%+v: %v", n, err)
		}
	}
	i.sql(`update access_grant set ended_at = instant() where account_id = $1`, i.rosa)
	if _, err := i.Import(t.Context(), b, i.pharmacist("late")); !IsKind(err, Invalid) {
		t.Errorf("who is no registrar any more still imports: %v", err)
	}
	if n := i.count(`account where user_name = 'late'`); n != 0 {
		t.Error("what was refused left something")
	}
}

// Whoever signs up, and whoever loses access, goes before those of an import whose time
// has not come; these come one after the other.
func TestImportIsPaced(t *testing.T) {
	t.Parallel()
	i := newImporting(t)
	b := i.decided()
	for n := range 5 {
		i.does(b, i.pharmacist(fmt.Sprintf("pat%d", n)), ImportMade, false)
	}
	var gap float64
	if err := i.db.GetContext(t.Context(), &gap, `select min(gap) from (select extract(epoch from retry_at - lag(retry_at) over (order by retry_at))::float8 as gap
		from account where state = 'asked') g`); err != nil || gap < importPace.Seconds() {
		t.Errorf("two people come within %v seconds, want %v: %v", gap, importPace.Seconds(), err)
	}
	i.sql(`update account set retry_at = retry_at + interval '1 hour' where state = 'asked'`) // whoever is slow finds them waiting too
	if err := i.SignUp(t.Context(), SignUp{Op: NewID(), UserName: "single", GivenName: "Sin", Surname: "Gle", Email: "single@example.org", Locale: "en"}); err != nil {
		t.Fatal(err)
	}
	w, ok, err := i.ClaimAccount(t.Context(), false, "/access")
	if err != nil || !ok || w.Account.UserName != "single" {
		t.Errorf("%s goes first: %v", w.Account.UserName, err)
	}
	if w, ok, err := i.ClaimAccount(t.Context(), false, "/access"); err != nil || ok {
		t.Errorf("%+v is claimed before the time: %v", w, err)
	}
	i.later(time.Hour)
	if w, ok, err := i.ClaimAccount(t.Context(), false, "/access"); err != nil || !ok || w.Account.UserName != "pat0" || !w.Account.Imported || !w.Account.Setup {
		t.Errorf("%+v, %v", w, err)
	}
	i.sound()
}

// Whoever never comes is told after four weeks and gone after thirty days, with what was
// approved in advance; where Keycloak does not take somebody, the registrar is told.
func TestImportedWhoNeverCome(t *testing.T) {
	t.Parallel()
	i := newImporting(t)
	b := i.decided()
	i.does(b, i.pharmacist("away"), ImportMade, false)
	i.does(b, i.pharmacist("taken"), ImportMade, false)
	id := func(name string) (id string) {
		if err := i.db.GetContext(t.Context(), &id, `select id from account where user_name = $1`, name); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if err := i.NameTaken(t.Context(), id("taken")); err != nil {
		t.Fatal(err)
	}
	if n := i.count(`mail where kind = 'not-imported' and address = 'rosa@example.org'`); n != 1 {
		t.Errorf("the registrar was told %d times, want once", n)
	}
	over := func(name string) int {
		return i.count(`request q join fact_join j on j.request_id = q.id where q.account_id = $1 and q.state = 'withdrawn' and j.ended_at is not null`, id(name))
	}
	if over("taken") != 1 {
		t.Error("what was approved for who cannot come stands")
	}
	again := i.pharmacist("taken")
	again.Person.UserName = "other"
	i.does(b, again, ImportMade, false)
	unused := func() { must(t, i.StillUnverified(context.Background(), id("away"))) }
	i.later(8 * 24 * time.Hour)
	unused()
	if n := i.count(`mail where kind = 'account-closing'`); n != 0 {
		t.Error("told of the end after a week")
	}
	i.later(20*24*time.Hour + time.Minute)
	unused()
	if n := i.count(`mail where kind = 'account-closing'`); n != 1 || over("away") != 0 {
		t.Errorf("%d notices, want 1", n)
	}
	i.later(2 * 24 * time.Hour)
	unused()
	if n := i.count(`account where user_name = 'away' and state = 'closed'`); n != 1 || over("away") != 1 {
		t.Error("an account that nobody came to use goes on")
	}
	i.sound()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
