package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/provisioning"
)

// Kinds of brake.
const (
	BrakeDrift       = "drift"        // removals that no recorded end explains
	BrakeLapse       = "lapse"        // access that a version of a program would end
	BrakeImplausible = "implausible"  // the realm's answer cannot be right
	BrakeOlder       = "older-record" // the realm knows of steps of ours that the record does not
)

// States of a brake: held ──two people──► released, or held ──cause gone──► settled.
const (
	BrakeHeld     = "held"
	BrakeReleased = "released"
	BrakeSettled  = "settled"
)

// brakeRow is a row of brake.
type brakeRow struct {
	ID, Kind, About, Reason, State, Digest string
	Plan, Counts                           []byte
	Source                                 []byte
	Total                                  int
	Held                                   time.Time  `db:"held_at"`
	FirstBy                                *string    `db:"first_by"`
	FirstAt                                *time.Time `db:"first_at"`
	SecondBy                               *string    `db:"second_by"`
	SecondAt                               *time.Time `db:"second_at"`
	SettledAt                              *time.Time `db:"settled_at"`
	Version                                int64
}

const brakeColumns = `id, kind, about, reason, state, digest, plan, counts, source, total, held_at, first_by, first_at, second_by, second_at, settled_at, version`

func (b brakeRow) effects() (e provisioning.Effects, err error) {
	return e, json.Unmarshal(b.Plan, &e)
}

// lockBrake lets one at a time weigh what passes, over all replicas. Whoever also
// changes what program is in force has that lock first.
func lockBrake(ctx context.Context, e sqlx.ExecerContext) error {
	_, err := e.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext('brake'))`)
	return err
}

// heldBrake is the brake of a kind and subject that is held; nil for none.
func heldBrake(ctx context.Context, q sqlx.QueryerContext, kind, about string) (*brakeRow, error) {
	var row brakeRow
	err := sqlx.GetContext(ctx, q, &row, `select `+brakeColumns+` from brake where kind = $1 and about = $2 and state = 'held' for update`, kind, about)
	if isNoRows(err) {
		return nil, nil
	}
	return &row, err
}

// holding is what a brake is to hold.
type holding struct {
	kind, about, reason string
	plan                provisioning.Effects
	total               int
	counts              any // what else a person is to see of it; nil for nothing
	source              []byte
}

// hold makes a brake hold a plan: a new one, or the one that is held already, whose
// plan is then another, so that what one person released of it is void.
func (tx *Tx) hold(h holding) (id string, err error) {
	now, err := heldBrake(tx.ctx, tx, h.kind, h.about)
	if err != nil {
		return "", err
	}
	if h.counts == nil {
		h.counts = struct{}{}
	}
	plan, err := json.Marshal(provisioning.NewEffects(h.plan))
	if err != nil {
		return "", err
	}
	counts, err := json.Marshal(h.counts)
	if err != nil {
		return "", err
	}
	digest := h.plan.Digest(h.kind, h.about+"\n"+h.reason+"\n"+string(counts)+"\n"+string(h.source))
	data := map[string]any{"kind": h.kind, "about": h.about, "reason": h.reason, "digest": digest, "effects": len(h.plan), "total": h.total}
	switch {
	case now == nil:
		id = NewID()
		if _, err := tx.ExecContext(tx.ctx, `insert into brake (id, kind, about, reason, state, plan, digest, total, counts, source, held_at, changed_at)
			values ($1, $2, $3, $4, 'held', $5, $6, $7, $8, $9, $10, $10)`, id, h.kind, h.about, h.reason, string(plan), digest, h.total, string(counts), h.source, tx.At); err != nil {
			return "", err
		}
		tx.event("brake", id, 1, "brake.held", data)
		return id, tx.tellKeepers(id, h.kind)
	case now.Digest == digest:
		return now.ID, nil
	}
	if _, err := tx.ExecContext(tx.ctx, `update brake set reason = $2, plan = $3, digest = $4, total = $5, counts = $6, source = $7, first_by = null, first_at = null,
		version = version + 1, changed_at = $8 where id = $1`, now.ID, h.reason, string(plan), digest, h.total, string(counts), h.source, tx.At); err != nil {
		return "", err
	}
	tx.event("brake", now.ID, now.Version+1, "brake.changed", data)
	return now.ID, nil
}

// settleBrake ends a held brake whose cause is gone.
func (tx *Tx) settleBrake(b *brakeRow) error {
	_, err := tx.ExecContext(tx.ctx, `update brake set state = 'settled', settled_at = $2, version = version + 1, changed_at = $2 where id = $1`, b.ID, tx.At)
	tx.event("brake", b.ID, b.Version+1, "brake.settled", map[string]any{"kind": b.Kind, "digest": b.Digest})
	return err
}
