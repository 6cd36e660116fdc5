package policies

import (
	"fmt"
	"time"
)

// agreementFile is where the text of one version in one language lies.
func agreementFile(name string, version int, lang string) string {
	return fmt.Sprintf("agreements/%s.v%d.%s.md", name, version, lang)
}

// Current is the version to show and to sign at t: the newest that is effective.
func (a Agreement) Current(t time.Time) (AgreementVersion, bool) {
	for i := len(a.Versions) - 1; i >= 0; i-- {
		if !a.Versions[i].From.After(t) {
			return a.Versions[i], true
		}
	}
	return AgreementVersion{}, false
}

// Text is the version's text in the language, or in English where it has none;
// shown tells which of them it is, for that is what is signed (A25).
func (v AgreementVersion) Text(lang string) (text AgreementText, shown string) {
	if text, ok := v.Texts[lang]; ok {
		return text, lang
	}
	return v.Texts[English], English
}

// IsCurrent tells whether exactly this text may be signed at t. What was shown
// and has been replaced since is presented again (A24), and the language is part
// of what is signed (A25).
func (a Agreement) IsCurrent(version int, language, digest string, t time.Time) bool {
	v, ok := a.Current(t)
	if !ok || v.Number != version {
		return false
	}
	text, ok := v.Texts[language]
	return ok && text.Digest == digest
}

// counts tells whether a signature of this version still stands at t: the
// version exists, and no later material one is past its grace.
func (a Agreement) counts(version int, t time.Time) bool {
	exists := false
	for _, v := range a.Versions {
		if v.Number == version {
			exists = true
		}
		if v.Number > version && v.Material && !t.Before(v.From.Add(v.Grace)) {
			return false
		}
	}
	return exists
}
