package keycloak

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Nerzal/gocloak/v13"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// account is one service account: its token, kept until shortly before it
// expires, and the gocloak client that it speaks through.
type account struct {
	kc     *gocloak.GoCloak
	base   string // …/admin/realms/<realm>, for calls that gocloak lacks or garbles
	realm  string
	grant  clientcredentials.Config
	client *http.Client
	calm   *calm

	mu       sync.Mutex // never held over a call
	token    *oauth2.Token
	fetching *fetch // under way, nil for none: it serves everybody who waits
}

// fetch is the asking for one token; done is closed when the rest is known.
type fetch struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// newAccount makes an account of homeRealm that works on realm.
func newAccount(baseURL, homeRealm, realm, id, secret string, via http.RoundTripper, timeout time.Duration) *account {
	kc := gocloak.NewClient(baseURL)
	calm := &calm{next: via}
	kc.RestyClient().SetTransport(calm).SetTimeout(timeout)
	return &account{
		kc:    kc,
		base:  baseURL + "/admin/realms/" + url.PathEscape(realm),
		realm: realm,
		grant: clientcredentials.Config{
			ClientID: id, ClientSecret: secret,
			AuthStyle: oauth2.AuthStyleInHeader, // else every failure is asked for twice
			TokenURL:  baseURL + "/realms/" + url.PathEscape(homeRealm) + "/protocol/openid-connect/token",
		},
		client: &http.Client{Transport: calm, Timeout: timeout},
		calm:   calm,
	}
}

// bearer gives the token, or waits for the one that is being fetched as long as
// its caller does. One fetch serves all: where Keycloak hangs they wait once, and
// not in turn.
func (a *account) bearer(ctx context.Context) (string, error) {
	a.mu.Lock()
	if a.token.Valid() {
		defer a.mu.Unlock()
		return a.token.AccessToken, nil
	}
	f := a.fetching
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		a.fetching = f
		go a.fetch(context.WithoutCancel(ctx), f) // the first to ask may leave before the others
	}
	a.mu.Unlock()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-f.done:
	}
	if f.err != nil {
		return "", f.err
	}
	return f.token.AccessToken, nil
}

// fetch asks for a token; how long that may take is the client's timeout.
func (a *account) fetch(ctx context.Context, f *fetch) {
	f.token, f.err = a.grant.Token(context.WithValue(ctx, oauth2.HTTPClient, a.client))
	a.mu.Lock()
	defer a.mu.Unlock()
	if f.err == nil {
		a.token = f.token
	}
	a.fetching = nil
	close(f.done)
}

// rights are the realm-management roles that the account's token holds, sorted.
func (a *account) rights(ctx context.Context) ([]string, error) {
	bearer, err := a.bearer(ctx)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		return nil, errors.New("keycloak: the token is no JWT")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims struct {
		Access map[string]struct{ Roles []string } `json:"resource_access"`
	}
	err = json.Unmarshal(body, &claims)
	held := claims.Access[administrative].Roles
	slices.Sort(held)
	return held, err
}

// forget drops the token that Keycloak refused, unless another call already did.
func (a *account) forget(bearer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != nil && a.token.AccessToken == bearer {
		a.token = nil
	}
}

// tries is how often a call that may be repeated is sent when the connection or
// a proxy in front of Keycloak fails. The caller's own retries come on top.
const tries = 3

// once makes a call that must not be sent twice; only a refused token is renewed.
func (a *account) once(ctx context.Context, what string, call func(bearer string) error) error {
	return a.do(ctx, what, 1, call)
}

// repeat makes a call whose repetition is harmless.
func (a *account) repeat(ctx context.Context, what string, call func(bearer string) error) error {
	return a.do(ctx, what, tries, call)
}

func (a *account) do(ctx context.Context, what string, tries int, call func(bearer string) error) error {
	renewed := false
	for try := 1; ; {
		bearer, err := a.bearer(ctx)
		if err != nil {
			return named(ctx, what+": token", err)
		}
		err = call(bearer)
		switch {
		case err == nil:
			return nil
		case status(err) == http.StatusUnauthorized && !renewed:
			renewed = true
			a.forget(bearer)
		case try < tries && passing(err) && ctx.Err() == nil:
			try++
			a.calm.pause(ctx, try)
		default:
			return named(ctx, what, err)
		}
	}
}

// passing says whether the failure is of the way to Keycloak, or of a moment at which
// it has too much to do, rather than of the call. What Keycloak answers with 500 to
// whatever is asked may pass as well: to be told so twice costs little.
func passing(err error) bool {
	if errors.Is(err, errNotListed) {
		return false
	}
	switch status(err) {
	case 0, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// send makes one call below /admin/realms/<realm> by hand, for what gocloak lacks
// or whose error it garbles. in is sent as JSON unless nil; out is filled unless nil.
func (a *account) send(ctx context.Context, bearer, method, path string, in, out any) error {
	_, err := a.sendTo(ctx, bearer, method, a.base+path, in, out)
	return err
}

// sendTo is send to any address. It returns the id of what the call created, if it
// created something.
func (a *account) sendTo(ctx context.Context, bearer, method, address string, in, out any) (id string, err error) {
	r := a.kc.GetRequestWithBearerAuth(ctx, bearer).SetError(&refusal{})
	if in != nil {
		r.SetBody(in)
	}
	if out != nil {
		r.SetResult(out)
	}
	resp, err := r.Execute(method, address)
	if err != nil {
		return "", err
	}
	if !resp.IsError() {
		location := resp.Header().Get("Location")
		return location[strings.LastIndex(location, "/")+1:], nil
	}
	why, _ := resp.Error().(*refusal)
	if why == nil {
		why = &refusal{}
	}
	why.code = resp.StatusCode()
	return "", why
}
