package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// Kinds of difference between the realm and the record.
const (
	DriftSurplus   = "surplus"         // somebody of ours is in a group that they do not hold
	DriftMissing   = "missing"         // somebody of ours is not in a group that they hold
	DriftStranger  = "stranger"        // somebody without an account here is in a group of ours
	DriftNoPerson  = "person-missing"  // a person was deleted
	DriftDisabled  = "person-disabled" // and we disabled nobody
	DriftRenamed   = "person-renamed"
	DriftForbidden = "forbidden" // the writer may not touch this person, and may touch others
	DriftNoGroup   = "group-missing"
	DriftGroupName = "group-renamed"
	DriftGroupMove = "group-moved"
	DriftGroupNew  = "group-surplus" // a group under our root that the record does not know
	DriftCall      = "unexplained"   // a change by our own credential that follows from no step
	DriftDoubtful  = "implausible"   // the realm lists what cannot be: nothing was believed
)

// DriftKinds are all of them, as the page and the metrics name them.
var DriftKinds = []string{DriftSurplus, DriftMissing, DriftStranger, DriftNoPerson, DriftDisabled, DriftRenamed, DriftForbidden,
	DriftNoGroup, DriftGroupName, DriftGroupMove, DriftGroupNew, DriftCall}

// What is done about a difference while it is open.
const (
	DoRepair = "repair" // on its way
	DoReport = "report" // nothing: the mode is to observe
	DoPerson = "person" // a person is to see to it
	DoHold   = "held"   // the brake holds it
)

// How a difference ended.
const (
	OutRemoved  = "removed"    // the surplus was taken away
	OutRestored = "restored"   // the missing was put back
	OutGone     = "gone"       // it is no longer there, and not by us
	OutSettled  = "settled"    // somebody said so
	OutMade     = "made-again" // a deleted group or person was made anew
	OutAdopted  = "adopted"    // it has a basis in the record now
)

// Difference is one, as it is found. Ids and codes only.
type Difference struct {
	Kind     string
	Account  string
	Site     string
	Leaf     string
	Group    string // the realm's id
	Sub      string
	Path     string // of a group that the record does not know
	FoundBy  string // event, compare or account
	Change   string // the realm's id of the change that made it
	ByClient string
	ByUser   string
	Alarm    bool
	ID       string // of the row; set once it is recorded
}

// key is that of which there is one open row.
func (d Difference) key() string {
	return strings.Join([]string{d.Kind, d.Account, d.Site, d.Group, d.Sub, d.alarmed()}, "|")
}

// alarmed makes every alarm a row of its own: two calls are two intrusions.
func (d Difference) alarmed() string {
	if d.Alarm {
		return d.Change
	}
	return ""
}

// doing is what is done about it in a mode.
func (d Difference) doing(mode string) string {
	switch {
	case !slices.Contains([]string{DriftSurplus, DriftMissing, DriftStranger}, d.Kind):
		return DoPerson
	case mode == ModeEnforce:
		return DoRepair
	}
	return DoReport
}

type driftData struct {
	Kind     string `json:"kind"`
	Account  string `json:"account,omitempty"`
	Site     string `json:"site,omitempty"`
	Leaf     string `json:"leaf,omitempty"`
	Group    string `json:"group,omitempty"`
	Sub      string `json:"sub,omitempty"`
	FoundBy  string `json:"found_by"`
	Change   string `json:"change,omitempty"`
	ByClient string `json:"by_client,omitempty"`
	ByUser   string `json:"by_user,omitempty"`
	Alarm    bool   `json:"alarm,omitempty"`
	Mode     string `json:"mode"`
}

func driftAct(what any) Act { return Act{By: worker(), Kind: "drift.found", What: what} }

// foundNew records differences, and gives those that were not known.
func (tx *Tx) foundNew(all []Difference) (unknown []Difference, err error) {
	for _, d := range all {
		fresh, err := tx.found(&d)
		if err != nil {
			return nil, err
		}
		if fresh {
			unknown = append(unknown, d)
		}
	}
	return unknown, nil
}

// found records a difference once, for as long as it is open; it tells whether it is
// new. It is evidence of what somebody did past the record, so it is an act with a
// signed event and no operational row: who wipes tables cannot wipe it unseen.
func (tx *Tx) found(d *Difference) (bool, error) {
	mode, err := realmMode(tx.ctx, tx)
	if err != nil {
		return false, err
	}
	if known, err := tx.settledLately(*d); err != nil || known {
		return false, err
	}
	if known, err := tx.strangerKnown(*d); err != nil || known {
		return false, err
	}
	id := NewID()
	var path []byte
	var private any
	if d.Path != "" {
		path, private = tx.r.keys.Seal([]byte(d.Path), "drift:"+id), map[string]string{"path": d.Path}
	}
	doing := d.doing(mode)
	if d.Kind == DriftNoGroup || d.Alarm && d.Kind == DriftCall {
		doing = DoPerson
	}
	res, err := tx.ExecContext(tx.ctx, `insert into drift (id, kind, account_id, site_id, leaf, group_id, sub, path, found_by, change_id, by_client, by_user, alarm,
			mode, found_at, doing, key, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $15) on conflict (key) where done_at is null do nothing`,
		id, d.Kind, null(d.Account), null(d.Site), d.Leaf, d.Group, d.Sub, path, d.FoundBy, d.Change, d.ByClient, d.ByUser, d.Alarm, mode, tx.At, doing, d.key())
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	d.ID = id
	tx.privateEvent("drift", id, 1, "drift.found", driftData{d.Kind, d.Account, d.Site, d.Leaf, d.Group, d.Sub, d.FoundBy, d.Change, d.ByClient, d.ByUser, d.Alarm, mode}, private)
	if d.Alarm {
		return true, tx.alarm(*d)
	}
	return true, nil
}

// settledLately tells whether somebody has said within a week that they have seen to
// what a compare finds each time, such as that a person is disabled.
func (tx *Tx) settledLately(d Difference) (known bool, err error) {
	if d.FoundBy != "compare" {
		return false, nil
	}
	return known, tx.GetContext(tx.ctx, &known, `select exists (select 1 from drift where key = $1 and outcome = 'settled' and done_at > $2)`, d.key(), tx.At.AddDate(0, 0, -7))
}

// strangerKnown tells whether the record knows somebody by now whom it did not when a
// list was compared with it. Then it is their account that is looked at.
func (tx *Tx) strangerKnown(d Difference) (bool, error) {
	if d.Kind != DriftStranger {
		return false, nil
	}
	var account string
	err := tx.GetContext(tx.ctx, &account, `select id from account where issuer = $1 and sub = $2 and state = 'live'`, tx.r.issuer, d.Sub)
	if isNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, tx.behind(account)
}

// settleDrift ends an open difference.
func (tx *Tx) settleDrift(id, outcome, words string) error {
	var version int64
	var sealed []byte
	var private any
	if words != "" {
		sealed, private = tx.r.keys.Seal([]byte(words), "drift:"+id), map[string]string{"words": words}
	}
	err := tx.GetContext(tx.ctx, &version, `update drift set outcome = $2, done_at = $3, done_by = $4, words = $5, version = version + 1, changed_at = $3,
		lease = null, lease_until = null where id = $1 and done_at is null returning version`, id, outcome, tx.At, null(tx.act.By.Account), sealed)
	if isNoRows(err) {
		return nil // another replica was first
	}
	tx.privateEvent("drift", id, version, "drift.settled", map[string]string{"outcome": outcome}, private)
	return err
}

// settleDrifts ends several, as one act of the worker's.
func (r *Registry) settleDrifts(ctx context.Context, outcomes map[string]string) error {
	if len(outcomes) == 0 {
		return nil
	}
	_, err := r.Do(ctx, Act{By: worker(), Kind: "drift.settled", What: outcomes}, Touch{}, func(tx *Tx) (string, error) {
		for id, outcome := range outcomes {
			if err := tx.settleDrift(id, outcome, ""); err != nil {
				return "", err
			}
		}
		return "", nil
	})
	return err
}

// Most mails about alarms that one person gets in an hour: a thousand changes are
// reported on the page, not in a thousand mails.
const alarmsAnHour = 5

// alarm mails those who keep the realm that something was done there with our own
// credential and not by us.
func (tx *Tx) alarm(d Difference) error {
	to, err := tx.keepers()
	if err != nil {
		return err
	}
	for _, id := range to {
		a, err := getAccount(tx.ctx, tx, id)
		if err != nil {
			return err
		}
		var sent int
		if err := tx.GetContext(tx.ctx, &sent, `select count(*) from mail where kind = 'realm-alarm' and address = $1 and created_at > $2`,
			a.Email, tx.At.Add(-time.Hour)); err != nil {
			return err
		}
		if sent >= alarmsAnHour {
			continue
		}
		if err := tx.mail(Mail{Address: a.Email, Kind: "realm-alarm", About: d.ID, Occurrence: a.ID, Locale: a.Locale,
			Data: map[string]string{"name": a.Name(), "at": tx.At.UTC().Format(time.RFC3339), "tz": "UTC"}}); err != nil {
			return err
		}
	}
	return nil
}

// Modes of the realm.
const (
	ModeObserve = "observe" // reports, and changes nothing that no decision explains
	ModeAdopt   = "adopt"   // likewise, and plans what may be adopted
	ModeEnforce = "enforce" // repairs
)

// Modes are all that may be chosen.
var Modes = []string{ModeObserve, ModeAdopt, ModeEnforce}

func realmMode(ctx context.Context, q sqlx.QueryerContext) (mode string, err error) {
	return mode, sqlx.GetContext(ctx, q, &mode, `select mode from realm_mode`)
}

// RealmMode is what is done about differences now.
func (r *Registry) RealmMode(ctx context.Context) (string, error) { return realmMode(ctx, r.db) }

// SetRealmMode changes it, as a recorded act. What is open follows: what was only
// reported is now repaired, or the other way round.
func (r *Registry) SetRealmMode(ctx context.Context, by By, mode string) error {
	if !slices.Contains(Modes, mode) {
		return InvalidField("mode", "field-error.choose")
	}
	_, err := r.Do(ctx, Act{By: by, Kind: "realm.mode", What: mode}, Touch{}, func(tx *Tx) (string, error) {
		if err := tx.keepsRealm(); err != nil {
			return "", err
		}
		var row struct {
			Mode    string
			Version int64
		}
		if err := tx.GetContext(ctx, &row, `select mode, version from realm_mode for update`); err != nil || row.Mode == mode {
			return "", err
		}
		if _, err := tx.ExecContext(ctx, `update realm_mode set mode = $1, version = version + 1, changed_at = $2`, mode, tx.At); err != nil {
			return "", err
		}
		tx.event("realm-mode", "realm", row.Version+1, "realm-mode.changed", map[string]string{"mode": mode})
		if err := tx.adoptionBegins(mode); err != nil {
			return "", err
		}
		from, to := DoReport, DoRepair
		if mode != ModeEnforce {
			from, to = DoRepair, DoReport
		}
		if _, err := tx.ExecContext(ctx, `update drift set doing = $2, retry_at = '-infinity' where done_at is null and doing = $1 and kind in ('surplus','missing','stranger')`, from, to); err != nil {
			return "", err
		}
		_, err := tx.ExecContext(ctx, `update account set wanted_rev = wanted_rev + 1, retry_at = '-infinity', tries = 0
			where $1 = 'repair' and id in (select account_id from drift where done_at is null and doing = 'repair')`, to)
		return "", err
	})
	return err
}

// keepsRealm refuses whoever may not decide about the realm; whoever runs the server may.
func (tx *Tx) keepsRealm() error {
	if tx.act.By.cli {
		return nil
	}
	may := policies.MayKeepRealm(tx.Programs, tx.Actor).Given(tx.SignIn)
	if may.OK {
		return nil
	}
	if slices.Contains(may.Reasons, policies.NotVisible) {
		return Fail(NotFound, "error.not-found")
	}
	return refuse(may)
}
