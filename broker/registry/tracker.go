package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"countersign/policies"
)

// SignerTried is one address to which the declaration was mailed.
type SignerTried struct {
	Name, Email string
	Created     time.Time  `db:"created_at"`
	Used        *time.Time `db:"used_at"`
	Replaced    *time.Time `db:"replaced_at"`
	Expires     time.Time  `db:"expires_at"`
}

// Declared is a declaration as it was signed.
type Declared struct {
	By      string
	At      time.Time
	Proven  bool
	BySelf  bool // the signer is the requester
	Version int
}

// Happened is one line of a request's history.
type Happened struct {
	At      time.Time
	Kind    string // request.submitted, review.recorded, …
	Who     string
	Verdict string
	Need    string
	Reasons []string
	Words   string // a reviewer's, to the requester
	Batch   string // reference of the batch by which it was decided; empty for none
}

// Tracker is a request as somebody sees it who may.
type Tracker struct {
	Item
	Program    *policies.Program // of the version under which it was made
	Own        bool              // it is the looker's
	Registrar  bool              // the looker reviews the program
	Tried      []SignerTried
	Declared   *Declared
	Happened   []Happened
	Registrars int // how many review the program: one alone cannot confirm what needs a second
	MayCorrect bool
	MayTake    bool      // withdraw
	OnItsWay   time.Time // since when what was granted is on its way to the realm; zero: it is not
}

// Tracker shows a request to those who may see it; for others there is none.
func (r *Registry) Tracker(ctx context.Context, account, id string) (Tracker, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return Tracker{}, err
	}
	req, err := r.readRequest(ctx, r.db, id, "")
	if err != nil {
		return Tracker{}, err
	}
	k, err := readAround(ctx, r.db, l.ps, []Request{req}, l.at)
	if err != nil {
		return Tracker{}, err
	}
	c := k.caseOf(req)
	see := policies.MaySee(l.ps, l.actor, c)
	if !see.OK {
		return Tracker{}, Fail(NotFound, "error.not-found")
	}
	t := Tracker{Own: see.Capacity == policies.BySubject, Registrar: l.actor.CanOperate(l.ps, policies.Registrar, req.Program), Registrars: len(c.Registrars),
		MayCorrect: policies.MayCorrectSigner(l.actor, c).OK, MayTake: policies.MayWithdraw(l.actor, c).OK}
	if t.Item, err = l.item(req, c, k.sites[req.Site]); err != nil {
		return t, err
	}
	if t.Program, err = r.ProgramOf(ctx, req.Program, req.ProgramN); err != nil {
		return t, err
	}
	if !t.Own && !t.Registrar { // what was typed is for who typed it and who checks it
		t.Item.Request.Answers = nil
	}
	if t.Own || t.Registrar {
		if err := l.signers(&t); err != nil {
			return t, err
		}
	}
	if err := l.onItsWay(&t); err != nil {
		return t, err
	}
	return t, l.history(&t)
}

// onItsWay finds the access that the request led to, where the realm does not have it.
func (l looker) onItsWay(t *Tracker) error {
	if t.Request.State != policies.Granted {
		return nil
	}
	err := l.r.db.GetContext(l.ctx, &t.OnItsWay, `select g.from_at from access_grant g join account a on a.id = g.account_id
		where g.account_id = $1 and g.site_id = $2 and g.role = $3 and g.leaf = g.role and g.ended_at is null and g.from_at <= $4 and g.until_at > $4
			and g.shown_at is null and a.applied_rev < a.wanted_rev`, t.Request.Account, t.Request.Site, t.Request.Role, l.at)
	if isNoRows(err) {
		return nil
	}
	return err
}

func (l looker) signers(t *Tracker) error {
	if t.Request.Kind != policies.SiteRequest || t.Request.Site == "" { // a draft has no site yet
		return nil
	}
	if err := l.r.db.SelectContext(l.ctx, &t.Tried, `select name, email, created_at, used_at, replaced_at, expires_at from invitation
		where purpose = 'declarant' and about_id = $1 order by created_at`, t.Request.ID); err != nil {
		return err
	}
	var s []struct {
		Account string    `db:"account_id"`
		At      time.Time `db:"recorded_at"`
		Proven  bool
		Version int `db:"agreement_version"`
	}
	if err := l.r.db.SelectContext(l.ctx, &s, `select account_id, recorded_at, proven, agreement_version from fact_signature
		where declarant and site_id = $1 and ended_at is null order by recorded_at desc limit 1`, t.Request.Site); err != nil || len(s) == 0 {
		return err
	}
	a, err := getAccount(l.ctx, l.r.db, s[0].Account)
	t.Declared = &Declared{By: a.Name(), At: s[0].At, Proven: s[0].Proven, BySelf: s[0].Account == t.Request.Account, Version: s[0].Version}
	return err
}

// history reads what happened to a request from its events and reviews.
func (l looker) history(t *Tracker) error {
	var rows []struct {
		At      time.Time
		Kind    string
		Who     *string
		Verdict string
		Need    string
		Reasons pq.StringArray
		Entity  string
		Private []byte
		Act     string
	}
	err := l.r.db.SelectContext(l.ctx, &rows, `select a.at, e.kind, a.actor as who, '' as verdict, '' as need, '{}'::text[] as reasons, '' as entity, null::bytea as private, a.kind as act
		from event e join act a on a.id = e.act_id where e.entity = 'request' and e.entity_id = $1 and e.kind not in ('request.saved', 'request.reviewed', 'request.begun')
		union all
		select v.recorded_at, 'review', v.by_account, v.verdict, v.need, v.reasons, v.id::text, p.data, (select kind from act where act.id = v.act_id)
		from fact_review v left join event e on e.entity = 'review' and e.entity_id = v.id::text and e.version = 1 left join event_private p on p.seq = e.seq
		where v.request_id = $2 order by 1`, t.Request.ID, t.Request.ID)
	if err != nil {
		return err
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, value(row.Who))
	}
	named, err := accountsNamed(l.ctx, l.r.db, sorted(ids))
	if err != nil {
		return err
	}
	for _, row := range rows {
		h := Happened{At: row.At, Kind: row.Kind, Verdict: row.Verdict, Need: row.Need, Reasons: row.Reasons}
		if a, ok := named[value(row.Who)]; ok {
			h.Who = a.Name()
		}
		if row.Act == "batch.row" {
			h.Batch = t.Request.Batch
		}
		if row.Private != nil && (t.Own || t.Registrar) {
			plain, err := l.r.keys.Unseal(row.Private, "event:review:"+row.Entity)
			if err != nil {
				return err
			}
			var words struct{ Words string }
			if err := json.Unmarshal(plain, &words); err != nil {
				return err
			}
			h.Words = words.Words
		}
		t.Happened = append(t.Happened, h)
	}
	return nil
}
