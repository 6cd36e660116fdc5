package registry

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Keys are the secrets that live outside the database: for signing events, for
// sealing personal data, and the pepper of keyed hashes. Each is a file of 32
// random bytes in hex, named <use>.<key id>; the last key id by name is used for
// new data. Old data name the key that signed or sealed them; of peppers only the
// last is known, so a new one costs what a lost one does. Their loss costs:
// signing, the ability to sign and to check what was signed, unless its public
// half was kept elsewhere; sealing, everything sealed; pepper, look-ups by number
// and open links.
type Keys struct {
	signID string
	sign   map[string]ed25519.PrivateKey
	sealID string
	seal   map[string]cipher.AEAD
	pepper []byte
}

// NewKeys writes one fresh key of each use into dir, which must not have any.
func NewKeys(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, use := range []string{"sign", "seal", "pepper"} {
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return err
		}
		name := filepath.Join(dir, use+".k1")
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if _, err = f.WriteString(hex.EncodeToString(secret) + "\n"); err == nil {
			err = f.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// OpenKeys reads the keys of a folder; all three uses must be there.
func OpenKeys(dir fs.FS) (*Keys, error) {
	k := &Keys{sign: map[string]ed25519.PrivateKey{}, seal: map[string]cipher.AEAD{}}
	files, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("registry: keys: %w", err)
	}
	for _, f := range files { // by name, so the last id of a use is the newest
		use, id, _ := strings.Cut(f.Name(), ".")
		if id == "" || (use != "sign" && use != "seal" && use != "pepper") {
			continue
		}
		text, err := fs.ReadFile(dir, f.Name())
		if err != nil {
			return nil, fmt.Errorf("registry: keys: %w", err)
		}
		secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(secret) != 32 {
			return nil, fmt.Errorf("registry: key %s is not 32 bytes in hex", f.Name())
		}
		switch use {
		case "sign":
			k.signID, k.sign[id] = id, ed25519.NewKeyFromSeed(secret)
		case "seal":
			block, err := aes.NewCipher(secret)
			if err != nil {
				return nil, err
			}
			if k.seal[id], err = cipher.NewGCM(block); err != nil {
				return nil, err
			}
			k.sealID = id
		case "pepper":
			k.pepper = secret
		}
	}
	if k.signID == "" || k.sealID == "" || k.pepper == nil {
		return nil, errors.New("registry: keys: need sign, seal and pepper")
	}
	return k, nil
}

// Seal encrypts data so that only this place (about) can open it again.
func (k *Keys) Seal(data []byte, about string) []byte {
	aead := k.seal[k.sealID]
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // crypto/rand never fails since Go 1.24
	head := append([]byte{byte(len(k.sealID))}, k.sealID...)
	return aead.Seal(append(head, nonce...), nonce, data, []byte(about))
}

// Unseal is Seal undone.
func (k *Keys) Unseal(sealed []byte, about string) ([]byte, error) {
	broken := errors.New("registry: sealed data does not open")
	if len(sealed) < 1 || len(sealed) < 1+int(sealed[0]) {
		return nil, broken
	}
	id, rest := sealed[1:1+sealed[0]], sealed[1+sealed[0]:]
	aead := k.seal[string(id)]
	if aead == nil || len(rest) < aead.NonceSize() {
		return nil, broken
	}
	data, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(about))
	if err != nil {
		return nil, broken
	}
	return data, nil
}

// SealKeyID is the id of the key that Seal uses now.
func (k *Keys) SealKeyID() string { return k.sealID }

// Hash is the keyed hash by which secrets and numbers are looked up.
func (k *Keys) Hash(use, value string) []byte {
	h := hmac.New(sha256.New, k.pepper)
	h.Write([]byte(use + "\x00" + value))
	return h.Sum(nil)
}

// Public gives the verifying keys by id.
func (k *Keys) Public() map[string]ed25519.PublicKey {
	out := map[string]ed25519.PublicKey{}
	for id, key := range k.sign {
		out[id] = key.Public().(ed25519.PublicKey)
	}
	return out
}

func (k *Keys) hexHash(use, value string) string { return hex.EncodeToString(k.Hash(use, value)) }
