package portal

import (
	"net/http/httptest"
	"testing"

	"countersign/broker/locale"
	"countersign/broker/look"
)

// bookAndBrowser serves the storybook and opens a browser beside it.
func bookAndBrowser(t *testing.T) (address string, browser *look.Browser) {
	t.Helper()
	book, err := Storybook()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(book)
	t.Cleanup(server.Close)
	browser, err = look.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(browser.Close)
	return server.URL, browser
}

func openTab(t *testing.T, browser *look.Browser, width, height int64) *look.Tab {
	t.Helper()
	tab, err := browser.Tab(width, height)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tab.Close)
	return tab
}

// look opens a story and reports what each judge objects to.
func lookAt(t *testing.T, tab *look.Tab, address, story string, judges ...func(*look.Tab) ([]string, error)) {
	t.Helper()
	if err := tab.Go(address + "/" + story); err != nil {
		t.Fatal(err)
	}
	for _, judge := range judges {
		findings, err := judge(tab)
		if err != nil {
			t.Fatalf("%s: %v", story, err)
		}
		for _, f := range findings {
			t.Errorf("%s: %s", story, f)
		}
	}
}

// Every page in its default state, in each language, at the width of a phone:
// axe-core finds nothing and nothing runs out of the window. `make axe` looks
// at all states, at other widths, without scripts and by keyboard.
// proves: C25
func TestLooks(t *testing.T) {
	t.Parallel()
	address, browser := bookAndBrowser(t)
	tab := openTab(t, browser, 320, 640)
	for _, lang := range locale.Languages() {
		for _, name := range defaults(told(t, lang)) {
			lookAt(t, tab, address, lang+"/"+name, (*look.Tab).Fits, (*look.Tab).Axe)
		}
	}
}
