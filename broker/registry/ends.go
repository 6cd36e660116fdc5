package registry

import (
	"context"
	"time"

	"countersign/policies"
)

// dayIn is the beginning of a day written yyyy-mm-dd, in a place's time.
func dayIn(date string, loc *time.Location) (time.Time, error) {
	return time.ParseInLocation("2006-01-02", date, loc)
}

// Join is a membership: somebody's wish to hold a role at a site.
type Join struct {
	ID, Account, Site, Role, Request string
}

// readJoin reads a membership, over or not: a repeat of what ended it still gets
// its result (A06). Whether it is live is asked again under the locks.
func (r *Registry) readJoin(ctx context.Context, id string) (Join, error) {
	var j Join
	if !validID(id) {
		return j, Fail(NotFound, "error.not-found")
	}
	err := r.db.GetContext(ctx, &j, `select id, account_id as account, site_id as site, role, coalesce(request_id::text, '') as request
		from fact_join where id = $1`, id)
	if isNoRows(err) {
		return j, Fail(NotFound, "error.not-found")
	}
	return j, err
}

// live tells whether a membership is not over; others' ends wait for our locks.
func (tx *Tx) live(j Join) error {
	var live bool
	err := tx.GetContext(tx.ctx, &live, `select exists (select 1 from fact_join where id = $1 and ended_at is null)`, j.ID)
	if err == nil && !live {
		return Fail(NotFound, "error.not-found")
	}
	return err
}

// siteCase is the case of a site as such, for rules about its members.
func (tx *Tx) siteCase(id string) (policies.Case, Site, error) {
	s, err := readSite(tx.ctx, tx, id)
	if err != nil {
		return policies.Case{}, s, err
	}
	c := policies.Case{Program: tx.Programs[s.Program], Site: s.fact()}
	if c.Program == nil { // not in force: no rules, so nothing to manage by them
		return c, s, Fail(NotFound, "error.not-found")
	}
	if c.Administrators, err = tx.holders(id, policies.Administer); err != nil {
		return c, s, err
	}
	if c.Authorizers, err = tx.holders(id, policies.Authorize); err != nil {
		return c, s, err
	}
	if err := tx.SelectContext(tx.ctx, &c.Leaving, `select distinct account_id from fact_restriction
		where site_id = $1 and role = any($2) and kind in ('leaves', 'planned') and ended_at is null`, id, pqStrings(rolesThat(c.Program, policies.Administer))); err != nil {
		return c, s, err
	}
	c.Registrars, err = operators(tx.ctx, tx, tx.Programs, s.Program, policies.Registrar, tx.At)
	return c, s, err
}

// rolesThat are the codes of a program's roles with a capability.
func rolesThat(p *policies.Program, c policies.Capability) []string {
	var out []string
	for _, r := range p.Roles {
		if r.Can(c) {
			out = append(out, r.Code)
		}
	}
	return out
}

// endMembership ends a join and, where the person no longer holds what they
// rest on, the mandates at that site: a re-hire starts anew.
func (tx *Tx) endMembership(account, site, role string) error {
	if _, err := tx.end("join", `account_id = $3 and site_id = $4 and role = $5`, account, site, role); err != nil {
		return err
	}
	gone, ok := tx.Programs[tx.programOf(site)].Role(role)
	if !ok {
		return nil
	}
	if gone.NeedsAuthorizer() {
		if _, err := tx.end("mandate", `on_behalf = $3 and site_id = $4`, account, site); err != nil {
			return err
		}
	}
	if gone.Can(policies.Authorize) {
		if _, err := tx.end("mandate", `account_id = $3 and site_id = $4`, account, site); err != nil {
			return err
		}
	}
	_, err := tx.end("restriction", `account_id = $3 and site_id = $4 and role = $5`, account, site, role)
	return err
}

func (tx *Tx) programOf(site string) string {
	s, err := readSite(tx.ctx, tx, site)
	if err != nil {
		return ""
	}
	return s.Program
}

// Leave ends one's own membership: at once, or at the end of a day (yyyy-mm-dd)
// when one is given.
func (r *Registry) Leave(ctx context.Context, by By, join, last string) error {
	return r.endJoin(ctx, by, "member.leave", join, last, "leaves", nil, "", func(tx *Tx, c policies.Case, j Join) policies.Answer {
		if j.Account != by.Account {
			return policies.Answer{Reasons: []string{policies.NotVisible}}
		}
		return policies.MayLeave(tx.Actor, c, j.Role)
	})
}

// Deactivate ends somebody's membership, with reason codes and words: at once,
// or at the end of a day (yyyy-mm-dd) when one is given.
func (r *Registry) Deactivate(ctx context.Context, by By, join, last string, reasons []string, words string) error {
	if len(reasons) == 0 {
		return InvalidField("reasons", "error.reason-needed")
	}
	return r.endJoin(ctx, by, "member.deactivate", join, last, "planned", reasons, words, func(tx *Tx, c policies.Case, j Join) policies.Answer {
		return policies.MayDeactivate(tx.Programs, tx.Actor, c, j.Account, j.Role).Given(tx.SignIn)
	})
}

func (r *Registry) endJoin(ctx context.Context, by By, kind, id, last, restriction string, reasons []string, words string,
	may func(*Tx, policies.Case, Join) policies.Answer) error {
	j, err := r.readJoin(ctx, id)
	if err != nil {
		return err
	}
	act := Act{By: by, Kind: kind, For: other(j.Account, by.Account), What: []any{id, last, reasons, words}}
	_, err = r.Do(ctx, act, Touch{Sites: []string{j.Site}, Accounts: []string{j.Account}}, func(tx *Tx) (string, error) {
		if err := tx.live(j); err != nil {
			return "", err
		}
		c, site, err := tx.siteCase(j.Site)
		if err != nil {
			return "", err
		}
		if a := may(tx, c, j); !a.OK {
			return "", refuse(a)
		}
		if last != "" {
			return "", tx.planEnd(c, j, site, last, restriction, reasons, words)
		}
		first := len(tx.events)
		if err := tx.endMembership(j.Account, j.Site, j.Role); err != nil {
			return "", err
		}
		ended := &tx.events[first] // the join's: it goes first
		if len(reasons) > 0 {
			ended.data.(*endData).Reasons = reasons
		}
		if words != "" {
			ended.private = map[string]string{"words": words}
		}
		if err := tx.moveRequest(j.Request, []string{policies.Submitted, policies.ReturnedR}, policies.Withdrawn, nil); err != nil && !IsKind(err, Conflict) {
			return "", err
		}
		return "", nil
	})
	return err
}

func other(a, b string) string {
	if a == b {
		return ""
	}
	return a
}

// planEnd restricts the membership from the day after its last. It replaces what
// the actor could call off; others' plans stay beside it, and the earliest counts.
func (tx *Tx) planEnd(c policies.Case, j Join, site Site, last, kind string, reasons []string, words string) error {
	day, err := dayIn(last, site.Location())
	if err != nil || !day.AddDate(0, 0, 1).After(tx.At) {
		return InvalidField("last", "error.date-future")
	}
	if _, _, err := tx.endPlans(c, j); err != nil {
		return err
	}
	_, err = tx.add("restriction", about{account: j.Account, site: j.Site, role: j.Role, from: day.AddDate(0, 0, 1)},
		`kind, program, by_account, reasons`, kind, site.Program, tx.act.By.Account, pqStrings(reasons))
	if words != "" && err == nil {
		tx.events[len(tx.events)-1].private = map[string]string{"words": words}
	}
	return err
}

// endPlans ends the planned ends of a membership that have not come, as far as the
// actor may; it tells how many, and why not of one that had to stay.
func (tx *Tx) endPlans(c policies.Case, j Join) (ended int, no policies.Answer, err error) {
	f, err := factsOf(tx.ctx, tx, []string{j.Account}, tx.At)
	if err != nil {
		return 0, no, err
	}
	for _, x := range f.Restrictions {
		if x.Account != j.Account || x.Site != j.Site || x.Role != j.Role || x.At(tx.At) {
			continue
		}
		if a := policies.MayCallOff(tx.Programs, tx.Actor, c, x, tx.At).Given(tx.SignIn); !a.OK {
			no = a
			continue
		}
		if _, err := tx.end("restriction", `id = $3`, x.ID); err != nil {
			return ended, no, err
		}
		ended++
	}
	return ended, no, nil
}

// CallOff takes back planned ends that have not come.
func (r *Registry) CallOff(ctx context.Context, by By, join string) error {
	j, err := r.readJoin(ctx, join)
	if err != nil {
		return err
	}
	act := Act{By: by, Kind: "member.call-off", For: other(j.Account, by.Account), What: join}
	_, err = r.Do(ctx, act, Touch{Sites: []string{j.Site}, Accounts: []string{j.Account}}, func(tx *Tx) (string, error) {
		c, _, err := tx.siteCase(j.Site)
		if err != nil {
			return "", err
		}
		if j.Account != by.Account && !policies.MayAdminister(tx.Programs, tx.Actor, c).OK {
			return "", Fail(NotFound, "error.not-found") // also where there is nothing to call off (A65)
		}
		if err := tx.live(j); err != nil {
			return "", err
		}
		ended, no, err := tx.endPlans(c, j)
		switch {
		case err != nil || ended > 0:
			return "", err
		case len(no.Reasons) > 0:
			return "", refuse(no)
		}
		return "", Fail(Conflict, "error.changed-meanwhile")
	})
	return err
}

// Suspend stops all access of an account in a program, until lifted; a registrar
// of the program may.
func (r *Registry) Suspend(ctx context.Context, by By, program, account string, reasons []string, words string) error {
	if len(reasons) == 0 {
		return InvalidField("reasons", "error.reason-needed")
	}
	act := Act{By: by, Kind: "account.suspend", For: account, What: []any{program, account, reasons, words}}
	_, err := r.Do(ctx, act, Touch{Accounts: []string{account}}, func(tx *Tx) (string, error) {
		if err := tx.knownIn(program, account); err != nil {
			return "", err
		}
		if a := policies.MaySuspend(tx.Programs, tx.Actor, program, account).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		if _, err := tx.add("restriction", about{account: account}, `kind, program, by_account, reasons`, "suspended", program, by.Account, pqStrings(reasons)); err != nil {
			return "", err
		}
		if words != "" {
			tx.events[len(tx.events)-1].private = map[string]string{"words": words}
		}
		return "", nil
	})
	return err
}

// Lift ends a suspension.
func (r *Registry) Lift(ctx context.Context, by By, program, account string) error {
	act := Act{By: by, Kind: "account.lift", For: account, What: []string{program, account}}
	_, err := r.Do(ctx, act, Touch{Accounts: []string{account}}, func(tx *Tx) (string, error) {
		if err := tx.knownIn(program, account); err != nil {
			return "", err
		}
		if a := policies.MayLift(tx.Programs, tx.Actor, program, account).Given(tx.SignIn); !a.OK {
			return "", refuse(a)
		}
		n, err := tx.end("restriction", `account_id = $3 and kind = 'suspended' and program = $4`, account, program)
		if err == nil && n == 0 {
			return "", Fail(Conflict, "error.changed-meanwhile")
		}
		return "", err
	})
	return err
}

// knownIn hides accounts that have nothing to do with a program, and every one
// from those who do not operate it.
func (tx *Tx) knownIn(program, account string) error {
	var there bool
	if tx.Actor.CanOperate(tx.Programs, policies.Registrar, program) {
		if err := tx.GetContext(tx.ctx, &there, `select exists (select 1 from request where account_id = $1 and program = $2 and state <> 'draft')`, account, program); err != nil {
			return err
		}
	}
	if !there {
		return Fail(NotFound, "error.not-found")
	}
	return nil
}
