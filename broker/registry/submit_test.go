package registry

import (
	"context"
	"testing"
	"time"

	"countersign/policies"
)

// asks submits a request to act on somebody's behalf at a site.
func (r *testRegistry) asks(account, site string, answers Answers) (request string) {
	r.t.Helper()
	id, err := r.Begin(r.t.Context(), r.by(account), NewDraft{Program: "careconnect", Kind: policies.JoinRequest, Site: site, Role: "on-behalf-of"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.sends(account, id, answers)
	return id
}

// sends fills a form in and submits it.
func (r *testRegistry) sends(account, id string, answers Answers) {
	r.t.Helper()
	if err := r.SaveDraft(r.t.Context(), r.by(account), id, r.version(id), answers); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Submit(r.t.Context(), r.by(account), id, r.version(id)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *testRegistry) version(request string) int64 {
	r.t.Helper()
	req, err := r.readRequest(r.t.Context(), r.db, request, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return req.Version
}

func (r *testRegistry) says(account, request, need string, verdict policies.Verdict) {
	r.t.Helper()
	n := NewReview{Request: request, Version: r.version(request), Need: need, Verdict: verdict}
	if verdict != policies.Approved {
		n.Reasons = []string{"other"}
	}
	if err := r.Review(r.t.Context(), r.by(account), n); err != nil {
		r.t.Fatal(err)
	}
}

const (
	byAdministrator = "approve:group-administrator"
	byAuthorizer    = "approve:authorizer"
)

// A request that came back and was changed is judged by what it says now, and
// nobody's earlier yes counts for it.
// proves: attack A07
func TestSentAgainIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin, doc, eve, moa := r.opened(), r.someone("admin"), r.someone("doc"), r.someone("eve"), r.someone("moa")
	r.holds(admin, site, "administrator")
	r.holds(doc, site, "practitioner")
	id := r.asks(moa, site, Answers{"profession": {"medical-office-assistant"}, "authorizers": {doc}})
	back := NewReview{Request: id, Version: r.version(id), Need: byAuthorizer, Verdict: policies.Returned, Reasons: []string{"other"}}
	if err := r.Review(t.Context(), r.by(doc), back); !IsKind(err, Invalid) {
		t.Errorf("an authorizer sends a request back: %v", err)
	}
	r.says(doc, id, byAuthorizer, policies.Approved)
	r.says(admin, id, byAdministrator, policies.Returned)

	if err := r.SaveDraft(t.Context(), r.by(moa), id, r.version(id), Answers{"authorizers": {eve}}); err != nil {
		t.Fatal(err)
	}
	says(t, r.Submit(t.Context(), r.by(moa), id, r.version(id)), Forbidden, "reason."+policies.AuthorizerUnfit)

	r.sends(moa, id, Answers{"profession": {"office-manager"}, "authorizers": {doc}})
	if n := r.count(`fact_review where request_id = $1 and ended_at is null`, id); n != 0 {
		t.Errorf("%d verdicts on what was sent before still count", n)
	}
	if n := r.count(`fact_join where request_id = $1 and ended_at is null and profession = 'office-manager'`, id); n != 1 {
		t.Errorf("%d wishes with the profession as it is now, want 1", n)
	}
	r.says(admin, id, byAdministrator, policies.Approved)
	r.says(doc, id, byAuthorizer, policies.Approved)
}

// Whoever is named as signer in a request that is sent again is mailed, and the
// link of the one before is worth nothing; the same signer is not mailed twice.
// proves: C9 C10
func TestOtherSignerIsMailed(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	dana, rosa := r.someone("dana"), r.someone("rosa")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), r.invited()); err != nil {
		t.Fatal(err)
	}
	id, err := r.Begin(t.Context(), r.by(dana), NewDraft{Program: "careconnect", Kind: policies.SiteRequest})
	if err != nil {
		t.Fatal(err)
	}
	signedBy := func(email string) Answers {
		return Answers{"display-name": {"Elm Clinic"}, "city": {"Nelson"}, "signer": {"other"}, "signer-name": {"Sig Ner"}, "signer-email": {email}, "signer-email-again": {email}}
	}
	r.sends(dana, id, signedBy("one@elm.example"))
	for n, email := range []string{"one@elm.example", "two@elm.example", "TWO@elm.example"} {
		r.says(rosa, id, "approve:registrar", policies.Returned)
		r.sends(dana, id, signedBy(email))
		want := []int{1, 2, 2}[n]
		if got := r.count(`mail where kind = 'declaration-asked' and about_id = $1`, id); got != want {
			t.Errorf("%s: %d mails to signers, want %d", email, got, want)
		}
		if live := r.count(`invitation where about_id = $1 and replaced_at is null and lower(email) = lower($2)`, id, email); live != 1 {
			t.Errorf("%s has %d links that work, want 1", email, live)
		}
	}
	r.sound()
}

// A transaction needs no second connection: with many at once each would wait for
// another's for ever.
func TestSubmitOnOneConnection(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	dana := r.someone("dana")
	id, err := r.Begin(t.Context(), r.by(dana), NewDraft{Program: "careconnect", Kind: policies.SiteRequest})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SaveDraft(t.Context(), r.by(dana), id, 1, Answers{"display-name": {"Elm Clinic"}, "city": {"Nelson"}, "signer": {"self"}}); err != nil {
		t.Fatal(err)
	}
	r.db.SetMaxOpenConns(1)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := r.Submit(ctx, r.by(dana), id, 2); err != nil {
		t.Error(err)
	}
	if err := r.ResendSigner(ctx, r.by(dana), id); err != nil {
		t.Error(err)
	}
}

// An authorizer's yes goes with the request for which it was given: who was
// refused, or withdrew, and asks again needs it again.
func TestMandateGoesWithItsRequest(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin, doc, moa := r.opened(), r.someone("admin"), r.someone("doc"), r.someone("moa")
	r.holds(admin, site, "administrator")
	r.holds(doc, site, "practitioner")
	for what, end := range map[string]func(id string){
		"refused": func(id string) { r.says(admin, id, byAdministrator, policies.Refused) },
		"withdrawn": func(id string) {
			if err := r.Withdraw(t.Context(), r.by(moa), id); err != nil {
				t.Error(err)
			}
		},
	} {
		id := r.asks(moa, site, Answers{"profession": {"office-manager"}, "authorizers": {doc}})
		r.says(doc, id, byAuthorizer, policies.Approved)
		if n := r.count(`fact_mandate where on_behalf = $1 and ended_at is null`, moa); n != 1 {
			t.Errorf("%d mandates, want 1", n)
		}
		end(id)
		if n := r.count(`fact_mandate where on_behalf = $1 and ended_at is null`, moa); n != 0 {
			t.Errorf("%s: the mandate goes on", what)
		}
	}
}

// An authorizer's mailed offer counts also for who had begun to ask before it came.
// proves: C17
func TestOfferMeetsADraft(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, doc, moa := r.opened(), r.someone("doc"), r.someone("moa")
	r.holds(doc, site, "practitioner")
	begun, err := r.Begin(t.Context(), r.by(moa), NewDraft{Program: "careconnect", Kind: policies.JoinRequest, Site: site, Role: "on-behalf-of"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.OfferByMail(t.Context(), r.by(doc), site, "on-behalf-of", "moa@example.org"); err != nil {
		t.Fatal(err)
	}
	m, _, ok, err := r.ClaimMail(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	id, err := r.FollowOffer(t.Context(), r.by(moa), m.Data["secret"])
	if err != nil || id != begun {
		t.Fatalf("draft %s, %v; want %s", id, err, begun)
	}
	r.sends(moa, id, Answers{"profession": {"office-manager"}})
	if n := r.count(`fact_mandate where account_id = $1 and on_behalf = $2 and ended_at is null`, doc, moa); n != 1 {
		t.Error("the offer was lost")
	}
}

// What came back is sent again only where it could still be asked for, and taken
// back only while it is undecided; nobody else's request is there.
// proves: attack A02 attack A13
func TestSentAgainUnderTheRules(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	site, admin, doc, rosa := r.opened(), r.someone("admin"), r.someone("doc"), r.someone("rosa")
	r.holds(admin, site, "administrator")
	r.holds(doc, site, "practitioner")
	if err := r.AcceptInvitation(t.Context(), r.by(rosa), r.invited()); err != nil {
		t.Fatal(err)
	}
	if err := r.NameAdministrator(t.Context(), r.by(admin), site, doc); err != nil {
		t.Fatal(err)
	}
	var id string
	if err := r.db.Get(&id, `select id from request where by_account = $1`, admin); err != nil {
		t.Fatal(err)
	}
	r.says(rosa, id, "approve:registrar", policies.Returned)
	r.sql(`update site set closed_at = instant() where id = $1`, site)
	says(t, r.Submit(t.Context(), r.by(admin), id, r.version(id)), Forbidden, "reason."+policies.SiteClosed)
	r.sql(`update site set closed_at = null where id = $1`, site)
	if err := r.Submit(t.Context(), r.by(admin), id, r.version(id)); err != nil {
		t.Fatal(err)
	}
	says(t, r.Submit(t.Context(), r.by(admin), id, r.version(id)), Conflict, "error.already-submitted")

	says(t, r.Withdraw(t.Context(), r.by(r.someone("sara")), id), NotFound, "error.not-found")
	if err := r.Withdraw(t.Context(), r.by(doc), id); err != nil {
		t.Fatal(err)
	}
	says(t, r.Withdraw(t.Context(), r.by(admin), id), Conflict, "error.changed-meanwhile")
}
