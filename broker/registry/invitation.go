package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// Invitation is a single-use way in, mailed to one address. Only a keyed hash of
// its secret is stored.
type Invitation struct {
	ID       string
	Hash     []byte `db:"secret_hash"`
	Purpose  string
	About    string `db:"about_id"`
	Role     string
	From     string
	Email    string
	Name     string
	Created  time.Time  `db:"created_at"`
	Expires  time.Time  `db:"expires_at"`
	Used     *time.Time `db:"used_at"`
	Replaced *time.Time `db:"replaced_at"`
	Version  int64
}

const invitationColumns = `id, secret_hash, purpose, about_id, coalesce(role, '') as role, coalesce(from_account::text, '') as "from", email, name,
	created_at, expires_at, used_at, replaced_at, version`

func (i Invitation) matches(k *Keys, secret string) bool {
	return hmac.Equal(i.Hash, k.Hash("invitation", secret))
}

// invite makes an invitation about something and replaces earlier ones to it for
// the same purpose. It gives the secret for the mail.
func (tx *Tx) invite(purpose, aboutID, role, from, name, email string) (string, error) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // crypto/rand never fails since Go 1.24
	secret := base64.RawURLEncoding.EncodeToString(raw)
	if purpose == "declarant" {
		var old []struct {
			ID      string
			Version int64
		}
		if err := tx.SelectContext(tx.ctx, &old, `update invitation set replaced_at = $3, version = version + 1, changed_at = $3
			where purpose = $1 and about_id = $2 and used_at is null and replaced_at is null returning id, version`, purpose, aboutID, tx.At); err != nil {
			return "", err
		}
		for _, o := range old {
			tx.event("invitation", o.ID, o.Version, "invitation.replaced", nil)
		}
	}
	id := NewID()
	_, err := tx.ExecContext(tx.ctx, `insert into invitation (id, secret_hash, purpose, about_id, role, from_account, email, name, act_id, created_at, expires_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10)`,
		id, tx.r.keys.Hash("invitation", secret), purpose, aboutID, null(role), null(from), email, name, tx.actID, tx.At, tx.At.Add(invitationLife))
	tx.privateEvent("invitation", id, 1, "invitation.made", map[string]string{"purpose": purpose, "about": aboutID, "role": role},
		map[string]string{"email": email, "name": name})
	return secret, err
}

func (tx *Tx) currentInvitation(purpose, aboutID string) (Invitation, error) {
	var inv Invitation
	err := tx.GetContext(tx.ctx, &inv, `select `+invitationColumns+` from invitation where purpose = $1 and about_id = $2 and replaced_at is null
		order by created_at desc limit 1 for update`, purpose, aboutID)
	if isNoRows(err) {
		return Invitation{}, nil
	}
	return inv, err
}

func (tx *Tx) useInvitation(inv Invitation) error {
	_, err := tx.ExecContext(tx.ctx, `update invitation set used_at = $2, used_by = $3, version = version + 1, changed_at = $2 where id = $1 and used_at is null`,
		inv.ID, tx.At, null(tx.act.By.Account)) // a sign-up is confirmed by nobody yet
	tx.event("invitation", inv.ID, inv.Version+1, "invitation.used", nil)
	return err
}

// Invitation finds what a link's secret means. A genuine link may say what
// happened to it (X12): Gone with its key; anything else is NotFound.
func (r *Registry) Invitation(ctx context.Context, secret string) (Invitation, error) {
	now, err := r.Now(ctx)
	if err != nil {
		return Invitation{}, err
	}
	return r.findInvitation(ctx, r.db, secret, now, "")
}

func (r *Registry) findInvitation(ctx context.Context, q sqlx.QueryerContext, secret string, now time.Time, lock string) (Invitation, error) {
	var inv Invitation
	err := sqlx.GetContext(ctx, q, &inv, `select `+invitationColumns+` from invitation where secret_hash = $1`+lock, r.keys.Hash("invitation", secret))
	switch {
	case isNoRows(err):
		return inv, Fail(NotFound, "error.link-unknown")
	case err != nil:
		return inv, err
	case inv.Used != nil:
		return inv, Fail(Gone, "error.link-used")
	case inv.Replaced != nil:
		return inv, Fail(Gone, "error.link-replaced")
	case !inv.Expires.After(now):
		return inv, Fail(Gone, "error.link-expired")
	}
	return inv, nil
}

// Bootstrap invites the first registrar, once: it refuses when there is one, or
// an invitation that is still good.
func (r *Registry) Bootstrap(ctx context.Context, by By, email string) error {
	_, err := r.Do(ctx, Act{By: by, Kind: "access.bootstrap", What: email}, Touch{}, func(tx *Tx) (string, error) {
		if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext('bootstrap'))`); err != nil {
			return "", err
		}
		role, site, err := tx.registrarSite(policies.OperatorProgram)
		if err != nil {
			return "", err
		}
		var there bool
		if err := tx.GetContext(ctx, &there, `select exists (select 1 from access_grant where role = $1 and site_id in (select id from site where program = $2) and ended_at is null)
			or exists (select 1 from invitation where purpose = 'operator' and role = $1 and used_at is null and replaced_at is null and expires_at > $3)`,
			role, policies.OperatorProgram, tx.At); err != nil {
			return "", err
		}
		if there {
			return "", &Error{Kind: Forbidden, Key: "error.registrar-exists", Reasons: []string{"registrar-exists"}}
		}
		return "", tx.inviteOperator(site, role, "", email, "en")
	})
	return err
}

// registrarSite is the role that reviews and the operator site of a program.
func (tx *Tx) registrarSite(program string) (role, site string, err error) {
	op := tx.Programs[policies.OperatorProgram]
	if op == nil {
		return "", "", Fail(NotFound, "error.not-found")
	}
	for _, x := range op.Roles {
		if x.Can(policies.Registrar) {
			role = x.Code
			break
		}
	}
	err = tx.GetContext(tx.ctx, &site, `select id from site where program = $1 and code = $2`, policies.OperatorProgram, program)
	if isNoRows(err) {
		err = Fail(NotFound, "error.not-found")
	}
	return role, site, err
}

func (tx *Tx) inviteOperator(site, role, from, email, locale string) error {
	if err := tx.mailTo(email); err != nil {
		return err
	}
	secret, err := tx.invite("operator", site, role, from, "", email)
	if err != nil {
		return err
	}
	return tx.mailOutside(Mail{Address: email, Kind: "operator-invited", About: site, Occurrence: tx.actID, Locale: locale,
		Data: map[string]string{"secret": secret, "role": role}})
}

// InviteOperator lets a registrar invite another operator of a program.
func (r *Registry) InviteOperator(ctx context.Context, by By, program, role, email string) error {
	_, err := r.Do(ctx, Act{By: by, Kind: "operator.invite", What: []string{program, role, email}}, Touch{}, func(tx *Tx) (string, error) {
		if _, known := tx.Programs[program]; !known {
			return "", Fail(NotFound, "error.not-found")
		}
		if _, known := tx.Programs[policies.OperatorProgram].Role(role); !known {
			return "", InvalidField("role", "error.choose")
		}
		if a := policies.MayInviteOperator(tx.Programs, tx.Actor, program, role).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		_, site, err := tx.registrarSite(program)
		if err != nil {
			return "", err
		}
		me, err := getAccount(ctx, tx, by.Account)
		if err != nil {
			return "", err
		}
		return "", tx.inviteOperator(site, role, by.Account, email, me.Locale)
	})
	return err
}

// AcceptInvitation makes the signed-in person what an operator's invitation
// offers. One for the operator program itself is for every program that there is;
// for one that comes later, its registrars invite others, or themselves.
func (r *Registry) AcceptInvitation(ctx context.Context, by By, secret string) error {
	act := Act{By: by, Kind: "invitation.accept", What: r.keys.hexHash("invitation", secret)}
	_, err := r.Do(ctx, act, Touch{Accounts: []string{by.Account}}, func(tx *Tx) (string, error) {
		inv, err := r.findInvitation(ctx, tx, secret, tx.At, ` for update`)
		if err != nil {
			return "", err
		}
		if inv.Purpose != "operator" {
			return "", Fail(NotFound, "error.link-unknown")
		}
		if err := tx.useInvitation(inv); err != nil {
			return "", err
		}
		var sites []string
		if err := tx.SelectContext(ctx, &sites, `select id from site where program = $1 and (id = $2 or (select code from site where id = $2) = $1) order by id`,
			policies.OperatorProgram, inv.About); err != nil {
			return "", err
		}
		for _, site := range sites {
			if err := tx.becomeOperator(site, inv); err != nil {
				return "", err
			}
		}
		return "", nil
	})
	return err
}

func (tx *Tx) becomeOperator(site string, inv Invitation) error {
	me := tx.act.By.Account
	var there bool
	if err := tx.GetContext(tx.ctx, &there, `select exists (select 1 from fact_join where account_id = $1 and site_id = $2 and role = $3 and ended_at is null)`,
		me, site, inv.Role); err != nil || there {
		return err
	}
	req, err := tx.sendFor(me, site, inv.Role, inv.ID)
	if err != nil {
		return err
	}
	_, err = tx.addReview(req.ID, me, site, inv.Role, string(policies.NeedInvited), string(policies.ByRegistrar), string(policies.Approved), nil, inv.From)
	return err
}

// OfferByMail lets an authorizer invite somebody who is not at the site yet to
// act on their behalf there (C17: either side may start).
func (r *Registry) OfferByMail(ctx context.Context, by By, site, role, email string) error {
	_, err := r.Do(ctx, Act{By: by, Kind: "mandate.invite", What: []string{site, role, email}}, Touch{}, func(tx *Tx) (string, error) {
		c, s, err := tx.siteCase(site)
		if err != nil {
			return "", err
		}
		if s.Opened == nil { // not to be found by anyone yet (A65)
			return "", Fail(NotFound, "error.not-found")
		}
		if a := policies.MayAuthorize(tx.Programs, tx.Actor, c, "").Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		if rl, ok := tx.Programs[s.Program].Role(role); !ok || !rl.NeedsAuthorizer() {
			return "", Fail(NotFound, "error.not-found")
		}
		if err := tx.mailTo(email); err != nil {
			return "", err
		}
		secret, err := tx.invite("mandate", site, role, by.Account, "", email)
		if err != nil {
			return "", err
		}
		me, err := getAccount(ctx, tx, by.Account)
		if err != nil {
			return "", err
		}
		return "", tx.mailOutside(Mail{Address: email, Kind: "mandate-offered", About: site, Occurrence: tx.actID, Locale: me.Locale,
			Data: map[string]string{"who": me.Name(), "site": s.Name, "program": s.Program, "role": role, "secret": secret}})
	})
	return err
}

// FollowOffer turns an authorizer's mailed offer into a draft of the request
// that it offers to authorize.
func (r *Registry) FollowOffer(ctx context.Context, by By, secret string) (string, error) {
	inv, err := r.Invitation(ctx, secret)
	if err != nil {
		return "", err
	}
	if inv.Purpose != "mandate" {
		return "", Fail(NotFound, "error.link-unknown")
	}
	site, err := readSite(ctx, r.db, inv.About)
	if err != nil {
		return "", err
	}
	return r.Begin(ctx, by, NewDraft{Program: site.Program, Kind: policies.JoinRequest, Site: site.ID, Role: inv.Role, Invitation: inv.ID})
}

// acceptedOffer gives the authorizer whose mailed offer led to this request, and
// uses the offer up.
func (tx *Tx) acceptedOffer(req Request) (string, error) {
	id := req.Answers.One(invitationAnswer)
	if !validID(id) {
		return "", nil
	}
	var inv Invitation
	err := tx.GetContext(tx.ctx, &inv, `select `+invitationColumns+` from invitation where id = $1 and purpose = 'mandate' and about_id = $2 and role = $3
		and used_at is null and replaced_at is null and expires_at > $4 for update`, id, req.Site, req.Role, tx.At)
	if isNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	able, err := tx.holders(req.Site, policies.Authorize)
	if err != nil {
		return "", err
	}
	for _, a := range able {
		if a == inv.From && a != req.Account {
			return inv.From, tx.useInvitation(inv)
		}
	}
	return "", nil
}
