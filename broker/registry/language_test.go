package registry

import (
	"testing"
)

// The language of an account is what the token says, until the person chooses one
// here: then no token changes it. Choosing is an act with one event, and chosen
// twice it is nothing more.
func TestChooseLanguage(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	in := func(said, visit string) Account {
		t.Helper()
		id, err := r.SignedIn(t.Context(), SignedIn{Issuer: testIssuer, Sub: "sub-luz", UserName: "luz", GivenName: "Luz", Surname: "Test",
			Email: "luz@example.org", Locale: said, Visit: visit})
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Account(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for i, c := range []struct{ said, visit, want string }{
		{"", "es", "es"}, {"", "en", "es"}, {"en", "es", "en"}, {"es", "", "es"}, // the browser counts only when nothing is known yet
	} {
		if a := in(c.said, c.visit); a.Locale != c.want || a.LocaleChosen {
			t.Errorf("%d: %s, chosen %v; want %s", i, a.Locale, a.LocaleChosen, c.want)
		}
	}
	luz := in("es", "").ID
	for range 2 {
		if err := r.ChooseLanguage(t.Context(), r.by(luz), "en"); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count(`event e join act a on a.id = e.act_id where e.kind = 'account.language-chosen' and a.kind = 'account.choose-language' and a.actor = $1`, luz); n != 1 {
		t.Errorf("%d events", n)
	}
	if a := in("es", "es"); a.Locale != "en" || !a.LocaleChosen {
		t.Errorf("a token overrules the person: %+v", a)
	}
	if err := r.ChooseLanguage(t.Context(), r.by(luz), "fr"); err == nil {
		t.Error("a language that is not there is kept")
	}
	if err := r.ChooseLanguage(t.Context(), By{Account: NewID(), Op: NewID()}, "es"); !IsKind(err, NotFound) {
		t.Errorf("nobody's choice: %v", err)
	}
	r.sound()
}

// A mail to an address that somebody typed is in the language of the accounts
// that have it, and in both where they disagree or there is none.
func TestMailOutside(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	if err := r.AcceptInvitation(t.Context(), r.by(r.someone("rosa")), r.invited()); err != nil {
		t.Fatal(err)
	}
	rosa := r.someone("rosa")
	if err := r.ChooseLanguage(t.Context(), r.by(rosa), "es"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ben", "cam", "cim"} {
		r.someone(name)
	}
	if err := r.ChooseLanguage(t.Context(), r.by(r.someone("cim")), "es"); err != nil {
		t.Fatal(err)
	}
	r.sql(`update account set email = 'both@example.org' where user_name in ('cam', 'cim')`)
	for address, want := range map[string]string{"stranger@example.org": "es,en", "BEN@example.org": "en", "both@example.org": "es,en", "rosa@example.org": "es"} {
		if err := r.InviteOperator(t.Context(), r.by(rosa), "careconnect", "support", address); err != nil {
			t.Fatal(err)
		}
		if n := r.count(`mail where address = $1 and kind = 'operator-invited' and locale = $2`, address, want); n != 1 {
			t.Errorf("%s is not mailed in %s", address, want)
		}
	}
}
