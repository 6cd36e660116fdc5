package registry

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// Answers are what was typed into a form, by field name.
type Answers map[string][]string

// One gives the single value of a field, trimmed.
func (a Answers) One(name string) string {
	if len(a[name]) == 0 {
		return ""
	}
	return strings.TrimSpace(a[name][0])
}

// Bound gives the value of the field that is bound under a name, such as site.name.
func (a Answers) Bound(form []policies.Field, as string) string {
	for _, f := range form {
		if f.As == as {
			return a.One(f.Name)
		}
	}
	return ""
}

// Request is somebody's asking: for a new site, a role at a site, another authorizer.
type Request struct {
	ID, Ref     string
	Program     string
	ProgramN    int    `db:"program_n"`
	Digest      string // of the program's version
	Kind        string
	Account     string `db:"account_id"`
	By          string `db:"by_account"`
	Site        string
	Role        string
	Profession  string
	Authorizers pq.StringArray
	State       string
	Created     time.Time  `db:"created_at"`
	Submitted   *time.Time `db:"submitted_at"`
	Decided     *time.Time `db:"decided_at"`
	Version     int64
	Batch       string  // reference of the batch that sent it in the person's name
	Sealed      []byte  `db:"answers" json:"-"`
	Answers     Answers `db:"-"`
}

const requestColumns = `id, ref, program, program_n, digest, kind, account_id, by_account, coalesce(site_id::text, '') as site, coalesce(role, '') as role,
	profession, authorizers, state, created_at, submitted_at, decided_at, version, answers,
	coalesce((select b.ref from import_batch b where b.id = request.batch_id), '') as batch`

func (r *Registry) readRequest(ctx context.Context, q sqlx.QueryerContext, id string, lock string) (Request, error) {
	var req Request
	if !validID(id) {
		return req, Fail(NotFound, "error.not-found")
	}
	err := sqlx.GetContext(ctx, q, &req, `select `+requestColumns+` from request where id = $1`+lock, id)
	if isNoRows(err) {
		return req, Fail(NotFound, "error.not-found")
	}
	if err != nil {
		return req, err
	}
	return req, r.unsealAnswers(&req)
}

func (r *Registry) unsealAnswers(req *Request) error {
	plain, err := r.keys.Unseal(req.Sealed, "request:"+req.ID)
	if err != nil {
		return err
	}
	req.Sealed = nil
	return json.Unmarshal(plain, &req.Answers)
}

func (r *Registry) sealAnswers(id string, a Answers) ([]byte, error) {
	plain, err := json.Marshal(a)
	return r.keys.Seal(plain, "request:"+id), err
}

// NewDraft is what a draft is begun with.
type NewDraft struct {
	Program, Kind, Site, Role string
	Invitation                string // id of a mandate invitation, if one led here
}

// Begin starts a draft, or gives the one of the same kind, site and role that
// the person has already.
func (r *Registry) Begin(ctx context.Context, by By, d NewDraft) (string, error) {
	return r.Do(ctx, Act{By: by, Kind: "request.begin", What: d}, Touch{}, func(tx *Tx) (string, error) {
		p := tx.Programs[d.Program]
		if p == nil || !slices.Contains([]string{policies.SiteRequest, policies.JoinRequest, policies.MandateRequest}, d.Kind) {
			return "", Fail(NotFound, "error.not-found")
		}
		if d.Kind != policies.SiteRequest {
			site, err := readSite(ctx, tx, d.Site)
			if err != nil || site.Program != d.Program || site.Opened == nil {
				return "", Fail(NotFound, "error.not-found")
			}
		}
		var id string
		err := tx.GetContext(ctx, &id, `select id from request where by_account = $1 and program = $2 and kind = $3
			and site_id is not distinct from $4 and role is not distinct from $5 and state = 'draft' limit 1`,
			by.Account, d.Program, d.Kind, null(d.Site), null(d.Role))
		if err == nil && d.Invitation != "" { // begun before the offer came
			return id, tx.noteInvitation(id, d.Invitation)
		}
		if !isNoRows(err) {
			return id, err
		}
		id = NewID()
		answers := Answers{}
		if d.Invitation != "" {
			answers[invitationAnswer] = []string{d.Invitation}
		}
		sealed, err := r.sealAnswers(id, answers)
		if err != nil {
			return "", err
		}
		_, err = tx.ExecContext(ctx, `insert into request (id, ref, program, program_n, digest, kind, account_id, by_account, site_id, role, answers, state, created_at, changed_at)
			values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, 'draft', $11, $11)`,
			id, newRef(), d.Program, p.Version, p.Digest, d.Kind, by.Account, null(d.Site), null(d.Role), sealed, tx.At)
		tx.event("request", id, 1, "request.begun", map[string]string{"program": d.Program, "kind": d.Kind, "site": d.Site, "role": d.Role})
		return id, err
	})
}

const invitationAnswer = "invitation"

// SaveDraft keeps what was typed so far, valid or not. A returned request is a
// draft again in this respect.
func (r *Registry) SaveDraft(ctx context.Context, by By, id string, version int64, answers Answers) error {
	_, err := r.Do(ctx, Act{By: by, Kind: "request.save", What: []any{id, version, answers}}, Touch{}, func(tx *Tx) (string, error) {
		req, err := tx.ownRequest(id, version)
		if err != nil {
			return "", err
		}
		delete(answers, invitationAnswer)       // only Begin says that
		for name, values := range req.Answers { // earlier pages stay
			if _, typed := answers[name]; !typed {
				answers[name] = values
			}
		}
		return "", tx.saveAnswers(req, answers)
	})
	return err
}

func (tx *Tx) saveAnswers(req Request, answers Answers) error {
	sealed, err := tx.r.sealAnswers(req.ID, answers)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(tx.ctx, `update request set answers = $2, version = version + 1, changed_at = $3 where id = $1`, req.ID, sealed, tx.At)
	tx.event("request", req.ID, req.Version+1, "request.saved", nil)
	return err
}

// noteInvitation lets a draft that is there follow from an offer.
func (tx *Tx) noteInvitation(id, invitation string) error {
	req, err := tx.r.readRequest(tx.ctx, tx, id, ` for update`)
	if err != nil {
		return err
	}
	req.Answers[invitationAnswer] = []string{invitation}
	return tx.saveAnswers(req, req.Answers)
}

// ownRequest locks a request of the actor that can still be changed.
func (tx *Tx) ownRequest(id string, version int64) (Request, error) {
	req, err := tx.r.readRequest(tx.ctx, tx, id, ` for update`)
	if err != nil {
		return req, err
	}
	a := policies.MayChange(tx.Actor, policies.Case{Request: req.asked()})
	switch {
	case slices.Contains(a.Reasons, policies.WrongState):
		return req, Fail(Conflict, "error.already-submitted")
	case !a.OK:
		return req, refuse(a)
	case req.Version != version:
		return req, Fail(Conflict, "error.changed-meanwhile")
	}
	return req, nil
}

// Draft is one's own request that is not submitted, or returned.
func (r *Registry) Draft(ctx context.Context, account, id string) (Request, error) {
	req, err := r.readRequest(ctx, r.db, id, "")
	if err == nil && req.By != account {
		return Request{}, Fail(NotFound, "error.not-found")
	}
	return req, err
}

// Requests are one's own, newest first: drafts, open and decided ones.
func (r *Registry) Requests(ctx context.Context, account string) ([]Request, error) {
	var rows []Request
	err := r.db.SelectContext(ctx, &rows, `select `+requestColumns+` from request where by_account = $1 or account_id = $1 order by created_at desc limit 200`, account)
	for i := range rows {
		if err == nil {
			err = r.unsealAnswers(&rows[i])
		}
	}
	return rows, err
}

// moveRequest changes a request's state from one of several; it is a Conflict
// when the request is in none of them.
func (tx *Tx) moveRequest(id string, from []string, to string, data any) error {
	if !validID(id) {
		return Fail(Conflict, "error.changed-meanwhile")
	}
	decided := to == policies.Granted || to == policies.RefusedR || to == policies.Withdrawn
	var version int64
	err := tx.GetContext(tx.ctx, &version, `update request set state = $2, decided_at = case when $3 then $4::timestamptz end,
		submitted_at = case when $2 = 'submitted' then $4 else submitted_at end,
		version = version + 1, changed_at = $4 where id = $1 and state = any($5) returning version`, id, to, decided, tx.At, pq.Array(from))
	if isNoRows(err) {
		return Fail(Conflict, "error.changed-meanwhile")
	}
	tx.event("request", id, version, "request."+to, data)
	return err
}

// bumpRequest makes a new version, so that whoever looks at the old one is told.
func (tx *Tx) bumpRequest(id, kind string) error {
	var version int64
	err := tx.GetContext(tx.ctx, &version, `update request set version = version + 1, changed_at = $2 where id = $1 returning version`, id, tx.At)
	tx.event("request", id, version, kind, nil)
	return err
}

// Withdraw takes back a request, by whose it is or who sent it; what it asked
// for is no longer wished.
func (r *Registry) Withdraw(ctx context.Context, by By, id string) error {
	req, err := r.readRequest(ctx, r.db, id, "")
	if err != nil {
		return err
	}
	_, err = r.Do(ctx, Act{By: by, Kind: "request.withdraw", What: id}, touched(req), func(tx *Tx) (string, error) {
		req, err := r.readRequest(ctx, tx, id, ` for update`)
		if err != nil {
			return "", err
		}
		if a := policies.MayWithdraw(tx.Actor, policies.Case{Request: req.asked()}); !a.OK {
			return "", refuse(a)
		}
		if err := tx.moveRequest(id, []string{req.State}, policies.Withdrawn, nil); err != nil {
			return "", err
		}
		return "", tx.unwish(req)
	})
	return err
}

// unwish ends what a refused or withdrawn request wished, and the mandates given
// for it: who asks again asks anew.
func (tx *Tx) unwish(req Request) error {
	var wished bool
	if err := tx.GetContext(tx.ctx, &wished, `select exists (select 1 from fact_join where request_id = $1 and ended_at is null)`, req.ID); err != nil || !wished {
		return err
	}
	return tx.endMembership(req.Account, req.Site, req.Role)
}

var letters = base32.NewEncoding("abcdefghjkmnpqrstuvwxyz023456789").WithPadding(base32.NoPadding)

// code makes n random letters of an alphabet without look-alikes.
func code(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // crypto/rand never fails since Go 1.24
	return letters.EncodeToString(raw)[:n]
}

func newRef() string {
	s := strings.ToUpper(code(8))
	return s[:4] + "-" + s[4:]
}
