package locale

import "time"

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
	return w.T("time.moment", "Date", w.Date(t, zone), "Time", t.Format("15:04"), "Zone", t.Format("MST"))
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
