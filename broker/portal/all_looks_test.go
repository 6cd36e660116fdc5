//go:build axe

package portal

import (
	"slices"
	"testing"

	"countersign/broker/locale"
	"countersign/broker/look"
)

// Every page in every state, in each language: axe-core finds nothing at the
// width of a phone and of a desk, nothing runs out of the window or is cut off
// there or at 200 % zoom, and each page once by keyboard alone and without
// scripts. This is `make axe`; one story of it: go test -tags axe -run
// TestAllLooks/es/members$ ./broker/portal.
// proves: C25
func TestAllLooks(t *testing.T) {
	t.Parallel()
	address, browser := bookAndBrowser(t)
	for _, lang := range locale.Languages() {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			tab, bare := openTab(t, browser, 320, 640), openTab(t, browser, 320, 640)
			if err := bare.Scripts(false); err != nil {
				t.Fatal(err)
			}
			all := told(t, lang)
			first := defaults(all)
			for _, s := range all {
				t.Run(s.name, func(t *testing.T) {
					story := lang + "/" + s.name
					resize(t, tab, 320)
					lookAt(t, tab, address, story, (*look.Tab).Fits, (*look.Tab).Axe)
					if slices.Contains(first, s.name) {
						sameWithoutScripts(t, tab, bare, address, story)
						lookAt(t, tab, address, story, (*look.Tab).Keys)
					}
					resize(t, tab, 640) // 1280 pixels at 200 % zoom
					lookAt(t, tab, address, story, (*look.Tab).Fits)
					resize(t, tab, 1280)
					lookAt(t, tab, address, story, (*look.Tab).Fits, (*look.Tab).Axe)
				})
			}
		})
	}
}

// sameWithoutScripts demands that a browser without scripts shows the same words
// and the same controls.
func sameWithoutScripts(t *testing.T, tab, bare *look.Tab, address, story string) {
	t.Helper()
	lookAt(t, bare, address, story)
	want, err := tab.Reads()
	if err != nil {
		t.Fatal(err)
	}
	got, err := bare.Reads()
	if err != nil {
		t.Fatal(err)
	}
	if got != want || got == "" {
		t.Errorf("%s: without scripts it reads\n%s\nand with them\n%s", story, got, want)
	}
}

func resize(t *testing.T, tab *look.Tab, width int64) {
	t.Helper()
	if err := tab.Size(width, 800); err != nil {
		t.Fatal(err)
	}
}
