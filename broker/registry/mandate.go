package registry

import (
	"context"

	"github.com/lib/pq"

	"countersign/policies"
)

func pqStrings(s []string) any { return pq.Array(orEmpty(s)) }

// Offer lets an authorizer authorize somebody who is at the site already and has
// a role that needs it: that person's wish stands, so the mandate begins.
func (r *Registry) Offer(ctx context.Context, by By, site, onBehalf string) error {
	act := Act{By: by, Kind: "mandate.offer", For: onBehalf, What: []string{site, onBehalf}}
	_, err := r.Do(ctx, act, Touch{Sites: []string{site}, Accounts: []string{onBehalf}}, func(tx *Tx) (string, error) {
		c, s, err := tx.siteCase(site)
		if err != nil {
			return "", err
		}
		if s.Opened == nil { // not to be found by anyone yet (A65)
			return "", Fail(NotFound, "error.not-found")
		}
		if a := policies.MayAuthorize(tx.Programs, tx.Actor, c, onBehalf).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		var roles []string
		if err := tx.SelectContext(tx.ctx, &roles, `select role from fact_join where account_id = $1 and site_id = $2 and ended_at is null`, onBehalf, site); err != nil {
			return "", err
		}
		for _, code := range roles {
			if role, ok := tx.Programs[s.Program].Role(code); ok && role.NeedsAuthorizer() {
				return "", tx.addMandate("", by.Account, onBehalf, site)
			}
		}
		return "", Fail(NotFound, "error.not-found")
	})
	return err
}

// EndMandate ends one mandate: by its authorizer, by who acts on behalf, by an
// administrator of the site or by a registrar.
func (r *Registry) EndMandate(ctx context.Context, by By, id string) error {
	var m struct{ Authorizer, OnBehalf, Site string }
	if !validID(id) {
		return Fail(NotFound, "error.not-found")
	}
	err := r.db.GetContext(ctx, &m, `select account_id as authorizer, on_behalf as onbehalf, site_id as site from fact_mandate where id = $1`, id) // over or not: a repeat gets its result
	if isNoRows(err) {
		return Fail(NotFound, "error.not-found")
	}
	if err != nil {
		return err
	}
	act := Act{By: by, Kind: "mandate.end", For: other(m.OnBehalf, by.Account), What: id}
	_, err = r.Do(ctx, act, Touch{Sites: []string{m.Site}, Accounts: []string{m.OnBehalf}}, func(tx *Tx) (string, error) {
		c, _, err := tx.siteCase(m.Site)
		if err != nil {
			return "", err
		}
		if a := policies.MayEndMandate(tx.Programs, tx.Actor, c, m.Authorizer, m.OnBehalf).Given(tx.SignIn); !a.OK {
			return "", Fail(NotFound, "error.not-found")
		}
		n, err := tx.end("mandate", `id = $3`, id)
		if err == nil && n == 0 {
			return "", Fail(Conflict, "error.changed-meanwhile")
		}
		return "", err
	})
	return err
}

// EndMandates ends all mandates of the actor at a site.
func (r *Registry) EndMandates(ctx context.Context, by By, site string) error {
	_, err := r.Do(ctx, Act{By: by, Kind: "mandate.end-all", What: site}, Touch{Sites: []string{site}, Accounts: []string{by.Account}}, func(tx *Tx) (string, error) {
		n, err := tx.end("mandate", `account_id = $3 and site_id = $4`, by.Account, site)
		if err == nil && n == 0 {
			return "", Fail(NotFound, "error.not-found")
		}
		return "", err
	})
	return err
}

// NameAdministrator asks for a further administrator of the site, on behalf of
// one of its members; a registrar confirms.
func (r *Registry) NameAdministrator(ctx context.Context, by By, site, account string) error {
	act := Act{By: by, Kind: "administrator.name", For: account, What: []string{site, account}}
	_, err := r.Do(ctx, act, Touch{Sites: []string{site}, Accounts: []string{account}}, func(tx *Tx) (string, error) {
		c, s, err := tx.siteCase(site)
		if err != nil {
			return "", err
		}
		if a := policies.MayNameAdministrator(tx.Programs, tx.Actor, c, account, tx.At).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		var member, asked bool
		role := tx.Programs[s.Program].Sites.AdministeredBy
		if err := tx.QueryRowContext(ctx, `select exists (select 1 from fact_join where account_id = $1 and site_id = $2 and ended_at is null),
			exists (select 1 from fact_join where account_id = $1 and site_id = $2 and role = $3 and ended_at is null)`, account, site, role).Scan(&member, &asked); err != nil {
			return "", err
		}
		if !member {
			return "", Fail(NotFound, "error.not-found")
		}
		if asked {
			return "", Fail(Conflict, "error.already-administrator")
		}
		req, err := tx.sendFor(account, site, role, "")
		if err != nil {
			return "", err
		}
		return "", tx.tellAll([]string{account}, "administrator-named", req, req.ID)
	})
	return err
}
