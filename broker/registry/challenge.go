package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
)

// A challenge is a small sum that a browser does by itself before a form is taken
// from somebody whom nobody knows (A37): find the number whose SHA-256, after the
// salt, is this. It costs a person a second that they do not notice, and whoever
// wants a thousand accounts a thousand seconds. The form is ALTCHA's, version 1.
//
//	challenge = SHA-256(salt ++ number)   signature = HMAC-SHA-256(key, challenge)
//	salt      = random ?act=…&expires=…&from=…&
//
// The salt says for which act, until when and for whose address it was made. The
// key comes from the pepper, which every replica has; that a solution counts once
// is held by a table (I7).
type Challenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	MaxNumber int64  `json:"maxnumber"`
	Salt      string `json:"salt"`
	Signature string `json:"signature"`
}

const (
	// challengeLife is how long a page may stand open: who types slowly, or is
	// called away, is not sent back.
	challengeLife = 2 * time.Hour
	// challengeSize is how many hashes it takes at most: about a second of a
	// telephone's time, half of it on the average.
	challengeSize = 50_000
	// challengeMost is what a solution may weigh before anybody looks into it.
	challengeMost = 2048
)

// NewChallenge makes a challenge for an act, bound to whoever asks from somewhere.
// It touches no table: making them costs us less than asking for them.
func (r *Registry) NewChallenge(act, from string) (Challenge, error) {
	raw := make([]byte, 12)
	_, _ = rand.Read(raw) // crypto/rand never fails since Go 1.24
	n, err := rand.Int(rand.Reader, big.NewInt(challengeSize))
	if err != nil {
		return Challenge{}, err
	}
	// The machine's clock, not the record's: the browser counts down by its own.
	// The & at the end keeps the digits of the number out of the last value.
	salt := fmt.Sprintf("%x?act=%s&expires=%d&from=%s&", raw, act, time.Now().Add(challengeLife).Unix(), r.whence(from))
	sum := sha256.Sum256([]byte(salt + n.String()))
	c := Challenge{Algorithm: "SHA-256", Challenge: hex.EncodeToString(sum[:]), MaxNumber: challengeSize, Salt: salt}
	c.Signature = r.keys.hexHash("challenge", c.Challenge)
	return c, nil
}

// whence hides an address: the salt is shown, and tells nothing.
func (r *Registry) whence(from string) string { return r.keys.hexHash("challenge.from", from)[:16] }

var saltShape = regexp.MustCompile(`^[0-9a-f]{24}\?act=([a-z-]+)&expires=([0-9]+)&from=([0-9a-f]{16})&$`)

// TakeChallenge takes the solution of a challenge, once. What is no solution of
// ours for this act and this address is Invalid; what was one once is Gone.
func (r *Registry) TakeChallenge(ctx context.Context, act, from, solution string) error {
	invalid := Fail(Invalid, "error.challenge-wrong")
	if len(solution) > challengeMost {
		return invalid
	}
	raw, err := base64.StdEncoding.DecodeString(solution)
	if err != nil {
		return invalid
	}
	var s struct {
		Challenge
		Number int64 `json:"number"`
	}
	if err := json.Unmarshal(raw, &s); err != nil || s.Algorithm != "SHA-256" {
		return invalid
	}
	sum := sha256.Sum256([]byte(s.Salt + strconv.FormatInt(s.Number, 10)))
	said := saltShape.FindStringSubmatch(s.Salt)
	ours := hmac.Equal([]byte(s.Signature), []byte(r.keys.hexHash("challenge", s.Challenge.Challenge)))
	if !ours || s.Challenge.Challenge != hex.EncodeToString(sum[:]) || said == nil || said[1] != act || said[3] != r.whence(from) {
		return invalid
	}
	seconds, err := strconv.ParseInt(said[2], 10, 64)
	expires := time.Unix(seconds, 0)
	if err != nil || !time.Now().Before(expires) {
		return Fail(Gone, "error.challenge-old")
	}
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		res, err := t.ExecContext(ctx, `insert into used_challenge (challenge, expires_at) values ($1, $2) on conflict do nothing`, sum[:], expires)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return Because(Gone, "error.challenge-old", err)
		}
		return nil
	})
}
