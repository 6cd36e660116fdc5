package registry

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
	"countersign/provisioning"
)

// States of an adoption: open ──one proposes, another approves──► approved, or
// open ──nothing is left to adopt, or another mode──► superseded. An open one whose plan
// becomes another is proposed anew.
const (
	AdoptionOpen       = "open"
	AdoptionApproved   = "approved"
	AdoptionSuperseded = "superseded"
)

// adoptionRow is a row of adoption.
type adoptionRow struct {
	ID, State, Digest string
	Plan, People      []byte
	Until             *time.Time `db:"until_at"`
	FirstBy           *string    `db:"first_by"`
	FirstAt           *time.Time `db:"first_at"`
	SecondBy          *string    `db:"second_by"`
	SecondAt          *time.Time `db:"second_at"`
	Version           int64
}

const adoptionColumns = `id, state, digest, plan, people, until_at, first_by, first_at, second_by, second_at, version`

func (a adoptionRow) effects() (e provisioning.Effects, err error) {
	return e, json.Unmarshal(a.Plan, &e)
}

// accounts are those whose memberships a plan is about; who has none is not among them.
func accountsIn(plan provisioning.Effects) (ids []string) {
	for _, e := range plan {
		ids = append(ids, e.Account)
	}
	return sorted(ids)
}

// adoptionDigest is over what is adopted, and until when.
func adoptionDigest(plan provisioning.Effects, until *time.Time) string {
	about := ""
	if until != nil {
		about = until.UTC().Format(time.RFC3339)
	}
	return plan.Digest("adoption", about)
}

// openAdoption is the open one, locked; nil for none. One at a time changes it.
func openAdoption(ctx context.Context, t *sqlx.Tx) (*adoptionRow, error) {
	if _, err := t.ExecContext(ctx, `select pg_advisory_xact_lock(hashtext('adoption'))`); err != nil {
		return nil, err
	}
	var row adoptionRow
	err := t.GetContext(ctx, &row, `select `+adoptionColumns+` from adoption where state = 'open' for update`)
	if isNoRows(err) {
		return nil, nil
	}
	return &row, err
}

// readAdoption reads the newest one that fits; none is a row without an id.
func (r *Registry) readAdoption(ctx context.Context, where string, args ...any) (adoptionRow, error) {
	var row adoptionRow
	err := r.db.GetContext(ctx, &row, `select `+adoptionColumns+` from adoption where `+where+` order by made_at desc limit 1`, args...)
	if isNoRows(err) {
		return adoptionRow{}, nil
	}
	return row, err
}

// AdoptedPerson is somebody in a group of ours whom the record does not know, as the
// realm shows them.
type AdoptedPerson struct {
	UserName, GivenName, Surname, Email, Locale string
	EmailVerified                               bool
}

func (r *Registry) unsealPeople(a *adoptionRow) (people map[string]AdoptedPerson, err error) {
	people = map[string]AdoptedPerson{}
	if a == nil || a.People == nil {
		return people, nil
	}
	plain, err := r.keys.Unseal(a.People, "adoption:"+a.ID)
	if err != nil {
		return nil, err
	}
	return people, json.Unmarshal(plain, &people)
}

// adoptable is an open difference that might be adopted.
type adoptable struct {
	ID, Account, Sub, Site, Program, Leaf string
	Group                                 string `db:"group_id"`
}

// who is the account, or else something that no account has.
func (a adoptable) who() string {
	if a.Account == "" {
		return "sub:" + a.Sub
	}
	return a.Account
}

// adoptables are the open surplus memberships in groups that the record knows, of
// people whose accounts are not closed. What our own credential did and no step of ours
// explains is never among them.
func adoptables(ctx context.Context, q sqlx.QueryerContext, issuer string) (all []adoptable, err error) {
	return all, sqlx.SelectContext(ctx, q, &all, `select d.id, coalesce(d.account_id::text, '') as account, d.sub, d.site_id as site, s.program, d.leaf, d.group_id
		from drift d join site s on s.id = d.site_id join realm_group rg on rg.kc_id = d.group_id and rg.site_id = d.site_id and rg.leaf = d.leaf
		left join account a on a.issuer = $1 and a.sub = d.sub
		where d.done_at is null and d.kind in ('surplus','stranger') and d.sub <> '' and coalesce(a.state, 'live') = 'live'
			and (d.account_id is not null and d.account_id = a.id or d.account_id is null and a.id is null)
			and not exists (select 1 from drift x where x.alarm and x.change_id <> '' and x.change_id = d.change_id) order by d.id`, issuer)
}

// adoption is what could be adopted now: the plan, and of each of its effects, by group
// and sub, the difference that it ends.
type adoption struct {
	plan   provisioning.Effects
	drifts map[[2]string]adoptable
}

// adoptionNow finds what the rules would let go on: roles of a program in force, and
// what they give. Everything else stays a difference.
func adoptionNow(ctx context.Context, t *sqlx.Tx, issuer string, ps policies.Programs, people map[string]AdoptedPerson, at time.Time) (adoption, error) {
	a := adoption{drifts: map[[2]string]adoptable{}}
	all, err := adoptables(ctx, t, issuer)
	if err != nil {
		return a, err
	}
	all = slices.DeleteFunc(all, func(d adoptable) bool { _, shown := people[d.Sub]; return d.Account == "" && !shown })
	facts, err := factsToAdopt(ctx, t, all, at)
	if err != nil {
		return a, err
	}
	roles := map[[2]string][]policies.Role{} // adopted by one person at one site
	for _, d := range all {
		if policies.Adoptable(ps, facts, d.who(), d.Site, d.Leaf, at) {
			role, _ := ps[d.Program].Role(d.Leaf)
			roles[[2]string{d.who(), d.Site}] = append(roles[[2]string{d.who(), d.Site}], role)
			a.take(d, provisioning.DoAdopt)
		}
	}
	for _, d := range all {
		if slices.ContainsFunc(roles[[2]string{d.who(), d.Site}], func(r policies.Role) bool { return slices.Contains(r.Gives, d.Leaf) }) {
			a.take(d, provisioning.DoKeep)
		}
	}
	a.plan = provisioning.NewEffects(a.plan)
	return a, nil
}

func (a *adoption) take(d adoptable, do string) {
	a.drifts[[2]string{d.Group, d.Sub}] = d
	a.plan = append(a.plan, provisioning.Effect{Do: do, Account: d.Account, Site: d.Site, Role: d.Leaf, Sub: d.Sub, Group: d.Group})
}

// factsToAdopt are the facts about those people, and their sites.
func factsToAdopt(ctx context.Context, t *sqlx.Tx, all []adoptable, at time.Time) (policies.Facts, error) {
	var accounts, sites []string
	for _, d := range all {
		accounts, sites = append(accounts, d.Account), append(sites, d.Site)
	}
	facts, err := factsOf(ctx, t, sorted(accounts), at)
	if err != nil {
		return facts, err
	}
	return facts, readSites(ctx, t, &facts, sorted(sites))
}

// StrangersToAdopt are the people, by sub, whose details a plan needs and has not; none
// unless the mode is to adopt.
func (r *Registry) StrangersToAdopt(ctx context.Context) (subs []string, err error) {
	mode, err := r.RealmMode(ctx)
	if err != nil || mode != ModeAdopt {
		return nil, err
	}
	all, err := adoptables(ctx, r.db, r.issuer)
	if err != nil {
		return nil, err
	}
	now, err := r.readAdoption(ctx, `state = 'open'`)
	if err != nil {
		return nil, err
	}
	known, err := r.unsealPeople(&now)
	for _, d := range all {
		if _, there := known[d.Sub]; d.Account == "" && !there {
			subs = append(subs, d.Sub)
		}
	}
	return sorted(subs), err
}

// PlanAdoption makes the plan of what may be adopted, or makes it another, where a whole
// look at the realm was taken since the mode is to adopt. people are those whom the
// record does not know, by sub, beside whom a plan has already.
func (r *Registry) PlanAdoption(ctx context.Context, people map[string]AdoptedPerson) error {
	var due bool
	if err := r.db.GetContext(ctx, &due, `select m.mode = 'adopt' and c.outcome = 'done' from realm_mode m, realm_compare c`); err != nil || !due {
		return err
	}
	stale := false
	err := r.inTx(ctx, func(t *sqlx.Tx) (err error) { // an act only where there is something to record
		stale, err = r.adoptionStale(ctx, t, people)
		return err
	})
	if err != nil || !stale {
		return err
	}
	_, err = r.Do(ctx, Act{By: worker(), Kind: "adoption.plan"}, Touch{}, func(tx *Tx) (string, error) {
		now, err := openAdoption(ctx, tx.Tx)
		if err != nil {
			return "", err
		}
		_, err = tx.replan(now, people)
		return "", err
	})
	return err
}

func (r *Registry) adoptionStale(ctx context.Context, t *sqlx.Tx, people map[string]AdoptedPerson) (bool, error) {
	now, err := openAdoption(ctx, t)
	if err != nil {
		return false, err
	}
	known, err := r.unsealPeople(now)
	if err != nil {
		return false, err
	}
	for sub, p := range people {
		known[sub] = p
	}
	at, err := instantOf(ctx, t)
	if err != nil {
		return false, err
	}
	ps, err := r.programsAt(ctx, t, at)
	if err != nil {
		return false, err
	}
	a, err := adoptionNow(ctx, t, r.issuer, ps, known, at)
	if now == nil {
		return len(a.plan) > 0, err
	}
	return adoptionDigest(a.plan, now.Until) != now.Digest, err
}

func instantOf(ctx context.Context, t *sqlx.Tx) (at time.Time, err error) {
	return at, t.GetContext(ctx, &at, `select instant()`)
}

// replan makes the plan what it should be now; another one is proposed anew. It gives
// what is adopted when it is approved, and whether it is another.
func (tx *Tx) replan(now *adoptionRow, people map[string]AdoptedPerson) (changed bool, err error) {
	known, err := tx.r.unsealPeople(now)
	if err != nil {
		return false, err
	}
	for sub, p := range people {
		known[sub] = p
	}
	a, err := adoptionNow(tx.ctx, tx.Tx, tx.r.issuer, tx.Programs, known, tx.At)
	switch {
	case err != nil || now == nil && len(a.plan) == 0:
		return false, err
	case now != nil && adoptionDigest(a.plan, now.Until) == now.Digest:
		return false, nil
	case len(a.plan) == 0:
		return true, tx.supersede(now)
	}
	id, version := NewID(), int64(1)
	if now != nil {
		id, version = now.ID, now.Version+1
	}
	plan, err := json.Marshal(a.plan)
	if err != nil {
		return false, err
	}
	shown := map[string]AdoptedPerson{}
	for _, e := range a.plan {
		if p, there := known[e.Sub]; there && e.Account == "" {
			shown[e.Sub] = p
		}
	}
	plain, err := json.Marshal(shown)
	if err != nil {
		return false, err
	}
	digest := adoptionDigest(a.plan, nil)
	_, err = tx.ExecContext(tx.ctx, `insert into adoption (id, state, plan, people, digest, made_at, version, changed_at) values ($1, 'open', $2, $3, $4, $5, $6, $5)
		on conflict (id) do update set plan = excluded.plan, people = excluded.people, digest = excluded.digest, until_at = null, first_by = null, first_at = null,
			version = excluded.version, changed_at = excluded.changed_at`, id, string(plan), tx.r.keys.Seal(plain, "adoption:"+id), digest, tx.At, version)
	tx.event("adoption", id, version, "adoption.planned", map[string]any{"digest": digest, "effects": len(a.plan)})
	return true, err
}

func (tx *Tx) supersede(now *adoptionRow) error {
	_, err := tx.ExecContext(tx.ctx, `update adoption set state = 'superseded', people = null, version = version + 1, changed_at = $2 where id = $1`, now.ID, tx.At)
	tx.event("adoption", now.ID, now.Version+1, "adoption.superseded", nil)
	return err
}

// adoptionBegins has everything looked at anew when the mode becomes to adopt; with any
// other, what was open is over.
func (tx *Tx) adoptionBegins(mode string) error {
	if mode == ModeAdopt {
		_, err := tx.ExecContext(tx.ctx, `update realm_compare set due_at = least(due_at, clock_timestamp()), outcome = '', ended_at = null`)
		return err
	}
	now, err := openAdoption(tx.ctx, tx.Tx)
	if err != nil || now == nil {
		return err
	}
	return tx.supersede(now)
}

// noSurplus is told of a membership that somebody else took away: what was open about it
// is over, or is looked at.
func (tx *Tx) noSurplus(d Difference) error {
	var open []struct {
		ID      string
		Account *string `db:"account_id"`
	}
	if err := tx.SelectContext(tx.ctx, &open, `select id, account_id from drift where sub = $1 and group_id = $2 and done_at is null and kind in ('surplus','stranger') and doing = 'report'`,
		d.Sub, d.Group); err != nil {
		return err
	}
	for _, o := range open {
		if o.Account != nil {
			if err := tx.behind(*o.Account); err != nil {
				return err
			}
		} else if err := tx.settleDrift(o.ID, OutGone, ""); err != nil {
			return err
		}
	}
	return nil
}

// checkAdoptions demands that whatever was adopted was so by two people, neither of them
// the person, with the end that both saw, and for no longer than an adoption may last.
func (r *Registry) checkAdoptions(ctx context.Context) ([]Violation, error) {
	var ids []string
	err := r.db.SelectContext(ctx, &ids, `select f.id from fact_adopted f left join adoption a on a.id = f.adoption_id
		where a.state is distinct from 'approved' or f.account_id in (a.first_by, a.second_by) or f.until_at is distinct from a.until_at
			or f.until_at > a.first_at + $1 * interval '1 day' or not exists (select 1 from act where id = f.act_id and actor = a.second_by and kind = 'adoption.approve')`,
		policies.AdoptedDaysMost+2)
	var out []Violation
	for _, id := range ids {
		out = append(out, Violation{"I2", "adopted " + id + " is not what two people approved"})
	}
	return out, err
}
