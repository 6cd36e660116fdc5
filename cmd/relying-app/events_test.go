package main

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const portal, realm = "https://portal.example", "https://keycloak.example/realms/r"

// token is a Security Event Token with some claims changed.
func token(t *testing.T, key ed25519.PrivateKey, typ string, change map[string]any) string {
	t.Helper()
	claims := map[string]any{"iss": portal, "aud": "viewer", "jti": "1", "iat": time.Now().Unix(),
		"sub_id": map[string]string{"format": "iss_sub", "iss": realm, "sub": "ada"}, "events": map[string]any{sessionRevoked: map[string]any{}}}
	maps.Copy(claims, change)
	var parts []string
	for _, part := range []any{map[string]string{"typ": typ, "alg": "EdDSA", "kid": "k"}, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(data))
	}
	input := strings.Join(parts, ".")
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(input)))
}

// A signed event ends the sessions that began before it, of its person, once, and only
// one that is for us, by whom we know, and of the right kind.
func TestEvents(t *testing.T) {
	t.Parallel()
	public, key, _ := ed25519.GenerateKey(nil)
	_, foreign, _ := ed25519.GenerateKey(nil)
	a := &app{issuer: realm, clientID: "viewer", sessions: newSessions(), events: events{portal, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{public}}}}
	server := httptest.NewServer(a.routes())
	defer server.Close()
	push := func(token, as string) (int, string) {
		t.Helper()
		resp, err := http.Post(server.URL+"/events", as, strings.NewReader(token))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	const kind = "application/secevent+jwt"
	live := func(id string) bool { _, ok := a.sessions.get(id, false); return ok }
	ada, ruth := a.sessions.start(session{Me: me{Sub: "ada"}}), a.sessions.start(session{Me: me{Sub: "ruth"}})

	for err, sent := range map[string]string{
		"invalid_key":      token(t, foreign, "secevent+jwt", nil),
		"invalid_issuer":   token(t, key, "secevent+jwt", map[string]any{"iss": "https://other.example"}),
		"invalid_audience": token(t, key, "secevent+jwt", map[string]any{"aud": []string{"other"}}),
		"typ":              token(t, key, "JWT", nil),
		"jti":              token(t, key, "secevent+jwt", map[string]any{"jti": ""}),
		"events are":       token(t, key, "secevent+jwt", map[string]any{"events": nil}),
		"sub_id":           token(t, key, "secevent+jwt", map[string]any{"sub_id": map[string]string{"format": "email", "email": "ada@example.org"}}),
		"future":           token(t, key, "secevent+jwt", map[string]any{"iat": time.Now().Add(time.Hour).Unix()}),
		"invalid_request":  "no token",
	} {
		if code, said := push(sent, kind); code != http.StatusBadRequest || !strings.Contains(said, err) {
			t.Errorf("%s: %d %s", err, code, said)
		}
	}
	if code, _ := push(token(t, key, "secevent+jwt", nil), "application/jwt"); code != http.StatusBadRequest {
		t.Errorf("another content type: %d", code)
	}
	elsewhere := token(t, key, "secevent+jwt", map[string]any{"jti": "2", "sub_id": map[string]string{"format": "iss_sub", "iss": "https://other.example", "sub": "ada"}})
	for _, nothing := range []string{elsewhere, token(t, key, "secevent+jwt", map[string]any{"jti": "3", "events": map[string]any{"https://example.org/other": struct{}{}}})} {
		if code, said := push(nothing, kind); code != http.StatusAccepted || !live(ada) {
			t.Errorf("what is not about our people: %d %s, %v", code, said, live(ada))
		}
	}

	sent := token(t, key, "secevent+jwt", map[string]any{"aud": []string{"other", "viewer"}})
	if code, said := push(sent, kind); code != http.StatusAccepted || said != "" || live(ada) || !live(ruth) {
		t.Errorf("the event: %d %q, ada %v, ruth %v", code, said, live(ada), live(ruth))
	}
	again := a.sessions.start(session{Me: me{Sub: "ada"}})
	if code, _ := push(sent, kind); code != http.StatusAccepted || !live(again) {
		t.Errorf("repeated: %d, ended what began since: %v", code, !live(again))
	}
	if code, _ := push(token(t, key, "secevent+jwt", map[string]any{"jti": "4", "iat": time.Now().Add(-time.Hour).Unix()}), kind); code != http.StatusAccepted || !live(again) {
		t.Errorf("an old one, late: %d, ended what began since: %v", code, !live(again))
	}
}
