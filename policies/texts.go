package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// English is the language that every program has.
const English = "en"

// languages are those that a program may be written in; the first is required.
var languages = []string{English, "es"}

// Text gives a text of the program, in English where the language has none.
func (p *Program) Text(lang, key string) string {
	if s, ok := p.Texts[lang][key]; ok {
		return s
	}
	return p.Texts[English][key]
}

// NeedText is the key of the words for a need: need.approve.registrar.
func NeedText(needKey string) string {
	return "need." + strings.ReplaceAll(needKey, ":", ".")
}

// readTexts reads the words and the agreements in every language. All that the
// program implies must be there, and nothing else may be.
func readTexts(p *Program, formOf map[string]string, files map[string]string, faults *[]error) {
	must, may := textKeys(p, formOf)
	for _, lang := range languages {
		file := lang + ".yaml"
		content, ok := files[file]
		if !ok {
			if lang == English {
				*faults = append(*faults, Fault{File: file, Msg: "is missing"})
			}
			continue
		}
		p.Texts[lang] = readWords(reader{file: file, faults: faults}, content, must, may)
		shareFormTexts(p.Texts[lang], formOf)
		readAgreementTexts(p, lang, files, faults)
	}
	for _, lang := range languages[1:] {
		if p.Texts[lang] != nil {
			checkAlike(p, lang, must, may, faults)
		}
	}
}

// slot is what must be the same in every language of a text: a place for a value,
// where a link leads, an address to write to.
var slot = regexp.MustCompile(`\{\{[^}]*\}\}|\]\([^)]*\)|[\w.+-]+@[\w-]+\.[\w.-]*\w|https?://[^\s)>]+`)

// checkAlike refuses a language that says more or less than English: a text that
// one may leave out and only one of them has, or whose places, links or addresses
// differ.
func checkAlike(p *Program, lang string, must, may []string, faults *[]error) {
	file, english, other := lang+".yaml", p.Texts[English], p.Texts[lang]
	for _, key := range slices.Concat(must, may) {
		said, ok := english[key]
		in, both := other[key]
		switch {
		case ok != both && slices.Contains(may, key):
			lacks := map[bool]string{true: file, false: English + ".yaml"}[ok]
			*faults = append(*faults, Fault{File: lacks, Msg: fmt.Sprintf("text %q is missing, which another language has", key)})
		case ok && both && !slices.Equal(slots(said), slots(in)):
			*faults = append(*faults, Fault{File: file, Msg: fmt.Sprintf("text %q has %q where English has %q", key, slots(in), slots(said))})
		}
	}
	for _, name := range sortedKeys(p.Agreements) {
		for _, v := range p.Agreements[name].Versions {
			said, in := v.Texts[English], v.Texts[lang]
			if said.Markdown != "" && in.Markdown != "" && !slices.Equal(slots(said.Markdown), slots(in.Markdown)) {
				*faults = append(*faults, Fault{File: agreementFile(name, v.Number, lang),
					Msg: fmt.Sprintf("has %q where English has %q", slots(in.Markdown), slots(said.Markdown))})
			}
		}
	}
}

// slots are in order of the alphabet: languages differ in the order of words.
func slots(text string) []string {
	out := slot.FindAllString(text, -1)
	slices.Sort(out)
	return out
}

func readWords(r reader, content string, must, may []string) map[string]string {
	out := map[string]string{}
	root := r.parse([]byte(content))
	if root == nil {
		return out
	}
	known := slices.Concat(must, may)
	for _, e := range r.entries(root) {
		text := strings.TrimSpace(r.text(e.node))
		switch {
		case !slices.Contains(known, e.key):
			r.fault(e.at, "%s", unknown("text", e.key, known))
		case text == "":
			r.fault(e.at, "text %q is empty", e.key)
		}
		out[e.key] = text
	}
	for _, key := range must {
		if _, ok := out[key]; !ok {
			r.fault(nil, "text %q is missing", key)
		}
	}
	return out
}

func readAgreementTexts(p *Program, lang string, files map[string]string, faults *[]error) {
	for _, name := range sortedKeys(p.Agreements) {
		for _, v := range p.Agreements[name].Versions {
			file := agreementFile(name, v.Number, lang)
			text, ok := files[file]
			if !ok || strings.TrimSpace(text) == "" {
				*faults = append(*faults, Fault{File: file, Msg: "is missing or empty"})
				continue
			}
			sum := sha256.Sum256([]byte(text))
			v.Texts[lang] = AgreementText{Markdown: text, Digest: hex.EncodeToString(sum[:])}
		}
	}
}

// textKeys lists the keys that the program must have, and those that it may.
func textKeys(p *Program, formOf map[string]string) (must, may []string) {
	must = []string{"name", "about"}
	for _, r := range p.Roles {
		must = append(must, "role."+r.Code+".name", "role."+r.Code+".about")
	}
	for _, e := range p.Entitlements {
		must = append(must, "entitlement."+e+".name")
	}
	for _, pr := range p.Professions {
		must = append(must, "profession."+pr.Code)
		for _, b := range pr.Bodies {
			if key := "body." + b; !slices.Contains(must, key) {
				must = append(must, key)
			}
		}
	}
	for _, name := range sortedKeys(p.Agreements) {
		must = append(must, "agreement."+name+".title")
	}
	must = append(must, needTexts(p)...)
	forms := map[string][]Field{"site": p.Sites.Form}
	for _, r := range p.Roles {
		if f := formOf[r.Code]; f != "" {
			forms[f] = r.Form
		}
	}
	for _, name := range sortedKeys(forms) {
		for _, f := range forms[name] {
			key := "field." + name + "." + f.Name
			must, may = append(must, key+".label"), append(may, key+".help")
			for _, o := range f.Options {
				must = append(must, key+".option."+o)
			}
		}
	}
	if p.Sites.Kind == "" {
		return must, may
	}
	must = append(must, "site.word", "site.words", "eligibility", "time", "browser", "feedback", "agreements",
		"declaration", "guide.overview", "guide.site", "welcome.subject", "welcome")
	for _, r := range p.Roles {
		must = append(must, "guide.role."+r.Code)
	}
	return must, may
}

func needTexts(p *Program) []string {
	needs := slices.Clone(p.Sites.Needs)
	for _, r := range p.Roles {
		needs = append(needs, r.Needs...)
	}
	var out []string
	for _, n := range needs {
		if key := NeedText(n.Key()); !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// shareFormTexts gives every role its form's texts under the role's own code, so
// that who renders a role's form need not know that the form is shared.
func shareFormTexts(texts map[string]string, formOf map[string]string) {
	for _, key := range sortedKeys(texts) {
		for role, form := range formOf {
			if rest, ok := strings.CutPrefix(key, "field."+form+"."); ok {
				texts["field."+role+"."+rest] = texts[key]
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
