package policies

import "time"

// How long a signed event is tried at which pace. It is never given up: an
// application that was down keeps its session until it hears of the end.
const (
	pushShort   = 30 * time.Second // longest pause at first
	pushSlow    = 5 * time.Minute  // after ten minutes
	pushSlowest = time.Hour        // after a day, when people see it as not confirmed
)

// PushPause tells how long to wait before a signed event is tried again, after so many
// tries that failed and so long after the first. chance, from 0 to 1, spreads what
// would else come back all at once. asked is what the application asked for
// (Retry-After), zero for nothing: it may make the pause longer, up to an hour.
func PushPause(tries int, age, asked time.Duration, chance float64) time.Duration {
	longest := pushShort
	switch {
	case age >= PushOverdue:
		longest = pushSlowest
	case age >= 10*time.Minute:
		longest = pushSlow
	}
	pause := min(time.Second<<min(max(tries-1, 0), 12), longest)
	pause -= time.Duration(chance * float64(pause) / 2)
	return max(pause, min(asked, pushSlowest))
}

// PushOverdue is the age from which an event counts as not confirmed, and not as on
// its way.
const PushOverdue = 24 * time.Hour
