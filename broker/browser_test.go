package broker_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/broker/walk"
)

// A practitioner's whole way in a real browser, by keyboard alone, 320 pixels
// wide: from the first page to My access; the administrator's word likewise. The
// language changes on the way, on our pages and on Keycloak's, and what is signed is
// the text that was read.
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
	b.turn()
	b.says("Pida acceso y vea cómo va")
	b.enter(`main a[href*="/programs/careconnect"]`)
	b.says("Solo para la atención directa de sus pacientes.", "30 a 60 minutos")
	b.turn()
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
	b.turn()
	b.says("contraseña")
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
	b.turn()
	b.radio("role", "practitioner")
	b.enter(`main form [type="submit"]`)
	b.radio("profession", "physician")
	b.radio("body", "cpsbc")
	b.write(`[name="number"]`, "C11223")
	b.date(`[name="expires"]`, time.Now().AddDate(1, 0, 0))
	b.enter(`main button[name="go"][value="on"]`)
	var signed []string
	for range 2 {
		b.enter(`main a.usa-button[href*="/sign/"]`)
		b.turn()
		b.says(b.in("Sample text", "Texto de muestra"))
		signed = append(signed, b.in("en", "es"))
		b.tick(`[name="agree"]`)
		b.enter(`main form [type="submit"]`)
	}
	b.enter(`main form[action*="/submit"] [type="submit"]`)
	b.says(name)
	b.turn()
	b.says(name, b.in("What is needed, and who has it now", "Qué hace falta, y quién lo tiene ahora"))
	dana := &walk.Person{UserName: user}
	if slices.Sort(signed); !slices.Equal(signed, []string{"en", "es"}) || s.count(t, `fact_signature where account_id = $1 and language = 'en'`, s.account(t, dana)) != 1 ||
		s.count(t, `fact_signature where account_id = $1 and language = 'es'`, s.account(t, dana)) != 1 {
		t.Errorf("read in %q, and signed otherwise", signed)
	}

	item, err := mona.Get("/inbox")
	must(t, err)
	request := item.Link("/inbox/")[len("/inbox/"):]
	must(t, desk.First.RecordStanding(walk.Program, request))

	a := newTab(t, chrome)
	a.open(s.config.PublicURL + "/")
	a.turn() // before it is known who is there, and that they need a second factor
	a.open(s.config.PublicURL + "/inbox")
	if eval[bool](a, `document.querySelector("#username") === null`) {
		a.enter(`main a[href*="/sign-in"]`)
	}
	a.write(`#username`, mona.UserName)
	a.write(`#password`, password)
	a.enter(`#kc-login`)
	a.write(`#otp`, walk.CodeAt(walk.Phone(s.config.Issuer(), mona.UserName), time.Now()))
	a.enter(`#kc-login`)
	a.says("Bandeja")
	a.turn()
	a.enter(`main a[href*="/inbox/"]`)
	a.says("Dana Whitfield", user, "Your decision")
	a.radio("verdict", "approve")
	a.enter(`main form [type="submit"]`)

	eventually(t, "the realm has the access", func() bool { return len(s.groups(t, dana)) == 2 })
	b.open(s.config.PublicURL + "/access") // what she holds now asks for a second factor
	b.write(`#totp`, walk.CodeAt(eval[string](b, `document.querySelector("[name=totpSecret]").value`), time.Now()))
	b.enter(`#saveTOTPBtn`)
	b.tick(`main summary`)
	b.says(name, "Mona Fraser", "eHealth Viewer")
	b.turn()
	b.says(name, b.in("What you hold", "El acceso que tiene"))
	s.invariants(t)
}
