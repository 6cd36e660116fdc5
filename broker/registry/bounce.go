package registry

import (
	"context"
	"crypto/hmac"
	"encoding/base32"
	"encoding/hex"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// A mail carries a token in the address that its bounce comes back to: the row's id
// and ten bytes of a keyed hash of it, so that nobody can make up a bounce. Small
// letters and digits only, because mail servers may change the case.
var tokenCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const tokenMAC = 10 // bytes

func (k *Keys) bounceToken(id uuid.UUID) string {
	return tokenCode.EncodeToString(append(id[:], k.Hash("bounce", hex.EncodeToString(id[:]))[:tokenMAC]...))
}

// MailBounced records that a mail which the server had taken came back for good,
// with the status of its report (RFC 3463); somebody is to see to it. A token that
// is none of ours is NotFound; a bounce told twice is nothing.
func (r *Registry) MailBounced(ctx context.Context, token, status string) error {
	raw, err := tokenCode.DecodeString(token)
	if err != nil || len(raw) != 16+tokenMAC {
		return Fail(NotFound, "error.not-found")
	}
	id := uuid.UUID(raw[:16])
	if !hmac.Equal([]byte(token), []byte(r.keys.bounceToken(id))) {
		return Fail(NotFound, "error.not-found")
	}
	return r.inTx(ctx, func(t *sqlx.Tx) error {
		res, err := t.ExecContext(ctx, `update mail set failed_at = instant(), answer = 'came back: ' || $2 where id = $1 and failed_at is null`, id, status)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return r.openTodo(ctx, t, id.String())
	})
}
