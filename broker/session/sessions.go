package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/broker/registry"
)

// SignInPath is where the portal mounts SignIn; no sign-in leads back to it.
const SignInPath = "/sign-in"

// FormField is the name of the form field that carries FormToken.
const FormField = "form_token"

// Config is what the portal's client in the realm is, and how its cookie is.
type Config struct {
	Issuer       string // the realm's issuer, as its tokens name it
	ClientID     string
	ClientSecret string
	RedirectURL  string                             // of Callback, registered exactly
	PostLogout   string                             // of SignedOut, registered exactly
	CookieName   string                             // the demo's carries its port, since cookies ignore ports
	Secure       bool                               // https: the cookie gets the prefix __Host- and the Secure flag
	Language     func(preferences ...string) string // the best of ours, for BCP 47 tags and Accept-Language headers
	Client       *http.Client
	Count        func(outcome string) // told how each sign-in ended; nil for nobody
	Log          *slog.Logger

	Silent func() time.Duration // for how long Keycloak has not answered; nil for nobody who knows

	MaxAge time.Duration // of the proof that a sign-in may bring along; 0 where the realm's sessions idle out as ours do
}

// Sessions signs people in and out.
type Sessions struct {
	cfg     Config
	reg     *registry.Registry
	realm   *realm
	formKey []byte
}

// New makes Sessions. It talks to Keycloak when the first person signs in, so
// Keycloak may be down now. Without Config.Client, calls to Keycloak take at most
// ten seconds.
func New(cfg Config, reg *registry.Registry) *Sessions {
	if cfg.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 16
		cfg.Client = &http.Client{Timeout: 10 * time.Second, Transport: transport}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Secure {
		cfg.CookieName = "__Host-" + strings.TrimPrefix(cfg.CookieName, "__Host-")
	}
	// Every replica has the client's secret, so no key of its own is needed: when
	// it changes, open forms have to be loaded again.
	key := hmac.New(sha256.New, []byte(cfg.ClientSecret))
	key.Write([]byte("countersign/form-token/v1"))
	return &Sessions{cfg: cfg, reg: reg, realm: newRealm(cfg), formKey: key.Sum(nil)}
}

// Authenticate finds who sends a request. An error of kind Unsigned means that
// nobody is signed in; where registry.IsIdle(err), the person has a name to
// continue as and no authority.
func (s *Sessions) Authenticate(r *http.Request) (registry.Person, error) {
	c, err := r.Cookie(s.cfg.CookieName)
	if err != nil {
		return registry.Person{}, registry.Fail(registry.Unsigned, registry.NoSession)
	}
	return s.reg.Person(r.Context(), hash(c.Value))
}

// Active is to be called for what a person does, and not for polls. It may take
// a call to Keycloak every five minutes; if Keycloak refuses, the session is over
// and the error is of kind Unsigned.
func (s *Sessions) Active(ctx context.Context, p registry.Person) error {
	if err := s.reg.Seen(ctx, p); err != nil {
		return err
	}
	if p.At.Sub(p.Session.RefreshedAt) < registry.RefreshEvery {
		return nil
	}
	return s.refresh(ctx, p)
}

// FormToken is what every form of this session carries in FormField (A51).
func (s *Sessions) FormToken(p registry.Person) string { return s.formToken(p.Session.IDHash) }

func (s *Sessions) formToken(idHash []byte) string {
	mac := hmac.New(sha256.New, s.formKey)
	mac.Write(idHash)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CheckFormToken refuses a form that was not made for this session.
func (s *Sessions) CheckFormToken(p registry.Person, token string) error {
	if len(p.Session.IDHash) == 0 || !hmac.Equal([]byte(token), []byte(s.FormToken(p))) {
		return registry.Fail(registry.Forbidden, "error.form-stale")
	}
	return nil
}

// MadeBefore tells whether a form was made for a session of the same account in
// the same browser that this one, live or idle, took the place of: it has stood in
// another tab since then. Such a form is not to be carried out; its person may have
// what they typed there (see registry.Replaced).
func (s *Sessions) MadeBefore(ctx context.Context, p registry.Person, token string) (bool, error) {
	if len(p.Session.IDHash) == 0 || token == "" {
		return false, nil
	}
	before, err := s.reg.Replaced(ctx, p.Session.IDHash)
	return slices.ContainsFunc(before, func(idHash []byte) bool { return hmac.Equal([]byte(token), []byte(s.formToken(idHash))) }), err
}

// setCookie sets a cookie of ours; a negative age removes it, 0 lets it end with
// the browser.
func (s *Sessions) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// newSecret makes 256 random bits as text.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

// hash is how secrets of browsers are kept: they have 256 bits, so it needs no salt.
func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// redirect sends the browser on with a GET and keeps the answer out of caches.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}
