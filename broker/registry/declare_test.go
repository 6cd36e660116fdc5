package registry

import (
	"bytes"
	"testing"

	"countersign/policies"
)

// attests signs an agreement of a program for oneself, as it is shown.
func (r *testRegistry) attests(account, program, agreement string) {
	r.t.Helper()
	d, err := r.Displayed(r.t.Context(), account, program, agreement, "en")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.Attest(r.t.Context(), r.by(account), program, agreement, d.ID, ""); err != nil {
		r.t.Fatal(err)
	}
}

// Two programs may call an agreement alike: signing one program's ends, and
// stands for, no other's.
func TestAttestationsOfTwoPrograms(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	twin, err := policies.FromSource(bytes.Replace(built["careconnect"].Source, []byte("program: careconnect"), []byte("program: twin"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.LoadProgram(t.Context(), CommandLine(), twin); err != nil {
		t.Fatal(err)
	}
	bob := r.someone("bob")
	for _, program := range []string{"careconnect", "twin", "twin"} {
		r.attests(bob, program, "direct-care-only")
	}
	for program, all := range map[string]int{"careconnect": 1, "twin": 2} {
		if n := r.count(`fact_signature where account_id = $1 and program = $2`, bob, program); n != all {
			t.Errorf("%d signatures of %s, want %d", n, program, all)
		}
		if n := r.count(`fact_signature where account_id = $1 and program = $2 and ended_at is null`, bob, program); n != 1 {
			t.Errorf("%d live signatures of %s, want 1", n, program)
		}
	}
	r.sound()
}

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
