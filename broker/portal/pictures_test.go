//go:build pictures

package portal

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"countersign/broker/locale"
)

// pictured are the stories that README shows, as wide as a desk or a phone.
var pictured = []string{"home.en.1280", "access.en.1280", "check-join.es.320", "tracker.es.320", "item.en.1280", "case-person.en.1280", "members.en.320"}

// The pictures of README are made of stories: `make pictures` writes them anew
// into docs/pictures. With COUNTERSIGN_PICTURES=/some/folder it is every story in
// each language and at both widths, for whoever makes pages to look at.
func TestPictures(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("COUNTERSIGN_PICTURES")
	address, browser := bookAndBrowser(t)
	tab := openTab(t, browser, 320, 640)
	for _, lang := range locale.Languages() {
		for _, s := range told(t, lang) {
			for _, width := range []int64{320, 1280} {
				name := s.name + "." + lang + "." + strconv.FormatInt(width, 10)
				to := filepath.Join(dir, name+".png")
				if dir == "" {
					to = "../../docs/pictures/" + name + ".png"
				}
				if dir == "" && !slices.Contains(pictured, name) {
					continue
				}
				resize(t, tab, width)
				lookAt(t, tab, address, lang+"/"+s.name)
				data, err := tab.Picture()
				if err != nil {
					t.Fatal(err)
				}
				if dir == "" {
					data = small(t, data)
				}
				if err := os.WriteFile(to, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// small is a picture as a README needs it: 1,400 lines at most and 256 colours.
func small(t *testing.T, data []byte) []byte {
	t.Helper()
	whole, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b := whole.Bounds()
	b.Max.Y = min(b.Max.Y, 1400)
	few := image.NewPaletted(b, commonest(whole, b))
	index := map[color.Color]uint8{}
	for y := range b.Max.Y {
		for x := range b.Max.X {
			c := whole.At(x, y)
			i, ok := index[c]
			if !ok {
				i = uint8(few.Palette.Index(c)) //nolint:gosec // a palette has 256 colours
				index[c] = i
			}
			few.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// commonest are the 256 colours that a picture has most of.
func commonest(of image.Image, b image.Rectangle) color.Palette {
	count := map[color.Color]int{}
	for y := range b.Max.Y {
		for x := range b.Max.X {
			count[of.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	return colours[:min(len(colours), 256)]
}
