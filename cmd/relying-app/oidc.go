package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	f := flow{nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), browser: rand.Text(), began: time.Now()}
	state := rand.Text()
	a.sessions.begin(state, f)
	a.setCookie(w, a.flowCookie(state), f.browser, int(flowLasts.Seconds()))
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)}
	if a.leastACR != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", a.leastACR))
	}
	http.Redirect(w, r, a.oauth.AuthCodeURL(state, options...), http.StatusSeeOther)
}

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	state := q.Get("state")
	f, ok := a.sessions.take(state, cookie(r, a.flowCookie(state)))
	a.setCookie(w, a.flowCookie(state), "", -1)
	if !ok || q.Get("iss") != a.issuer || q.Get("code") == "" {
		http.Error(w, "This sign-in is over. Please begin again.", http.StatusBadRequest)
		return
	}
	token, err := a.oauth.Exchange(oidc.ClientContext(r.Context(), a.http), q.Get("code"), oauth2.VerifierOption(f.verifier))
	var s session
	if err == nil {
		s, err = a.verify(r.Context(), token)
	}
	if err == nil && s.nonce != f.nonce {
		err = errors.New("another nonce")
	}
	if err != nil {
		log.Printf("sign-in refused: %v", err)
		http.Error(w, "The sign-in was refused. Please begin again.", http.StatusBadRequest)
		return
	}
	a.sessions.end(cookie(r, a.cookieName))
	a.setCookie(w, a.cookieName, a.sessions.start(s), 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// flowCookie names the cookie of one sign-in, so that two at once do not meet.
func (a *app) flowCookie(state string) string { return a.cookieName + "-" + state[:min(8, len(state))] }

// verify checks both tokens and reads what they carry. The verifier checks
// signature, iss, aud and exp; typ and azp tell whether a token is of the right
// kind and was issued to us.
func (a *app) verify(ctx context.Context, token *oauth2.Token) (session, error) {
	raw, _ := token.Extra("id_token").(string)
	s := session{idToken: raw, refreshToken: token.RefreshToken}
	id, err := a.claims(ctx, raw, "ID", &s.Me)
	if err != nil {
		return s, fmt.Errorf("ID token: %w", err)
	}
	if a.leastACR != "" && s.Me.ACR != a.leastACR { // the browser can drop what was asked for
		return s, fmt.Errorf("acr %q, want %q", s.Me.ACR, a.leastACR)
	}
	access, err := a.claims(ctx, token.AccessToken, "Bearer", &s.Me) // its groups and roles are what an API would see
	if err != nil {
		return s, fmt.Errorf("access token: %w", err)
	}
	if access.Subject != id.Subject || s.Me.SID == "" {
		return s, errors.New("tokens of two people, or without sid")
	}
	s.nonce = id.Nonce
	return s, nil
}

func (a *app) claims(ctx context.Context, raw, typ string, into *me) (*oidc.IDToken, error) {
	token, err := a.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	var kind struct{ Typ, AZP string }
	if err := token.Claims(&kind); err != nil {
		return nil, err
	}
	if kind.Typ != typ || kind.AZP != a.clientID {
		return nil, fmt.Errorf("typ %q, azp %q", kind.Typ, kind.AZP)
	}
	return token, token.Claims(into)
}

// refresh renews the tokens, and with them what we know of groups and roles.
// When Keycloak refuses, its session is over and so is ours; when it does not
// answer, the session stays and the next page tries again.
func (a *app) refresh(ctx context.Context, id string, old session) (session, bool) {
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), a.http) // a refresh token is used up even if nobody waits
	token, err := a.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: old.refreshToken}).Token()
	var answer *oauth2.RetrieveError
	if err != nil && (!errors.As(err, &answer) || answer.Response.StatusCode >= 500) {
		log.Printf("no refresh: %v", err)
		a.sessions.releaseRefresh(id)
		return old, true
	}
	var s session
	if err == nil {
		s, err = a.verify(ctx, token)
	}
	if err == nil && (s.Me.Sub != old.Me.Sub || s.Me.SID != old.Me.SID) {
		err = errors.New("tokens of another session")
	}
	if err != nil {
		log.Printf("refresh refused: %v", err)
		a.sessions.end(id)
		return session{}, false
	}
	return s, a.sessions.refreshed(id, s)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	s, ok := a.sessions.get(cookie(r, a.cookieName), false)
	a.sessions.end(cookie(r, a.cookieName))
	a.setCookie(w, a.cookieName, "", -1)
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	q := url.Values{"id_token_hint": {s.idToken}, "client_id": {a.clientID}, "post_logout_redirect_uri": {a.publicURL + "/"}}
	http.Redirect(w, r, a.endSession+"?"+q.Encode(), http.StatusSeeOther)
}

// backChannel ends the sessions that Keycloak names. It answers at once and
// closes the connection: the token is sent once, and a pooled connection that
// has gone stale would lose it.
func (a *app) backChannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	token, err := a.verifier.VerifyLogout(r.Context(), r.PostFormValue("logout_token"))
	if err == nil && !a.sessions.logout(token) {
		err = errors.New("repeated")
	}
	if err != nil {
		log.Printf("logout token refused: %v", err)
		w.WriteHeader(http.StatusBadRequest)
	}
}
