package worker

import (
	"context"
	"errors"
	"slices"
	"testing"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// hearing is a directory that notes which languages it was told, and lets meanwhile
// happen before it answers.
type hearing struct {
	*provisioning.Memory
	told      []string
	meanwhile func() error
}

func (h *hearing) SetLanguage(ctx context.Context, account, language string) error {
	h.told = append(h.told, language)
	err := h.Memory.SetLanguage(ctx, account, language)
	if happens := h.meanwhile; happens != nil {
		h.meanwhile = nil
		err = errors.Join(err, happens())
	}
	return err
}

// The realm follows a language that was chosen, however often its answer gets lost or
// the worker is killed; what was chosen last wins, and nobody is told anything whose
// language was not changed, or whom we did not make.
func TestLanguageFollows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	d := &hearing{Memory: b.shut.Memory}
	b.Directory = d
	made := func(id, name, origin string) {
		t.Helper()
		sub, err := d.CreatePerson(ctx, provisioning.NewPerson{Account: id, UserName: name, Email: name + "@example.test", Locale: "en"})
		must(t, err)
		b.sql(`insert into account (id, issuer, sub, user_name, given_name, surname, email, locale, origin, state, setup_at, changed_at)
			values ($1, 'http://localhost/realms/test', $2, $3, 'A', 'B', 'x@example.test', 'en', $4, 'live', instant(), instant())`, id, sub, name, origin)
	}
	ana, bea, gone := registry.NewID(), registry.NewID(), registry.NewID()
	made(ana, "ana", "sign-up")
	made(bea, "bea", "realm")
	made(gone, "gone", "sign-up")
	choose := func(account, language string) error {
		now, err := b.Registry.Now(ctx)
		must(t, err)
		return b.Registry.ChooseLanguage(context.Background(), registry.By{Account: account, Op: registry.NewID(), AuthTime: now, ACR: "one-factor"}, language)
	}
	turn := func(ctx context.Context, fails bool, told ...string) {
		t.Helper()
		b.sql(`update realm_language set due_at = '-infinity'`)
		d.told = nil
		did, err := b.language(ctx)
		if did != (told != nil) || (err != nil) != fails || !slices.Equal(d.told, told) {
			t.Fatalf("did %v, told %q, want %q: %v", did, d.told, told, err)
		}
	}
	speaks := func(want string) {
		t.Helper()
		for _, p := range d.Everybody() {
			if p.Account == ana && p.Locale != want || p.Account == bea && p.Locale != "en" {
				t.Fatalf("%s speaks %s", p.UserName, p.Locale)
			}
		}
	}
	turn(ctx, false)
	must(t, choose(bea, "es")) // the realm's own
	turn(ctx, false)

	must(t, choose(ana, "es"))
	lost := errors.New("the answer got lost")
	for range 3 {
		d.meanwhile = func() error { return lost }
		turn(ctx, true, "es")
	}
	hand, kill := context.WithCancel(ctx)
	d.meanwhile = func() error { kill(); return nil } // before it can be recorded
	turn(hand, true, "es")
	turn(ctx, false) // it is still the dead one's
	b.sql(`update realm_language set lease_until = clock_timestamp() - interval '1 second'`)
	turn(ctx, false, "es")
	speaks("es")
	turn(ctx, false)

	must(t, choose(ana, "en"))
	must(t, choose(ana, "es"))
	d.meanwhile = func() error { return choose(ana, "en") }
	turn(ctx, false, "es")
	turn(ctx, false, "en")
	speaks("en")
	turn(ctx, false)

	must(t, choose(gone, "es"))
	must(t, d.RemovePerson(ctx, gone)) // closed meanwhile
	turn(ctx, false, "es")
	turn(ctx, false)
}
