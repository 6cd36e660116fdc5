package broker_test

import (
	"fmt"
	"testing"
	"time"

	"countersign/broker/walk"
)

// A practitioner's whole way in a real browser, by keyboard alone, 320 pixels
// wide: from the first page to My access; the administrator's word likewise.
// proves: C1 C2 C3 C5 C15 C17 C25
func TestBrowser(t *testing.T) {
	t.Parallel()
	s := shared(t)
	desk := s.registrars(t)
	mona, paul := s.person(t, "Mona", "Fraser"), s.person(t, "Paul", "Okafor")
	name := fmt.Sprintf("Birch Clinic %d", next())
	_, err := desk.OpenSite(mona, paul, walk.Clinic{Name: name, City: "Nanaimo", SignerName: "Paul Okafor", SignerEmail: paul.Email})
	must(t, err)

	chrome := browser(t)
	b := newTab(t, chrome)
	user := fmt.Sprintf("dana%d", next())
	email := user + "@" + s.name + ".example"

	b.open(s.config.PublicURL + "/")
	b.enter(`main a[href*="/programs/careconnect"]`)
	b.says("Community-based health care providers", "Only to support direct care of your patients.",
		"Not for research, quality improvement or quality assurance.", "30 to 60 minutes")
	b.open(s.config.PublicURL + "/sign-up")
	b.write(`[name="user-name"]`, user)
	b.write(`[name="given-name"]`, "Dana")
	b.write(`[name="surname"]`, "Whitfield")
	b.write(`[name="email"]`, email)
	b.enter(`main form [type="submit"]`)

	m, err := s.mail.Wait(email, "", "action-token")
	must(t, err)
	b.open(m.Link("action-token"))
	b.enter(`main a[href*="action-token"]`)
	b.write(`#password-new`, password)
	b.write(`#password-confirm`, password)
	b.enter(`form [type="submit"]`)

	b.open(s.config.PublicURL + "/requests/new/careconnect/join")
	if eval[bool](b, `document.querySelector("#username") === null`) {
		b.enter(`main a[href*="/sign-in"]`)
	}
	b.write(`#username`, user)
	b.write(`#password`, password)
	b.enter(`#kc-login`)
	b.write(`[name="q"]`, name)
	b.enter(`main form[method="get"] [type="submit"], main form [type="submit"]`)
	b.enter(`main a[href*="site="]`)
	b.radio("role", "practitioner")
	b.enter(`main form [type="submit"]`)
	b.radio("profession", "physician")
	b.radio("body", "cpsbc")
	b.write(`[name="number"]`, "C11223")
	b.date(`[name="expires"]`, time.Now().AddDate(1, 0, 0))
	b.enter(`main button[name="go"][value="on"]`)
	for range 2 {
		b.enter(`main a.usa-button[href*="/sign/"]`)
		b.says("Sample text")
		b.tick(`[name="agree"]`)
		b.enter(`main form [type="submit"]`)
	}
	b.enter(`main form[action*="/submit"] [type="submit"]`)
	b.says(name)

	item, err := mona.Get("/inbox")
	must(t, err)
	request := item.Link("/inbox/")[len("/inbox/"):]
	must(t, desk.First.RecordStanding(walk.Program, request))

	a := newTab(t, chrome)
	a.open(s.config.PublicURL + "/inbox")
	if eval[bool](a, `document.querySelector("#username") === null`) {
		a.enter(`main a[href*="/sign-in"]`)
	}
	a.write(`#username`, mona.UserName)
	a.write(`#password`, password)
	a.enter(`#kc-login`)
	a.write(`#otp`, walk.CodeAt(walk.Phone(s.config.Issuer(), mona.UserName), time.Now()))
	a.enter(`#kc-login`)
	a.enter(`main a[href*="/inbox/"]`)
	a.says("Dana Whitfield", user)
	a.radio("verdict", "approve")
	a.enter(`main form [type="submit"]`)

	dana := &walk.Person{UserName: user}
	eventually(t, "the realm has the access", func() bool { return len(s.groups(t, dana)) == 2 })
	b.open(s.config.PublicURL + "/access") // what she holds now asks for a second factor
	b.write(`#totp`, walk.CodeAt(eval[string](b, `document.querySelector("[name=totpSecret]").value`), time.Now()))
	b.enter(`#saveTOTPBtn`)
	b.tick(`main summary`)
	b.says(name, "Mona Fraser", "eHealth Viewer")
	s.invariants(t)
}
