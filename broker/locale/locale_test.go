package locale

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	t.Parallel()
	w := For("", "en-CA,en;q=0.9")
	day := time.Date(2026, time.March, 3, 7, 30, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{w.Lang(), "en"},
		{w.Date(day, "America/Vancouver"), "March 2, 2026"},
		{w.Date(day, "America/Halifax"), "March 3, 2026"},
		{w.Moment(day, "America/Vancouver"), "March 2, 2026, 23:30 PST"},
		{w.Date(time.Time{}, "UTC"), ""},
		{w.T("time.date", "Day", 3, "Month", "May", "Year", 2026), "May 3, 2026"},
		{w.T("no.such.key"), "no.such.key"},
		{For("xx-nonsense!").Lang(), "en"},
	} {
		if c.got != c.want {
			t.Errorf("said %q, want %q", c.got, c.want)
		}
	}
	if !w.Has("time.date") || w.Has("no.such.key") {
		t.Error("Has does not tell what exists")
	}
}
