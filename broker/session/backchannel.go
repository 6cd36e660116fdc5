package session

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"countersign/broker/registry"
)

// mostLogout is how long the body of a back-channel logout may be, in bytes;
// Keycloak's have about 1,000.
const mostLogout = 16 << 10

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// BackChannel takes Keycloak's logout tokens (OpenID Connect Back-Channel Logout
// 1.0, section 2.5 to 2.8). It answers 200 or 400 and closes the connection:
// Keycloak sends a token once, and loses it on a pooled connection that has gone
// stale. No browser comes here, so nothing is a page.
func (s *Sessions) BackChannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 8*time.Second)
	defer cancel()
	notice, err := s.logoutNotice(ctx, w, r)
	if err != nil {
		s.cfg.Log.Debug("session: logout token refused", "error", err) // anybody may send some by the thousand
		refuseLogout(w)
		return
	}
	ended, err := s.reg.LoggedOut(ctx, notice)
	if err != nil {
		s.cfg.Log.Warn("session: a true logout token ended nothing", "error", err)
		refuseLogout(w)
		return
	}
	s.cfg.Log.Info("session: logged out by Keycloak", "sessions", ended)
}

func refuseLogout(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(`{"error":"invalid_request"}`)) // nobody to tell when the caller is gone
}

// logoutNotice reads and verifies the logout token of a request. What is cheap
// to see comes first; no forged token reaches the database.
func (s *Sessions) logoutNotice(ctx context.Context, w http.ResponseWriter, r *http.Request) (registry.LogoutNotice, error) {
	var n registry.LogoutNotice
	r.Body = http.MaxBytesReader(w, r.Body, mostLogout)
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return n, errors.New("session: not a form")
	}
	if err := r.ParseForm(); err != nil {
		return n, err
	}
	raw, err := one(r.PostForm, "logout_token")
	if err != nil {
		return n, err
	}
	if err := logoutType(raw); err != nil {
		return n, err
	}
	realm, err := s.realm.get(ctx)
	if err != nil {
		return n, err
	}
	// VerifyLogout checks signature, iss, aud, exp, jti, that sid or sub is there
	// and that nonce is not.
	token, err := realm.verifier.VerifyLogout(ctx, raw)
	if err != nil {
		return n, err
	}
	var c struct {
		IssuedAt int64                      `json:"iat"`
		Events   map[string]json.RawMessage `json:"events"`
	}
	if err := token.Claims(&c); err != nil {
		return n, err
	}
	if event := strings.TrimSpace(string(c.Events[logoutEvent])); !strings.HasPrefix(event, "{") {
		return n, errors.New("session: no logout event")
	}
	if c.IssuedAt == 0 || time.Unix(c.IssuedAt, 0).After(time.Now().Add(time.Minute)) {
		return n, errors.New("session: logout token without iat, or from the future")
	}
	return registry.LogoutNotice{Issuer: token.Issuer, JTI: token.TokenID, SID: token.SessionID, Sub: token.Subject,
		Issued: c.IssuedAt, Expires: time.Until(token.Expiry)}, nil
}

// logoutType refuses tokens whose header does not say that they are logout
// tokens: an ID token is signed by the same key for the same audience.
func logoutType(raw string) error {
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return err
	}
	var h struct{ Typ string }
	if err := json.Unmarshal(text, &h); err != nil {
		return err
	}
	if !strings.EqualFold(h.Typ, "logout+jwt") {
		return fmt.Errorf("session: a token of typ %q is no logout token", h.Typ)
	}
	return nil
}
