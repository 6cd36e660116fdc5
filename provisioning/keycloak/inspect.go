package keycloak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/provisioning"
)

// Inspection looks at a realm with the two service accounts' own credentials, and
// changes nothing: what a doctor asks before the first day and after a bad one.
// What the reader may not see, it cannot judge: the mail server's password, and
// whether a client's plain secret is the configured one other than by using it.
type Inspection struct {
	d    *Directory
	spec Spec
	t    *template
	r    *run         // dry, as the reader
	http *http.Client // for what everybody may ask
}

// Inspect makes an inspection of the realm against what Apply would make it.
func (d *Directory) Inspect(spec Spec) (*Inspection, error) {
	t, err := parseTemplate(spec.Template)
	if err != nil {
		return nil, err
	}
	pool := newTransport()
	reader := newAccount(d.cfg.URL, d.cfg.Realm, d.cfg.Realm, d.cfg.ReaderID, d.cfg.ReaderSecret,
		&guard{realm: d.cfg.Realm, allowed: inspections, next: pool}, d.cfg.Timeout)
	return &Inspection{d: d, spec: spec, t: t, r: &run{account: reader, url: d.cfg.URL, dry: true},
		http: &http.Client{Transport: pool, Timeout: d.cfg.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Differences says what Apply would change, in its words.
func (i *Inspection) Differences(ctx context.Context) ([]string, error) {
	i.r.changed = nil
	err := i.r.apply(ctx, i.t, i.spec)
	return i.r.changed, err
}

// Application says in what a relying application's client is not what AddApp would
// make it for this id, these programs, least acr and logout address. ErrNotFound
// where the realm has none. Its redirect URIs are its own affair.
func (i *Inspection) Application(ctx context.Context, want App) ([]string, error) {
	have, err := i.r.clientNamed(ctx, want.ClientID)
	if err != nil {
		return nil, err
	}
	if have == nil {
		return nil, fmt.Errorf("keycloak: application %s: %w", want.ClientID, provisioning.ErrNotFound)
	}
	attributes, _ := have["attributes"].(object)
	after, _ := attributes["post.logout.redirect.uris"].(string)
	want.RedirectURIs, want.PostLogoutURIs = texts(have["redirectUris"]), strings.Split(after, "##")
	i.r.changed = nil
	_, err = i.r.ensureClientOf(ctx, i.t, want)
	return i.r.changed, err
}

// RedirectURIs are those of a client, as found.
func (i *Inspection) RedirectURIs(ctx context.Context, clientID string) ([]string, error) {
	c, err := i.r.clientNamed(ctx, clientID)
	if err == nil && c == nil {
		err = fmt.Errorf("keycloak: client %s: %w", clientID, provisioning.ErrNotFound)
	}
	return texts(c["redirectUris"]), err
}

// Rights are the realm-management roles that a token of the writer or the reader
// holds: what it can do, whatever the realm says that it should. ErrForbidden where
// Keycloak gives it no token.
func (i *Inspection) Rights(ctx context.Context, clientID string) (held []string, err error) {
	a := i.d.writer
	if clientID == i.d.cfg.ReaderID {
		a = i.d.reader
	}
	held, err = a.rights(ctx)
	if err != nil {
		return nil, named(ctx, "token of "+clientID, err)
	}
	return slices.DeleteFunc(held, func(right string) bool {
		return slices.ContainsFunc(comesWith[right], func(by string) bool { return slices.Contains(held, by) })
	}), nil
}

// comesWith names the rights of which Keycloak makes a lesser one a part.
var comesWith = map[string][]string{"query-users": {"view-users"}, "query-groups": {"view-users"}, "query-clients": {"view-clients"}}

// Needed are the rights that the writer and the reader need, and all that they may hold.
func (i *Inspection) Needed() (writer, reader []string) {
	writer, reader = i.spec.Topology.rights()
	return slices.Sorted(slices.Values(writer)), slices.Sorted(slices.Values(reader))
}

// SecretKept says how the realm keeps a client's secret: nil where it is a
// reference into a vault whose contents the server shows nobody.
func (i *Inspection) SecretKept(ctx context.Context, clientID string) error {
	c, err := i.r.clientNamed(ctx, clientID)
	if err != nil {
		return err
	}
	if c == nil {
		return fmt.Errorf("keycloak: client %s: %w", clientID, provisioning.ErrNotFound)
	}
	reference, _ := c["secret"].(string)
	if !vaulted.MatchString(reference) {
		return ErrPlainSecret
	}
	public := &run{account: newAccount(i.d.cfg.URL, i.d.cfg.Realm, i.d.cfg.Realm, clientID, "", newTransport(), i.d.cfg.Timeout), url: i.d.cfg.URL}
	if err := public.vaultHolds(ctx, clientID, reference); err != nil {
		return err
	}
	if err := public.registrationShown(ctx, clientID); err != nil {
		return err
	}
	return i.r.adapterShown(ctx, c["id"].(string))
}

// ErrPlainSecret: the realm keeps a client's secret itself, where whoever may view
// clients can read it.
var ErrPlainSecret = errors.New("keycloak: the secret is kept in the realm itself, and shown to whoever may view clients")

// SecretWorks says whether Keycloak takes this secret as the client's.
func (i *Inspection) SecretWorks(ctx context.Context, clientID, secret string) (bool, error) {
	form := url.Values{"token": {"none"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.realm()+"/protocol/openid-connect/token/introspect", strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	resp, err := i.http.Do(req)
	if err != nil {
		return false, err
	}
	_ = resp.Body.Close() // the status says it
	return resp.StatusCode == http.StatusOK, nil
}

func (i *Inspection) realm() string {
	return i.d.cfg.URL + "/realms/" + url.PathEscape(i.d.cfg.Realm)
}

// Discovery asks the realm who it says it is, and what time it is there. The skew
// is by how much Keycloak's clock is ahead of ours, to the second; ErrNotFound where
// there is no such realm.
func (i *Inspection) Discovery(ctx context.Context) (issuer string, skew time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.realm()+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := i.http.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return "", 0, fmt.Errorf("keycloak: realm %s: %w", i.d.cfg.Realm, provisioning.ErrNotFound)
	}
	var said struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said); err != nil {
		return "", 0, fmt.Errorf("keycloak: %s: %w", resp.Status, err)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew = date.Sub(time.Now().Truncate(time.Second))
	}
	return said.Issuer, skew, nil
}

// SignInPage asks for Keycloak's sign-in page as the portal would, and says with
// which login theme it is made (from the address of its style sheets), empty where
// that does not show. A redirect URI that is not registered is an error.
func (i *Inspection) SignInPage(ctx context.Context, redirectURI string) (theme string, err error) {
	q := url.Values{"client_id": {i.d.cfg.PortalClientID}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"doctor"}, "code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.realm()+"/protocol/openid-connect/auth?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	resp, err := i.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("keycloak: the sign-in page: %s", resp.Status)
	}
	_, rest, found := strings.Cut(string(page), "/login/")
	for ; found; _, rest, found = strings.Cut(rest, "/login/") {
		if name, _, ok := strings.Cut(rest, "/"); ok && !strings.ContainsAny(name, "\"' <>\n") {
			return name, nil
		}
	}
	return "", nil
}

// LoginTheme is the login theme that the realm asks for, empty for Keycloak's own.
func (i *Inspection) LoginTheme(ctx context.Context) (string, error) {
	var realm struct {
		Theme string `json:"loginTheme"`
	}
	err := i.r.get(ctx, "", &realm)
	return realm.Theme, err
}

// Knows267 says whether the server is Keycloak 26.7 or later: by a setting of realms
// that those before do not have.
func (i *Inspection) Knows267(ctx context.Context) (bool, error) {
	var realm object
	err := i.r.get(ctx, "", &realm)
	_, known := realm["webAuthnPolicyResidentKey"]
	return known, err
}
