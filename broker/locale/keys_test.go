package locale

import (
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
var speakers = []string{"portal", "mail", "session", "registry", "worker", "locale"}

// use is one place that says a key, with the names of the values that it gives.
type use struct {
	where, key string
	names      []string
	open       bool // the values could not be read from the source
}

// Every key that templates and Go say exists and gets the values that it has
// places for; every key that exists is said somewhere; and each language has
// the same places as English.
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
			if in, ok := other[key]; !ok || !slices.Equal(places(in), places(message)) {
				t.Errorf("%s: %q is missing or has other places than in English", lang, key)
			}
		}
		for key := range other {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %q is not an English key", lang, key)
			}
		}
	}
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
