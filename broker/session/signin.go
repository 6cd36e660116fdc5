package session

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"countersign/broker/registry"
)

// mostFlows is how many sign-ins one browser may have open; abandoned ones would
// fill its cookies otherwise.
const mostFlows = 8

var (
	language = regexp.MustCompile(`^[a-z]{2}$`)
	seconds  = regexp.MustCompile(`^[0-9]{1,6}$`)
	strength = regexp.MustCompile(`^[a-z]+-factor$`)
)

// SignIn begins a sign-in: GET /sign-in?return=/path, with prompt=login or
// max_age=SECONDS to demand fresh proof, and strength=two-factor to demand a strong
// one. Keycloak's pages follow the visit's language. Who is signed in, strongly
// enough, and needs no fresh proof goes straight on; whose session is idle has to give
// proof again (A52), which makes this the idle page's "continue as …" too.
func (s *Sessions) SignIn(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	flow := registry.SignIn{ReturnTo: ReturnPath(q.Get("return"))}
	if q.Get("prompt") == "login" {
		flow.Prompt = "login"
	}
	if n := q.Get("max_age"); seconds.MatchString(n) {
		age, _ := strconv.Atoi(n)
		flow.MaxAge = &age
	}
	if asked := q.Get("strength"); strength.MatchString(asked) {
		flow.Strength = asked
	}
	p, err := s.Authenticate(r)
	hint := ""
	switch {
	case registry.IsIdle(err):
		flow.Prompt, hint = "login", p.Account.UserName
	case err == nil && flow.Prompt == "" && flow.MaxAge == nil && registry.Reaches(p.Session.ACR, flow.Strength):
		redirect(w, r, flow.ReturnTo)
		return nil
	case err == nil:
		hint = p.Account.UserName
	case !registry.IsKind(err, registry.Unsigned):
		return err
	}
	if flow.MaxAge == nil && s.cfg.MaxAge > 0 {
		age := int(s.cfg.MaxAge.Seconds())
		flow.MaxAge = &age
	}
	return s.begin(w, r, flow, hint, "")
}

// surelySilent is for how long Keycloak must not have answered before nobody is sent to
// it any more: their browser would say no more than that nothing is there.
const surelySilent = 20 * time.Second

func (s *Sessions) silent() time.Duration {
	if s.cfg.Silent == nil {
		return 0
	}
	return s.cfg.Silent()
}

// begin keeps the transaction and sends the browser to Keycloak; mark ends the state.
func (s *Sessions) begin(w http.ResponseWriter, r *http.Request, flow registry.SignIn, hint, mark string) error {
	if s.silent() > surelySilent {
		return registry.Fail(registry.Unavailable, "error.sign-in-down")
	}
	realm, err := s.realm.get(r.Context())
	if err != nil {
		return err
	}
	state, browser := newSecret()+mark, newSecret()
	flow.StateHash, flow.BrowserHash, flow.Nonce, flow.Verifier = hash(state), hash(browser), newSecret(), oauth2.GenerateVerifier()
	if err := s.reg.StartSignIn(r.Context(), flow); err != nil {
		return err
	}
	s.dropFlows(w, r)
	s.setCookie(w, s.flowCookie(state), browser, int(registry.SignInWithin.Seconds()))
	options := []oauth2.AuthCodeOption{oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier)}
	if flow.Prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", flow.Prompt))
	}
	if flow.MaxAge != nil {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(*flow.MaxAge)))
	}
	if flow.Strength != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", flow.Strength))
	}
	if flow.Action != "" {
		options = append(options, oauth2.SetAuthURLParam("kc_action", flow.Action))
	}
	if hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", hint))
	}
	lang, _ := s.Language(r)
	options = append(options, oauth2.SetAuthURLParam("ui_locales", s.cfg.Language(lang, r.Header.Get("Accept-Language"))))
	redirect(w, r, realm.oauth.AuthCodeURL(state, options...))
	return nil
}

func (s *Sessions) callback(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	now := time.Now()
	flow, err := s.takeFlow(w, r, q)
	if err != nil {
		return err
	}
	if iss, err := one(q, "iss"); err != nil || iss != s.cfg.Issuer {
		return s.refused(fmt.Errorf("session: the answer is from issuer %q", iss)) // RFC 9207
	}
	if code := q.Get("error"); code != "" {
		if q.Get("error_description") == "authentication_expired" { // the page stood open too long: once more
			return s.begin(w, r, flow, "", "")
		}
		return s.refused(fmt.Errorf("session: Keycloak answers %q", code))
	}
	code, err := one(q, "code")
	if err != nil {
		return s.refused(err)
	}
	first := !strings.HasSuffix(q.Get("state"), again)
	token, who, err := s.exchange(r.Context(), code, flow)
	if first && codeGone(err) {
		return s.begin(w, r, flow, "", again)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(fresh(who, flow, now), strong(who, flow)); err != nil {
		return s.refused(err)
	}
	account, err := s.start(w, r, token, who, now)
	if first && registry.IsKind(err, registry.Gone) { // logged out since that proof: new proof, then
		flow.Prompt = "login"
		return s.begin(w, r, flow, "", again)
	}
	if err != nil {
		return err
	}
	to, err := s.landing(r.Context(), account, flow.ReturnTo)
	if err != nil {
		return err
	}
	if flow.Action != "" {
		to = flow.ReturnTo + "?" + url.Values{"outcome": {outcome(q)}}.Encode()
	}
	redirect(w, r, to)
	return nil
}

// landing is where a sign-in ends: where it was to lead or, where that was nowhere
// in particular, where the person was going when they signed up. That is kept with
// the account, once: they may have opened the mail on another device.
func (s *Sessions) landing(ctx context.Context, account, asked string) (string, error) {
	before, err := s.reg.Continue(ctx, account)
	if to := ReturnPath(before); err == nil && to != "/" && (asked == "/" || asked == "/access") {
		return to, nil
	}
	return asked, err
}

// takeFlow finds the transaction by the state and by the cookie that belongs to
// it, once; the cookie goes with it.
func (s *Sessions) takeFlow(w http.ResponseWriter, r *http.Request, q url.Values) (registry.SignIn, error) {
	stale := registry.Fail(registry.Gone, "error.sign-in-stale")
	state, err := one(q, "state")
	if err != nil {
		return registry.SignIn{}, stale
	}
	c, err := r.Cookie(s.flowCookie(state))
	if err != nil {
		return registry.SignIn{}, stale
	}
	s.setCookie(w, c.Name, "", -1)
	return s.reg.TakeSignIn(r.Context(), hash(state), hash(c.Value))
}

// again ends the state of a sign-in that took the place of one whose code or
// session was gone, so that none is begun anew twice. Only the state's hash is kept: with the
// mark taken off it is nobody's.
const again = ".again"

// codeGone tells whether Keycloak no longer knows its code. That is so for who
// comes in the midst of being logged out: Keycloak tells us before it has
// forgotten the session itself, gives a code for it, and then the session is gone.
func codeGone(err error) bool {
	var e *oauth2.RetrieveError
	return errors.As(err, &e) && e.ErrorCode == "invalid_grant" && e.ErrorDescription == "Code not valid"
}

// exchange turns the code into tokens and checks the ID token.
func (s *Sessions) exchange(ctx context.Context, code string, flow registry.SignIn) (*oauth2.Token, claims, error) {
	realm, err := s.realm.get(ctx)
	if err != nil {
		return nil, claims{}, err
	}
	token, err := realm.oauth.Exchange(s.realm.context(ctx), code, oauth2.VerifierOption(flow.Verifier))
	if refusedBy(err) {
		return nil, claims{}, s.refused(err)
	}
	if err != nil {
		return nil, claims{}, registry.Because(registry.Unavailable, "error.keycloak-down", err)
	}
	who, nonce, err := realm.verifyID(ctx, idToken(token), s.cfg.ClientID)
	if err != nil {
		return nil, claims{}, s.refused(err)
	}
	if nonce != flow.Nonce {
		return nil, claims{}, s.refused(errors.New("session: the ID token has another nonce"))
	}
	return token, who, nil
}

// fresh demands proof no earlier than the start of a sign-in that asked for it
// (or, with max_age, that much before): the browser could have dropped the
// parameters on the way to Keycloak.
func fresh(who claims, flow registry.SignIn, now time.Time) error {
	earliest := now.Add(-flow.Age - skew)
	switch {
	case flow.Prompt == "login":
	case flow.MaxAge != nil:
		earliest = earliest.Add(-time.Duration(*flow.MaxAge) * time.Second)
	default:
		return nil
	}
	if at := time.Unix(who.AuthTime, 0); at.Before(earliest) {
		return fmt.Errorf("session: proof of %s is older than %s", at, earliest)
	}
	return nil
}

// strong demands the strength that the sign-in was begun for, for the same reason.
func strong(who claims, flow registry.SignIn) error {
	if !registry.Reaches(who.ACR, flow.Strength) {
		return fmt.Errorf("session: asked for %s and got acr %q", flow.Strength, who.ACR)
	}
	return nil
}

// start begins a session under a new id, which ends the one that the browser
// had (A49); Gone where Keycloak has logged the person out since their proof. It gives
// the account's id.
func (s *Sessions) start(w http.ResponseWriter, r *http.Request, token *oauth2.Token, who claims, now time.Time) (string, error) {
	account, err := s.signedIn(r, who)
	if err != nil {
		return "", err
	}
	secret := newSecret()
	n := registry.NewSession{IDHash: hash(secret), Account: account.ID, Issuer: s.cfg.Issuer, Sub: who.Sub, SID: who.SID, ACR: who.ACR,
		AuthAge: max(0, now.Sub(time.Unix(who.AuthTime, 0))), AuthTime: who.AuthTime, IDToken: idToken(token), RefreshToken: token.RefreshToken}
	if old, err := r.Cookie(s.cfg.CookieName); err == nil {
		n.Replaces = hash(old.Value)
	}
	if err := s.reg.StartSession(r.Context(), n); err != nil {
		return "", err
	}
	s.setCookie(w, s.cfg.CookieName, secret, 0)
	s.KeepLanguage(w, account.Locale, false)
	s.count("signed-in")
	return account.ID, nil
}

// signedIn finds or makes the account of who gave proof. A language that they
// chose just before is their account's now.
func (s *Sessions) signedIn(r *http.Request, who claims) (registry.Account, error) {
	lang, chosen := s.Language(r)
	said := registry.SignedIn{Issuer: s.cfg.Issuer, Sub: who.Sub, UserName: who.UserName, GivenName: who.GivenName, Surname: who.Surname,
		Email: who.Email, EmailVerified: who.EmailVerified, Visit: s.cfg.Language(lang, r.Header.Get("Accept-Language"))}
	if who.Locale != "" {
		said.Locale = s.cfg.Language(who.Locale)
	}
	id, err := s.reg.SignedIn(r.Context(), said)
	if err == nil && chosen {
		err = s.reg.ChooseLanguage(r.Context(), registry.By{Account: id, Op: registry.NewID()}, said.Visit)
	}
	if err != nil {
		return registry.Account{}, err
	}
	return s.reg.Account(r.Context(), id)
}

// flowCookie names the cookie of one sign-in, so that two at once do not meet.
func (s *Sessions) flowCookie(state string) string {
	return s.cfg.CookieName + "-flow-" + hex.EncodeToString(hash(state)[:6])
}

// dropFlows removes the cookies of abandoned sign-ins when they become many.
func (s *Sessions) dropFlows(w http.ResponseWriter, r *http.Request) {
	flows := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool { return !strings.HasPrefix(c.Name, s.cfg.CookieName+"-flow-") })
	if len(flows) < mostFlows {
		return
	}
	for _, c := range flows {
		s.setCookie(w, c.Name, "", -1)
	}
}

// one gives a parameter that must be there exactly once.
func one(q url.Values, name string) (string, error) {
	if v := q[name]; len(v) == 1 && v[0] != "" {
		return v[0], nil
	}
	return "", fmt.Errorf("session: %s is not there once", name)
}

func idToken(t *oauth2.Token) string {
	raw, _ := t.Extra("id_token").(string)
	return raw
}

// refused is a sign-in that did not succeed; why is for the log only.
func (s *Sessions) refused(err error) error {
	s.cfg.Log.Warn("session: sign-in refused", "error", err)
	return registry.Because(registry.Invalid, "error.sign-in-refused", err)
}
