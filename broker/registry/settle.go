package registry

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/lib/pq"

	"countersign/policies"
)

func itoa(n int) string { return strconv.Itoa(n) }

// grantRow is an open row of access_grant.
type grantRow struct {
	ID      string
	Account string `db:"account_id"`
	Site    string `db:"site_id"`
	Role    string
	Leaf    string
	Basis   pq.StringArray
	From    time.Time `db:"from_at"`
	Until   time.Time `db:"until_at"`
	Version int64
}

const grantColumns = `id, account_id, site_id, role, leaf, basis, from_at, until_at, version`

type grantKey struct{ site, role, leaf string }

// settle makes the open grants of the locked accounts equal to what the rules
// say of the facts, and tells who must be told and when to look again.
func (tx *Tx) settle() error {
	if len(tx.accounts) == 0 {
		return nil
	}
	facts, err := factsOf(tx.ctx, tx.Tx, tx.accounts, tx.At)
	if err != nil {
		return err
	}
	for _, account := range tx.accounts {
		if err := tx.settleOne(account, policies.Effective(tx.Programs, facts, account, tx.At), facts); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) settleOne(account string, out policies.Outcome, facts policies.Facts) error {
	var rows []grantRow
	if err := tx.SelectContext(tx.ctx, &rows, `select `+grantColumns+` from access_grant where account_id = $1 and ended_at is null order by id`, account); err != nil {
		return err
	}
	wanted := map[grantKey]policies.Grant{}
	for _, g := range out.Grants {
		wanted[grantKey{g.Site, g.Role, g.Leaf}] = g
	}
	var ended []grantRow
	changed := false
	for _, row := range rows {
		key := grantKey{row.Site, row.Role, row.Leaf}
		g, keep := wanted[key]
		if keep && row.Until.After(tx.At) {
			delete(wanted, key)
			if err := tx.regrant(row, g); err != nil {
				return err
			}
			continue
		}
		changed = true
		if err := tx.closeGrant(row); err != nil {
			return err
		}
		if !keep {
			ended = append(ended, row)
		}
	}
	for _, g := range out.Grants {
		if _, missing := wanted[grantKey{g.Site, g.Role, g.Leaf}]; !missing {
			continue
		}
		changed = true
		if err := tx.openGrant(account, g); err != nil {
			return err
		}
	}
	if err := tx.follow(account, out, changed, len(ended) > 0); err != nil {
		return err
	}
	if len(ended) > 0 {
		if err := tx.openReceipt(account, ended); err != nil {
			return err
		}
	}
	if err := tx.granted(account, out, facts); err != nil {
		return err
	}
	return tx.tell(account, out, ended, facts)
}

// regrant keeps an open grant; only its basis and its end may change.
func (tx *Tx) regrant(row grantRow, g policies.Grant) error {
	until := closed(g.Until)
	if slices.Equal(row.Basis, g.Basis) && row.Until.Equal(until) {
		return nil
	}
	_, err := tx.ExecContext(tx.ctx, `update access_grant set basis = $2, until_at = $3, version = version + 1, changed_at = $4 where id = $1`,
		row.ID, pq.Array(g.Basis), until, tx.At)
	tx.event("grant", row.ID, row.Version+1, "grant.changed", map[string]any{"basis": g.Basis, "until": timeOrNil(g.Until)})
	return err
}

// closeGrant ends a grant now, or when it had lapsed by itself.
func (tx *Tx) closeGrant(row grantRow) error {
	at, kind := tx.At, "grant.ended"
	if !row.Until.After(tx.At) {
		at, kind = row.Until, "grant.lapsed"
	}
	_, err := tx.ExecContext(tx.ctx, `update access_grant set ended_at = $2, version = version + 1, changed_at = $3 where id = $1`, row.ID, at, tx.At)
	tx.event("grant", row.ID, row.Version+1, kind, map[string]any{"account": row.Account, "site": row.Site, "role": row.Role, "leaf": row.Leaf, "ended": at.UTC()})
	return err
}

func (tx *Tx) openGrant(account string, g policies.Grant) error {
	id := NewID()
	_, err := tx.ExecContext(tx.ctx, `insert into access_grant (id, account_id, site_id, role, leaf, basis, from_at, until_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $7)`, id, account, g.Site, g.Role, g.Leaf, pq.Array(orEmpty(g.Basis)), tx.At, closed(g.Until))
	tx.event("grant", id, 1, "grant.began", map[string]any{"account": account, "site": g.Site, "role": g.Role, "leaf": g.Leaf,
		"basis": g.Basis, "until": timeOrNil(g.Until)})
	return err
}

// follow notes what the realm has to follow, and when to look again: at the next
// change, or when a notice of a planned end is due.
func (tx *Tx) follow(account string, out policies.Outcome, changed, ended bool) error {
	next := out.Next
	for _, g := range out.Grants {
		for _, days := range noticeDays {
			if at := g.Until.AddDate(0, 0, -days); !g.Until.IsZero() && at.After(tx.At) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	_, err := tx.ExecContext(tx.ctx, `update account set next_at = $2,
		wanted_rev = wanted_rev + case when $3 then 1 else 0 end,
		urgent_rev = case when $4 then wanted_rev + 1 else urgent_rev end,
		retry_at = case when $3 then '-infinity' else retry_at end, tries = case when $3 then 0 else tries end
		where id = $1`, account, timeOrNil(next), changed, ended)
	if err != nil || !changed {
		return err
	}
	lane := LaneAccounts
	if ended {
		lane = LaneUrgent
	}
	return wakeLane(tx.ctx, tx, lane)
}

// granted closes the requests whose wish is fulfilled, and not by an adoption alone.
func (tx *Tx) granted(account string, out policies.Outcome, facts policies.Facts) error {
	for _, j := range facts.Joins {
		if j.Account != account || !slices.ContainsFunc(out.Grants, func(g policies.Grant) bool {
			return g.Site == j.Site && g.Role == j.Role && g.Leaf == j.Role && g.Adopted == ""
		}) {
			continue
		}
		if err := tx.moveRequest(j.Request, []string{policies.Submitted, policies.ReturnedR}, policies.Granted, nil); err != nil && !IsKind(err, Conflict) {
			return err
		}
	}
	return nil
}

// Settle looks again at one account whose time has come.
func (r *Registry) Settle(ctx context.Context, account string) error {
	_, err := r.Do(ctx, Act{By: worker(), Kind: "account.settle", What: account}, Touch{Accounts: []string{account}},
		func(*Tx) (string, error) { return "", nil })
	return err
}
