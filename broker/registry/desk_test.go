package registry

import (
	"testing"

	"countersign/policies"
)

// Whose turn it is decides what is listed, not what was sent first: behind many
// requests that wait for others, one that needs the registrar is there. And what
// a page has no room for is counted.
func TestDeskBehindManyOthers(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, doc, moa, rosa, wes := r.opened(), r.someone("doc"), r.someone("moa"), r.someone("rosa"), r.someone("wes")
	r.holds(doc, site, "practitioner")
	r.holds(moa, site, "on-behalf-of")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), r.invited()); err != nil {
		t.Fatal(err)
	}
	const others = 620
	r.sql(`insert into request (id, ref, program, program_n, digest, kind, account_id, by_account, site_id, role, authorizers, answers, state, created_at, submitted_at, changed_at)
		select gen_random_uuid(), 'R' || n, 'careconnect', 1, '', 'mandate', $1, $1, $2, 'on-behalf-of', array[$3::uuid], '', 'submitted', instant(), instant(), instant()
		from generate_series(1, $4::int) n`, moa, site, doc, others)
	elm, err := r.Begin(t.Context(), r.by(wes), NewDraft{Program: "careconnect", Kind: policies.SiteRequest})
	if err != nil {
		t.Fatal(err)
	}
	r.sends(wes, elm, Answers{"display-name": {"Elm Clinic"}, "city": {"Nelson"}, "signer": {"self"}})
	mine, waits, err := r.Desk(t.Context(), rosa, "careconnect")
	if err != nil || len(mine.List) != 1 || mine.List[0].Request.ID != elm || mine.List[0].Site.Name != "Elm Clinic" || mine.List[0].Subject.ID != wes {
		t.Errorf("needs the registrar: %+v, %v", mine, err)
	}
	if len(waits.List)+waits.More != others || waits.More == 0 || waits.List[0].Subject.ID != moa {
		t.Errorf("%d wait for others and %d more, want %d", len(waits.List), waits.More, others)
	}
	inbox, err := r.Inbox(t.Context(), rosa)
	if err != nil || len(inbox.List) != 1 || inbox.List[0].Request.ID != elm {
		t.Errorf("the registrar's inbox: %d, %v", len(inbox.List), err)
	}
	if inbox, err = r.Inbox(t.Context(), doc); err != nil || len(inbox.List)+inbox.More != others {
		t.Errorf("the authorizer's inbox: %d and %d more, %v", len(inbox.List), inbox.More, err)
	}
}
