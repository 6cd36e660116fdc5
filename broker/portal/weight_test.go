package portal

import (
	"testing"
)

// What a first visit brings, with an empty cache, and what the next page does:
// few bytes, few requests, none that leaves the origin. The limits stand a
// little above what README says, and count headers too.
func TestWeight(t *testing.T) {
	t.Parallel()
	address, browser := bookAndBrowser(t)
	tab := openTab(t, browser, 1280, 800)
	for _, visit := range []struct {
		what, page string
		requests   int
		bytes      int64
	}{
		{"first visit", "/en/home", 8, 70_000},
		{"second page", "/en/program", 2, 15_000},
		{"in Spanish", "/es/home", 2, 15_000},
	} {
		got, err := tab.Visit(address, address+visit.page)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d requests, %d bytes", visit.what, got.Requests, got.Bytes)
		if len(got.Outside)+len(got.Failed) > 0 {
			t.Errorf("%s asks elsewhere for %q, and in vain for %q", visit.what, got.Outside, got.Failed)
		}
		if got.Requests == 0 || got.Requests > visit.requests || got.Bytes == 0 || got.Bytes > visit.bytes {
			t.Errorf("%s: %d requests and %d bytes, at most %d and %d are meant", visit.what, got.Requests, got.Bytes, visit.requests, visit.bytes)
		}
	}
}
