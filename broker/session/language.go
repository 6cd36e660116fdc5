package session

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Once somebody is signed in, pages come in the language of their account. Before,
// they come in the one that was chosen in this browser, or else in that of
// whoever was signed in here last. Only a fresh choice goes to the account of who
// signs in next: on a shared computer an old one is probably somebody else's.
const (
	languageKept   = 365 * 24 * time.Hour
	choiceIsFresh  = time.Hour
	languageMarker = "." // between the language and when it was chosen, in Unix seconds
)

// Language tells in which language this browser's pages come before sign-in, ""
// where nothing is known, and whether somebody chose it here just now.
func (s *Sessions) Language(r *http.Request) (lang string, chosen bool) {
	c, err := r.Cookie(s.cfg.CookieName + "-language")
	if err != nil {
		return "", false
	}
	lang, at, _ := strings.Cut(c.Value, languageMarker)
	if !language.MatchString(lang) {
		return "", false
	}
	when, err := strconv.ParseInt(at, 10, 64)
	return lang, err == nil && time.Since(time.Unix(when, 0)).Abs() < choiceIsFresh
}

// KeepLanguage keeps a language in the browser; chosen tells that the person
// chose it without being signed in.
func (s *Sessions) KeepLanguage(w http.ResponseWriter, lang string, chosen bool) {
	if chosen {
		lang = chosenAt(lang, time.Now())
	}
	s.setCookie(w, s.cfg.CookieName+"-language", lang, int(languageKept.Seconds()))
}

func chosenAt(lang string, at time.Time) string {
	return lang + languageMarker + strconv.FormatInt(at.Unix(), 10)
}
