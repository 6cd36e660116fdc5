package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	"countersign/policies"
)

// DriftView is one difference as operators see it.
type DriftView struct {
	ID, Kind  string
	Account   string // id; empty for none
	Name      string // of the account, for whoever keeps the realm; else empty
	Program   string
	SiteCode  string `db:"site_code"`
	SiteName  string `db:"site_name"`
	Leaf      string
	Group     string `db:"group_id"`
	Sub       string
	Path      string `db:"-"`
	Sealed    []byte `db:"path"`
	FoundBy   string `db:"found_by"`
	ByClient  string `db:"by_client"`
	ByUser    string `db:"by_user"`
	Alarm     bool
	Mode      string
	Found     time.Time `db:"found_at"`
	Doing     string
	Outcome   string
	Done      *time.Time `db:"done_at"`
	DoneBy    string     `db:"done_by"`   // account
	DoneName  string     `db:"done_name"` // of whoever settled it; empty: the product
	Words     string     `db:"-"`
	Said      []byte     `db:"words"`
	MakeAgain bool       `db:"make_again"` // whoever may can have it made anew
}

// DriftPage is what is open, and what was.
type DriftPage struct {
	Mode    string
	Since   *time.Time // the mode's; nil: from the beginning
	Open    []DriftView
	More    int // further open ones that are not shown
	History []DriftView
	Older   bool // there is more history
	May     policies.Answer
	Polled  *time.Time // when the realm's own log was last read, by the machine's clock
	Compare struct {
		Ended       *time.Time `db:"ended_at"`
		Outcome     string
		People      int64
		Memberships int64
		Calls       int64
		Seconds     float64
	}
}

// How many of each a page shows.
const (
	openShown    = 200
	historyShown = 50
)

const driftColumns = `d.id, d.kind, coalesce(d.account_id::text, '') as account, coalesce(s.program, '') as program, coalesce(s.code, '') as site_code, coalesce(s.name, '') as site_name,
	d.leaf, d.group_id, d.sub, d.path, d.found_by, d.by_client, d.by_user, d.alarm, d.mode, d.found_at, d.doing, d.outcome, d.done_at,
	coalesce(d.done_by::text, '') as done_by, d.words, d.done_at is null and (d.kind = 'group-missing' and d.site_id is not null and d.doing = 'person'
		or d.kind = 'person-missing' and exists (select 1 from account a where a.id = d.account_id and a.origin = 'sign-up' and a.state = 'live' and a.sub = d.sub)) as make_again`

// Differences are for whoever may see the realm: what is open, oldest first within
// what a person is to see to; then what was, newest first, older than before. For all
// others they are not there. Names are for those who keep the realm.
func (r *Registry) Differences(ctx context.Context, account string, before time.Time) (p DriftPage, err error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return p, err
	}
	if !policies.MaySeeRealm(l.ps, l.actor).OK {
		return p, Fail(NotFound, "error.not-found")
	}
	p.May = policies.MayKeepRealm(l.ps, l.actor)
	if before.IsZero() {
		before = infinity
	}
	var mode struct {
		Mode    string
		Changed time.Time  `db:"changed_at"`
		Polled  *time.Time `db:"polled_at"`
		N       int
	}
	if err := r.db.GetContext(ctx, &mode, `select mode, changed_at, (select polled_at from realm_follow) as polled_at,
		(select count(*) from drift where done_at is null) as n from realm_mode`); err != nil {
		return p, err
	}
	p.Mode, p.Polled = mode.Mode, mode.Polled
	if mode.Changed.After(minusInfinity) {
		p.Since = &mode.Changed
	}
	if err := r.db.GetContext(ctx, &p.Compare, `select ended_at, outcome, people, memberships, calls, seconds from realm_compare`); err != nil {
		return p, err
	}
	if err := r.db.SelectContext(ctx, &p.Open, `select `+driftColumns+` from drift d left join site s on s.id = d.site_id where d.done_at is null
		order by d.alarm desc, d.doing <> 'person', d.found_at, d.id limit $1`, openShown); err != nil {
		return p, err
	}
	p.More = mode.N - len(p.Open)
	if err := r.db.SelectContext(ctx, &p.History, `select `+driftColumns+` from drift d left join site s on s.id = d.site_id where d.done_at < $1
		order by d.done_at desc, d.id desc limit $2`, before, historyShown+1); err != nil {
		return p, err
	}
	if p.Older = len(p.History) > historyShown; p.Older {
		p.History = p.History[:historyShown]
	}
	return p, r.openDrifts(l, p.May.OK, p.Open, p.History)
}

// Difference is one of them, open or not, as Differences shows it.
func (r *Registry) Difference(ctx context.Context, account, id string) (d DriftView, may policies.Answer, err error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return d, may, err
	}
	if !policies.MaySeeRealm(l.ps, l.actor).OK || !validID(id) {
		return d, may, Fail(NotFound, "error.not-found")
	}
	may = policies.MayKeepRealm(l.ps, l.actor)
	err = r.db.GetContext(ctx, &d, `select `+driftColumns+` from drift d left join site s on s.id = d.site_id where d.id = $1`, id)
	if isNoRows(err) {
		return d, may, Fail(NotFound, "error.not-found")
	}
	one := []DriftView{d}
	if err == nil {
		err = r.openDrifts(l, may.OK, one)
	}
	return one[0], may, err
}

// openDrifts opens what is sealed, and gives names.
func (r *Registry) openDrifts(l looker, names bool, lists ...[]DriftView) error {
	var ids []string
	for _, d := range slices.Concat(lists...) {
		ids = append(ids, d.Account, d.DoneBy)
	}
	known, err := l.named(ids)
	if err != nil {
		return err
	}
	for _, list := range lists {
		for i := range list {
			d := &list[i]
			for from, to := range map[*[]byte]*string{&d.Sealed: &d.Path, &d.Said: &d.Words} {
				if *from == nil {
					continue
				}
				plain, err := r.keys.Unseal(*from, "drift:"+d.ID)
				if err != nil {
					return err
				}
				*to = string(plain)
			}
			if names {
				d.Name, d.DoneName = nameOf(known, d.Account), nameOf(known, d.DoneBy)
			}
		}
	}
	return nil
}

func nameOf(known map[string]Account, id string) string {
	a, ok := known[id]
	if !ok {
		return ""
	}
	return a.Name() + " (" + a.UserName + ")"
}

// SettleDifference is somebody who keeps the realm saying that they have seen to a
// difference, in words. What the product repairs by itself is not theirs to settle.
func (r *Registry) SettleDifference(ctx context.Context, by By, id, words string) error {
	words = strings.TrimSpace(words)
	if words == "" {
		return InvalidField("words", "field-error.required")
	}
	return r.decideDrift(ctx, Act{By: by, Kind: "drift.settle", What: []any{id, words}}, id, Touch{}, func(tx *Tx, d openDrift) error {
		if d.Doing != DoPerson {
			return Fail(Conflict, "error.difference-not-yours")
		}
		if err := tx.settleDrift(id, OutSettled, words); err != nil {
			return err
		}
		return tx.behind(d.Account) // what stays different is found again
	})
}

// openDrift is what deciding about a difference needs.
type openDrift struct {
	Kind, Doing, Account, Site, Sub string
}

// decideDrift lets whoever keeps the realm decide about one that is open.
func (r *Registry) decideDrift(ctx context.Context, act Act, id string, touch Touch, decide func(*Tx, openDrift) error) error {
	if !validID(id) {
		return Fail(NotFound, "error.not-found")
	}
	_, err := r.Do(ctx, act, touch, func(tx *Tx) (string, error) {
		var d openDrift
		err := tx.GetContext(ctx, &d, `select kind, doing, coalesce(account_id::text, '') as account, coalesce(site_id::text, '') as site, sub from drift where id = $1 and done_at is null for update`, id)
		if isNoRows(err) {
			err = r.driftOver(ctx, tx, id)
		}
		if err != nil && !IsKind(err, Conflict) {
			return "", err
		}
		if may := tx.keepsRealm(); may != nil { // of what there is, whoever sees the realm may know
			return "", may
		}
		if err != nil {
			return "", err
		}
		return "", decide(tx, d)
	})
	return err
}

// driftOver tells what was settled meanwhile from what never was.
func (r *Registry) driftOver(ctx context.Context, tx *Tx, id string) error {
	var there bool
	if err := tx.GetContext(ctx, &there, `select exists (select 1 from drift where id = $1)`, id); err != nil {
		return err
	}
	if there {
		return Fail(Conflict, "error.difference-over")
	}
	return Fail(NotFound, "error.not-found")
}

// MakeAgain has what was deleted made anew: a leaf's group, with the members that the
// record has for it; or a person whom we had made, who gets a mail to begin as at first,
// and another sub. Only because somebody says so: who deleted it may have had reasons.
func (r *Registry) MakeAgain(ctx context.Context, by By, id string) error {
	var account *string
	if validID(id) {
		if err := r.db.GetContext(ctx, &account, `select account_id from drift where id = $1`, id); err != nil && !isNoRows(err) {
			return err
		}
	}
	touch := Touch{}
	if account != nil {
		touch.Accounts = []string{*account}
	}
	return r.decideDrift(ctx, Act{By: by, Kind: "drift.make-again", For: other(value(account), by.Account), What: id}, id, touch, func(tx *Tx, d openDrift) error {
		switch {
		case d.Kind == DriftNoGroup && d.Site != "" && d.Doing == DoPerson:
			return tx.groupAgain(id, d)
		case d.Kind == DriftNoPerson:
			return tx.personAgain(id, d)
		}
		return Fail(Conflict, "error.difference-not-yours")
	})
}

func (tx *Tx) groupAgain(id string, d openDrift) error {
	if _, err := tx.ExecContext(tx.ctx, `update drift set doing = 'repair' where id = $1`, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(tx.ctx, `update site set wanted_rev = wanted_rev + 1, retry_at = '-infinity', tries = 0 where id = $1`, d.Site)
	return err
}

func (tx *Tx) personAgain(id string, d openDrift) error {
	a, err := getAccount(tx.ctx, tx, d.Account)
	if err != nil {
		return err
	}
	var made bool
	if err := tx.GetContext(tx.ctx, &made, `select origin = 'sign-up' from account where id = $1`, a.ID); err != nil {
		return err
	}
	if !made || a.State != "live" || a.Sub != d.Sub {
		return Fail(Conflict, "error.difference-not-yours")
	}
	tx.event("account", a.ID, a.Version+1, "account.make-again", map[string]string{"sub": a.Sub})
	if _, err := tx.ExecContext(tx.ctx, `update account set state = 'asked', sub = null, setup_at = null, setup_lost_at = null, setup_since = null,
		wanted_rev = wanted_rev + 1, retry_at = '-infinity', tries = 0, even_at = null, version = version + 1, changed_at = $2 where id = $1`, a.ID, tx.At); err != nil {
		return err
	}
	if _, err := tx.ExecContext(tx.ctx, `update session set ended_at = instant(), end_reason = 'person-gone', refresh_token = null where account_id = $1 and ended_at is null`, a.ID); err != nil {
		return err
	}
	return tx.settleDrift(id, OutMade, "")
}

// SiteRemade ends the differences of groups that a site has anew, and lets those who
// hold something there follow.
func (r *Registry) SiteRemade(ctx context.Context, site string) error {
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `select d.id from drift d join realm_group rg on rg.site_id = d.site_id and rg.leaf = d.leaf
		where d.site_id = $1 and d.kind = 'group-missing' and d.done_at is null and rg.kc_id <> d.group_id`, site); err != nil || len(ids) == 0 {
		return err
	}
	_, err := r.Do(ctx, Act{By: worker(), Kind: "drift.settled", What: ids}, Touch{}, func(tx *Tx) (string, error) {
		for _, id := range ids {
			if err := tx.settleDrift(id, OutMade, ""); err != nil {
				return "", err
			}
		}
		_, err := tx.ExecContext(ctx, `update account set wanted_rev = wanted_rev + 1, retry_at = '-infinity'
			where id in (select account_id from access_grant where site_id = $1 and ended_at is null)`, site)
		return "", err
	})
	return err
}
