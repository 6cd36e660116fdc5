package locale

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"countersign/policies"

	"github.com/goccy/go-yaml"
)

// Texts for the public and for patients are plain: English up to the eighth
// school grade (Flesch-Kincaid, what the AMA and the NIH advise for patients as
// the most), Spanish at least "normal" on the INFLESZ scale, 55 (Szigriszt-Pazos,
// as Barrio-Cantalejo measured health texts), both with sentences of 16 words on
// average and 32 at the most. What is signed must name legal things: grade 10,
// and 50.
const (
	mostGrade, mostGradeSigned = 8.0, 10.0
	leastEase, leastEaseSigned = 55.0, 50.0
	meanWords, mostWords       = 16.0, 32
)

// strangers are the mails to people who have no account yet.
var strangers = regexp.MustCompile(`^mail\.(address-known|name-taken|details-refused|declaration-asked|operator-invited|mandate-offered)\.`)

func TestPlainWords(t *testing.T) {
	t.Parallel()
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range Languages() {
		for _, area := range areas(t, lang) { // staff read in a hurry: what is plain for all is plain for them
			plain(t, lang, area, catalogText(t, lang, area, nil), false)
		}
		plain(t, lang, "mails to strangers", catalogText(t, lang, "mail", strangers), false)
		for _, p := range built {
			for _, key := range slices.Sorted(maps.Keys(p.Texts[lang])) {
				if words := p.Texts[lang][key]; strings.HasPrefix(key, "guide.") || slices.Contains([]string{"eligibility", "time", "declaration", "welcome"}, key) {
					plain(t, lang, p.ID+" "+key, words, false)
				}
			}
			for name, a := range p.Agreements {
				plain(t, lang, p.ID+" "+name, a.Versions[len(a.Versions)-1].Texts[lang].Markdown, true)
			}
		}
	}
}

// areas are all that the product has words for.
func areas(t *testing.T, lang string) []string {
	t.Helper()
	files, err := filepath.Glob("words/*." + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if area, _, _ := strings.Cut(filepath.Base(file), "."); area != "time" { // no sentences
			out = append(out, area)
		}
	}
	return out
}

// catalogText is an area's messages, or those of it whose keys match, each as a
// text of its own.
func catalogText(t *testing.T, lang, area string, only *regexp.Regexp) string {
	t.Helper()
	data, err := os.ReadFile("words/" + area + "." + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string]any{}
	if err := yaml.Unmarshal(data, &messages); err != nil {
		t.Fatal(err)
	}
	var out []string
	for key, message := range messages {
		text, ok := message.(string)
		if ok && (only == nil || only.MatchString(key)) && len(strings.Fields(text)) > 3 { // labels are no sentences
			out = append(out, place.ReplaceAllString(text, "Ana"))
		}
	}
	return strings.Join(out, "\n\n")
}

func plain(t *testing.T, lang, what, text string, signed bool) {
	t.Helper()
	var all, syllables, sentences int
	for _, sentence := range regexp.MustCompile(`[.?!:;]+["»)*]*\s|\n\s*\n|\n\s*(\d+\.|-|#+)\s`).Split(text+"\n", -1) {
		words := strings.FieldsFunc(sentence, func(r rune) bool { return !unicode.IsLetter(r) && r != '’' && r != '\'' })
		if len(words) == 0 {
			continue
		}
		sentences++
		all += len(words)
		for _, w := range words {
			syllables += count(lang, strings.ToLower(w))
		}
		if len(words) > mostWords && !signed {
			t.Errorf("%s: %s has a sentence of %d words: %s", lang, what, len(words), strings.Join(words, " "))
		}
	}
	if sentences == 0 {
		return
	}
	long, heavy := float64(all)/float64(sentences), float64(syllables)/float64(all)
	grade, ease := 0.39*long+11.8*heavy-15.59, 206.835-62.3*heavy-long
	limit, least := mostGrade, leastEase
	if signed {
		limit, least = mostGradeSigned, leastEaseSigned
	}
	switch {
	case lang == policies.English && grade > limit:
		t.Errorf("%s: %s needs %.1f years of school; at most %.0f", lang, what, grade, limit)
	case lang == "es" && ease < least:
		t.Errorf("%s: %s has an ease of %.1f; at least %.0f", lang, what, ease, least)
	case !signed && long > meanWords:
		t.Errorf("%s: %s has %.1f words in a sentence; at most %.0f", lang, what, long, meanWords)
	}
	t.Logf("%s %s: grade %.1f, ease %.1f, %.1f words", lang, what, grade, ease, long)
}

var (
	englishVowels = regexp.MustCompile(`[aeiouy]+`)
	silent        = regexp.MustCompile(`([^aeiouyl]e|[^aeiouytd]ed|[^sxzhcg]es)$`)
	// Two strong vowels, or a stressed weak one, are two syllables.
	spanishVowels = regexp.MustCompile(`[iuü]?[aeoáéó][iuüy]?|[íú]|[iuü]+|y$`)
)

// count is how many syllables a word has.
func count(lang, word string) int {
	if lang == "es" {
		word = regexp.MustCompile(`([qg])u([eiéí])`).ReplaceAllString(word, "$1$2")
		return max(1, len(spanishVowels.FindAllString(word, -1)))
	}
	return max(1, len(englishVowels.FindAllString(silent.ReplaceAllString(word, "x"), -1)))
}

// Syllables are counted as people say them.
func TestSyllables(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]int{"make": 1, "table": 2, "access": 2, "authorize": 3, "signed": 1, "needed": 2, "eligible": 4, "page": 1, "pages": 2} {
		if got := count("en", word); got != want {
			t.Errorf("%s: %d, want %d", word, got, want)
		}
	}
	for word, want := range map[string]int{"cuenta": 2, "solicitud": 4, "que": 1, "guía": 2, "administrador": 5, "declaración": 4, "lee": 2, "hoy": 1, "muestra": 2, "y": 1, "todavía": 4} {
		if got := count("es", word); got != want {
			t.Errorf("%s: %d, want %d", word, got, want)
		}
	}
}
