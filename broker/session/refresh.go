package session

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"countersign/broker/registry"
)

// refresh renews the tokens of a session if nobody else does. That Keycloak does
// not answer, or does not give the keys to judge its answer, leaves the session as
// it is; that it refuses ends it.
func (s *Sessions) refresh(ctx context.Context, p registry.Person) error {
	if s.silent() > 0 { // nobody's page waits for what is known to be away
		return nil
	}
	realm, err := s.realm.get(ctx)
	if err != nil {
		s.cfg.Log.Warn("session: no refresh", "error", err)
		return nil
	}
	claim, ours, err := s.reg.ClaimRefresh(ctx, p.Session.IDHash)
	if err != nil || !ours {
		return err
	}
	// The person may leave the page; the refresh token is used up all the same.
	ctx = context.WithoutCancel(ctx)
	token, err := realm.oauth.TokenSource(s.realm.context(ctx), &oauth2.Token{RefreshToken: claim.RefreshToken}).Token()
	if err == nil {
		err = s.sameSession(ctx, realm, token, p)
	} else if !refusedBy(err) {
		s.cfg.Log.Warn("session: no refresh", "error", err)
		return nil
	}
	if errors.Is(err, errNoKeys) {
		s.cfg.Log.Warn("session: refreshed, but not judged", "error", err)
		return s.reg.RefreshLater(ctx, claim, token.RefreshToken)
	}
	if err != nil {
		if _, endErr := s.reg.EndSession(ctx, p.Session.IDHash, "refresh-refused"); endErr != nil {
			return endErr
		}
		return registry.Because(registry.Unsigned, registry.NoSession, err)
	}
	return s.reg.Refreshed(ctx, claim, idToken(token), token.RefreshToken)
}

// sameSession checks that refreshed tokens are still those of the person and of
// the Keycloak session (OpenID Connect Core 12.2).
func (s *Sessions) sameSession(ctx context.Context, realm *found, token *oauth2.Token, p registry.Person) error {
	who, _, err := realm.verifyID(ctx, idToken(token), s.cfg.ClientID)
	if err != nil {
		return err
	}
	if who.Sub != p.Session.Sub || who.SID != p.Session.SID {
		return errors.New("session: refreshed tokens are another session's")
	}
	return nil
}
