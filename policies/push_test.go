package policies

import (
	"testing"
	"time"
)

// An event is tried again soon, then ever more slowly, never later than an hour, and
// not before an application wants it.
// proves: F22
func TestPushPause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tries      int
		age, asked time.Duration
		chance     float64
		want       time.Duration
	}{
		"first":                     {1, 0, 0, 0, time.Second},
		"first, spread":             {1, 0, 0, 1, time.Second / 2},
		"third":                     {3, 0, 0, 0, 4 * time.Second},
		"many":                      {40, time.Minute, 0, 0, 30 * time.Second},
		"many, spread":              {40, time.Minute, 0, 1, 15 * time.Second},
		"after ten minutes":         {40, 10 * time.Minute, 0, 0, 5 * time.Minute},
		"after a day":               {400, 24 * time.Hour, 0, 0, time.Hour},
		"soon after a long silence": {1, 48 * time.Hour, 0, 0, time.Second},
		"asked to wait":             {1, 0, 20 * time.Second, 0, 20 * time.Second},
		"asked for less":            {40, 0, time.Second, 0, 30 * time.Second},
		"asked for a year":          {1, 0, 365 * 24 * time.Hour, 0, time.Hour},
		"asked for nonsense":        {1, 0, -time.Hour, 0, time.Second},
	} {
		if got := PushPause(c.tries, c.age, c.asked, c.chance); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// proves: attack A50
func TestMayPushTo(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://viewer.example/events": true, "https://10.1.2.3:8443/e?x=1": true, "http://127.0.0.1:7406/events": true, "http://[::1]/events": true, "http://localhost:1/": true,
		"http://viewer.example/events": false, "http://localhost.example/": false, "http://127.0.0.1.example/": false, "http://169.254.169.254/": false,
		"https:///events": false, "https://user:word@viewer.example/": false, "https://viewer.example/#x": false, "file:///etc/passwd": false, "": false, "viewer.example": false, "ht tp://": false,
	} {
		if got := MayPushTo(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
