//go:build pictures

package portal

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"countersign/broker/locale"
)

// A picture of every story in each language, as wide as a phone and as a desk,
// for whoever makes pages to look at:
//
//	COUNTERSIGN_PICTURES=/some/folder go test -tags pictures -run TestPictures ./broker/portal
func TestPictures(t *testing.T) {
	t.Parallel()
	dir, only := os.Getenv("COUNTERSIGN_PICTURES"), os.Getenv("ONLY")
	address, browser := bookAndBrowser(t)
	for _, lang := range locale.Languages() {
		tab := openTab(t, browser, 320, 640)
		for _, s := range told(t, lang) {
			if !strings.Contains(lang+"/"+s.name, only) {
				continue
			}
			for _, width := range []int64{320, 1280} {
				resize(t, tab, width)
				lookAt(t, tab, address, lang+"/"+s.name)
				png, err := tab.Picture()
				if err != nil {
					t.Fatal(err)
				}
				name := filepath.Join(dir, s.name+"."+lang+"."+strconv.FormatInt(width, 10)+".png")
				if err := os.WriteFile(name, png, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
