package registry

import (
	"strings"

	"countersign/policies"
)

// submitAgain sends a returned request back to those who decide, judged by its
// answers as they are now. Verdicts are on what was sent before: all of them are
// asked for again.
func (tx *Tx) submitAgain(p *policies.Program, req Request) error {
	if _, err := tx.end("review", `request_id = $3`, req.ID); err != nil {
		return err
	}
	switch {
	case req.Kind == policies.SiteRequest:
		return tx.siteAgain(p, req)
	case req.Kind == policies.MandateRequest:
		return tx.submitMandate(req)
	case req.Account != req.By: // who was named by another typed nothing
		return tx.nameAgain(req)
	}
	return tx.joinAgain(req)
}

// siteAgain lets the site follow its request's answers.
func (tx *Tx) siteAgain(p *policies.Program, req Request) error {
	c, err := tx.caseOf(req)
	if err != nil {
		return err
	}
	if a := policies.MaySubmitSite(tx.Actor, c); !a.OK {
		return refuse(a)
	}
	name, city, err := siteNamed(p.Sites.Form, req.Answers)
	if err != nil {
		return err
	}
	var version int64
	if err := tx.GetContext(tx.ctx, &version, `update site set name = $2, city = $3, version = version + 1, changed_at = $4 where id = $1 returning version`,
		req.Site, name, city, tx.At); err != nil {
		return err
	}
	tx.privateEvent("site", req.Site, version, "site.renamed", nil, map[string]string{"name": name})
	if err := tx.send(req); err != nil || !policies.MayCorrectSigner(tx.Actor, c).OK { // signed already: there is nobody to ask
		return err
	}
	return tx.inviteOther(p, req, name)
}

// inviteOther mails whom the answers name as signer now, unless that address was
// the last to be mailed.
func (tx *Tx) inviteOther(p *policies.Program, req Request, site string) error {
	me, err := getAccount(tx.ctx, tx, req.Account)
	if err != nil {
		return err
	}
	last, err := tx.currentInvitation("declarant", req.ID)
	if _, email := signer(req.Answers, p.Sites.Form, me); err != nil || strings.EqualFold(last.Email, email) {
		return err
	}
	return tx.inviteSigner(p, req, site, me)
}

// nameAgain sends again what asks to make somebody an administrator.
func (tx *Tx) nameAgain(req Request) error {
	c, err := tx.caseOf(req)
	if err != nil {
		return err
	}
	if a := policies.MayNameAdministrator(tx.Programs, tx.Actor, c, req.Account, tx.At).Given(tx.SignIn); !a.OK {
		return refuse(a)
	}
	return tx.send(req)
}

// joinAgain lets the wish follow its request's answers.
func (tx *Tx) joinAgain(req Request) error {
	role, ok := tx.Programs[req.Program].Role(req.Role)
	if !ok {
		return Fail(Conflict, "error.program-changed")
	}
	before := req
	tx.readAnswers(role, &req)
	if len(req.Authorizers) == 0 { // whoever offered by mail was never typed
		req.Authorizers = before.Authorizers
	}
	c, err := tx.caseOf(req)
	if err != nil {
		return err
	}
	if a := policies.MaySubmitJoin(tx.Actor, c, req.Profession, false, tx.At); !a.OK {
		return refuse(a)
	}
	if err := tx.keepAnswers(req); err != nil {
		return err
	}
	if req.Profession != before.Profession {
		if _, err := tx.end("join", `request_id = $3`, req.ID); err != nil {
			return err
		}
		if err := tx.wish(req); err != nil {
			return err
		}
	}
	if err := tx.send(req); err != nil {
		return err
	}
	return tx.tellAuthorizers(req)
}
