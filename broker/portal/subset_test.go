package portal

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/broker/locale"

	"golang.org/x/net/html"
)

// What the design system says about the classes that the pages of all stories
// have is served, in its order; most of the rest is not.
func TestSubset(t *testing.T) {
	t.Parallel()
	whole, err := staticFiles.ReadFile("static/" + systemStyle)
	if err != nil {
		t.Fatalf("run `sh broker/portal/assets.sh`: %v", err)
	}
	used := classNames{whole: map[string]bool{}}
	for _, lang := range locale.Languages() {
		for _, s := range told(t, lang) {
			w := httptest.NewRecorder()
			if err := write(w, http.StatusOK, s.page); err != nil {
				t.Fatal(err)
			}
			doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			for n := range doc.Descendants() {
				for _, class := range strings.Fields(attr(n, "class")) {
					used.whole[class] = true
				}
			}
		}
	}
	served := string(assets()[systemStyle].plain)
	none := func(string) bool { return false } // fonts apart
	if subset(served, used, none) != subset(string(whole), used, none) {
		t.Error("a rule that some story needs is not served")
	}
	if strings.Contains(served, "usa-accordion") || len(served) > len(whole)/5 {
		t.Errorf("%d of %d bytes are served", len(served), len(whole))
	}
	t.Logf("%d bytes, %d gzipped", len(served), len(assets()[systemStyle].gzipped))
}

func TestSubsetKeepsTheRest(t *testing.T) {
	t.Parallel()
	css := `@charset "UTF-8";@font-face{src:url(../fonts/a.woff2)}@font-face{src:url(../fonts/none.woff2)}h1{a:b}.x,.y:not(.z):is(p,.x){c:url("};{")}` +
		`@media print{.z{d:e}}@media all{.z{a:b}.grow-9{f:g}}.\31 x{a:b}`
	got := subset(css, classNamesIn(`class="x y grow-{{.N}}"`), func(file string) bool { return file == "../fonts/a.woff2" })
	want := `@charset "UTF-8";@font-face{src:url(../fonts/a.woff2)}h1{a:b}.x,.y:not(.z):is(p,.x){c:url("};{")}@media all{.grow-9{f:g}}.\31 x{a:b}`
	if got != want {
		t.Errorf("is\n%s\nwant\n%s", got, want)
	}
}
