package session

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
)

// goOn is the state that comes back from Keycloak's logout when a sign-in follows.
const goOn = "sign-in"

// LeaveNothing is the Clear-Site-Data of an answer that ends a session or shows
// that it paused: the browser forgets our pages and all that a page has stored.
// Not "cookies": that would take those of every service of the same domain, and
// the sign-in's own.
const LeaveNothing = `"cache", "storage"`

// SignOut ends our session, then sends the browser to end Keycloak's (POST, with
// FormToken). With Keycloak down, or nobody signed in, it leads to the first page.
func (s *Sessions) SignOut(w http.ResponseWriter, r *http.Request) error {
	return s.leave(w, r, "sign-out", "", "/")
}

// SomeoneElse is the idle page's other answer (POST, with FormToken): whoever was
// here is logged out at Keycloak too, then a sign-in begins.
func (s *Sessions) SomeoneElse(w http.ResponseWriter, r *http.Request) error {
	return s.leave(w, r, "someone-else", goOn, SignInPath)
}

// SignedOut is where Keycloak sends the browser after its logout (Config.PostLogout).
// It tells whether it has sent the browser on to a sign-in; otherwise the portal
// shows its page.
func (s *Sessions) SignedOut(w http.ResponseWriter, r *http.Request) (done bool) {
	if r.URL.Query().Get("state") != goOn {
		return false
	}
	redirect(w, r, SignInPath)
	return true
}

// leave ends our session first: whatever becomes of Keycloak, we know nobody any
// more.
func (s *Sessions) leave(w http.ResponseWriter, r *http.Request, reason, state, otherwise string) error {
	p, err := s.Authenticate(r)
	if err != nil && !registry.IsKind(err, registry.Unsigned) {
		return err
	}
	idToken := ""
	if len(p.Session.IDHash) > 0 { // live or idle
		if err := s.CheckFormToken(p, r.PostFormValue(FormField)); err != nil {
			return err
		}
		if idToken, err = s.reg.EndSession(r.Context(), p.Session.IDHash, reason); err != nil {
			return err
		}
	}
	s.setCookie(w, s.cfg.CookieName, "", -1)
	w.Header().Set("Clear-Site-Data", LeaveNothing)
	realm, err := s.realm.get(r.Context())
	if err != nil || idToken == "" {
		redirect(w, r, otherwise)
		return nil
	}
	end, err := url.Parse(realm.endSession)
	if err != nil {
		return err
	}
	q := end.Query()
	q.Set("id_token_hint", idToken)
	q.Set("client_id", s.cfg.ClientID)
	q.Set("post_logout_redirect_uri", s.cfg.PostLogout)
	if state != "" {
		q.Set("state", state)
	}
	end.RawQuery = q.Encode()
	redirect(w, r, end.String())
	return nil
}
