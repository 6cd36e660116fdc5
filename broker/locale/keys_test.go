package locale

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/policies"

	"github.com/goccy/go-yaml"
)

// speakers are the packages that say words of the product, or name keys in errors.
var speakers = []string{"../policies", "bulk", "portal", "mail", "session", "registry", "worker", "locale"}

// use is one place that says a key, with the names of the values that it gives.
type use struct {
	where, key string
	names      []string
	open       bool // the values could not be read from the source
}

// Every key that templates and Go say exists and gets the values that it has
// places for; every key that exists is said somewhere; and each language says all
// of it, with the same places and the same forms for numbers.
func TestKeys(t *testing.T) {
	t.Parallel()
	english := catalog(t, "en")
	uses, prefixes := said(t)
	used := map[string]bool{}
	for _, u := range uses {
		used[u.key] = true
		message, ok := english[u.key]
		if !ok {
			t.Errorf("%s says %q, which no catalog has", u.where, u.key)
			continue
		}
		if want := places(message); !u.open && !slices.Equal(want, u.names) {
			t.Errorf("%s gives %q the values %q, its places are %q", u.where, u.key, u.names, want)
		}
	}
	for _, code := range policies.ReasonCodes() {
		if _, ok := english["reason."+code]; !ok {
			t.Errorf("no words for the reason %q", code)
		}
	}
	for key := range english {
		byPrefix := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
		if !used[key] && !byPrefix {
			t.Errorf("nothing says %q", key)
		}
	}
	for _, lang := range Languages()[1:] {
		other := catalog(t, lang)
		for key, message := range english {
			in, ok := other[key]
			switch {
			case !ok:
				t.Errorf("%s: %q is missing", lang, key)
			case !slices.Equal(places(in), places(message)):
				t.Errorf("%s: %q has the places %q, in English %q", lang, key, places(in), places(message))
			case !slices.Equal(forms(in), forms(message)):
				t.Errorf("%s: %q has the forms %q, in English %q", lang, key, forms(in), forms(message))
			case copied(in, message):
				t.Errorf("%s: %q is said in English", lang, key)
			}
		}
		for key := range other {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %q is not an English key", lang, key)
			}
		}
	}
}

// copied tells whether a message of some words is the same in both languages.
func copied(a, b any) bool {
	said, _ := a.(string)
	return said == b && len(strings.Fields(said)) > 3
}

// forms are the forms by number that a message has: English and Spanish have the
// same ones for the counts that a page shows.
func forms(message any) []string {
	counted, _ := message.(map[string]any)
	return slices.Sorted(maps.Keys(counted))
}

var place = regexp.MustCompile(`{{\s*\.([A-Za-z]+)\s*}}`)

// places are the names of a message's placeholders, sorted; N comes with counting.
func places(message any) []string {
	text, _ := message.(string)
	if forms, ok := message.(map[string]any); ok {
		for _, form := range forms {
			text += form.(string)
		}
	}
	var out []string
	for _, m := range place.FindAllStringSubmatch(text, -1) {
		if m[1] != "N" {
			out = append(out, m[1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func catalog(t *testing.T, lang string) map[string]any {
	t.Helper()
	names, err := filepath.Glob("words/*." + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		one := map[string]any{}
		if err := yaml.Unmarshal(data, &one); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for key, message := range one {
			if _, twice := all[key]; twice {
				t.Errorf("%s: %q is in another file too", name, key)
			}
			all[key] = message
		}
	}
	return all
}
