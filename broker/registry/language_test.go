package registry

import (
	"testing"
	"time"
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

// What somebody chose waits for the realm until it is told that the realm shows it,
// whoever is killed meanwhile, and always as what was chosen last; chosen twice it
// waits once. A realm's own people are not ours to write to: for them nothing waits.
func TestLanguageWaitsForTheRealm(t *testing.T) {
	t.Parallel()
	r := loaded(t)
	ctx := t.Context()
	luz, theirs := r.someone("luz"), r.someone("rosa")
	r.sql(`update account set origin = 'sign-up', setup_at = instant() where id = $1`, luz)
	choose := func(account, language string) {
		t.Helper()
		if err := r.ChooseLanguage(ctx, r.by(account), language); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(want string) LanguageWork {
		t.Helper()
		w, ok, err := r.ClaimLanguage(ctx)
		if err != nil || ok != (want != "") || ok && (w.Account != luz || w.Language != want) {
			t.Fatalf("%+v %v %v, want %q", w, ok, err, want)
		}
		return w
	}
	put := func(record func(LanguageWork) error, w LanguageWork) {
		t.Helper()
		if err := record(w); err != nil {
			t.Fatal(err)
		}
	}
	shown := func(w LanguageWork) error { return r.LanguageShown(ctx, w) }
	later := func(w LanguageWork) error { return r.LanguageLater(ctx, w) }
	claim("")
	choose(theirs, "es")
	claim("")

	choose(luz, "es")
	choose(luz, "en")
	choose(luz, "en")
	killed := claim("en")
	claim("") // it is another's
	r.sql(`update realm_language set lease_until = clock_timestamp() - interval '1 second'`)
	second := claim("en")
	put(shown, killed) // it comes to itself: the account is not its any more
	if r.count(`realm_language where lease = $1`, second.Lease) != 1 {
		t.Fatal("a lease that is over ended another's")
	}
	choose(luz, "es")
	put(shown, second) // of what was chosen before
	third := claim("es")
	choose(luz, "en")
	put(later, third) // what is chosen anew does not wait for the former's failure
	put(later, claim("en"))
	claim("")
	if _, next, err := r.Waiting(ctx); err != nil || next > time.Second {
		t.Errorf("the next try is in %s: %v", next, err)
	}
	r.later(2 * time.Second)
	put(shown, claim("en"))
	claim("")
	if n := r.count(`realm_language`); n != 0 {
		t.Errorf("%d still wait", n)
	}
	if n := r.count(`account where wanted_rev <> applied_rev`); n != 0 {
		t.Error("an access waits for a language")
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
