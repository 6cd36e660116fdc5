package portal

import (
	"net/url"
	"slices"
	"strconv"
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

// reasonsOf are the codes that a form sent; none chosen is an error to put right.
func reasonsOf(form url.Values, list []string) (codes []string, wrong string) {
	codes = form["reasons"]
	switch {
	case len(codes) == 0:
		return nil, "error.reason-needed"
	case !knownCodes(codes, list):
		return nil, "error.choose"
	}
	return codes, ""
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

func itoa(n int) string { return strconv.Itoa(n) }

// maxWords is the most that a reviewer may write to a person, in characters.
const maxWords = 2000
