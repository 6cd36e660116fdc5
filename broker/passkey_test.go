package broker_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"countersign/broker/walk"
)

// Somebody whose role asks for two factors adds a passkey, by keyboard, and signs
// in with it alone: no user name and no password is typed, and the pages that ask
// for two factors open without another question. An act that asks for fresh proof
// takes the passkey once more.
func TestPasskeyAlone(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.person(t, "Rosa", "Almeida")
	s.firstRegistrar(t, p)
	operators := s.config.PublicURL + "/desk/" + walk.Program + "/operators"

	b := newTab(t, browser(t))
	b.passkeys()
	b.open(s.config.PublicURL + "/sign-in-methods")
	b.toKeycloak()
	b.write(`#username`, p.UserName)
	b.write(`#password`, p.Password)
	b.enter(`#kc-login`)
	b.write(`#otp`, walk.CodeAt(walk.Phone(s.config.Issuer(), p.UserName), time.Now()))
	b.enter(`#kc-login`)
	b.enter(`main a[href*="webauthn-register-passwordless"]`)
	b.enter(`#registerWebAuthn`)
	b.says("Done. You can use it from your next sign-in on.")
	s.forgetCodes(t, p) // what follows, the passkey does

	b.present(false) // else the browser answers at once what the page offers in the user name's field
	b.enter(`form[action="/sign-out"] [type="submit"]`)
	b.open(operators)
	b.toKeycloak()
	b.usePasskey()
	b.says("Rosa Almeida")
	if at := b.where(); at != operators {
		t.Errorf("the passkey leads to %s", at)
	}
	b.open(s.config.PublicURL + "/sign-in-methods")
	b.says("You signed in with a second factor")

	// Of any act that asks for fresh proof: 0 because Keycloak's clock stands still in
	// tests, and what was proved a moment ago counts for a minute.
	b.open(s.config.PublicURL + "/sign-in?max_age=0&strength=two-factor&return=" + url.QueryEscape("/sign-in-methods"))
	b.usePasskey()
	b.says("You signed in with a second factor")
	if n := s.count(t, `session where acr = 'two-factor' and account_id = $1`, s.account(t, p)); n < 3 {
		t.Errorf("%d sessions of two factors: by code, by passkey and by passkey anew are wanted", n)
	}
	s.invariants(t)
}

// passkeys gives the browser an authenticator that knows its person.
func (b *tab) passkeys() {
	b.t.Helper()
	b.do("authenticator", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		made, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: "ctap2", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
		if err == nil {
			b.key = made.AuthenticatorID
		}
		return err
	}))
}

// toKeycloak goes from a page for everybody to the sign-in page.
func (b *tab) toKeycloak() {
	b.t.Helper()
	if !strings.Contains(b.where(), "/realms/") {
		b.enter(`main a[href*="/sign-in"]`)
	}
}

// usePasskey signs in on Keycloak's page with the passkey and nothing else.
func (b *tab) usePasskey() {
	b.t.Helper()
	if !strings.Contains(b.where(), "/realms/") {
		b.t.Fatalf("nothing is asked at %s: %.600s", b.where(), b.text())
	}
	b.present(true)
	b.enter(`#authenticateWebAuthnButton`)
	b.present(false)
}

// present lets the person touch the authenticator, or not.
func (b *tab) present(yes bool) {
	b.t.Helper()
	b.do("presence", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: b.key, Enabled: yes})
		return err
	}))
}

// forgetCodes takes the one-time codes away, as an administrator of Keycloak would.
func (s *stack) forgetCodes(t *testing.T, p *walk.Person) {
	t.Helper()
	path := "/users/" + s.keycloakUser(t, p, nil) + "/credentials"
	var all []struct{ ID, Type string }
	s.keycloak(t, path, &all)
	kinds := map[string]int{}
	for _, c := range all {
		kinds[c.Type]++
		if c.Type == "otp" {
			s.alter(t, http.MethodDelete, path+"/"+c.ID, nil)
		}
	}
	if kinds["otp"] != 1 || kinds["webauthn-passwordless"] != 1 {
		t.Fatalf("the realm has of %s: %v", p.UserName, kinds)
	}
}
