package registry

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// pushKeyInfo makes the keys for signed events from the keys of the record. They are
// keys of their own, because one key has one use, and need no file of their own: a
// folder of before goes on working, and a new sign.<id> is a new key here too.
const pushKeyInfo = "countersign/push/v1"

func (k *Keys) pushKey(id string) ed25519.PrivateKey {
	seed, err := hkdf.Key(sha256.New, k.sign[id].Seed(), nil, pushKeyInfo, ed25519.SeedSize)
	if err != nil {
		panic(err) // only a length beyond 255 digests fails
	}
	return ed25519.NewKeyFromSeed(seed)
}

func pushKeyID(id string) string { return "push-" + id }

// SignToken signs a Security Event Token (RFC 8417) with the newest key: EdDSA over
// the claims, as a compact JWS that names its kind (section 2.3) and its key.
func (r *Registry) SignToken(claims any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	key := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: r.keys.pushKey(r.keys.signID), KeyID: pushKeyID(r.keys.signID)}}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("secevent+jwt"))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// TokenKeys are the public keys of signed events, of each key in the folder: a JWK Set
// (RFC 7517).
func (r *Registry) TokenKeys() any {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, id := range slices.Sorted(maps.Keys(r.keys.sign)) {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: r.keys.pushKey(id).Public(), KeyID: pushKeyID(id), Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	return set
}
