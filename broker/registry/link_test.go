package registry

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"countersign/policies"
)

// invited is the secret of the first registrar's mailed link.
func (r *testRegistry) invited() string {
	r.t.Helper()
	if err := r.Bootstrap(r.t.Context(), CommandLine(), "rosa@example.org"); err != nil {
		r.t.Fatal(err)
	}
	m, _, ok, err := r.ClaimMail(r.t.Context())
	if err != nil || !ok {
		r.t.Fatal(ok, err)
	}
	return m.Data["secret"]
}

// says demands the kind and the key of an error.
func says(t *testing.T, err error, kind Kind, key string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || e.Key != key {
		t.Errorf("got %v, want %s", err, key)
	}
}

// A mailed link is good for fourteen days and for one use. A genuine one says
// what happened to it; every other is the same unknown one.
// proves: X6 X12 attack A30
func TestLinks(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	secret := r.invited()
	_, err := r.Invitation(t.Context(), secret+"x")
	says(t, err, NotFound, "error.link-unknown")
	_, err = r.Invitation(t.Context(), "")
	says(t, err, NotFound, "error.link-unknown")

	r.later(14*24*time.Hour - time.Minute)
	if _, err := r.Invitation(t.Context(), secret); err != nil {
		t.Errorf("a minute before its end: %v", err)
	}
	r.later(time.Minute)
	_, err = r.Invitation(t.Context(), secret)
	says(t, err, Gone, "error.link-expired")
	err = r.AcceptInvitation(t.Context(), r.by(r.someone("rosa")), secret)
	says(t, err, Gone, "error.link-expired")

	again := r.invited() // the first has lapsed, so the first registrar can be invited anew
	if err := r.AcceptInvitation(t.Context(), r.by(r.someone("ravi")), again); err != nil {
		t.Fatal(err)
	}
	_, err = r.Invitation(t.Context(), again)
	says(t, err, Gone, "error.link-used")
}

// Two people share a mailbox and have an account each.
// proves: X13 C14
func TestSharedMailbox(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	for _, name := range []string{"ann", "bob"} {
		if err := r.SignUp(t.Context(), SignUp{Op: NewID(), UserName: name, GivenName: name, Surname: "Home", Email: "home@example.org", Locale: "en"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count(`account where email = 'home@example.org' and state = 'asked'`); n != 2 {
		t.Errorf("%d accounts, want 2", n)
	}
}

// A suspension without a reason is refused; with one, the reason is on record.
// proves: X7
func TestEndsHaveReasons(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	rosa := r.someone("rosa")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), r.invited()); err != nil {
		t.Fatal(err)
	}
	dana := r.someone("dana")
	id, err := r.Begin(t.Context(), r.by(dana), NewDraft{Program: "careconnect", Kind: policies.SiteRequest})
	if err != nil {
		t.Fatal(err)
	}
	answers := Answers{"display-name": {"Elm Clinic"}, "city": {"Nelson"}, "signer": {"self"}}
	if err := r.SaveDraft(t.Context(), r.by(dana), id, 1, answers); err != nil {
		t.Fatal(err)
	}
	if err := r.Submit(t.Context(), r.by(dana), id, 2); err != nil {
		t.Fatal(err)
	}
	err = r.Suspend(t.Context(), r.by(rosa), "careconnect", dana, nil, "")
	says(t, err, Invalid, "error.check-fields")
	if err := r.Suspend(t.Context(), r.by(rosa), "careconnect", dana, []string{"misuse"}, "seen twice"); err != nil {
		t.Fatal(err)
	}
	if n := r.count(`fact_restriction where account_id = $1 and reasons = array['misuse'] and by_account = $2`, dana, rosa); n != 1 {
		t.Errorf("%d suspensions with their reason", n)
	}
	if n := r.count(`event e join event_private p on p.seq = e.seq where e.entity = 'restriction'`); n != 1 {
		t.Error("the words are not kept beside it")
	}
	r.sound()
}

// A program that is loaded after the first registrar came has none of its own:
// the operator program's find one.
func TestRegistrarOfALaterProgram(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	rosa, nora := r.someone("rosa"), r.someone("nora")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), r.invited()); err != nil {
		t.Fatal(err)
	}
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
	if err := r.InviteOperator(t.Context(), r.by(rosa), "twin", "registrar", "nora@example.org"); err != nil {
		t.Fatal(err)
	}
	m, _, ok, err := r.ClaimMail(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := r.AcceptInvitation(t.Context(), r.by(nora), m.Data["secret"]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Desk(t.Context(), nora, "twin"); err != nil {
		t.Error(err)
	}
	if _, err := r.Operators(t.Context(), rosa, "twin"); err != nil {
		t.Error(err)
	}
	for _, program := range []string{"careconnect", policies.OperatorProgram} { // hers alone is not every one
		says(t, r.InviteOperator(t.Context(), r.by(nora), program, "registrar", "eve@example.org"), Forbidden, "reason."+policies.NotRegistrar)
	}
}
