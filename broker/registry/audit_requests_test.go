package registry

import (
	"slices"
	"strings"
	"testing"

	"countersign/policies"
)

// What was asked can be proven later: the answers of every submission, of one
// that is sent again and of a corrected signer are committed to.
// proves: attack A27
func TestAnswersAreCommittedTo(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin, doc, moa := r.opened(), r.someone("admin"), r.someone("doc"), r.someone("moa")
	r.holds(admin, site, "administrator")
	r.holds(doc, site, "practitioner")
	committed := func(request string, want int) {
		t.Helper()
		if n := r.count(`event e join event_private p on p.seq = e.seq where e.entity = 'request' and e.entity_id = $1 and e.commitment is not null`, request); n != want {
			t.Errorf("%d commitments, want %d", n, want)
		}
	}
	faults := func() (out []string) {
		t.Helper()
		found, err := r.checkRequests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range found {
			out = append(out, v.What)
		}
		return out
	}
	id := r.asks(moa, site, Answers{"profession": {"office-manager"}, "authorizers": {doc}})
	committed(id, 1)
	r.says(admin, id, byAdministrator, policies.Returned)
	r.sends(moa, id, Answers{"profession": {"medical-office-assistant"}, "authorizers": {doc}})
	committed(id, 2)

	elm, err := r.Begin(t.Context(), r.by(doc), NewDraft{Program: "careconnect", Kind: policies.SiteRequest})
	if err != nil {
		t.Fatal(err)
	}
	r.sends(doc, elm, Answers{"display-name": {"Elm Clinic"}, "city": {"Nelson"}, "signer": {"self"}})
	if err := r.CorrectSigner(t.Context(), r.by(doc), elm, "Sig Ner", "sig@example.org"); err != nil {
		t.Fatal(err)
	}
	committed(elm, 2)
	if found := faults(); len(found) > 0 {
		t.Errorf("of what is sound: %v", found)
	}

	other, err := r.sealAnswers(elm, Answers{"display-name": {"Oak Clinic"}})
	if err != nil {
		t.Fatal(err)
	}
	r.sql(`update request set answers = $2 where id = $1`, elm, other)
	r.sql(`update request set profession = 'office-manager' where id = $1`, id)
	for _, want := range []string{"request " + elm + " has answers that were not sent", "request " + id + " is not what was signed"} {
		if found := faults(); !slices.Contains(found, want) {
			t.Errorf("%v lacks %q", strings.Join(found, "; "), want)
		}
	}
}
