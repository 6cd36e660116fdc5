package registry

import (
	"maps"
	"slices"

	"countersign/policies"
	"countersign/provisioning"
)

// lapseBatch is of how many accounts the facts are read together.
const lapseBatch = 500

// lapses are what people hold now and would not hold if a version of a program came
// into force at this moment, and of how many roles at sites. What ends by itself at
// this moment, under either version, is not among them.
func (tx *Tx) lapses(p *policies.Program) (out provisioning.Effects, of int, err error) {
	var accounts []string
	if err := tx.SelectContext(tx.ctx, &accounts, `select distinct j.account_id from fact_join j join site s on s.id = j.site_id
		where s.program = $1 and j.ended_at is null order by 1`, p.ID); err != nil {
		return nil, 0, err
	}
	if err := tx.GetContext(tx.ctx, &of, `select count(*) from access_grant where leaf = role and ended_at is null and until_at > $1`, tx.At); err != nil {
		return nil, 0, err
	}
	after := maps.Clone(tx.Programs)
	after[p.ID] = p
	var lost []provisioning.Effect
	for batch := range slices.Chunk(accounts, lapseBatch) {
		facts, err := factsOf(tx.ctx, tx.Tx, batch, tx.At)
		if err != nil {
			return nil, 0, err
		}
		for _, account := range batch {
			had, has := policies.Decide(tx.Programs, facts, account, tx.At).Held, policies.Decide(after, facts, account, tx.At).Held
			lost = append(lost, lose(account, had, has)...)
		}
	}
	return provisioning.NewEffects(lost), of, nil
}

// lose is what an account had and does not have: a role whole, or parts of what it gives.
func lose(account string, had, has []policies.Hold) (lost []provisioning.Effect) {
	gone := func(site, role, leaf string) bool {
		return !slices.ContainsFunc(has, func(h policies.Hold) bool { return h.Site == site && h.Role == role && h.Leaf == leaf })
	}
	for _, h := range had {
		if gone(h.Site, h.Role, h.Leaf) && (h.Leaf == h.Role || !gone(h.Site, h.Role, h.Role)) {
			lost = append(lost, provisioning.Effect{Do: provisioning.DoLapse, Account: account, Site: h.Site, Role: h.Role, Leaf: h.Leaf})
		}
	}
	return lost
}

// lapsed is how many lapses versions of the program caused within the last hour: one
// version after the other does not get past the brake either. What was released is not
// counted again.
func (tx *Tx) lapsed(program string) (n int, err error) {
	return n, tx.GetContext(tx.ctx, &n, `select coalesce(sum((convert_from(e.body, 'UTF8')::jsonb #>> '{data,lapses}')::int), 0) from event e join act a on a.id = e.act_id
		where e.entity = 'program' and e.entity_id = $1 and a.kind = 'program.load' and a.at > $2`, program, tx.At.Add(-provisioning.BrakeWindow))
}
