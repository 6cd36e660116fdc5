package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/lib/pq"
)

// about is what a fact is about; until zero is for ever.
type about struct {
	request, account, site, role string
	from, until                  time.Time
}

// add inserts one fact into its table with its own columns beside the shared
// ones, notes the event and returns the id.
func (tx *Tx) add(kind string, a about, columns string, values ...any) (string, error) {
	id := NewID()
	if a.from.IsZero() {
		a.from = tx.At
	}
	args := []any{id, null(a.request), null(a.account), null(a.site), null(a.role), a.from, closed(a.until), tx.At, tx.actID}
	names, places := "", ""
	own := map[string]any{}
	if columns != "" {
		names = ", " + columns
		for i, column := range strings.Split(columns, ", ") {
			places += ", $" + itoa(len(args)+i+1)
			own[column] = values[i]
			if hidden, ok := values[i].([]byte); ok { // sealed or hashed: personal
				s := sha256.Sum256(hidden)
				own[column] = hex.EncodeToString(s[:])
			}
		}
	}
	_, err := tx.ExecContext(tx.ctx, `insert into fact_`+kind+` (id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id`+names+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9`+places+`)`, append(args, values...)...)
	tx.event(kind, id, 1, kind+".recorded", factData{a.request, a.account, a.site, a.role, a.from.UTC(), timeOrNil(a.until), own})
	return id, err
}

type factData struct {
	Request string     `json:"request,omitempty"`
	Account string     `json:"account,omitempty"`
	Site    string     `json:"site,omitempty"`
	Role    string     `json:"role,omitempty"`
	From    time.Time  `json:"from"`
	Until   *time.Time `json:"until,omitempty"`
	// Own are the columns of its kind: which text was signed, what the verdict was;
	// of one that is sealed or hashed, the SHA-256 of what was stored.
	Own map[string]any `json:"own,omitempty"`
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

// endData is what the event of an end says: when it was, and why where that was given.
type endData struct {
	Ended   time.Time `json:"ended"`
	Reasons []string  `json:"reasons,omitempty"`
}

// end ends the facts of a kind that match, and tells how many.
func (tx *Tx) end(kind, where string, args ...any) (int, error) {
	var rows []struct {
		ID    string
		Ended time.Time `db:"ended_at"`
	}
	err := tx.SelectContext(tx.ctx, &rows, `with ended as (update fact_`+kind+` set ended_at = greatest($1, from_at), end_act = $2
		where ended_at is null and `+where+` returning id, ended_at) select id, ended_at from ended order by id`, append([]any{tx.At, tx.actID}, args...)...)
	for _, row := range rows {
		tx.event(kind, row.ID, 2, kind+".ended", &endData{Ended: row.Ended.UTC()})
	}
	return len(rows), err
}

func (tx *Tx) addReview(request, account, site, role, need, capacity, verdict string, reasons []string, by string) (string, error) {
	return tx.add("review", about{request: request, account: account, site: site, role: role},
		`by_account, need, capacity, verdict, reasons`, null(by), need, capacity, verdict, pq.Array(orEmpty(reasons)))
}
