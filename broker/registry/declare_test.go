package registry

import (
	"testing"

	"countersign/policies"
)

// Nobody declares for a draft or for what is no site: to whoever tries, neither is there.
// proves: attack A65
func TestNothingToDeclareFor(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, doc, moa := r.opened(), r.someone("doc"), r.someone("moa")
	r.holds(doc, site, "practitioner")
	join := r.asks(moa, site, Answers{"profession": {"office-manager"}, "authorizers": {doc}})
	draft, err := r.Begin(t.Context(), r.by(doc), NewDraft{Program: "careconnect", Kind: policies.SiteRequest})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{join, draft, NewID(), "nobody"} {
		says(t, r.SignDeclaration(t.Context(), r.by(moa), id, "", NewID()), NotFound, "error.not-found")
	}
}
