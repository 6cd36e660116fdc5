package locale

import (
	"strconv"
	"time"
)

// Date says the day of t in the time zone (an IANA name; an unknown one is UTC).
// The zero time is said as nothing: there is no such day.
func (w *Words) Date(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(location(zone))
	return w.T("time.date", "Day", t.Day(), "Month", w.month(t), "Year", t.Year())
}

// Moment says the day and the minute of t in the time zone, zone included.
func (w *Words) Moment(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(location(zone))
	return w.T("time.moment", "Date", w.Date(t, zone), "Time", w.clock(t), "Zone", t.Format("MST"))
}

// Clock says the minute of t in the time zone, without its day.
func (w *Words) Clock(t time.Time, zone string) string { return w.clock(t.In(location(zone))) }

// clock says hour and minute. Noon and midnight are said in words: "12:00 p.m." is
// read either way.
func (w *Words) clock(t time.Time) string {
	hour, minute := t.Format("3"), t.Format("04")
	switch {
	case t.Minute() == 0 && t.Hour() == 0:
		return w.T("time.midnight")
	case t.Minute() == 0 && t.Hour() == 12:
		return w.T("time.noon")
	case t.Hour() >= 12:
		return w.T("time.afternoon", "Hour", hour, "Minute", minute)
	}
	return w.T("time.morning", "Hour", hour, "Minute", minute)
}

// Number says a whole number, its digits in groups of three: with commas in
// English; in Spanish, where some countries use a comma and others a point for
// it, with a narrow space and from five digits on (as the Academies advise).
func (w *Words) Number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	least, between := 4, ","
	if w.lang == "es" {
		least, between = 5, "\u202f"
	}
	if len(digits) < least {
		return sign + digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + between + digits[i:]
	}
	return sign + digits
}

func (w *Words) month(t time.Time) string {
	return w.T("time.month." + t.Format("01"))
}

func location(zone string) *time.Location {
	l, err := time.LoadLocation(zone)
	if err != nil {
		return time.UTC
	}
	return l
}

// Exact says the second of t in the time zone, and the day where it is not that of now.
func (w *Words) Exact(t, now time.Time, zone string) string {
	t, now = t.In(location(zone)), now.In(location(zone))
	half := "time.morning"
	if t.Hour() >= 12 {
		half = "time.afternoon"
	}
	clock := w.T(half, "Hour", t.Format("3"), "Minute", t.Format("04:05"))
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return clock
	}
	return w.Date(t, zone) + ", " + clock
}
