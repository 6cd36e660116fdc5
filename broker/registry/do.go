package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// By is who does something: a person, with the client-made id of the operation,
// so that doing it twice is doing it once.
type By struct {
	Account  string    // empty for the worker and the command line
	Op       string    // UUID made by the client when the form was shown
	AuthTime time.Time // when the person last gave proof to Keycloak, in instant() time
	ACR      string    // with what strength
	cli      bool
}

// CommandLine is an operator at the machine itself.
func CommandLine() By { return By{Op: NewID(), cli: true} }

func worker() By { return By{Op: NewID()} }

func (b By) kind() string {
	switch {
	case b.Account != "":
		return "person"
	case b.cli:
		return "cli"
	default:
		return "worker"
	}
}

// Act is one use case by one actor.
type Act struct {
	By   By
	Kind string // e.g. request.submit
	For  string // the account for whom the actor acts, when that is another
	What any    // everything the operation depends on: a repeat with other content is refused

	// AnySignIn marks what shows and decides nothing: it is done with a sign-in that
	// is too weak for what the actor holds (policies.MayUse) as well.
	AnySignIn bool
}

// Touch names what an act is about, in the order in which it is locked.
type Touch struct {
	Sites    []string
	Accounts []string // whose access may change
	programs bool     // which version of a program is in force changes
}

// Tx is one act's transaction. At is its one moment.
type Tx struct {
	*sqlx.Tx
	ctx      context.Context
	r        *Registry
	act      Act
	actID    string
	At       time.Time
	Programs policies.Programs
	Actor    policies.Actor
	SignIn   policies.SignIn // of the actor, at At
	accounts []string        // locked and settled: the touched ones and their dependants
	events   []pending
	subject  string // the first account that the act touches
	receipt  string // of access that ended: the subject's, where theirs did
}

var errGrew = errors.New("registry: dependants grew while waiting")

const maxTries = 5

// Do is the only way to write what has versions. It claims the operation, locks
// sites and then accounts, takes the moment, lets fn read, ask policies and
// write, settles the touched accounts, and commits act and events with it. A
// Forbidden from fn commits the act alone with its reasons; any other error
// leaves nothing. The result is fn's, or, for a repeat, the first one's; where fn gives
// none and access ended, it is the end's receipt.
func (r *Registry) Do(ctx context.Context, act Act, touch Touch, fn func(*Tx) (string, error)) (string, error) {
	if !validID(act.By.Op) {
		return "", Fail(Invalid, "error.stale-page")
	}
	what, err := json.Marshal([]any{act.Kind, act.By.Account, act.For, act.What})
	if err != nil {
		return "", fmt.Errorf("registry: %s: %w", act.Kind, err)
	}
	digest := r.keys.Hash("operation", string(what)) // a plain one would give away what was typed to whoever guesses
	for try := 1; ; try++ {
		result, err := r.once(ctx, act, digest, touch, fn)
		var failed commitFailed
		switch {
		case errors.As(err, &failed):
			if res, known, rerr := r.operation(ctx, r.db, act, digest); rerr == nil && known {
				return res, nil
			}
		case movedOn(err):
		default:
			return result, err
		}
		if try == maxTries {
			return "", Because(Unavailable, "error.busy", err)
		}
	}
}

// movedOn tells that others changed what a transaction stood on: it is tried again.
func movedOn(err error) bool {
	return errors.Is(err, errGrew) || isCode(err, "40001") || isCode(err, "40P01")
}

type commitFailed struct{ error }

// Unwrap gives the driver's error.
func (c commitFailed) Unwrap() error { return c.error }

func isCode(err error, code string) bool {
	var e *pq.Error
	return errors.As(err, &e) && string(e.Code) == code
}

func (r *Registry) once(ctx context.Context, act Act, digest []byte, touch Touch, fn func(*Tx) (string, error)) (result string, err error) {
	t, err := r.db.BeginTxx(ctx, nil)
	if err != nil {
		return "", Because(Unavailable, "error.unavailable", err)
	}
	defer t.Rollback() //nolint:errcheck // after a commit it has nothing to do
	tx := &Tx{Tx: t, ctx: ctx, r: r, act: act, actID: NewID()}
	if len(touch.Accounts) > 0 {
		tx.subject = touch.Accounts[0]
	}
	claimed, err := tx.claim(digest)
	if err != nil {
		return "", err
	}
	if !claimed {
		res, _, err := r.operation(ctx, t, act, digest)
		return res, err
	}
	if err := tx.lock(touch); err != nil {
		return "", err
	}
	if _, err := t.ExecContext(ctx, `savepoint fn`); err != nil {
		return "", err
	}
	if result, err = tx.act.do(tx, fn); err == nil {
		err = tx.settle()
	}
	if err == nil && result == "" {
		result = tx.receipt
	}
	refusal := new(Error)
	switch {
	case err == nil:
	case errors.As(err, &refusal) && refusal.Kind == Forbidden:
		if _, serr := t.ExecContext(ctx, `rollback to savepoint fn`); serr != nil {
			return "", serr
		}
		tx.events = nil
	default:
		return "", err
	}
	if ferr := tx.finish(result, refusal); ferr != nil {
		return "", ferr
	}
	if cerr := r.commit(t); cerr != nil {
		return "", commitFailed{cerr}
	}
	return result, err
}

// do runs fn for whom the sign-in lets do anything at all.
func (a Act) do(tx *Tx, fn func(*Tx) (string, error)) (string, error) {
	if a.By.Account != "" && !a.AnySignIn {
		if may := policies.MayUse(tx.Programs, tx.Actor, tx.SignIn); !may.OK {
			return "", refuse(may)
		}
	}
	return fn(tx)
}

// claim takes the operation's id; false when somebody did before.
func (tx *Tx) claim(digest []byte) (bool, error) {
	res, err := tx.ExecContext(tx.ctx,
		`insert into operation (id, actor, kind, digest) values ($1, $2, $3, $4) on conflict do nothing`,
		tx.act.By.Op, null(tx.act.By.Account), tx.act.Kind, digest)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

type outcome struct {
	Result  string   `json:"result,omitempty"`
	Key     string   `json:"refused,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

// operation gives a repeat the result of the first: known tells that there was one.
func (r *Registry) operation(ctx context.Context, q sqlx.QueryerContext, act Act, digest []byte) (result string, known bool, err error) {
	var row struct {
		Actor  *string
		Kind   string
		Digest []byte
		Result []byte
	}
	if err := sqlx.GetContext(ctx, q, &row, `select actor, kind, digest, result from operation where id = $1`, act.By.Op); err != nil {
		return "", false, err
	}
	if row.Kind != act.Kind || value(row.Actor) != act.By.Account || !bytes.Equal(row.Digest, digest) {
		return "", false, Fail(Conflict, "error.used-page")
	}
	var o outcome
	if err := json.Unmarshal(row.Result, &o); err != nil {
		return "", false, err
	}
	if o.Key != "" {
		return "", true, &Error{Kind: Forbidden, Key: o.Key, Reasons: o.Reasons}
	}
	return o.Result, true, nil
}

// lock takes sites, then accounts, each by id; then the moment.
func (tx *Tx) lock(touch Touch) error {
	for _, id := range sorted(append(slices.Clone(touch.Sites), touch.Accounts...)) {
		if !validID(id) { // nobody can have it
			return Fail(NotFound, "error.not-found")
		}
	}
	// A version comes into force while no act is under way, or what that one wrote
	// under the former version would not be looked at again under the new one.
	underWay := `select pg_advisory_xact_lock_shared(hashtext('programs'))`
	if touch.programs {
		underWay = `select pg_advisory_xact_lock(hashtext('programs'))`
	}
	if _, err := tx.ExecContext(tx.ctx, underWay); err != nil {
		return err
	}
	last := minusInfinity
	see := func(query, id string) error {
		var changed time.Time
		err := tx.GetContext(tx.ctx, &changed, query, id)
		if isNoRows(err) {
			return Fail(NotFound, "error.not-found")
		}
		if changed.After(last) {
			last = changed
		}
		return err
	}
	for _, id := range sorted(touch.Sites) {
		if err := see(`select changed_at from site where id = $1 for no key update`, id); err != nil {
			return err
		}
	}
	before, err := tx.dependants(touch.Accounts)
	if err != nil {
		return err
	}
	tx.accounts = sorted(append(slices.Clone(touch.Accounts), before...))
	for _, id := range sorted(append(slices.Clone(tx.accounts), tx.act.By.Account)) {
		strength := ` for no key update`
		if !slices.Contains(tx.accounts, id) {
			strength = ` for share`
		}
		if err := see(`select changed_at from account where id = $1`+strength, id); err != nil {
			return err
		}
	}
	after, err := tx.dependants(touch.Accounts)
	if err != nil {
		return err
	}
	for _, id := range after {
		if !slices.Contains(tx.accounts, id) {
			return errGrew
		}
	}
	var now struct {
		At   time.Time
		Away bool
	}
	if err := tx.GetContext(tx.ctx, &now, `select greatest(instant(), $1::timestamptz + interval '1 microsecond') as at, coalesce((select polled_at < clock_timestamp() - $2 * interval '1 second' from realm_follow), false) as away`,
		last, awayAfter.Seconds()); err != nil {
		return err
	}
	tx.At = now.At
	if tx.Programs, err = tx.r.programsAt(tx.ctx, tx.Tx, tx.At); err != nil {
		return err
	}
	if tx.act.By.Account != "" {
		tx.SignIn = signIn(tx.act.By.ACR, tx.At.Sub(tx.act.By.AuthTime))
		tx.SignIn.Away = now.Away
		tx.Actor, err = actorAt(tx.ctx, tx.Tx, tx.act.By.Account, tx.At)
	}
	return err
}

// dependants are those whose access hangs on a mandate of the accounts.
func (tx *Tx) dependants(accounts []string) ([]string, error) {
	var out []string
	err := tx.SelectContext(tx.ctx, &out,
		`select distinct on_behalf from fact_mandate where account_id = any($1) and ended_at is null`, pq.Array(accounts))
	return out, err
}

// finish writes the act, its events and the operation's result, and wakes the workers.
func (tx *Tx) finish(result string, refusal *Error) error {
	by := tx.act.By
	o := outcome{Result: result, Key: refusal.Key, Reasons: refusal.Reasons}
	if _, err := tx.ExecContext(tx.ctx,
		`insert into act (id, at, kind, actor, actor_kind, for_actor, refused, reasons) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		tx.actID, tx.At, tx.act.Kind, null(by.Account), by.kind(), null(tx.act.For), refusal.Key != "", pq.Array(orEmpty(refusal.Reasons))); err != nil {
		return err
	}
	for _, e := range tx.events {
		if err := tx.write(e); err != nil {
			return err
		}
	}
	encoded, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(tx.ctx, `update operation set result = $2 where id = $1`, by.Op, string(encoded)); err != nil {
		return err
	}
	return wakeWorkers(tx.ctx, tx)
}

func sorted(ids []string) []string {
	out := slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Compact(out)
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
