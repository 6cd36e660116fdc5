package locale

import "time"

// Span says how long something has lasted, in the largest unit that it fills: seconds,
// minutes, hours or days. Less than a second is none.
func (w *Words) Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return w.N("time.seconds", int(max(d, 0)/time.Second))
	case d < time.Hour:
		return w.N("time.minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return w.N("time.hours", int(d/time.Hour))
	}
	return w.N("time.days", int(d/(24*time.Hour)))
}
