package portal

import (
	"time"

	"countersign/broker/registry"
)

// From then on a page says that what was decided takes longer than usual to arrive.
const (
	silentLong = time.Minute     // Keycloak has not answered
	slowLong   = 2 * time.Minute // it answers, and the decision is not there all the same
)

// lateNotice says in one sentence that what was decided at a moment has not arrived yet,
// where that takes long; the zero time is nothing that waits.
func (v *visit) lateNotice(since time.Time) string {
	silent := v.Silent()
	switch {
	case since.IsZero():
		return ""
	case silent >= silentLong:
		return v.words.T("late.silent", "For", v.words.Span(silent))
	case v.person.At.Sub(since) >= slowLong:
		return v.words.T("late.slow")
	}
	return ""
}

// oldestOpen is when the oldest end was that is not confirmed there.
func oldestOpen(ends []registry.ReceiptLine) (since time.Time) {
	for _, e := range ends {
		if !e.Done {
			since = earlier(since, e.At)
		}
	}
	return since
}

// earlier is the earlier of two moments, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
