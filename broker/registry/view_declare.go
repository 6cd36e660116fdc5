package registry

import (
	"context"
	"strings"

	"countersign/policies"
)

// Declaring is a declaration as its signing authority comes to it.
type Declaring struct {
	Program   *policies.Program
	Agreement string
	// Only for somebody who is signed in:
	Site   string // its name
	Asked  string // the name of who asked for the site
	Proven bool   // a signature now would count as from the address that was given
}

// Declaring is what a declaration's page shows. Before sign-in, account is empty
// and nothing is told but which text it is: a forwarded link names nobody. A
// secret that came with the link must be good; a genuine one that is not any
// more says why (X12).
func (r *Registry) Declaring(ctx context.Context, account, id, secret string) (Declaring, error) {
	req, err := r.readRequest(ctx, r.db, id, "")
	if err != nil {
		return Declaring{}, err
	}
	ps, err := r.Programs(ctx)
	if err != nil {
		return Declaring{}, err
	}
	d := Declaring{Program: ps[req.Program]}
	need, err := declareNeed(d.Program, req)
	if err != nil {
		return Declaring{}, err
	}
	d.Agreement = need.Agreement
	if secret != "" {
		inv, err := r.Invitation(ctx, secret)
		if err != nil {
			return Declaring{}, err
		}
		if inv.Purpose != "declarant" || inv.About != id {
			return Declaring{}, Fail(NotFound, "error.link-unknown")
		}
		d.Proven = true
	}
	if account == "" {
		return d, nil
	}
	l, err := r.look(ctx, account)
	if err != nil {
		return Declaring{}, err
	}
	return l.declaring(d, req, account)
}

func (l looker) declaring(d Declaring, req Request, account string) (Declaring, error) {
	c, err := l.r.caseOf(l.ctx, l.r.db, l.ps, req, l.at)
	if err != nil {
		return d, err
	}
	if a := policies.MayDeclare(l.actor, c); !a.OK {
		return d, refuse(a)
	}
	site, err := readSite(l.ctx, l.r.db, req.Site)
	if err != nil {
		return d, err
	}
	named, err := accountsNamed(l.ctx, l.r.db, []string{req.Account, account})
	if err != nil {
		return d, err
	}
	var address string
	err = l.r.db.GetContext(l.ctx, &address, `select email from invitation where purpose = 'declarant' and about_id = $1 and replaced_at is null
		order by created_at desc limit 1`, req.ID)
	if isNoRows(err) {
		err = nil
	}
	me := named[account]
	d.Site, d.Asked = site.Name, named[req.Account].Name()
	d.Proven = d.Proven || address != "" && me.EmailVerified && strings.EqualFold(me.Email, address)
	return d, err
}
