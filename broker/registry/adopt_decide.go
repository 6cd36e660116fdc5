package registry

import (
	"context"
	"time"

	"countersign/policies"
	"countersign/provisioning"
)

// Adopt is one of two people letting go on what the plan of the digest says: the first
// proposes it with its last day (yyyy-mm-dd, in UTC), the second approves. It tells the
// state that follows: open while the second is awaited, approved once both did.
//
// A Conflict is "error.adoption-changed" when the plan is another by now, which is then
// shown and proposed anew, and "error.adoption-over" when there is none.
func (r *Registry) Adopt(ctx context.Context, by By, digest, last string) (state string, err error) {
	row, err := r.readAdoption(ctx, `digest = $1`, digest)
	if err != nil {
		return "", err
	}
	const changed = "changed"
	kind, touch := "adoption.propose", Touch{}
	if row.FirstBy != nil {
		kind = "adoption.approve"
		plan, err := row.effects()
		if err != nil {
			return "", err
		}
		for _, e := range plan {
			touch.Sites = append(touch.Sites, e.Site)
		}
		touch.Sites, touch.Accounts = sorted(touch.Sites), accountsIn(plan)
	}
	state, err = r.Do(ctx, Act{By: by, Kind: kind, What: []string{digest, last}}, touch, func(tx *Tx) (string, error) {
		if may := tx.keepsRealm(); may != nil { // before anything is told
			return "", may
		}
		now, err := openAdoption(ctx, tx.Tx)
		switch {
		case err != nil:
			return "", err
		case now == nil:
			return "", Fail(Conflict, "error.adoption-over")
		case now.Digest != digest || (now.FirstBy == nil) != (kind == "adoption.propose"):
			return "", Fail(Conflict, "error.adoption-changed")
		}
		plan, err := now.effects()
		if err != nil {
			return "", err
		}
		if may := policies.MayAdopt(tx.Programs, tx.Actor, value(now.FirstBy), accountsIn(plan)).Given(tx.SignIn); !may.OK {
			return "", refuse(may)
		}
		if other, err := tx.replan(now, nil); err != nil || other {
			return changed, err
		}
		if now.FirstBy == nil {
			return AdoptionOpen, tx.proposeAdoption(now, plan, last)
		}
		return AdoptionApproved, tx.approveAdoption(now, plan)
	})
	if err == nil && state == changed {
		return AdoptionOpen, Fail(Conflict, "error.adoption-changed")
	}
	return state, err
}

func (tx *Tx) proposeAdoption(now *adoptionRow, plan provisioning.Effects, last string) error {
	day, err := dayIn(last, time.UTC)
	if err != nil || !day.After(tx.At) || day.After(tx.At.AddDate(0, 0, policies.AdoptedDaysMost)) {
		return InvalidField("last", "error.adoption-last")
	}
	until := day.AddDate(0, 0, 1)
	digest := adoptionDigest(plan, &until)
	_, err = tx.ExecContext(tx.ctx, `update adoption set until_at = $2, digest = $3, first_by = $4, first_at = $5, version = version + 1, changed_at = $5 where id = $1`,
		now.ID, until, digest, tx.act.By.Account, tx.At)
	tx.event("adoption", now.ID, now.Version+1, "adoption.proposed", map[string]any{"digest": digest, "until": until})
	return err
}

// approveAdoption makes accounts for those whom the record does not know, and records
// each role as adopted under a wish to hold it. Settling gives the grants.
func (tx *Tx) approveAdoption(now *adoptionRow, plan provisioning.Effects) error {
	people, err := tx.r.unsealPeople(now)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(tx.ctx, `update adoption set state = 'approved', second_by = $2, second_at = $3, people = null, version = version + 1, changed_at = $3 where id = $1`,
		now.ID, tx.act.By.Account, tx.At); err != nil {
		return err
	}
	tx.event("adoption", now.ID, now.Version+1, "adoption.approved", map[string]any{"digest": now.Digest, "until": now.Until.UTC(), "first": value(now.FirstBy)})
	a, err := adoptionNow(tx.ctx, tx.Tx, tx.r.issuer, tx.Programs, people, tx.At)
	if err != nil {
		return err
	}
	made := map[string]string{} // accounts by sub
	for _, e := range plan {
		if err := tx.settleDrift(a.drifts[[2]string{e.Group, e.Sub}].ID, OutAdopted, ""); err != nil {
			return err
		}
		if e.Account == "" && made[e.Sub] == "" {
			if made[e.Sub], err = tx.adoptPerson(e.Sub, people[e.Sub]); err != nil {
				return err
			}
		}
		if e.Account == "" {
			e.Account = made[e.Sub]
		}
		if e.Do != provisioning.DoAdopt {
			continue
		}
		if err := tx.adopt(now, e); err != nil {
			return err
		}
	}
	return nil
}

// adoptPerson writes down somebody whom the realm has: they sign in as they always did.
func (tx *Tx) adoptPerson(sub string, p AdoptedPerson) (string, error) {
	id := NewID()
	if p.Locale != "es" { // the two that an account may have
		p.Locale = policies.English
	}
	_, err := tx.ExecContext(tx.ctx, `insert into account (id, issuer, sub, user_name, given_name, surname, email, email_verified, locale, origin, state, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'realm', 'live', $10)`, id, tx.r.issuer, sub, p.UserName, p.GivenName, p.Surname, p.Email, p.EmailVerified, p.Locale, tx.At)
	tx.privateEvent("account", id, 1, "account.adopted", map[string]string{"sub": sub},
		map[string]string{"user_name": p.UserName, "given_name": p.GivenName, "surname": p.Surname, "email": p.Email})
	tx.accounts = append(tx.accounts, id) // settled with the rest
	return id, err
}

// adopt records one role as adopted, under the wish that there is or one made in the
// person's name: returned to them, for their own answers and signature are missing.
func (tx *Tx) adopt(now *adoptionRow, e provisioning.Effect) error {
	var request string
	err := tx.GetContext(tx.ctx, &request, `select request_id from fact_join where account_id = $1 and site_id = $2 and role = $3 and ended_at is null and from_at <= $4 and until_at > $4
		order by from_at, id limit 1`, e.Account, e.Site, e.Role, tx.At)
	if isNoRows(err) {
		request, err = tx.wishFor(e)
	}
	if err != nil {
		return err
	}
	if _, err := tx.add("adopted", about{request: request, account: e.Account, site: e.Site, role: e.Role, until: *now.Until}, `adoption_id`, now.ID); err != nil {
		return err
	}
	a, err := getAccount(tx.ctx, tx, e.Account)
	if err != nil || a.Email == "" {
		return err
	}
	return tx.tellGrant(a, "access-adopted", e.Site, e.Role, request, now.ID, now.Until.UTC().Format(time.RFC3339))
}

func (tx *Tx) wishFor(e provisioning.Effect) (string, error) {
	p := tx.Programs[tx.programOf(e.Site)]
	role, _ := p.Role(e.Role) // it is adoptable
	req := Request{ID: NewID(), Ref: newRef(), Program: p.ID, ProgramN: p.Version, Digest: p.Digest, Kind: policies.JoinRequest, Account: e.Account, By: e.Account,
		Site: e.Site, Role: e.Role, Profession: role.ProfessionOf(""), Answers: Answers{}}
	sealed, err := tx.r.sealAnswers(req.ID, req.Answers)
	if err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(tx.ctx, `insert into request (id, ref, program, program_n, digest, kind, account_id, by_account, site_id, role, profession, answers, state,
		created_at, submitted_at, changed_at) values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, 'returned', $12, $12, $12)`,
		req.ID, req.Ref, req.Program, req.ProgramN, req.Digest, req.Kind, req.Account, req.Site, req.Role, req.Profession, sealed, tx.At); err != nil {
		return "", err
	}
	tx.event("request", req.ID, 1, "request.adopted", req.submission())
	return req.ID, tx.wish(req)
}

// AdoptionPage is the plan of what may be adopted, as whoever may see the realm is
// shown it.
type AdoptionPage struct {
	At      time.Time // of the look
	Mode    string
	Looked  bool   // all of the realm was looked at since the mode is to adopt
	Digest  string // of the open plan; empty: there is none
	Lines   []EffectLine
	More    int // effects that are not listed
	Total   int
	Until   *time.Time // as it was proposed
	First   string     // who proposed it: their name
	FirstAt *time.Time
	Stay    int // open differences of memberships that are not among them
	Names   bool
	May     policies.Answer // of whoever looks, to propose or to approve
	Done    []Adopted       // the last ones
}

// Adopted is an adoption that two people approved.
type Adopted struct {
	At            time.Time `db:"second_at"`
	Until         time.Time `db:"until_at"`
	First, Second string
	Effects       int
	Live          int // adopted memberships that rest on nothing else yet
}

// LookAtAdoption shows the plan to whoever may see the realm; for all others it is not
// there. Only those who decide about the realm are told whom it is about.
func (r *Registry) LookAtAdoption(ctx context.Context, looker string) (p AdoptionPage, err error) {
	l, err := r.look(ctx, looker)
	if err != nil {
		return p, err
	}
	if !policies.MaySeeRealm(l.ps, l.actor).OK {
		return p, Fail(NotFound, "error.not-found")
	}
	p.At, p.Names = l.at, policies.MayKeepRealm(l.ps, l.actor).OK
	if err := r.db.QueryRowxContext(ctx, `select m.mode, c.outcome = 'done' from realm_mode m, realm_compare c`).Scan(&p.Mode, &p.Looked); err != nil {
		return p, err
	}
	if err := r.db.SelectContext(ctx, &p.Done, `select second_at, until_at, first_by as first, second_by as second, jsonb_array_length(plan) as effects,
		(select count(*) from access_grant g join fact_adopted f on f.id = any(g.basis) where f.adoption_id = adoption.id and g.leaf = g.role and g.ended_at is null and g.until_at > $1) as live
		from adoption where state = 'approved' order by second_at desc limit 20`, l.at); err != nil {
		return p, err
	}
	row, err := r.readAdoption(ctx, `state = 'open'`)
	if err != nil {
		return p, err
	}
	var plan provisioning.Effects
	if row.ID != "" {
		if plan, err = row.effects(); err != nil {
			return p, err
		}
	}
	p.Digest, p.Until, p.FirstAt, p.Total = row.Digest, row.Until, row.FirstAt, len(plan)
	p.May = policies.MayAdopt(l.ps, l.actor, value(row.FirstBy), accountsIn(plan))
	if err := r.db.GetContext(ctx, &p.Stay, `select count(*) from drift where done_at is null and kind in ('surplus','stranger')`); err != nil {
		return p, err
	}
	p.Stay = max(0, p.Stay-len(plan))
	names := []string{value(row.FirstBy)}
	for _, d := range p.Done {
		names = append(names, d.First, d.Second)
	}
	known, err := l.named(names)
	if err != nil {
		return p, err
	}
	p.First = nameOf(known, value(row.FirstBy))
	for i, d := range p.Done {
		p.Done[i].First, p.Done[i].Second = "", ""
		if p.Names {
			p.Done[i].First, p.Done[i].Second = nameOf(known, d.First), nameOf(known, d.Second)
		}
	}
	if !p.Names {
		p.First = ""
	}
	if len(plan) > shown {
		plan, p.More = plan[:shown], len(plan)-shown
	}
	if p.Lines, err = effectLines(ctx, r.db, plan, p.Names); err != nil || !p.Names {
		return p, err
	}
	people, err := r.unsealPeople(&row)
	for i, line := range p.Lines {
		if who, there := people[line.Sub]; there {
			p.Lines[i].Person, p.Lines[i].UserName = Account{UserName: who.UserName, GivenName: who.GivenName, Surname: who.Surname}.Name(), who.UserName
		}
	}
	return p, err
}
