package session

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	clientID     = "portal"
	clientSecret = "a secret with % and +"
)

var (
	realmKey  = newKey()
	forgerKey = newKey()
)

func newKey() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

// person is who signs in at the test's issuer.
type person struct{ sub, sid, name string }

// issuer is the outside of these tests: it speaks as Keycloak 26 does where we
// listen, and says what a test wants where we must not listen.
type issuer struct {
	t       *testing.T
	url     string
	fetches atomic.Int64 // of the keys
	asked   atomic.Int64 // refreshes
	down    atomic.Bool
	keyless atomic.Bool // the keys are not given out

	mu      sync.Mutex
	codes   map[string]grant
	change  func(claims map[string]any)                    // of the next ID tokens
	forge   func(claims map[string]any) string             // instead of signing them
	refresh func(w http.ResponseWriter, g grant) (no bool) // instead of new tokens
	last    map[string]any                                 // the last ID token that was given out
	lastRaw string
}

// grant is what a code or refresh token stands for.
type grant struct {
	who              person
	nonce, challenge string
	authTime         time.Time
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t, codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if i.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		i.json(w, map[string]any{"issuer": i.url, "authorization_endpoint": i.url + "/auth", "token_endpoint": i.url + "/token",
			"jwks_uri": i.url + "/certs", "end_session_endpoint": i.url + "/logout", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "ES256"}})
	})
	mux.HandleFunc("GET /certs", func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		if i.keyless.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		i.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: realmKey.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"},
			{Key: forgerKey.Public(), KeyID: "enc1", Algorithm: "RSA-OAEP", Use: "enc"}}})
	})
	mux.HandleFunc("POST /token", i.token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

// approve is a person signing in: it gives the address of the callback.
func (i *issuer) approve(at *url.URL, who person) string {
	return i.approveAt(at, who, time.Now())
}

// approveAt is approve with the moment at which the person gave proof.
func (i *issuer) approveAt(at *url.URL, who person, authTime time.Time) string {
	q := at.Query()
	code := newSecret()
	i.mu.Lock()
	i.codes[code] = grant{who: who, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), authTime: authTime}
	i.mu.Unlock()
	back := url.Values{"state": q["state"], "code": {code}, "iss": {i.url}}
	return q.Get("redirect_uri") + "?" + back.Encode()
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	i.mu.Lock()
	defer i.mu.Unlock()
	key := r.FormValue("code") + r.FormValue("refresh_token")
	g, known := i.codes[key]
	delete(i.codes, key)
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	pkce := base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
	if r.FormValue("grant_type") == "refresh_token" {
		i.asked.Add(1)
		pkce = true
		if i.refresh != nil && i.refresh(w, g) {
			i.codes[key] = g
			return
		}
	}
	if !known || !pkce || id != clientID || secret != clientSecret {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		why := "PKCE verification failed: Code mismatch"
		if !known {
			why = "Code not valid"
		}
		i.json(w, map[string]string{"error": "invalid_grant", "error_description": why})
		return
	}
	refresh := newSecret()
	i.codes[refresh] = g
	i.json(w, map[string]any{"access_token": "for the APIs of others", "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh, "id_token": i.idToken(g)})
}

func (i *issuer) idToken(g grant) string {
	c := map[string]any{"iss": i.url, "aud": clientID, "azp": clientID, "typ": "ID", "sub": g.who.sub, "sid": g.who.sid, "nonce": g.nonce,
		"exp": time.Now().Add(5 * time.Minute).Unix(), "iat": time.Now().Unix(), "auth_time": g.authTime.Unix(), "acr": "1", "jti": newSecret(),
		"preferred_username": g.who.name, "given_name": "Given", "family_name": g.who.name, "email": g.who.name + "@example.org", "email_verified": true}
	if i.change != nil {
		i.change(c)
	}
	i.last = maps.Clone(c)
	if i.forge != nil {
		i.lastRaw = i.forge(c)
	} else {
		i.lastRaw = sign(i.t, c, realmKey, jose.RS256, "k1", "JWT")
	}
	return i.lastRaw
}

// as sets how the next ID tokens are made.
func (i *issuer) as(change func(map[string]any), forge func(map[string]any) string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.change, i.forge = change, forge
}

// logoutToken is one as Keycloak sends it.
func (i *issuer) logoutToken(sub, sid string) map[string]any {
	return map[string]any{"iss": i.url, "aud": clientID, "sub": sub, "sid": sid, "typ": "Logout", "iat": time.Now().Unix(), "exp": time.Now().Add(2 * time.Minute).Unix(),
		"jti": newSecret(), "events": map[string]any{logoutEvent: map[string]any{}}}
}

func (i *issuer) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Error(err)
	}
}

// sign makes a token; more are further header fields, in pairs.
func sign(t *testing.T, claims map[string]any, key any, alg jose.SignatureAlgorithm, kid, typ string, more ...string) string {
	o := (&jose.SignerOptions{}).WithHeader("kid", kid).WithType(jose.ContentType(typ))
	for n := 0; n+1 < len(more); n += 2 {
		o = o.WithHeader(jose.HeaderKey(more[n]), more[n+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unsigned makes a token with alg none.
func unsigned(t *testing.T, claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc(payload) + "."
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
