package broker_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/broker/registry"
	"countersign/broker/walk"
)

// The same form twice, as by a double click or a browser that tries again, is one
// deed with one result, and one mail; with anything altered it is refused.
// proves: attack A06
func TestSameFormTwice(t *testing.T) {
	t.Parallel()
	w := abused(t)
	ruth := w.person(t, "Ruth", "Klein")
	id := asks(t, ruth, w.site, "pharmacist")
	must(t, w.desk.First.RecordStanding(walk.Program, id))
	twice := func(f, altered form) {
		t.Helper()
		first, again := f.accepted(t), f.accepted(t)
		if first.Header.Get("Location") != again.Header.Get("Location") {
			t.Errorf("%s led to %s, and then to %s", f.action, first.Header.Get("Location"), again.Header.Get("Location"))
		}
		if p := altered.send(t); p.Status != http.StatusConflict {
			t.Errorf("%s altered: %d %s", f.action, p.Status, p.Text())
		}
	}
	yes := verdict(t, w.mona, walk.Inbox(id), confirm, "approve")
	twice(yes, yes.with("words", "and something else"))
	if n := w.count(t, `fact_review where request_id = $1`, id); n != 1 {
		t.Errorf("%d reviews", n)
	}
	_, err := w.mail.Wait(ruth.Email, "elcome", "")
	must(t, err)
	out := read(t, ruth, "/access/"+w.join(t, ruth, w.site, "pharmacist")+"/leave", formTo("/leave"))
	twice(out.with("when", "now"), out.with("when", "day").with("last", inAYear()))
	if n := w.count(t, `fact_join where account_id = $1 and ended_at is not null`, w.account(t, ruth)); n != 1 {
		t.Errorf("%d memberships ended", n)
	}
	if n := w.mails(t, ruth, "elcome"); n != 1 {
		t.Errorf("%d welcomes", n)
	}
}

// What was changed after somebody opened it is not decided as it was: they are
// told, and shown it as it is now.
// proves: attack A07
func TestChangedAfterItWasShown(t *testing.T) {
	t.Parallel()
	w := abused(t)
	rita := w.person(t, "Rita", "Nowak")
	id := asks(t, rita, w.site, "pharmacist")
	opened := []form{verdict(t, w.mona, walk.Inbox(id), confirm, "approve"), verdict(t, w.mona, walk.Inbox(id), confirm, "refuse"),
		read(t, w.desk.First, walk.Desk(id), formTo("/standing"))}
	verdict(t, w.nora, walk.Inbox(id), confirm, "return").accepted(t)
	page, err := rita.Get("/requests/" + id + "/form")
	must(t, err)
	page, err = page.FormWith("go").Set("number", "OTHER-9").Press("go", "on").Send()
	must(t, err)
	_, err = rita.SignAndSend(page)
	must(t, err)
	before := w.state(t, id)
	for _, f := range opened {
		says(t, f.refused(t, w.stack, http.StatusConflict), "changed after you opened it")
	}
	if after := w.state(t, id); after != before {
		t.Errorf("the request was %s and is %s", before, after)
	}
	must(t, w.mona.Approve(walk.Inbox(id), confirm)) // as it is now, it can be
}

// Who may authorize at one worksite authorizes nobody at another; nor does one who
// was asked and may no more, nor one whose licence nobody has found good. They are
// not offered, and naming them anyway leads nowhere.
// proves: attack A08
func TestAuthorizesOnlyWhereTheyMay(t *testing.T) {
	t.Parallel()
	w := abused(t)
	gina, noah, tess := w.person(t, "Gina", "Ferri"), w.person(t, "Noah", "West"), w.person(t, "Tess", "Oduya")
	ginas, err := w.desk.Practise(w.site, gina, "practitioner", walk.Licensed("physician", "cpsbc", "C900", inAYear()), w.mona, walk.Inbox)
	must(t, err)
	must(t, w.mona.Approve(walk.Inbox(asks(t, noah, w.site, "practitioner")), confirm)) // and no finding about the licence
	id := w.assists(t, tess, w.paul, gina)
	opened := verdict(t, gina, walk.Inbox(id), allowing, "approve")
	read(t, w.desk.First, walk.Desk(ginas)+"/suspend", formTo("/suspend")).with("reasons", "licence").accepted(t)
	opened.refused(t, w.stack, http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized)
	w.returns(t, gina)
	offer := read(t, w.paul, "/authorizing", formTo("/offer")).with("account", w.account(t, tess))
	mail := read(t, w.paul, "/authorizing", formTo("/invite")).with("role", "on-behalf-of").with("email", tess.Email)
	for _, who := range []*walk.Person{gina, noah, w.peter} {
		for _, f := range []form{opened, offer, mail} {
			f.by(t, who).refused(t, w.stack, http.StatusNotFound, http.StatusForbidden)
		}
	}
	kate := w.person(t, "Kate", "Brown")
	w.namesAnyway(t, kate, gina, noah, w.peter)
	if n := w.count(t, `fact_mandate where on_behalf = any(array[$1, $2]::uuid[])`, w.account(t, tess), w.account(t, kate)); n != 0 {
		t.Errorf("%d mandates began", n)
	}
}

// namesAnyway asks to act on behalf of people whom the page does not offer, each
// alone and beside one whom it does.
func (w world) namesAnyway(t *testing.T, p *walk.Person, unfit ...*walk.Person) {
	t.Helper()
	page, err := p.Get("/requests/new/" + walk.Program + "/join?site=" + w.site)
	must(t, err)
	page, err = page.FormWith("role").Set("role", "on-behalf-of").Send()
	must(t, err)
	ask := page.FormWith("go")
	for _, who := range unfit {
		if slices.Contains(ask.Options("authorizers"), w.account(t, who)) {
			t.Errorf("%s is offered", who.UserName)
		}
	}
	id := strings.Split(page.URL.Path, "/")[2]
	for _, who := range unfit {
		for _, named := range [][]string{{w.account(t, who)}, {w.account(t, w.paul), w.account(t, who)}} {
			f := read(t, p, "/requests/"+id+"/form", func(p *walk.Page) *walk.Form { return p.FormWith("go") })
			f = f.with("go", "on").with("profession", "office-manager").with("authorizers", named...)
			if got := f.send(t); got.Status != http.StatusUnprocessableEntity {
				t.Errorf("naming %s: %d", who.UserName, got.Status)
			}
			submit := form{p, "/requests/" + id + "/submit", url.Values{"form_token": f.values["form_token"], "version": {w.version(t, id)}}}.anew()
			submit.refused(t, w.stack, http.StatusConflict, http.StatusForbidden)
			err := w.registry.Submit(t.Context(), w.as(t, p), id, w.number(t, id)) // even past the portal
			if !registry.IsKind(err, registry.Forbidden) {
				t.Errorf("submitting with %s named: %v", who.UserName, err)
			}
		}
	}
}

// version is a request's, as its pages carry it.
func (s *stack) version(t *testing.T, request string) string {
	t.Helper()
	return fmt.Sprint(s.number(t, request))
}

func (s *stack) number(t *testing.T, request string) (n int64) {
	t.Helper()
	s.query(t, &n, `select version from request where id = $1`, request)
	return n
}

// as is a person as the record knows who acts.
func (s *stack) as(t *testing.T, p *walk.Person) registry.By {
	t.Helper()
	now, err := s.registry.Now(t.Context())
	must(t, err)
	return registry.By{Account: s.account(t, p), Op: registry.NewID(), AuthTime: now, ACR: "1"}
}

// Who acts on somebody's behalf lets nobody act for them in turn: not by being
// named, not by saying yes, not by offering, not by mail.
// proves: attack A09
func TestNoChainOfMandates(t *testing.T) {
	t.Parallel()
	w := abused(t)
	finn := w.person(t, "Finn", "Maes")
	id := w.assists(t, finn, w.paul)
	for _, f := range []form{
		verdict(t, w.paul, walk.Inbox(id), allowing, "approve"),
		read(t, w.paul, "/authorizing", formTo("/offer")).with("account", w.account(t, finn)),
		read(t, w.paul, "/authorizing", formTo("/invite")).with("role", "on-behalf-of").with("email", finn.Email),
	} {
		f.by(t, w.olga).refused(t, w.stack, http.StatusNotFound, http.StatusForbidden)
	}
	page, err := w.olga.Get("/authorizing")
	must(t, err)
	if page.Form("/offer").Has("account") || page.Form("/invite").Has("email") {
		t.Error("the page offers it")
	}
	w.namesAnyway(t, w.person(t, "Fay", "Maes"), w.olga)
	if n := w.count(t, `fact_mandate where account_id = $1`, w.account(t, w.olga)); n != 0 {
		t.Errorf("%d mandates of hers", n)
	}
}

// Who signs for the worksite that they asked for themselves needs two registrars,
// two people; and a registrar who asks for a worksite, or signs for one, is not
// one of them. The record says that it was so.
// proves: attack A11
func TestSignsForOneself(t *testing.T) {
	t.Parallel()
	w := abused(t)
	rosa, ravi := w.desk.First, w.desk.Second
	requestSelf := func(p *walk.Person) string {
		t.Helper()
		id, err := p.RequestSite(walk.Program, walk.Clinic{Name: fmt.Sprintf("Elm Clinic %d", next()), City: "Nanaimo"})
		must(t, err)
		m, err := w.mail.Wait(p.Email, "", "/declare/"+id)
		must(t, err)
		_, err = p.Declare(m.Link("/declare/" + id))
		must(t, err)
		return id
	}
	sole := w.person(t, "Ivo", "Sole")
	id := requestSelf(sole)
	opened := `site where request_id = $1 and opened_at is not null`
	first := verdict(t, rosa, walk.Desk(id), register, "approve")
	first.by(t, sole).refused(t, w.stack, http.StatusNotFound, http.StatusForbidden)
	first.accepted(t)
	page, err := rosa.Get(walk.Desk(id))
	must(t, err)
	if page.Decision(second).Has("verdict") {
		t.Error("the same registrar is asked for the second word")
	}
	again := first.with("need", second).with("version", w.version(t, id)).anew()
	again.refused(t, w.stack, http.StatusForbidden)
	again.by(t, sole).refused(t, w.stack, http.StatusNotFound, http.StatusForbidden)
	if w.count(t, opened, id) != 0 {
		t.Error("one registrar opened it")
	}
	must(t, ravi.Approve(walk.Desk(id), second))
	if w.count(t, opened, id) != 1 {
		t.Error("two registrars did not open it")
	}
	if n := w.count(t, `fact_signature where request_id = $1 and declarant and account_id = $2 and names = array[$2]::uuid[]`, id, w.account(t, sole)); n != 1 {
		t.Errorf("%d declarations are recorded as of the requester themself", n)
	}
	own := requestSelf(ravi)
	try := form{rosa, walk.Desk(own), first.values}.with("version", w.version(t, own))
	for _, need := range []string{register, second} {
		try.with("need", need).by(t, ravi).refused(t, w.stack, http.StatusForbidden)
	}
}

// Every event that a state does not list is refused there, and leaves the request
// as it was.
// proves: attack A13
func TestNoStepIsSkipped(t *testing.T) {
	t.Parallel()
	w := abused(t)
	ivy := w.person(t, "Ivy", "Stone")
	rosa := w.desk.First
	at := map[string]string{"draft": draft(t, ivy, w.site, "practitioner")} // before anything is signed
	unsigned := form{ivy, "/requests/" + at["draft"] + "/submit", url.Values{"form_token": {formToken(t, ivy)}, "version": {w.version(t, at["draft"])}}}.anew()
	unsigned.refused(t, w.stack, http.StatusConflict)
	at["submitted"], at["returned"], at["refused"] = asks(t, ivy, w.site, "lpn"), asks(t, ivy, w.site, "rpn"), asks(t, ivy, w.site, "resident")
	at["withdrawn"], at["granted"] = asks(t, ivy, w.site, "social-worker"), asks(t, ivy, w.site, "pharmacist")
	verdict(t, w.mona, walk.Inbox(at["returned"]), confirm, "return").accepted(t)
	verdict(t, w.mona, walk.Inbox(at["refused"]), confirm, "refuse").accepted(t)
	read(t, ivy, "/requests/"+at["withdrawn"], formTo("/withdraw")).accepted(t)
	must(t, rosa.RecordStanding(walk.Program, at["granted"]))
	must(t, w.mona.Approve(walk.Inbox(at["granted"]), confirm))
	lists := map[string][]string{"draft": {"save", "submit", "withdraw"}, "submitted": {"withdraw", "confirm", "return", "refuse", "standing"},
		"returned": {"save", "submit", "withdraw"}, "granted": {"standing"}} // submit: by now it is signed
	w.demand(t, ivy, at, lists)
}

// The same for a worksite: nobody approves what is not declared, nobody declares
// what is not sent.
// proves: attack A13
func TestNoStepOfASiteIsSkipped(t *testing.T) {
	t.Parallel()
	w := abused(t)
	ivan := w.person(t, "Ivan", "Stone")
	clinic := func() walk.Clinic {
		return walk.Clinic{Name: fmt.Sprintf("Oak Clinic %d", next()), City: "Surrey", SignerName: "Olaf Stone", SignerEmail: fmt.Sprintf("olaf%d@%s.example", next(), w.stack.name)}
	}
	at := map[string]string{}
	for _, state := range []string{"submitted", "returned", "refused", "withdrawn"} {
		id, err := ivan.RequestSite(walk.Program, clinic())
		must(t, err)
		at[state] = id
	}
	page, err := ivan.Get("/requests/new/" + walk.Program + "/site")
	must(t, err)
	page, err = page.Form("/site").Send()
	must(t, err)
	at["draft"] = strings.Split(page.URL.Path, "/")[2]
	verdict(t, w.desk.First, walk.Desk(at["returned"]), register, "return").accepted(t)
	verdict(t, w.desk.First, walk.Desk(at["refused"]), register, "refuse").accepted(t)
	read(t, ivan, "/requests/"+at["withdrawn"], formTo("/withdraw")).accepted(t)
	lists := map[string][]string{"draft": {"save", "withdraw"}, "submitted": {"withdraw", "turn down", "turn away", "declare", "signer", "signer again"},
		"returned": {"save", "submit", "withdraw", "declare", "signer", "signer again"}}
	w.demand(t, ivan, at, lists)
}

// demand tries every event in every state: what the state does not list is refused.
func (w world) demand(t *testing.T, own *walk.Person, at map[string]string, lists map[string][]string) {
	t.Helper()
	for state, id := range at {
		before := w.state(t, id)
		if !strings.HasPrefix(before, state+" ") {
			t.Fatalf("the request is %s, want %s", before, state)
		}
		for event, f := range w.events(t, own, id) {
			if slices.Contains(lists[state], event) {
				continue
			}
			f.refused(t, w.stack, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity)
			if after := w.state(t, id); after != before {
				t.Errorf("%s in state %s led to %s", event, before, after)
				before = after
			}
		}
	}
}

// events are all that somebody can try with a request, as the person who could in
// the right state, on the page as it would be now.
func (w world) events(t *testing.T, own *walk.Person, id string) map[string]form {
	t.Helper()
	version, request := url.Values{"version": {w.version(t, id)}}, "/requests/"+id
	decide := func(need, verdict string) url.Values {
		v := maps.Clone(version)
		v["need"], v["verdict"] = []string{need}, []string{verdict}
		if verdict != "approve" {
			v["reasons"] = []string{"other"}
		}
		return v
	}
	save, standing := maps.Clone(version), maps.Clone(version)
	save["go"] = []string{"on"}
	var role string
	w.query(t, &role, `select coalesce(role, '') from request where id = $1`, id)
	standing["body"], standing["number"], standing["expires"] = []string{bodies[role]}, []string{"C77"}, []string{inAYear()}
	rosa, signer := w.desk.First, url.Values{"name": {"Eve"}, "email": {"eve@there.example"}, "email-again": {"eve@there.example"}}
	out := map[string]form{
		"save": {own, request + "/form", save}, "submit": {own, request + "/submit", version}, "withdraw": {own, request + "/withdraw", url.Values{}},
		"confirm": {w.mona, walk.Inbox(id), decide(confirm, "approve")}, "return": {w.mona, walk.Inbox(id), decide(confirm, "return")},
		"refuse": {w.mona, walk.Inbox(id), decide(confirm, "refuse")}, "own word": {own, walk.Inbox(id), decide(confirm, "approve")},
		"authorize": {w.paul, walk.Inbox(id), decide(allowing, "approve")}, "register": {rosa, walk.Desk(id), decide(register, "approve")},
		"register too": {rosa, walk.Desk(id), decide(second, "approve")}, "turn down": {rosa, walk.Desk(id), decide(register, "refuse")},
		"turn away": {rosa, walk.Desk(id), decide(register, "return")}, "declared": {rosa, walk.Desk(id), decide("declare:worksite-privacy-security", "approve")},
		"signed": {rosa, walk.Desk(id), decide("attest:direct-care-only", "approve")}, "standing": {rosa, walk.Desk(id) + "/standing", standing},
		"declare": {own, "/declare/" + id, url.Values{"agree": {"yes"}, "display": {w.display(t, own)}}}, "signer": {own, request + "/signer", signer},
		"signer again": {own, request + "/signer/again", url.Values{}},
	}
	tokens := map[*walk.Person]string{}
	for event, f := range out {
		if tokens[f.who] == "" {
			tokens[f.who] = formToken(t, f.who)
		}
		out[event] = f.with("form_token", tokens[f.who]).anew()
	}
	return out
}

// display is the declaration as it was shown to somebody: for a worksite where it
// can be signed, so that nothing but the state is wrong elsewhere.
func (w world) display(t *testing.T, p *walk.Person) string {
	t.Helper()
	return read(t, p, "/declare/"+w.wesAsks, formTo("/declare")).values.Get("display")
}
