package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fetchEvery is how often the issuer's keys may be fetched, whatever is sent to
// us. A new key is known that much later at most.
const fetchEvery = 10 * time.Second

// keySet holds the issuer's public keys. go-oidc's own fetches them once for
// every token with an unknown kid, so that forged logout tokens would become a
// storm of fetches (A53).
type keySet struct {
	client *http.Client
	url    string

	fetching sync.Mutex // whoever needs the same fetch waits for it
	next     time.Time  // no fetch before; guarded by fetching

	mu   sync.Mutex
	keys map[string]jose.JSONWebKey // by kid
}

// errNoKeys says that a key is unknown and that the issuer cannot be asked now: the
// token may well be good.
var errNoKeys = errors.New("session: the issuer's keys cannot be fetched")

func newKeySet(client *http.Client, url string) *keySet { return &keySet{client: client, url: url} }

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, key, err := k.signer(ctx, token)
	if err != nil {
		return nil, err
	}
	return jws.Verify(key)
}

// signer finds the key that a token says it is signed with. Only the kid of the
// header counts: keys that a token brings along (jwk, jku, x5u) are never looked at.
func (k *keySet) signer(ctx context.Context, token string) (*jose.JSONWebSignature, jose.JSONWebKey, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return nil, jose.JSONWebKey{}, err
	}
	if len(jws.Signatures) != 1 {
		return nil, jose.JSONWebKey{}, errors.New("session: a token has one signature")
	}
	key, err := k.key(ctx, jws.Signatures[0].Header.KeyID)
	return jws, key, err
}

// key finds a key by its id, fetching where it is unknown and the last fetch is
// long enough ago. Known keys never wait for a fetch.
func (k *keySet) key(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	if key, ok := k.known(kid); ok {
		return key, nil
	}
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if key, ok := k.known(kid); ok { // fetched while we waited
		return key, nil
	}
	if time.Now().Before(k.next) {
		return jose.JSONWebKey{}, fmt.Errorf("%w for key %q: the last fetch is too recent", errNoKeys, kid)
	}
	keys, err := k.fetch(ctx)
	if err != nil {
		k.next = time.Now().Add(time.Second)
		return jose.JSONWebKey{}, fmt.Errorf("%w: %w", errNoKeys, err)
	}
	k.next = time.Now().Add(fetchEvery)
	k.mu.Lock()
	k.keys = keys
	k.mu.Unlock()
	key, ok := k.known(kid)
	if !ok {
		return key, fmt.Errorf("session: the issuer has no key %q", kid)
	}
	return key, nil
}

func (k *keySet) known(kid string) (jose.JSONWebKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.keys[kid]
	return key, ok
}

func (k *keySet) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("session: %s answers %s", k.url, resp.Status)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil {
			continue // a kind of key that we do not know signs nothing of ours
		}
		if key.KeyID != "" && key.IsPublic() && key.Use != "enc" {
			keys[key.KeyID] = key
		}
	}
	return keys, nil
}
