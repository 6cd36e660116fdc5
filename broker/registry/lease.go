package registry

import (
	"context"
	"time"
)

// leaseLife is how long a worker may be silent about an account or a site that it
// claimed. It bounds how long an end waits behind a worker that was killed or hangs
// (I6); one that is alive says so, however long its calls take: see Hold.
const leaseLife = 8 * time.Second

// Hold keeps the lease of a claimed account or site alive until release is called.
// Whoever lost it keeps nothing alive, and meets that at the next step.
func (r *Registry) Hold(ctx context.Context, table, id, lease string) (release func()) {
	ctx, release = context.WithCancel(ctx)
	if table != "account" && table != "site" {
		return release
	}
	go func() {
		for beat := time.NewTicker(leaseLife / 4); ; {
			select {
			case <-ctx.Done():
				beat.Stop()
				return
			case <-beat.C:
				// Where the record does not answer, nobody else can claim it either.
				_ = r.exec(ctx, `update `+table+` set lease_until = clock_timestamp() + $3 * interval '1 second'
					where id = $1 and lease = $2 and lease_until > clock_timestamp()`, id, lease, leaseLife.Seconds())
			}
		}
	}()
	return release
}
