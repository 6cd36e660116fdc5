package broker_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"countersign/broker/walk"
)

var execution = regexp.MustCompile(`name="authenticationExecution" value="([^"]+)"`)

// Whoever has one-time codes and recovery codes, and not the phone at hand, signs in
// with the password and a recovery code; that counts as two factors, and the same
// code counts once.
func TestRecoveryCode(t *testing.T) {
	t.Parallel()
	s := shared(t)
	p := s.person(t, "Iris", "Nakamura")
	desk := s.registrars(t)
	s.invited(t, desk.First, p)
	page := get(t, p, "/sign-in-methods")
	page, err := page.Follow("action=CONFIGURE_RECOVERY_AUTHN_CODES")
	must(t, err)
	form := page.FormWith("generatedRecoveryAuthnCodes")
	codes := strings.Split(form.Values().Get("generatedRecoveryAuthnCodes"), ",")
	page, err = form.Tick("kcRecoveryCodesConfirmationCheck").Send()
	must(t, err)
	says(t, page, "Done. You can use it from your next sign-in on.")
	if len(codes) < 2 {
		t.Fatalf("%d recovery codes", len(codes))
	}

	operators := "/desk/" + walk.Program + "/operators"
	enter := func(code string) *walk.Page {
		t.Helper()
		b := walk.New(s.config.PublicURL) // its person has no phone
		page, err := b.Get("/sign-in?strength=two-factor&return=" + url.QueryEscape(operators))
		must(t, err)
		page, err = page.FormWith("password").Set("username", p.UserName).Set("password", p.Password).Send()
		must(t, err)
		page, err = page.FormWith("tryAnotherWay").Send()
		must(t, err)
		ways := execution.FindAllStringSubmatch(page.Body, -1)
		if len(ways) != 2 {
			t.Fatalf("%d ways to sign in: %s", len(ways), page.Text())
		}
		page, err = b.Post(page.FormWith("authenticationExecution").Action(), url.Values{"authenticationExecution": {ways[1][1]}})
		must(t, err)
		page, err = page.FormWith("recoveryCodeInput").Set("recoveryCodeInput", code).Send()
		must(t, err)
		return page
	}
	if page := enter("AAAA-BBBB-CCCC"); strings.HasPrefix(page.URL.String(), s.config.PublicURL) {
		t.Errorf("a code of nobody's leads to %s", page.URL)
	}
	page = enter(codes[0])
	if page.URL.Path != operators {
		t.Errorf("a recovery code leads to %s: %.300s", page.URL, page.Text())
	}
	says(t, page, "Iris Nakamura")
	if page := enter(codes[0]); strings.HasPrefix(page.URL.String(), s.config.PublicURL) {
		t.Errorf("a code that was used leads to %s", page.URL)
	}
}
