package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"countersign/broker/registry"
)

// algorithm is the only one that we accept, whatever discovery offers (A47).
const algorithm = oidc.RS256

// skew is by how much Keycloak's clock may be behind ours where a moment is
// compared with the start of a sign-in; auth_time counts whole seconds.
const skew = 2 * time.Second

// realm is what we know of the issuer. It is looked up when it is first needed
// and, while Keycloak is down, at most once a second.
type realm struct {
	cfg Config

	mu     sync.Mutex
	found  *found
	notYet time.Time // no new try before
	err    error
}

// found is what discovery says, ready for use.
type found struct {
	oauth      oauth2.Config
	keys       *keySet
	verifier   *oidc.IDTokenVerifier // by keys
	endSession string
}

func newRealm(cfg Config) *realm { return &realm{cfg: cfg} }

// get gives the issuer's endpoints and keys, or Unavailable.
func (m *realm) get(ctx context.Context) (*found, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found != nil {
		return m.found, nil
	}
	if time.Now().After(m.notYet) {
		m.found, m.err = m.discover(ctx)
		m.notYet = time.Now().Add(time.Second)
	}
	if m.err != nil {
		return nil, registry.Because(registry.Unavailable, "error.keycloak-down", m.err)
	}
	return m.found, nil
}

func (m *realm) discover(ctx context.Context) (*found, error) {
	// The first person's patience does not decide for those who wait behind.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	p, err := oidc.NewProvider(m.context(ctx), m.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
		Keys       string `json:"jwks_uri"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, err
	}
	if more.EndSession == "" || more.Keys == "" {
		return nil, errors.New("session: discovery names no end_session_endpoint or jwks_uri")
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // guessing would send each refused code twice
	keys := newKeySet(m.cfg.Client, more.Keys)
	return &found{
		oauth: oauth2.Config{ClientID: m.cfg.ClientID, ClientSecret: m.cfg.ClientSecret, Endpoint: endpoint,
			RedirectURL: m.cfg.RedirectURL, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}},
		keys: keys,
		verifier: oidc.NewVerifier(m.cfg.Issuer, keys,
			&oidc.Config{ClientID: m.cfg.ClientID, SupportedSigningAlgs: []string{algorithm}}),
		endSession: more.EndSession,
	}, nil
}

// context makes go-oidc and oauth2 use our client, which has a timeout.
func (m *realm) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, m.cfg.Client)
}

// claims are what we take from an ID token of Keycloak.
type claims struct {
	Typ           string `json:"typ"`
	AZP           string `json:"azp"`
	Sub           string `json:"-"`
	SID           string `json:"sid"`
	ACR           string `json:"acr"`
	AuthTime      int64  `json:"auth_time"` // seconds since 1970, Keycloak's clock
	UserName      string `json:"preferred_username"`
	GivenName     string `json:"given_name"`
	Surname       string `json:"family_name"`
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Locale        string `json:"locale"`
}

// verifyID checks an ID token. go-oidc checks signature, iss, aud and exp; the
// rest is ours, or another client's access token would pass for an ID token (A47).
// errNoKeys says that it cannot be judged now: go-oidc would keep the words of it
// alone, so its key is looked for first.
func (f *found) verifyID(ctx context.Context, raw, clientID string) (claims, string, error) {
	var c claims
	if _, _, err := f.keys.signer(ctx, raw); errors.Is(err, errNoKeys) {
		return c, "", err
	}
	token, err := f.verifier.Verify(ctx, raw)
	if err != nil {
		return c, "", err
	}
	if err := token.Claims(&c); err != nil {
		return c, "", err
	}
	c.Sub = token.Subject
	switch {
	case c.Typ != "ID":
		return c, "", fmt.Errorf("session: a token of typ %q is no ID token", c.Typ)
	case c.AZP != clientID:
		return c, "", fmt.Errorf("session: ID token was issued to %q", c.AZP)
	case !slices.Equal(token.Audience, []string{clientID}):
		return c, "", fmt.Errorf("session: ID token is for %q", token.Audience)
	case c.Sub == "" || c.SID == "" || c.AuthTime == 0:
		return c, "", errors.New("session: ID token lacks sub, sid or auth_time")
	}
	return c, token.Nonce, nil
}

// refusedBy tells whether the token endpoint answered, and the answer was no.
func refusedBy(err error) bool {
	var e *oauth2.RetrieveError
	return errors.As(err, &e) && e.Response != nil && e.Response.StatusCode >= 400 && e.Response.StatusCode < 500 &&
		e.Response.StatusCode != http.StatusTooManyRequests && e.Response.StatusCode != http.StatusRequestTimeout
}
