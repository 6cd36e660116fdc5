package provisioning_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"countersign/provisioning"
)

// Five pass in a realm of any size, and one in two hundred of a large one.
// proves: F10
func TestLimit(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]int{0: 5, 1: 5, 300: 5, 1000: 5, 1001: 6, 1200: 6, 20000: 100, 20001: 101} {
		if got := provisioning.Limit(total); got != want {
			t.Errorf("of %d: %d, want %d", total, got, want)
		}
	}
}

// However removals come, one by one or together, within a window no more pass than the
// limit; what asks for nothing is never stopped, and more members never stop more.
// proves: F10 F18
func TestNothingCreepsPastTheBrake(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 50000).Draw(t, "total")
		passed := 0
		for range rapid.IntRange(1, 60).Draw(t, "times") {
			asked := rapid.IntRange(0, 40).Draw(t, "asked")
			stops := provisioning.Stops(passed, asked, total)
			if !stops {
				passed += asked
			}
			if asked == 0 && stops {
				t.Fatal("nothing was stopped")
			}
			if !stops && provisioning.Stops(passed-asked, asked, total+rapid.IntRange(0, 1000).Draw(t, "more")) {
				t.Fatal("a larger realm is stopped earlier")
			}
		}
		if passed > provisioning.Limit(total) {
			t.Fatalf("%d passed of %d", passed, total)
		}
	})
}

func drawEffects(t *rapid.T, label string) []provisioning.Effect {
	word := rapid.SampledFrom([]string{"", "a", "b", "ab", "abc"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) provisioning.Effect {
		return provisioning.Effect{Do: rapid.SampledFrom([]string{provisioning.DoLeave, provisioning.DoLapse}).Draw(t, "do"),
			Account: word.Draw(t, "account"), Site: word.Draw(t, "site"), Role: word.Draw(t, "role"), Leaf: word.Draw(t, "leaf"),
			Sub: word.Draw(t, "sub"), Group: word.Draw(t, "group"), Path: word.Draw(t, "path")}
	}), 0, 8).Draw(t, label)
}

// A digest is of what would be done, in whatever order it was found: the same plan has
// the same one and two plans never do.
// proves: A07
func TestDigestIsOfThePlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := provisioning.NewEffects(drawEffects(t, "a")), provisioning.NewEffects(drawEffects(t, "b"))
		shuffled := slices.Clone(a)
		slices.Reverse(shuffled)
		if got := provisioning.Effects(shuffled).Digest("drift", ""); got != a.Digest("drift", "") {
			t.Fatal("the order changes the digest")
		}
		if slices.Equal(a, b) != (a.Digest("drift", "") == b.Digest("drift", "")) {
			t.Fatalf("%v and %v", a, b)
		}
		if a.Digest("drift", "x") == a.Digest("driftx", "") || a.Digest("drift", "") == a.Digest("lapse", "") {
			t.Fatal("the digest is not of one brake")
		}
		rest := a.Without(b)
		if len(rest.Without(a)) != 0 || len(a.Without(rest).Without(b)) != 0 || len(provisioning.NewEffects(slices.Concat(a, a))) != len(a) {
			t.Fatal("what is left of a plan is not of it")
		}
	})
}

// A realm that lists nobody, or far fewer than were confirmed there, is not believed; one
// that lists as many or more always is.
// proves: F10
func TestImplausible(t *testing.T) {
	t.Parallel()
	counts := func(people, memberships int) provisioning.Counts {
		return provisioning.Counts{People: people, Memberships: memberships}
	}
	for _, c := range []struct {
		confirmed, listed provisioning.Counts
		want              string
	}{
		{counts(0, 0), counts(0, 0), ""},
		{counts(0, 0), counts(12, 40), ""},
		{counts(300, 600), counts(300, 600), ""},
		{counts(300, 600), counts(299, 595), ""},
		{counts(300, 600), counts(0, 0), "empty"},
		{counts(300, 600), counts(0, 600), "empty"},
		{counts(300, 600), counts(300, 0), "empty"},
		{counts(2, 4), counts(2, 0), ""}, // four memberships: below what the brake lets pass
		{counts(300, 600), counts(200, 600), "people-missing"},
		{counts(300, 600), counts(300, 400), "memberships-missing"},
		{counts(300, 600), counts(270, 540), ""},
		{counts(300, 600), counts(269, 540), "people-missing"},
		{counts(20000, 40000), counts(19000, 39000), ""},
	} {
		if got := provisioning.Implausible(c.confirmed, c.listed); got != c.want {
			t.Errorf("%v listed as %v: %q, want %q", c.confirmed, c.listed, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100000)
		a := counts(n.Draw(t, "people"), n.Draw(t, "memberships"))
		if provisioning.Implausible(a, counts(a.People+n.Draw(t, "more"), a.Memberships+n.Draw(t, "more"))) != "" {
			t.Fatal("as many or more are not believed")
		}
	})
}
