package registry

import (
	"context"
	"strings"
	"time"

	"github.com/lib/pq"

	"countersign/policies"
)

// invitationLife is how long a mailed link is good (D4, B13, X6).
const invitationLife = 14 * 24 * time.Hour

// displayLife is how long after it was shown a text can be signed.
const displayLife = 2 * time.Hour

// Display is a text as it was shown to somebody; signing names it, once.
type Display struct {
	ID        string
	Agreement string
	Version   int
	Language  string
	Digest    string
	Markdown  string `db:"-"`
}

// Displayed records that a text is being shown, in the person's language where
// there is one.
func (r *Registry) Displayed(ctx context.Context, account, program, agreement, language string) (Display, error) {
	ps, err := r.Programs(ctx)
	if err != nil {
		return Display{}, err
	}
	now, err := r.Now(ctx)
	if err != nil {
		return Display{}, err
	}
	p := ps[program]
	if p == nil {
		return Display{}, Fail(NotFound, "error.not-found")
	}
	v, ok := p.Agreements[agreement].Current(now)
	if !ok {
		return Display{}, Fail(NotFound, "error.not-found")
	}
	text, language := v.Text(language)
	d := Display{ID: NewID(), Agreement: agreement, Version: v.Number, Language: language, Digest: text.Digest, Markdown: text.Markdown}
	return d, r.exec(ctx, `insert into display (id, account_id, agreement, version, language, digest, shown_at)
		values ($1, $2, $3, $4, $5, $6, instant())`, d.ID, account, program+"/"+agreement, d.Version, d.Language, d.Digest)
}

// takeDisplay uses up a display: the person's own, recent, of the text in force.
func (tx *Tx) takeDisplay(id, program, agreement string) (Display, time.Time, error) {
	var d struct {
		Display
		Shown time.Time `db:"shown_at"`
	}
	if !validID(id) {
		return d.Display, d.Shown, Fail(Conflict, "error.show-again")
	}
	err := tx.GetContext(tx.ctx, &d, `update display set used_at = $5 where id = $1 and account_id = $2 and agreement = $3
		and used_at is null and shown_at > $4 returning id, agreement, version, language, digest, shown_at`,
		id, tx.act.By.Account, program+"/"+agreement, tx.At.Add(-displayLife), tx.At)
	if isNoRows(err) {
		return d.Display, d.Shown, Fail(Conflict, "error.show-again")
	}
	if err == nil && !tx.Programs[program].Agreements[agreement].IsCurrent(d.Version, d.Language, d.Digest, tx.At) {
		return d.Display, d.Shown, Fail(Conflict, "error.text-changed")
	}
	return d.Display, d.Shown, err
}

// sign records a signature over a display.
func (tx *Tx) sign(a about, program, agreement, display string, declarant bool, names []string, proven bool) error {
	d, shown, err := tx.takeDisplay(display, program, agreement)
	if err != nil {
		return err
	}
	signer, err := getAccount(tx.ctx, tx, tx.act.By.Account)
	if err != nil {
		return err
	}
	_, err = tx.add("signature", a, `program, agreement, agreement_version, language, digest, declarant, names, proven, signer_issuer, signer_sub, shown_at, signed_in_at, acr`,
		program, agreement, d.Version, d.Language, d.Digest, declarant, pq.Array(orEmpty(names)), proven, signer.Issuer, signer.Sub, shown, tx.act.By.AuthTime, tx.act.By.ACR)
	return err
}

// Attest signs an agreement for oneself. Site is empty for an attestation that
// counts everywhere.
func (r *Registry) Attest(ctx context.Context, by By, program, agreement, display, site string) error {
	_, err := r.Do(ctx, Act{By: by, Kind: "attest", What: []string{program, agreement, display, site}}, Touch{Accounts: []string{by.Account}}, func(tx *Tx) (string, error) {
		p := tx.Programs[program]
		if p == nil {
			return "", Fail(NotFound, "error.not-found")
		}
		c := policies.Case{Program: p, Request: policies.Request{Account: by.Account}}
		if a := policies.MayAttest(tx.Actor, c, agreement).Given(tx.SignIn); !a.OK {
			return "", Fail(NotFound, "error.not-found")
		}
		need := attestNeed(p, agreement)
		a := about{account: by.Account, site: site}
		if need.For > 0 {
			a.until = tx.At.Add(need.For)
		}
		if _, err := tx.end("signature", `account_id = $3 and program = $4 and agreement = $5 and not declarant and site_id is not distinct from $6`,
			by.Account, program, agreement, null(site)); err != nil {
			return "", err
		}
		return "", tx.sign(a, program, agreement, display, false, nil, true)
	})
	return err
}

func attestNeed(p *policies.Program, agreement string) policies.Need {
	for _, role := range p.Roles {
		for _, n := range role.Needs {
			if n.Kind == policies.NeedAttest && n.Agreement == agreement {
				return n
			}
		}
	}
	return policies.Need{}
}

// declareNeed is the need that a signing authority meets. Of a request for which
// nobody ever signs, not even that it is there is told (A65).
func declareNeed(p *policies.Program, req Request) (policies.Need, error) {
	if p != nil && req.Kind == policies.SiteRequest && req.State != policies.Draft {
		for _, n := range p.Sites.Needs {
			if n.Kind == policies.NeedDeclare {
				return n, nil
			}
		}
	}
	return policies.Need{}, Fail(NotFound, "error.not-found")
}

// inviteSigner mails a link to the signing authority whom the requester named;
// an earlier link stops working.
func (tx *Tx) inviteSigner(p *policies.Program, req Request, site string, me Account) error {
	name, email := signer(req.Answers, p.Sites.Form, me)
	if email == "" {
		return Fail(Invalid, "error.check-fields")
	}
	if err := tx.mailTo(email); err != nil {
		return err
	}
	secret, err := tx.invite("declarant", req.ID, "", "", name, email)
	if err != nil {
		return err
	}
	return tx.mailOutside(Mail{Address: email, Kind: "declaration-asked", About: req.ID, Occurrence: tx.actID, Locale: me.Locale,
		Data: map[string]string{"name": name, "who": me.Name(), "site": site, "request": req.ID, "secret": secret, "ref": req.Ref, "program": p.ID}})
}

// signer is whom a site's request names to declare for it, or the requester me.
func signer(a Answers, form []policies.Field, me Account) (name, email string) {
	if a.Bound(form, "declarant.self") == "self" {
		return me.Name(), me.Email
	}
	return signerName(a, form), a.Bound(form, "declarant.email")
}

// CorrectSigner changes whom the requester names as signing authority, and mails
// that person; every address tried stays visible to the registrar.
func (r *Registry) CorrectSigner(ctx context.Context, by By, id, name, email string) error {
	return r.signerMail(ctx, by, id, "signer.correct", name, email)
}

// ResendSigner mails the signing authority again, with a new link.
func (r *Registry) ResendSigner(ctx context.Context, by By, id string) error {
	return r.signerMail(ctx, by, id, "signer.resend", "", "")
}

func (r *Registry) signerMail(ctx context.Context, by By, id, kind, name, email string) error {
	req, err := r.Draft(ctx, by.Account, id)
	if err != nil {
		return err
	}
	_, err = r.Do(ctx, Act{By: by, Kind: kind, What: []string{id, name, email}}, touched(req), func(tx *Tx) (string, error) {
		req, c, err := tx.lockedCase(id)
		if err != nil {
			return "", err
		}
		if a := policies.MayCorrectSigner(tx.Actor, c); !a.OK {
			return "", refuse(a)
		}
		p, err := r.programVersion(ctx, tx, req.Program, req.ProgramN)
		if err != nil {
			return "", err
		}
		if email != "" {
			if err := tx.rewriteSigner(p, &req, name, email); err != nil {
				return "", err
			}
		}
		site, err := readSite(ctx, tx, req.Site)
		if err != nil {
			return "", err
		}
		me, err := getAccount(ctx, tx, req.Account)
		if err != nil {
			return "", err
		}
		return "", tx.inviteSigner(p, req, site.Name, me)
	})
	return err
}

// rewriteSigner writes a corrected signer into the answers, the address also where
// it is typed again: a request that comes back can be sent as it stands.
func (tx *Tx) rewriteSigner(p *policies.Program, req *Request, name, email string) error {
	typed := ""
	for _, f := range p.Sites.Form {
		if f.Confirms != "" && f.Confirms == typed {
			req.Answers[f.Name] = []string{email}
		}
		switch f.As {
		case "declarant.name":
			req.Answers[f.Name] = []string{name}
		case "declarant.email":
			typed = f.Name
			req.Answers[f.Name] = []string{email}
		case "declarant.self":
			req.Answers[f.Name] = []string{"other"}
		}
	}
	sealed, err := tx.r.sealAnswers(req.ID, req.Answers)
	if err != nil {
		return err
	}
	var version int64
	err = tx.GetContext(tx.ctx, &version, `update request set answers = $2, version = version + 1, changed_at = $3 where id = $1 returning version`, req.ID, sealed, tx.At)
	tx.privateEvent("request", req.ID, version, "request.signer-corrected", nil, req.Answers)
	return err
}

// SignDeclaration signs for a site as its signing authority. The address is
// proven by the secret that was mailed to it, or by a verified address equal to
// it; otherwise the signature says so.
func (r *Registry) SignDeclaration(ctx context.Context, by By, id, secret, display string) error {
	req, err := r.readRequest(ctx, r.db, id, "")
	if err != nil {
		return err
	}
	act := Act{By: by, Kind: "declare", What: []string{id, display}}
	_, err = r.Do(ctx, act, touched(req), func(tx *Tx) (string, error) {
		req, c, err := tx.lockedCase(id)
		if err != nil {
			return "", err
		}
		need, err := declareNeed(tx.Programs[req.Program], req)
		if err != nil {
			return "", err
		}
		if a := policies.MayDeclare(tx.Actor, c).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		proven, err := tx.provenSigner(id, secret)
		if err != nil {
			return "", err
		}
		a := about{request: id, account: by.Account, site: req.Site}
		if err := tx.sign(a, req.Program, need.Agreement, display, true, []string{req.Account}, proven); err != nil {
			return "", err
		}
		if err := tx.bumpRequest(id, "request.declared"); err != nil {
			return "", err
		}
		return "", tx.tellAll([]string{req.Account}, "site-declared", req, id)
	})
	return err
}

// provenSigner uses up the link, if one is there, and tells whether the signer
// has the address that the requester gave.
func (tx *Tx) provenSigner(request, secret string) (bool, error) {
	inv, err := tx.currentInvitation("declarant", request)
	if err != nil {
		return false, err
	}
	if inv.ID == "" {
		return false, nil
	}
	if secret != "" && inv.matches(tx.r.keys, secret) && inv.Used == nil && inv.Expires.After(tx.At) {
		return true, tx.useInvitation(inv)
	}
	me, err := getAccount(tx.ctx, tx, tx.act.By.Account)
	return me.EmailVerified && strings.EqualFold(me.Email, inv.Email), err
}
