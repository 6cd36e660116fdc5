package registry

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// A limit counts the uses of a name in a window of time, over all replicas, in one
// statement. The name is kept as a keyed hash: no table tells who asked for what.
type limit struct {
	what   string
	most   int
	window time.Duration
}

var (
	// mailLimit is how many mails somebody can make us send to one address, over
	// all flows together (A45): enough for one that got lost and one mistake.
	mailLimit = limit{"mail", 3, 24 * time.Hour}
	// signUpLimit is for one client address, which may be a whole hospital's on the
	// morning of its first training; a machine that asks for accounts gets no more.
	signUpLimit = limit{"sign-up.from", 60, time.Hour}
	// wayRoundLimit is for the way without a challenge, where nothing else is in a
	// machine's way: a practice's worth of people.
	wayRoundLimit = limit{"sign-up.round", 10, time.Hour}
)

// upsert counts one use and tells how many there were, and for how many seconds
// more they count.
const upsert = `insert into counter as c (name, slot, n) select $1, slot, 1 from
	(select to_timestamp(floor(extract(epoch from $2::timestamptz) / $3) * $3) as slot) s
	on conflict (name, slot) do update set n = c.n + 1
	returning n, extract(epoch from slot - $2::timestamptz) + $3 as again`

// count counts one use of name and refuses beyond the most: TooMany, with how long
// to wait. A use that is refused counts as well, where its transaction commits.
func (l limit) count(ctx context.Context, q sqlx.QueryerContext, keys *Keys, name string, at time.Time) error {
	var row struct {
		N     int
		Again float64
	}
	err := sqlx.GetContext(ctx, q, &row, upsert, keys.hexHash("counter", l.what+":"+strings.ToLower(name)), at, l.window.Seconds())
	if err == nil && row.N > l.most {
		return &Error{Kind: TooMany, Key: "error.too-many", After: time.Duration(row.Again * float64(time.Second))}
	}
	return err
}

// mailTo counts one mail that somebody makes us send to an address.
func (tx *Tx) mailTo(address string) error {
	return mailLimit.count(tx.ctx, tx, tx.r.keys, address, tx.At)
}

// CountSignUp counts a sign-up from a client address before anything is done for
// it; round is one without a challenge. The count stays whatever follows.
func (r *Registry) CountSignUp(ctx context.Context, from string, round bool) error {
	limits := []limit{signUpLimit}
	if round {
		limits = append(limits, wayRoundLimit)
	}
	now, err := r.Now(ctx)
	if err != nil {
		return err
	}
	for _, l := range limits {
		var over error
		err := r.inTx(ctx, func(t *sqlx.Tx) error {
			over = l.count(ctx, t, r.keys, from, now)
			if IsKind(over, TooMany) {
				return nil // the count stays
			}
			return over
		})
		if err != nil {
			return err
		}
		if over != nil {
			return over
		}
	}
	return nil
}
