package portal

import (
	"net/url"
	"testing"
	"time"

	"countersign/broker/locale"
)

// A verdict is one of those that fit the need, and says why unless it is a yes;
// codes come from the closed list.
// proves: attack A12 attack A13 A71
func TestCheckVerdict(t *testing.T) {
	t.Parallel()
	const admin, authorizer = "approve:group-administrator", "approve:authorizer"
	for name, c := range map[string]struct {
		need, verdict string
		reasons       []string
		wrong         string // the field with the message
	}{
		"yes":                        {admin, "approve", nil, ""},
		"no with a reason":           {admin, "refuse", []string{"not-here"}, ""},
		"back with two reasons":      {admin, "return", []string{"incomplete", "other"}, ""},
		"nothing chosen":             {admin, "", nil, "verdict"},
		"no such verdict":            {admin, "granted", nil, "verdict"},
		"no without a reason":        {admin, "refuse", nil, "reasons"},
		"back without a reason":      {admin, "return", nil, "reasons"},
		"a reason of another list":   {admin, "refuse", []string{"left"}, "reasons"},
		"a reason of nobody's":       {admin, "refuse", []string{"because"}, "reasons"},
		"the same reason twice":      {admin, "refuse", []string{"other", "other"}, "reasons"},
		"yes with a reason":          {admin, "approve", []string{"other"}, "reasons"},
		"an authorizer's yes":        {authorizer, "approve", nil, ""},
		"an authorizer's no":         {authorizer, "refuse", []string{"not-known"}, ""},
		"an authorizer's sends back": {authorizer, "return", []string{"not-known"}, "verdict"},
	} {
		wrong := checkVerdict(url.Values{"need": {c.need}, "verdict": {c.verdict}, "reasons": c.reasons})
		if c.wrong == "" && len(wrong) > 0 || c.wrong != "" && wrong[c.wrong] == "" {
			t.Errorf("%s: messages %v, want one at %q", name, wrong, c.wrong)
		}
	}
}

// An end is at once or on a day, never guessed from half an answer.
func TestLastDay(t *testing.T) {
	t.Parallel()
	for _, c := range [][4]string{ // when, last; the day, the field with the message
		{"now", "", "", ""},
		{"day", "2027-02-28", "2027-02-28", ""},
		{"", "", "", "when"},
		{"", "2027-02-28", "", "when"},
		{"soon", "", "", "when"},
		{"now", "2027-02-28", "", "last"},
		{"day", "", "", "last"},
		{"day", "2027-02-30", "", "last"},
	} {
		last, wrong := lastDay(url.Values{"when": {c[0]}, "last": {c[1]}})
		if last != c[2] || (c[3] == "") != (len(wrong) == 0) || c[3] != "" && wrong[c[3]] == "" {
			t.Errorf("%q %q: %q %v, want %q and a message at %q", c[0], c[1], last, wrong, c[2], c[3])
		}
	}
}

// Every code has its words.
func TestCodesHaveWords(t *testing.T) {
	t.Parallel()
	w := locale.For("en")
	for _, list := range [][]string{reviewCodes, endCodes, suspendCodes} {
		for _, code := range list {
			if !w.Has("code." + code) {
				t.Errorf("no words for %q", code)
			}
		}
	}
}

// An end at midnight is said as the end of the day before.
func TestUntil(t *testing.T) {
	t.Parallel()
	v := &visit{words: locale.For("en")}
	midnight := time.Date(2026, 12, 13, 8, 0, 0, 0, time.UTC) // in Vancouver
	for zone, want := range map[string]string{"America/Vancouver": "The end of December 12, 2026", "UTC": "December 13, 2026, 8:00 a.m. UTC"} {
		if got := v.until(&midnight, zone); got != want {
			t.Errorf("in %s: %q, want %q", zone, got, want)
		}
	}
	if got := v.until(nil, "UTC"); got != "No end is known" {
		t.Errorf("no end: %q", got)
	}
}
