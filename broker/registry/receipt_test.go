package registry

import "testing"

// granted makes an open grant of a role's own leaf where there is none, whatever it
// rests on.
func (r *testRegistry) granted(account, site, role string) (id string) {
	r.t.Helper()
	id = NewID()
	r.sql(`insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, changed_at) values ($1, $2, $3, $4, $4, array[$1::uuid], instant(), instant()) on conflict do nothing`, id, account, site, role)
	return id
}

// Whoever's access rests on what ends gets a receipt of their own, by the same act; a
// form that is sent twice leads to the same one; who may not see it finds nothing. What
// stays elsewhere is told to the person, and to no administrator here.
// proves: C23 attack A06 A16 A65
func TestReceiptOfEach(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, other, admin, doc, moa, eve := r.opened(), r.opened(), r.someone("admin"), r.someone("doc"), r.someone("moa"), r.someone("eve")
	join := r.holds(doc, site, "practitioner")
	r.holds(moa, site, "on-behalf-of")
	if err := r.Offer(t.Context(), r.by(doc), site, moa); err != nil { // settles them: no fact held what they held
		t.Fatal(err)
	}
	r.holds(admin, site, "administrator")
	r.granted(doc, site, "practitioner")
	r.granted(moa, site, "on-behalf-of")
	before, by := r.count(`receipt`), r.by(doc)
	for range 2 {
		if err := r.Leave(t.Context(), by, join, ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count(`receipt`) - before; n != 2 {
		t.Errorf("%d receipts, want the physician's and the assistant's", n)
	}
	id, err := r.ReceiptOf(t.Context(), by)
	if err != nil || r.count(`receipt where id = $1 and account_id = $2`, id, doc) != 1 {
		t.Fatalf("the operation's receipt is %q, %v", id, err)
	}
	if foreign, err := r.ReceiptOf(t.Context(), By{Op: by.Op, Account: eve}); err != nil || foreign != "" {
		t.Errorf("another gets %q, %v", foreign, err)
	}
	r.sql(`insert into receipt_grant (receipt_id, grant_id, kept) values ($1, $2, true)`, id, r.granted(doc, other, "practitioner"))

	mine, err := r.Receipt(t.Context(), doc, id)
	if err != nil || !mine.Self || len(mine.Ended) != 1 || len(mine.Kept) != 1 || len(mine.Others) != 1 || mine.Others[0].Name == mine.Name || mine.Act != "member.leave" {
		t.Errorf("the person sees %+v, %v", mine, err)
	}
	theirs, err := r.Receipt(t.Context(), admin, id)
	if err != nil || theirs.Self || len(theirs.Ended) != 1 || len(theirs.Kept) != 0 || len(theirs.Others) != 1 {
		t.Errorf("the administrator sees %+v, %v", theirs, err)
	}
	if len(mine.Steps) < 6 || mine.ReadBack() || mine.Confirmed != nil {
		t.Errorf("steps %+v", mine.Steps)
	}
	if lines, err := r.EndsAt(t.Context(), admin, site); err != nil || len(lines) < 2 || lines[0].Done {
		t.Errorf("the site's list: %+v, %v", lines, err)
	}
	assistant := mine.Others[0].ID
	if x, err := r.Receipt(t.Context(), moa, assistant); err != nil || x.By != mine.Name || len(x.Others) != 0 {
		t.Errorf("the assistant sees %+v, %v", x, err)
	}
	for _, unknown := range []string{id, assistant, NewID(), "none"} {
		_, err := r.Receipt(t.Context(), eve, unknown)
		says(t, err, NotFound, "error.not-found")
	}
	_, err = r.Receipt(t.Context(), moa, id)
	says(t, err, NotFound, "error.not-found")
}

// A worker of before knows nothing of receipts and carries an end out all the same: one
// that does looks once more, and closes it.
// proves: F23
func TestAnEndThatAnOlderWorkerCarriedOut(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, ana := r.opened(), r.someone("ana")
	r.granted(ana, site, "lpn")
	if err := r.Settle(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	r.sql(`update account set applied_rev = wanted_rev where id = $1`, ana)
	behind := func(want int) {
		t.Helper()
		if _, err := r.Due(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := r.count(`account where id = $1 and wanted_rev > applied_rev`, ana); n != want {
			t.Errorf("behind: %d, want %d", n, want)
		}
	}
	look := func() {
		t.Helper()
		w, ok, err := r.ClaimAccount(t.Context(), true, "/access")
		if err != nil || !ok || w.Urgent {
			t.Fatal(ok, w.Urgent, err)
		}
		if err := r.FinishAccount(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	behind(1)
	look()
	behind(0) // until a check is due
	for _, s := range checksAfter {
		r.later(s)
		behind(1)
		look()
	}
	if n := r.count(`receipt where confirmed_at is not null`); n != 1 {
		t.Error("the receipt is open")
	}
	r.later(checksAfter[2])
	behind(0)
}
