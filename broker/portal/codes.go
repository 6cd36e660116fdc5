package portal

import (
	"net/url"
	"slices"
	"unicode/utf8"
)

// Why something is returned, refused or ended: closed lists, because codes stand
// in the record for ever and words beside them are private. The words for a code
// are the key "code.<code>".
var (
	reviewCodes  = []string{"not-known", "not-here", "wrong-role", "incomplete", "identity-unclear", "not-eligible", "licence", "declaration", "duplicate", "other"}
	endCodes     = []string{"left", "role-changed", "not-needed", "absence", "asked", "misuse", "other"}
	suspendCodes = []string{"compromised", "misuse", "licence", "inquiry", "other"}
)

// reasonsControl asks for one or more codes.
func (v *visit) reasonsControl(id, label, hint string, codes, chosen []string) control {
	c := control{ID: id, Name: "reasons", Widget: "checks", Label: label, Hint: hint}
	for _, code := range codes {
		c.Options = append(c.Options, option{Value: code, Label: v.words.T("code." + code), Chosen: slices.Contains(chosen, code)})
	}
	return c
}

// knownCodes tells whether every code is one of the list, each at most once.
func knownCodes(codes, list []string) bool {
	for i, code := range codes {
		if !slices.Contains(list, code) || slices.Contains(codes[:i], code) {
			return false
		}
	}
	return true
}

// checkReasons judges the codes of a form and the words beside them: field name
// to message key. None chosen is an error to put right.
func checkReasons(form url.Values, list []string) map[string]string {
	wrong := map[string]string{}
	switch codes := form["reasons"]; {
	case len(codes) == 0:
		wrong["reasons"] = "error.reason-needed"
	case !knownCodes(codes, list):
		wrong["reasons"] = "error.choose"
	}
	if utf8.RuneCountInString(form.Get("words")) > maxWords {
		wrong["words"] = "field-error.too-long"
	}
	return wrong
}

// said turns codes and words into lines to read.
func (v *visit) said(codes []string, words string) []string {
	var out []string
	for _, code := range codes {
		out = append(out, v.words.T("code."+code))
	}
	if words != "" {
		out = append(out, words)
	}
	return out
}

// maxWords is the most that a reviewer may write to a person, in characters.
const maxWords = 2000
