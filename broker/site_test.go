package broker_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/broker/walk"
)

// clinicAnswers fill in the form for a worksite; the signer is somebody else.
func clinicAnswers(name, signer, email string) map[string][]string {
	return map[string][]string{"display-name": {name}, "legal-name": {name + " Ltd."}, "clinic-kind": {"walk-in"},
		"address": {"4 Pier Road"}, "city": {"Tofino"}, "province": {"BC"}, "postal-code": {"V0R 2Z0"}, "phone": {"250-555-0143"},
		"requester-role": {"office-manager"}, "signer": {"other"}, "signer-name": {signer}, "signer-email": {email}, "signer-email-again": {email}}
}

// beginSite opens the form for a worksite.
func beginSite(t *testing.T, p *walk.Person) *walk.Page {
	t.Helper()
	page, err := get(t, p, "/requests/new/"+walk.Program+"/site").Form("/site").Send()
	must(t, err)
	return page
}

// sendSite asks for a worksite whose signer is somebody else and gives the request.
func sendSite(t *testing.T, p *walk.Person, name, signer, email string) string {
	t.Helper()
	page, id, err := p.Fill(beginSite(t, p), clinicAnswers(name, signer, email))
	must(t, err)
	_, err = p.SignAndSend(page)
	must(t, err)
	return id
}

// A worksite's way: kept as it is typed and resumed in another browser, checked,
// sent; two mails at once; a link to pass on that only shows the declaration; the
// signer's address corrected and mailed again, every address known to the registrar;
// no approval before the signature; returned, sent again, approved.
// proves: C5 C7 C9 C10 C12
func TestWorksite(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk := s.registrars(t)
	both := s.people(t, "Mona Fraser", "Paul Okafor")
	mona, paul := both[0], both[1]
	name := "Pier Clinic " + mona.UserName

	// Kept as it is typed, right or wrong, and resumed elsewhere.
	half := beginSite(t, mona).FormWith("go").Set("display-name", name).Set("phone", "not yet").Press("go", "later")
	page, err := half.Send()
	must(t, err)
	says(t, page, "Saved.")
	home := &walk.Person{Browser: walk.New(s.config.PublicURL), UserName: mona.UserName, Password: mona.Password, Email: mona.Email, Mail: mona.Mail}
	_, err = home.SignIn(home.UserName, home.Password)
	must(t, err)
	page, err = get(t, home, "/access").Follow("/form")
	must(t, err)
	values := page.FormWith("go").Values()
	if values.Get("display-name") != name || values.Get("phone") != "not yet" {
		t.Errorf("resumed with %v", values)
	}
	wrong := "paul.wrong@" + s.name + ".example"
	page, id, err := home.Fill(page, clinicAnswers(name, "Paul Okafor", wrong))
	must(t, err)
	for _, answer := range []string{"Check your answers", name, "Walk-in or urgent care", "Tofino", "V0R 2Z0", "250-555-0143", "Paul Okafor", wrong, "Two mails go out at once"} {
		says(t, page, answer)
	}
	if n := s.count(t, `site where request_id = $1`, id); n != 0 {
		t.Error("there is a site before the request is sent")
	}
	_, err = home.SignAndSend(page)
	must(t, err)

	// Two mails at once: what is needed, from whom; and the declaration to sign.
	mine, err := s.mail.Wait(mona.Email, "what is needed now", "/declaration/"+id)
	must(t, err)
	for _, text := range []string{"Paul Okafor", "registrar", "You may forward it"} {
		if !strings.Contains(mine.Text, text) {
			t.Errorf("the requester's mail does not say %q: %s", text, mine.Text)
		}
	}
	first, err := s.mail.Wait(wrong, "please sign", "/declare/"+id)
	must(t, err)
	if strings.Contains(mine.Text, "/declare/") {
		t.Error("the requester's mail holds the signer's link")
	}
	stranger := walk.New(s.config.PublicURL)
	page, err = stranger.Get(mine.Link("/declaration/" + id))
	must(t, err)
	says(t, page, "Worksite Privacy and Security Declaration")
	silent(t, page, name)
	if page.FormWith("agree").Has("agree") || len(stranger.Client.Jar.Cookies(stranger.Home)) != 0 {
		t.Error("the link to pass on does more than show the text")
	}

	// The registrar cannot approve before it is signed.
	says(t, get(t, desk.First, walk.Desk(id)), "has not been signed yet")
	early := read(t, desk.First, walk.Desk(id), decision(register)).with("verdict", "approve")
	early.refused(t, s, http.StatusForbidden)

	// The address was wrong: corrected, and mailed once more.
	correct := read(t, mona, "/requests/"+id, signerForm).with("name", "Paul Okafor").with("email", paul.Email).with("email-again", paul.Email)
	correct.accepted(t)
	old, err := stranger.Get(first.Link("/declare/" + id))
	must(t, err)
	says(t, old, "A newer mail has replaced this link.")
	if old.Status != http.StatusGone {
		t.Errorf("a replaced link answers %d", old.Status)
	}
	m, err := s.mail.Wait(paul.Email, "please sign", "/declare/"+id)
	must(t, err)
	_, err = mona.Press("/requests/"+id, "/signer/again")
	must(t, err)
	var newest walk.Message
	eventually(t, "the signer is mailed again", func() bool {
		newest, err = s.mail.Wait(paul.Email, "please sign", "/declare/"+id)
		return err == nil && newest.Link("/declare/") != m.Link("/declare/")
	})
	tried := get(t, desk.Second, walk.Desk(id))
	says(t, tried, wrong)
	says(t, tried, paul.Email)
	_, err = paul.Declare(newest.Link("/declare/" + id))
	must(t, err)
	says(t, get(t, desk.Second, walk.Desk(id)), "Paul Okafor signed version 1")
	says(t, get(t, desk.Second, walk.Desk(id)), "Address proven")
	_, err = s.mail.Wait(mona.Email, "the declaration is signed", "")
	must(t, err)
	correct.anew().refused(t, s, http.StatusForbidden) // signed is signed

	// Returned with a reason, changed, sent again, approved.
	back := read(t, desk.First, walk.Desk(id), decision(register)).with("verdict", "return")
	back.refused(t, s, http.StatusUnprocessableEntity)
	back.anew().with("reasons", "incomplete").with("words", "Which floor?").accepted(t)
	_, err = s.mail.Wait(mona.Email, "came back to you", "/requests/"+id)
	must(t, err)
	page = get(t, mona, "/requests/"+id)
	for _, text := range []string{"This request came back to you", "Something is missing or wrong in the answers", "Which floor?"} {
		says(t, page, text)
	}
	page, err = page.Follow("/form")
	must(t, err)
	page, _, err = mona.Fill(page, map[string][]string{"address": {"4 Pier Road, floor 2"}})
	must(t, err)
	_, err = mona.SignAndSend(page)
	must(t, err)
	says(t, get(t, desk.First, walk.Desk(id)), "4 Pier Road, floor 2")
	must(t, desk.First.Approve(walk.Desk(id), register))
	_, err = mona.FindSite(walk.Program, name)
	must(t, err)
	next, err := s.mail.Wait(mona.Email, "what comes next", "")
	must(t, err)
	if !strings.Contains(next.Text, "no access to patient information") {
		t.Errorf("the mail to the new administrator: %s", next.Text)
	}
	s.invariants(t)
}

func signerForm(p *walk.Page) *walk.Form { return p.FormWith("email-again") }

// Who comes by the mailed link, or has its address as their own verified one, is the
// signer; anybody else can sign too, and the signature says that the address is not
// proven. A registrar who doubts it refuses with reasons, and there is no worksite.
// proves: C9 C12
func TestSignerAddress(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk := s.registrars(t)
	all := s.people(t, "Mona Fraser", "Paul Okafor", "Olive Grant")
	mona, paul, olive := all[0], all[1], all[2]
	name := "Quay Clinic " + mona.UserName
	const note = "your signature will be marked"

	id := sendSite(t, mona, name, "Paul Okafor", paul.Email)
	page := get(t, olive, "/declare/"+id)
	says(t, page, note)
	_, err := page.FormWith("agree").Tick("agree").Send()
	must(t, err)
	page = get(t, desk.First, walk.Desk(id))
	says(t, page, "Olive Grant signed version 1")
	says(t, page, "Address not proven")
	says(t, page, "The signer's address is not proven.")
	no := read(t, desk.First, walk.Desk(id), decision(register)).with("verdict", "refuse")
	no.refused(t, s, http.StatusUnprocessableEntity)
	no.anew().with("reasons", "declaration").with("words", "Who is Olive?").accepted(t)
	_, err = s.mail.Wait(mona.Email, "was refused", "/requests/"+id)
	must(t, err)
	page = get(t, mona, "/requests/"+id)
	for _, text := range []string{"Refused", "The declaration, or who signed it, is in doubt", "Who is Olive?"} {
		says(t, page, text)
	}
	if _, err := mona.FindSite(walk.Program, name); err == nil {
		t.Error("a refused worksite can be found")
	}

	id = sendSite(t, mona, name, "Paul Okafor", paul.Email)
	page = get(t, paul, "/declare/"+id)
	silent(t, page, note)
	_, err = page.FormWith("agree").Tick("agree").Send()
	must(t, err)
	says(t, get(t, desk.First, walk.Desk(id)), "Address proven")
	s.invariants(t)
}

// An administrator names another; a registrar confirms it, and not the one who
// proposed it. With two, one may leave; the last one leaves only through a registrar.
// proves: C7 attack A17
func TestSecondAdministrator(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	members := "/sites/" + m.site + "/members"
	says(t, get(t, m.mona, members), "Administrators: 1.")
	read(t, m.mona, members, formTo("/administrators")).with("account", s.account(t, m.paul)).accepted(t)
	_, err := s.mail.Wait(m.paul.Email, "you are named as an administrator", "")
	must(t, err)
	if page, err := m.paul.Get(members); err != nil || page.Status != http.StatusNotFound {
		t.Errorf("who is only named sees the members: %v %v", page.Status, err)
	}
	id := s.open(t, m.paul, m.site, "administrator")
	yes := verdict(t, m.desk.First, walk.Desk(id), register, "approve")
	yes.by(t, m.mona).refused(t, s, http.StatusNotFound) // to her there is no desk
	yes.accepted(t)
	s.inRealm(t, m.paul, m.site, "administrator", "practitioner", "viewer")
	says(t, get(t, m.paul, members), "Administrators: 2.")

	_, err = m.mona.End("/access/"+s.join(t, m.mona, m.site, "administrator")+"/leave", "")
	must(t, err)
	s.inRealm(t, m.mona, m.site)
	join := s.join(t, m.paul, m.site, "administrator")
	last := read(t, m.paul, "/access/"+join+"/leave", formTo("/leave")).with("when", "now").refused(t, s, http.StatusForbidden)
	says(t, last, "This is the last administrator of the site. A registrar has to be asked.")
	if !s.holds(t, m.paul, m.site, "administrator") {
		t.Error("the last administrator left")
	}
	_, err = m.desk.First.End(members+"/"+join+"/end", "", "asked")
	must(t, err)
	s.inRealm(t, m.paul, m.site, "practitioner", "viewer")

	read(t, m.desk.First, members, formTo("/administrators")).with("account", s.account(t, m.paul)).accepted(t)
	id = s.open(t, m.paul, m.site, "administrator")
	own := verdict(t, m.desk.Second, walk.Desk(id), register, "approve")
	own.by(t, m.desk.First).refused(t, s, http.StatusForbidden)
	own.accepted(t)
	if !s.holds(t, m.paul, m.site, "administrator") {
		t.Error("another registrar's yes gave nothing")
	}
	s.invariants(t)
}
