package keycloak

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Call is one call that was made, as metrics count it: it names the kind of thing that
// was called and never a person, a group or a realm.
type Call struct {
	Kind    string        // of the adapter's list, such as "PUT users/*/groups/*"; "POST token"; "unlisted"
	Outcome string        // the class of the status, such as "2xx"; "failed" without an answer; "refused" by the adapter's own list
	Took    time.Duration // until the answer's head was there
}

// counted tells of each call that goes through it. What the guard behind it refuses is
// told too: it never left the process.
type counted struct {
	realm  string
	listed []call
	told   func(Call)
	next   http.RoundTripper
}

// counting has the account's calls told to whoever counts; nobody where cfg says so.
func (cfg Config) counting(listed []call, next http.RoundTripper) http.RoundTripper {
	if cfg.Called == nil {
		return next
	}
	return &counted{realm: cfg.Realm, listed: listed, told: cfg.Called, next: next}
}

// RoundTrip implements http.RoundTripper.
func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := c.next.RoundTrip(r)
	made := Call{Kind: c.kind(r), Outcome: "failed", Took: time.Since(began)}
	switch {
	case err == nil:
		made.Outcome = fmt.Sprintf("%dxx", resp.StatusCode/100)
	case errors.Is(err, errNotListed):
		made.Outcome = "refused"
	}
	c.told(made)
	return resp, err
}

// kind is the listed pattern that the call matches, so that there are as many kinds as
// the list is long, whatever is called.
func (c *counted) kind(r *http.Request) string {
	path, admin := strings.CutPrefix(r.URL.Path, "/admin/realms/"+c.realm)
	if !admin && strings.HasSuffix(path, "/protocol/openid-connect/token") {
		return "POST token"
	}
	path = strings.TrimPrefix(path, "/")
	for _, known := range c.listed {
		if admin && known.method == r.Method && matches(known.path, path) {
			return strings.TrimSuffix(known.method+" "+known.path, " ") // the realm's own path is empty
		}
	}
	return "unlisted"
}
