package registry

import (
	"context"
	"errors"
	"slices"
	"time"

	"countersign/policies"
)

// Import carries out one row of a batch: the account where there is none, and the
// request with the approvals that the decision means. Doing it twice is doing it once,
// whatever else the file holds. What cannot be imported is Invalid, with columns.
func (r *Registry) Import(ctx context.Context, b Batch, row ImportRow) (Imported, error) {
	by := CommandLine()
	by.Op = r.derivedID("row", b.ID, row)
	act := Act{By: by, Kind: "batch.row", For: b.Approver, What: []any{b.ID, row}}
	for try := 1; ; try++ {
		now, err := r.Now(ctx)
		if err != nil {
			return Imported{}, err
		}
		ps, err := r.Programs(ctx)
		if err != nil {
			return Imported{}, err
		}
		seen, err := r.lookAtRows(ctx, r.db, ps, now, b.Program, b.Approver, []ImportRow{row})
		if err != nil {
			return Imported{}, err
		}
		account, _ := seen.find(row.Person)
		touch := Touch{Sites: sorted([]string{seen.sites[row.Site].ID}), Accounts: sorted([]string{account.ID})}
		ran := false
		outcome, err := r.Do(ctx, act, touch, func(tx *Tx) (string, error) {
			ran = true
			return tx.importRow(b, row, account.ID)
		})
		if errors.Is(err, errMoved) && try < maxTries {
			continue
		}
		return Imported{Outcome: outcome, Before: err == nil && !ran}, err
	}
}

// errMoved tells that the person got an account, or lost it, since it was looked for.
var errMoved = errors.New("registry: the row's account is another now")

func (tx *Tx) importRow(b Batch, row ImportRow, account string) (string, error) {
	if _, err := tx.decider(b.Approver); err != nil {
		return "", err
	}
	seen, err := tx.r.lookAtRows(tx.ctx, tx.Tx, tx.Programs, tx.At, b.Program, b.Approver, []ImportRow{row})
	if err != nil {
		return "", err
	}
	f := seen.judge(row, b.Licences, nil)
	switch {
	case f.Account != account:
		return "", errMoved
	case len(f.Wrong) > 0:
		return "", &Error{Kind: Invalid, Key: "error.check-fields", Fields: f.Wrong}
	case f.Already:
		return ImportAlready, nil
	}
	req := Request{ID: NewID(), Ref: newRef(), Program: b.Program, Digest: seen.program.Digest, ProgramN: seen.program.Version, Kind: policies.JoinRequest,
		Account: account, Site: seen.sites[row.Site].ID, Role: row.Role, Answers: seen.answers(row)}
	outcome := ImportAsked
	slot, err := tx.nextSlot()
	if err != nil {
		return "", err
	}
	if account == "" {
		outcome, req.Account = ImportMade, NewID()
		if err := tx.importAccount(b, req, row.Person, slot); err != nil {
			return "", err
		}
	} else if err := tx.startAnew(req); err != nil {
		return "", err
	}
	return outcome, tx.approveAhead(b, req, slot)
}

// nextSlot is when the next person of an import is asked of Keycloak, or mailed.
func (tx *Tx) nextSlot() (at time.Time, err error) {
	err = tx.GetContext(tx.ctx, &at, `select greatest($1::timestamptz, (select max(retry_at) from account where batch_id is not null and state = 'asked') + $2 * interval '1 second',
		(select max(due_at) from mail where kind = 'pre-approved' and sent_at is null and failed_at is null) + $2 * interval '1 second')`, tx.At, importPace.Seconds())
	return at, err
}

// importAccount writes down an account that the worker makes when its time has come. Its
// first sign-in leads to the request, where its own signature is what is missing.
func (tx *Tx) importAccount(b Batch, req Request, p policies.Person, slot time.Time) error {
	if _, err := tx.ExecContext(tx.ctx, `insert into account
		(id, issuer, user_name, given_name, surname, email, locale, origin, state, wanted_rev, changed_at, look_at, continue_to, retry_at, batch_id)
		values ($1, $2, $3, $4, $5, $6, $7, 'sign-up', 'asked', 1, $8, $9, $10, $11, $12)`,
		req.Account, tx.r.issuer, p.UserName, p.GivenName, p.Surname, p.Email, p.Language, tx.At, tx.At.Add(importedNotice),
		tx.r.sealPath(req.Account, "/requests/"+req.ID), slot, b.ID); err != nil {
		return err
	}
	tx.privateEvent("account", req.Account, 1, "account.asked", map[string]string{"locale": p.Language, "state": "asked", "batch": b.ID},
		map[string]string{"user_name": p.UserName, "given_name": p.GivenName, "surname": p.Surname, "email": p.Email})
	tx.accounts = append(tx.accounts, req.Account) // settled with the rest: a role may ask for no signature
	return nil
}

// approveAhead sends the request in the person's name, with what the decision says of
// it; what it says nothing of stays to be done, the person's signature above all.
func (tx *Tx) approveAhead(b Batch, req Request, slot time.Time) error {
	p := tx.Programs[b.Program]
	role, _ := p.Role(req.Role) // judged
	req.By = req.Account
	tx.readAnswers(role, &req)
	sealed, err := tx.r.sealAnswers(req.ID, req.Answers)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(tx.ctx, `insert into request (id, ref, program, program_n, digest, kind, account_id, by_account, site_id, role, profession, authorizers, answers, state,
		created_at, submitted_at, changed_at, batch_id) values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, 'submitted', $13, $13, $13, $14)`,
		req.ID, req.Ref, req.Program, req.ProgramN, req.Digest, req.Kind, req.Account, req.Site, req.Role, req.Profession, pqStrings(req.Authorizers), sealed, tx.At, b.ID); err != nil {
		return err
	}
	signed := req.submission()
	signed.Batch = b.ID
	tx.privateEvent("request", req.ID, 1, "request.submitted", signed, req.Answers)
	if err := tx.wish(req); err != nil {
		return err
	}
	profession, _ := p.Profession(req.Profession)
	for _, n := range role.MetByBatch(b.Licences) {
		switch {
		case n.Kind == policies.NeedApprove:
			_, err = tx.addReview(req.ID, req.Account, req.Site, req.Role, n.Key(), string(policies.ByRegistrar), string(policies.Approved), nil, b.Approver)
		case profession.Regulated:
			err = tx.addStanding(req, b.Approver, NewStanding{Body: req.Answers.Bound(role.Form, "standing.body"),
				Number: req.Answers.Bound(role.Form, "standing.number"), Expires: req.Answers.Bound(role.Form, "standing.expires")})
		}
		if err != nil {
			return err
		}
	}
	return tx.tellImported(req, slot)
}

// tellImported mails the person what was decided about them and what is left to do,
// when their time has come; and those who can let them act now.
func (tx *Tx) tellImported(req Request, slot time.Time) error {
	site, err := readSite(tx.ctx, tx, req.Site)
	if err != nil {
		return err
	}
	a, err := getAccount(tx.ctx, tx, req.Account)
	if err != nil {
		return err
	}
	begins := ""
	if a.Setup {
		begins = "yes"
	}
	if err := tx.mail(Mail{Address: a.Email, Kind: "pre-approved", About: req.ID, Locale: a.Locale, After: slot.Sub(tx.At), Data: map[string]string{"name": a.Name(),
		"site": site.Name, "program": req.Program, "role": req.Role, "ref": req.Ref, "request": req.ID, "user_name": a.UserName, "begins": begins}}); err != nil {
		return err
	}
	able, err := tx.holders(req.Site, policies.Authorize)
	if err != nil {
		return err
	}
	return tx.tellAll(slices.DeleteFunc(slices.Clone([]string(req.Authorizers)), func(id string) bool { return !slices.Contains(able, id) }), "to-authorize", req, req.ID)
}

// tellNotImported mails the registrar whose decision it was that Keycloak has the user
// name as somebody else's, or refuses what else there was in the row.
func (tx *Tx) tellNotImported(a Account) error {
	var b struct{ Ref, Program, Approver string }
	if err := tx.GetContext(tx.ctx, &b, `select ref, program, approver from import_batch where id = (select batch_id from account where id = $1)`, a.ID); err != nil {
		return err
	}
	to, err := getAccount(tx.ctx, tx, b.Approver)
	if err != nil {
		return err
	}
	return tx.mail(Mail{Address: to.Email, Kind: "not-imported", About: a.ID, Locale: to.Locale,
		Data: map[string]string{"name": to.Name(), "who": a.Name(), "user_name": a.UserName, "program": b.Program, "ref": b.Ref}})
}

// withdrawUnused takes back what was asked for in the name of somebody who never came.
func (tx *Tx) withdrawUnused(a Account) error {
	var open []Request
	if err := tx.SelectContext(tx.ctx, &open, `select `+requestColumns+` from request where account_id = $1 and state in ('submitted', 'returned') order by id`, a.ID); err != nil {
		return err
	}
	for _, req := range open {
		if err := tx.moveRequest(req.ID, []string{req.State}, policies.Withdrawn, nil); err != nil {
			return err
		}
		if err := tx.unwish(req); err != nil {
			return err
		}
	}
	return nil
}
