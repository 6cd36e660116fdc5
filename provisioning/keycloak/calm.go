package keycloak

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// longestCalm is how long a Retry-After is heeded within one call; what asks for more
// is for the caller's own next try.
const longestCalm = 5 * time.Second

// calm is a RoundTripper that hears when the server, or a proxy before it, asks to be
// left alone for a while (429 or 503 with Retry-After in seconds, RFC 9110).
type calm struct {
	next  http.RoundTripper
	until atomic.Int64 // unix nanoseconds
}

// RoundTrip implements http.RoundTripper.
func (c *calm) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			c.until.Store(time.Now().Add(min(longestCalm, time.Duration(seconds)*time.Second)).UnixNano())
		}
	}
	return resp, err
}

// pause waits before the next try of a call: as long as was asked for, or a little
// longer each time; never all at the same moment.
func (c *calm) pause(ctx context.Context, try int) {
	wait := max(time.Duration(try)*50*time.Millisecond, time.Until(time.Unix(0, c.until.Load())))
	select {
	case <-ctx.Done():
	case <-time.After(wait + rand.N(50*time.Millisecond)):
	}
}
