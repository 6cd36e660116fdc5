// Package locale holds every word that the product itself says, by key and
// language.
//
// The catalogs are YAML files in words/, named <area>.<language>.yaml: frame,
// public, ask, decide, mail, … A key is flat, with dots ("home.title"); a
// message has placeholders in the way of text/template ("{{.Name}}"), and
// forms by number where it counts things (one, other). Every language says every
// key, and plainly: tests hold both. A build in which one is missing says that key
// in English.
//
//	w := locale.For(person.Locale, r.Header.Get("Accept-Language"))
//	w.T("home.hello", "Name", person.Name)
//
// What a program says (its roles, fields, guides and agreements) is the
// program's own data; Program looks it up. A test compares the keys that
// templates and Go name with those that exist, both ways.
package locale

import (
	"embed"
	"errors"
	"fmt"

	"countersign/policies"

	"github.com/goccy/go-yaml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed words/*.yaml
var files embed.FS

// The catalogs are parsed once, at start: a file that cannot be read is a
// fault of the build, not of a request.
var (
	bundle, languages = load()
	matcher           = language.NewMatcher(languages)
)

func load() (*i18n.Bundle, []language.Tag) {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("yaml", func(data []byte, v any) error { return yaml.Unmarshal(data, v) })
	entries, err := files.ReadDir("words")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		data, err := files.ReadFile("words/" + e.Name())
		if err != nil {
			panic(err)
		}
		if _, err := b.ParseMessageFileBytes(data, e.Name()); err != nil {
			panic(fmt.Errorf("locale: %s: %w", e.Name(), err))
		}
	}
	return b, b.LanguageTags()
}

// Words says things in one language.
type Words struct {
	lang      string
	localizer *i18n.Localizer
}

// For picks the best language that exists for the preferences, the first one
// first. Each is a BCP 47 tag or the value of an Accept-Language header; empty
// and malformed ones are passed over.
func For(preferences ...string) *Words {
	tag, _ := language.MatchStrings(matcher, preferences...)
	base, _ := tag.Base()
	return &Words{lang: base.String(), localizer: i18n.NewLocalizer(bundle, base.String())}
}

// Match is the best language that exists for the preferences, as For picks it.
func Match(preferences ...string) string { return For(preferences...).lang }

// Languages are the languages that have catalogs, as BCP 47 tags, English first.
func Languages() []string {
	var out []string
	for _, t := range languages {
		out = append(out, t.String())
	}
	return out
}

// Lang is the language, as a BCP 47 tag for lang attributes and Content-Language.
func (w *Words) Lang() string { return w.lang }

// T says the message of the key. Args are pairs of a placeholder's name and its
// value. An unknown key is said as itself, so that a page never fails for a word.
func (w *Words) T(key string, args ...any) string {
	return w.say(&i18n.LocalizeConfig{MessageID: key, TemplateData: pairs(args)})
}

// N is T for a message that counts: the form for n is chosen, and the
// placeholder N is n.
func (w *Words) N(key string, n int, args ...any) string {
	data := pairs(args)
	data["N"] = w.Number(n)
	return w.say(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: data})
}

// Has tells whether the key exists.
func (w *Words) Has(key string) bool {
	_, err := w.localizer.Localize(&i18n.LocalizeConfig{MessageID: key})
	var none *i18n.MessageNotFoundErr
	return !errors.As(err, &none)
}

// Program says a program's own text: in this language, else in English, else
// the key itself.
func (w *Words) Program(p *policies.Program, key string) string {
	text, ok := w.ProgramText(p, key)
	if !ok {
		return key
	}
	return text
}

// ProgramText is Program for a text that a program may leave out.
func (w *Words) ProgramText(p *policies.Program, key string) (string, bool) {
	for _, lang := range []string{w.lang, language.English.String()} {
		if text, ok := p.Texts[lang][key]; ok {
			return text, true
		}
	}
	return "", false
}

func (w *Words) say(c *i18n.LocalizeConfig) string {
	text, err := w.localizer.Localize(c)
	if err != nil && text == "" {
		return c.MessageID
	}
	return text
}

func pairs(args []any) map[string]any {
	data := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		data[fmt.Sprint(args[i])] = args[i+1]
	}
	return data
}
