package realm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// messages reads a theme's words in one language.
func messages(t *testing.T, kind, lang string) map[string]string {
	t.Helper()
	text, err := Files.ReadFile("theme/countersign/" + kind + "/messages/messages_" + lang + ".properties")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if _, twice := all[key]; !found || twice {
			t.Errorf("%s %s: %q is no message, or the second of its name", kind, lang, line)
		}
		all[key] = value
	}
	return all
}

var (
	placeholders = regexp.MustCompile(`\{[0-9]\}`)
	// familiar are the words by which Spanish says tú instead of usted.
	familiar = regexp.MustCompile(`(?i)(^|[^\p{L}])(tú|tu|tus|te|ti|tuyo|haz|puedes|debes|tienes|quieres|has|eres|inicia|introduce|elige|escribe|abre|usa tu|revisa tu|contraseñas tus)([^\p{L}]|$)`)
	// apostrophe alone would make java.text.MessageFormat show placeholders as they are.
	apostrophe = regexp.MustCompile(`(^|[^'])'([^']|$)`)
)

// Every word of Keycloak's pages and mails is there in both languages, with the
// same placeholders; Spanish says usted.
// proves: B3
func TestWords(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"login", "email"} {
		en, es := messages(t, kind, "en"), messages(t, kind, "es")
		for key, text := range en {
			other, both := es[key]
			switch {
			case !both:
				t.Errorf("%s: %s has no Spanish", kind, key)
			case !slices.Equal(sorted(text), sorted(other)):
				t.Errorf("%s: %s has other placeholders in Spanish", kind, key)
			}
		}
		for key, text := range es {
			if _, both := en[key]; !both {
				t.Errorf("%s: %s has no English", kind, key)
			}
			if said := familiar.FindString(text); said != "" {
				t.Errorf("%s: %s says %q: %s", kind, key, said, text)
			}
			if apostrophe.MatchString(text) || apostrophe.MatchString(en[key]) {
				t.Errorf("%s: %s has an apostrophe that is not doubled", kind, key)
			}
		}
	}
}

func sorted(text string) []string {
	found := placeholders.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Each word of ours that a template asks for is there.
func TestWordsAsked(t *testing.T) {
	t.Parallel()
	ask := regexp.MustCompile(`msg\(["']([a-zA-Z.-]+)["']`)
	for _, kind := range []string{"login", "email"} {
		known := messages(t, kind, "en")
		templates, err := filepath.Glob("theme/countersign/" + kind + "/*.ftl")
		if err != nil {
			t.Fatal(err)
		}
		more, err := filepath.Glob("theme/countersign/" + kind + "/*/*.ftl")
		if err != nil {
			t.Fatal(err)
		}
		if templates = append(templates, more...); len(templates) == 0 {
			t.Fatal("no templates were found")
		}
		for _, name := range templates {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range ask.FindAllStringSubmatch(string(text), -1) {
				if known[m[1]] == "" && !strings.HasSuffix(m[1], ".") { // requiredAction.${…}
					t.Errorf("%s asks for %s", name, m[1])
				}
			}
		}
	}
}

// The list holds what the length alone would let through, each once.
func TestPasswordList(t *testing.T) {
	t.Parallel()
	text, err := Files.ReadFile("password-blacklists/countersign.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, p := range list {
		if len([]rune(p)) < 15 || p != strings.ToLower(p) || i > 0 && p == list[i-1] {
			t.Errorf("%q does not belong into the list", p)
		}
	}
	for _, p := range []string{"passwordpassword", "qwertyuiopasdfgh", "correct horse battery staple", "123456789012345", "countersign1234"} {
		if !slices.Contains(list, p) {
			t.Errorf("the list lacks %q", p)
		}
	}
}

// Face and mark are the portal's own.
func TestSameHouse(t *testing.T) {
	t.Parallel()
	manifest, err := os.ReadFile("../broker/portal/static/manifest.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sourcesanspro-regular-webfont.woff2", "sourcesanspro-bold-webfont.woff2"} {
		font, err := Files.ReadFile("theme/countersign/login/resources/fonts/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(font)
		if !regexp.MustCompile(hex.EncodeToString(sum[:]) + `  \S*/` + regexp.QuoteMeta(name)).Match(manifest) {
			t.Errorf("%s is not the portal's", name)
		}
	}
	ours, err := Files.ReadFile("theme/countersign/login/resources/img/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	portals, err := os.ReadFile("../broker/portal/static/icon.svg")
	if err != nil || !bytes.Equal(ours, portals) {
		t.Errorf("the mark is not the portal's: %v", err)
	}
}

// Writing replaces what an earlier build wrote and touches nobody else's theme;
// addresses of style and scripts name the build.
func TestWriteFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, gone := range map[string]bool{"themes/countersign/login/old.ftl": true, "themes/theirs/login/theme.properties": false} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := os.Stat(path); gone != os.IsNotExist(err) {
				t.Errorf("%s: %v", path, err)
			}
		}()
	}
	if err := WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(dir, "themes/countersign/login/theme.properties"))
	if err != nil || !regexp.MustCompile(`(?m)^build=[0-9a-f]{12}$`).Match(written) {
		t.Errorf("no build in %s (%v)", written, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "password-blacklists/countersign.txt")); err != nil {
		t.Error(err)
	}
}
