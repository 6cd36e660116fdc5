package portal

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The design system's style sheet is that of every page that anyone could make
// with it: 527 kB. What our pages use is a tenth. subset leaves the rules whose
// classes no template names, and fonts that are not among our files; everything
// else stays as it is and in its order. TestSubset demands of every story that
// each class of it that the whole sheet knows is still there.

// subset is the style sheet without what no page can use. has tells of a file
// relative to the style sheet.
func subset(css string, names classNames, has func(file string) bool) string {
	var out strings.Builder
	for css != "" {
		head, body, rest, ok := nextRule(css)
		css = rest
		switch {
		case !ok:
			out.WriteString(head) // a statement such as @charset
		case strings.HasPrefix(head, "@media"), strings.HasPrefix(head, "@supports"):
			if inner := subset(body, names, has); inner != "" {
				out.WriteString(head + "{" + inner + "}")
			}
		case strings.HasPrefix(head, "@font-face"):
			if file := fontFile.FindStringSubmatch(body); file != nil && has(path.Clean(file[1])) {
				out.WriteString(head + "{" + body + "}")
			}
		case strings.HasPrefix(head, "@"):
			out.WriteString(head + "{" + body + "}")
		default:
			if kept := keptSelectors(head, names); kept != "" {
				out.WriteString(kept + "{" + body + "}")
			}
		}
	}
	return out.String()
}

var (
	fontFile  = regexp.MustCompile(`url\(([^)?#]+\.woff2)`)
	className = regexp.MustCompile(`\.(-?[_a-zA-Z](?:[\w-]|\\.)*)`)
	negation  = regexp.MustCompile(`:not\([^()]*\)`)
)

// nextRule takes the first rule off a style sheet: what stands before its
// braces and in them. One without braces ends with its semicolon and is not ok.
func nextRule(css string) (head, body, rest string, ok bool) {
	depth, begin := 0, 0
	var quote byte
	for i := 0; i < len(css); i++ {
		c := css[i]
		switch {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ';' && depth == 0:
			return css[:i+1], "", css[i+1:], false
		case c == '{':
			if depth++; depth == 1 {
				begin = i
			}
		case c == '}':
			if depth--; depth == 0 {
				return strings.TrimSpace(css[:begin]), css[begin+1 : i], css[i+1:], true
			}
		}
	}
	return "", "", "", false
}

// keptSelectors are those of a list whose every class some page has. A class that
// must not be there does not count.
func keptSelectors(list string, names classNames) string {
	var kept []string
	for _, one := range splitSelectors(list) {
		possible := true
		for _, m := range className.FindAllStringSubmatch(negation.ReplaceAllString(one, ""), -1) {
			possible = possible && names.has(m[1])
		}
		if possible {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, ",")
}

// splitSelectors splits at the commas that are in no parentheses.
func splitSelectors(list string) []string {
	var out []string
	depth, begin := 0, 0
	for i := range len(list) {
		switch list[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out, begin = append(out, list[begin:i]), i+1
			}
		}
	}
	return append(out, list[begin:])
}

// classNames are the words of the templates that may be classes. One that a
// template completes ("usa-input--{{.Size}}") stands for all that begin so.
type classNames struct {
	whole  map[string]bool
	starts []string
}

var templateWord = regexp.MustCompile(`[a-zA-Z][\w-]*`)

func classNamesIn(sources ...string) classNames {
	names := classNames{whole: map[string]bool{}}
	for _, source := range sources {
		for _, word := range templateWord.FindAllString(source, -1) {
			names.whole[word] = true
			if strings.HasSuffix(word, "-") {
				names.starts = append(names.starts, word)
			}
		}
	}
	return names
}

func (n classNames) has(class string) bool {
	return n.whole[class] || slices.ContainsFunc(n.starts, func(s string) bool { return strings.HasPrefix(class, s) })
}
