package registry

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"countersign/policies"
)

// Submit sends a draft, or a returned request again, to those who decide.
func (r *Registry) Submit(ctx context.Context, by By, id string, version int64) error {
	req, err := r.Draft(ctx, by.Account, id)
	if err != nil {
		return err
	}
	touch := Touch{Accounts: []string{req.Account}}
	if req.Site != "" {
		touch.Sites = []string{req.Site}
	}
	_, err = r.Do(ctx, Act{By: by, Kind: "request.submit", What: []any{id, version}}, touch, func(tx *Tx) (string, error) {
		req, err := tx.ownRequest(id, version)
		if err != nil {
			return "", err
		}
		p, err := r.programVersion(ctx, tx, req.Program, req.ProgramN)
		if err != nil {
			return "", err
		}
		if req.State == policies.ReturnedR {
			return "", tx.submitAgain(p, req)
		}
		switch req.Kind {
		case policies.SiteRequest:
			return "", tx.submitSite(p, req)
		case policies.JoinRequest:
			return "", tx.submitJoin(p, req)
		default:
			return "", tx.submitMandate(req)
		}
	})
	return err
}

// submitSite makes the site, unopened, with its code; wishes its requester to
// administer it; and mails the requester and the signing authority (C9, C10).
func (tx *Tx) submitSite(p *policies.Program, req Request) error {
	c, err := tx.caseOf(req)
	if err != nil {
		return err
	}
	if a := policies.MaySubmitSite(tx.Actor, c); !a.OK {
		return refuse(a)
	}
	form := p.Sites.Form
	name, city, err := siteNamed(form, req.Answers)
	if err != nil {
		return err
	}
	site := NewID()
	if _, err := tx.ExecContext(tx.ctx, `insert into site (id, program, code, name, city, tz, request_id, requester, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, site, p.ID, code(6), name, city, p.TimeZone, req.ID, req.Account, tx.At); err != nil {
		return err
	}
	tx.privateEvent("site", site, 1, "site.requested", map[string]string{"program": p.ID, "request": req.ID}, map[string]string{"name": name})
	if _, err := tx.ExecContext(tx.ctx, `update request set site_id = $2, role = $3 where id = $1`, req.ID, site, p.Sites.AdministeredBy); err != nil {
		return err
	}
	req.Site, req.Role = site, p.Sites.AdministeredBy
	if err := tx.send(req); err != nil {
		return err
	}
	if err := tx.wish(req); err != nil {
		return err
	}
	me, err := getAccount(tx.ctx, tx, req.Account)
	if err != nil {
		return err
	}
	if err := tx.mail(Mail{Address: me.Email, Kind: "site-requested", About: req.ID, Locale: me.Locale,
		Data: map[string]string{"site": name, "ref": req.Ref, "request": req.ID, "signer": signerName(req.Answers, form), "name": me.Name()}}); err != nil {
		return err
	}
	return tx.inviteSigner(p, req, name, me)
}

// siteNamed gives the name that the site is to have, and the city where it is.
func siteNamed(form []policies.Field, a Answers) (name, city string, err error) {
	if name = a.Bound(form, "site.name"); name == "" {
		return "", "", Fail(Invalid, "error.check-fields")
	}
	return name, a.Bound(form, "site.city"), nil
}

func signerName(a Answers, form []policies.Field) string { return a.Bound(form, "declarant.name") }

// submitJoin wishes a role at a site and tells who can decide.
func (tx *Tx) submitJoin(p *policies.Program, req Request) error {
	role, ok := tx.Programs[req.Program].Role(req.Role)
	if !ok {
		return Fail(Conflict, "error.program-changed")
	}
	tx.readAnswers(role, &req)
	if err := tx.startAnew(req); err != nil {
		return err
	}
	offered, err := tx.acceptedOffer(req)
	if err != nil {
		return err
	}
	if offered != "" {
		req.Authorizers = sorted(append(req.Authorizers, offered))
	}
	c, err := tx.caseOf(req)
	if err != nil {
		return err
	}
	var open bool
	if err := tx.GetContext(tx.ctx, &open, `select exists (select 1 from fact_join where account_id = $1 and site_id = $2 and role = $3 and ended_at is null)`,
		req.Account, req.Site, req.Role); err != nil {
		return err
	}
	if a := policies.MaySubmitJoin(tx.Actor, c, req.Profession, open, tx.At); !a.OK {
		return refuse(a)
	}
	if err := tx.keepAnswers(req); err != nil {
		return err
	}
	if err := tx.send(req); err != nil {
		return err
	}
	if err := tx.wish(req); err != nil {
		return err
	}
	if offered != "" {
		if err := tx.addMandate(req.ID, offered, req.Account, req.Site); err != nil {
			return err
		}
	}
	return tx.tellDeciders(req, c)
}

// readAnswers takes from the answers what the rules go by.
func (tx *Tx) readAnswers(role policies.Role, req *Request) {
	req.Profession = professionOf(tx.Programs[req.Program], *req)
	req.Authorizers = nil
	for _, f := range role.Form {
		if f.As == "authorizers" {
			req.Authorizers = sorted(req.Answers[f.Name])
		}
	}
}

// startAnew lets somebody whose planned end has come ask again: the old wish and
// its end are over.
func (tx *Tx) startAnew(req Request) error {
	var ids []string
	err := tx.SelectContext(tx.ctx, &ids, `select id from fact_restriction where account_id = $1 and site_id = $2 and role = $3
		and ended_at is null and from_at <= $4 and kind in ('leaves', 'planned')`, req.Account, req.Site, req.Role, tx.At)
	if err != nil || len(ids) == 0 {
		return err
	}
	if _, err := tx.end("restriction", `id = any($3)`, pq.Array(ids)); err != nil {
		return err
	}
	return tx.endMembership(req.Account, req.Site, req.Role)
}

// submitMandate asks further authorizers for somebody who holds the role already.
func (tx *Tx) submitMandate(req Request) error {
	req.Authorizers = sorted(req.Answers["authorizers"])
	c, err := tx.caseOf(req)
	if err != nil {
		return err
	}
	if a := policies.MayAskAuthorizers(tx.Actor, c); !a.OK {
		return refuse(a)
	}
	if err := tx.keepAnswers(req); err != nil {
		return err
	}
	if err := tx.send(req); err != nil {
		return err
	}
	return tx.tellAuthorizers(req)
}

// keepAnswers keeps beside the answers what the rules go by.
func (tx *Tx) keepAnswers(req Request) error {
	_, err := tx.ExecContext(tx.ctx, `update request set profession = $2, authorizers = $3 where id = $1`, req.ID, req.Profession, pq.Array(orEmpty(req.Authorizers)))
	return err
}

// wish records that somebody wishes to hold a role at a site.
func (tx *Tx) wish(req Request) error {
	_, err := tx.add("join", about{request: req.ID, account: req.Account, site: req.Site, role: req.Role}, `profession`, req.Profession)
	return err
}

// tellDeciders mails those whose word a join waits for.
func (tx *Tx) tellDeciders(req Request, c policies.Case) error {
	who := slices.DeleteFunc(slices.Clone(c.Administrators), func(id string) bool { return id == req.Account })
	if err := tx.tellAll(who, "to-confirm", req, req.ID); err != nil {
		return err
	}
	return tx.tellAuthorizers(req)
}

func (tx *Tx) tellAuthorizers(req Request) error {
	return tx.tellAll(req.Authorizers, "to-authorize", req, req.ID)
}

// tellAll mails the same to several accounts.
func (tx *Tx) tellAll(accounts []string, kind string, req Request, occurrence string) error {
	if len(accounts) == 0 {
		return nil
	}
	site, err := readSite(tx.ctx, tx, req.Site)
	if err != nil {
		return err
	}
	named, err := accountsNamed(tx.ctx, tx, append([]string{req.Account}, accounts...))
	if err != nil {
		return err
	}
	for _, id := range accounts {
		a := named[id]
		if err := tx.mail(Mail{Address: a.Email, Kind: kind, About: req.ID, Occurrence: occurrence + ":" + id, Locale: a.Locale,
			Data: map[string]string{"name": a.Name(), "who": named[req.Account].Name(), "site": site.Name, "program": req.Program, "role": req.Role, "request": req.ID, "ref": req.Ref}}); err != nil {
			return err
		}
	}
	return nil
}

// refuse turns a rule's no into the error that commits the act alone.
// What the actor may not even see does not exist for them (A02), and what moved on
// since their page was shown is to be looked at again.
func refuse(a policies.Answer) error {
	switch {
	case slices.Contains(a.Reasons, policies.NotVisible):
		return Fail(NotFound, "error.not-found")
	case slices.Contains(a.Reasons, policies.WrongState):
		return Fail(Conflict, "error.changed-meanwhile")
	}
	return &Error{Kind: Forbidden, Key: "reason." + a.Reasons[0], Reasons: a.Reasons}
}
