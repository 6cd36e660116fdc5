package locale

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	t.Parallel()
	w := For("", "en-CA,en;q=0.9")
	es := For("", "de, es-419;q=0.9, en;q=0.5")
	noon := time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)
	day := time.Date(2026, time.March, 3, 7, 30, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{w.Lang(), "en"}, {es.Lang(), "es"}, {For("es-MX").Lang(), "es"}, {For("en", "es").Lang(), "en"}, {For("fr", "es").Lang(), "es"},
		{For("fr-CA").Lang(), "en"}, {For("").Lang(), "en"}, {Match("", "es"), "es"},
		{w.Date(day, "America/Vancouver"), "March 2, 2026"},
		{w.Date(day, "America/Halifax"), "March 3, 2026"},
		{w.Moment(day, "America/Vancouver"), "March 2, 2026, 11:30 p.m. PST"},
		{w.Moment(day, "UTC"), "March 3, 2026, 7:30 a.m. UTC"},
		{w.Moment(noon, "UTC"), "March 3, 2026, 12 noon UTC"},
		{w.Moment(noon.Add(12*time.Hour), "UTC"), "March 4, 2026, 12 midnight, as the day begins UTC"},
		{es.Date(day, "America/Vancouver"), "2 de marzo de 2026"},
		{es.Moment(day, "America/Vancouver"), "2 de marzo de 2026, 11:30 p. m. PST"},
		{es.Moment(noon, "UTC"), "3 de marzo de 2026, 12 del mediodía UTC"},
		{w.Number(999), "999"}, {w.Number(-1234567), "-1,234,567"}, {es.Number(1234), "1234"}, {es.Number(12345), "12\u202f345"},
		{es.N("sites.found", 1), "Se encontró uno"}, {es.N("sites.found", 20000), "Se encontraron 20\u202f000"},
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
