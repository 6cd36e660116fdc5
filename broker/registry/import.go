package registry

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"countersign/policies"
)

// NewBatch is a decision about many people, as whoever runs the server says it was
// taken.
type NewBatch struct {
	Program   string
	Approver  string // user name of the registrar whose decision it is
	Reference string // where it is written down; words, private
	Licences  bool   // the licences were looked up in their registers
	Digest    string // of the rows that were decided on
	Rows      int
}

// Batch is such a decision as it is recorded.
type Batch struct {
	ID, Ref, Program, Approver string // Approver is an account's id
	Licences                   bool
	Decided                    time.Time `db:"decided_at"`
}

// ImportRow is one person in one role at one site, in forms that have been judged.
type ImportRow struct {
	Person  policies.Person
	Site    string  // its code
	Role    string  // of the batch's program
	Answers Answers // to the role's form; authorizers by their user names
}

// Imported is what became of a row.
type Imported struct {
	Outcome string // one of the outcomes
	Before  bool   // in an earlier run, which this one repeats
}

// What becomes of a row that can be imported.
const (
	ImportMade    = "made"    // an account, and a request that is approved in advance
	ImportAsked   = "asked"   // such a request for somebody with an account
	ImportAlready = "already" // they hold the role there, or have asked for it
)

// importPace is how far apart are the people whom imports ask Keycloak to make and to
// mail: whoever signs up, or loses access, goes before all of those whose time has not
// come, and 20,000 people take less than three hours.
const importPace = 500 * time.Millisecond

// DecideBatch records a decision about many people: who took it, over what, and where
// it is written down; its program's registrars are told. The same decision again is
// the same batch.
func (r *Registry) DecideBatch(ctx context.Context, n NewBatch) (Batch, error) {
	if strings.TrimSpace(n.Reference) == "" {
		return Batch{}, InvalidField("reference", "field-error.required")
	}
	approver, err := r.accountNamed(ctx, n.Approver)
	if err != nil {
		return Batch{}, err
	}
	digest := r.keys.hexHash("batch", n.Digest) // a plain one would give away a short file to whoever guesses
	b := Batch{ID: r.derivedID("batch", n.Program, approver, n.Reference, n.Licences, n.Digest), Program: n.Program, Approver: approver, Licences: n.Licences}
	act := Act{By: CommandLine(), Kind: "batch.decide", For: approver, What: []any{n, approver}}
	_, err = r.Do(ctx, act, Touch{}, func(tx *Tx) (string, error) {
		decider, err := tx.decider(approver)
		if err != nil {
			return "", err
		}
		if a := policies.MayDecideBatch(tx.Programs, decider, n.Program); !a.OK {
			return "", refuse(a)
		}
		res, err := tx.ExecContext(ctx, `insert into import_batch (id, ref, program, approver, digest, rows, licences, decided_at, changed_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $8) on conflict (id) do nothing`, b.ID, newRef(), n.Program, approver, digest, n.Rows, n.Licences, tx.At)
		if err != nil {
			return "", err
		}
		made, err := res.RowsAffected()
		if err != nil {
			return "", err
		}
		if err := tx.GetContext(ctx, &b, `select id, ref, program, approver, licences, decided_at from import_batch where id = $1`, b.ID); err != nil || made == 0 {
			return "", err
		}
		tx.privateEvent("batch", b.ID, 1, "batch.decided", map[string]any{"program": n.Program, "approver": approver, "digest": digest, "rows": n.Rows, "licences": n.Licences},
			map[string]string{"reference": n.Reference})
		return "", tx.tellRegistrars(b, n)
	})
	return b, err
}

// tellRegistrars mails a batch to the registrar whose decision it is said to be, and to
// the program's others: nobody decides in somebody's name without their knowing.
func (tx *Tx) tellRegistrars(b Batch, n NewBatch) error {
	who, err := operators(tx.ctx, tx, tx.Programs, b.Program, policies.Registrar, tx.At)
	if err != nil {
		return err
	}
	named, err := accountsNamed(tx.ctx, tx, append(who, b.Approver))
	if err != nil {
		return err
	}
	for _, id := range who {
		a := named[id]
		if err := tx.mail(Mail{Address: a.Email, Kind: "batch-decided", About: b.ID, Occurrence: a.ID, Locale: a.Locale, Data: map[string]string{"name": a.Name(),
			"who": named[b.Approver].Name(), "program": b.Program, "ref": b.Ref, "count": itoa(n.Rows), "words": oneLine(n.Reference)}}); err != nil {
			return err
		}
	}
	return nil
}

// oneLine is a text without its breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// decider reads what the registrar holds in whose name is acted, and keeps it so until
// the act is over.
func (tx *Tx) decider(account string) (policies.Actor, error) {
	var id string
	if err := tx.GetContext(tx.ctx, &id, `select id from account where id = $1 for share`, account); err != nil {
		return policies.Actor{}, err
	}
	return actorAt(tx.ctx, tx, account, tx.At)
}

// derivedID is an id that the same values always have, and that tells nobody of them
// who has not the pepper (RFC 9562, version 8).
func (r *Registry) derivedID(of ...any) string {
	text, err := json.Marshal(of)
	if err != nil {
		panic(err) // words, numbers and structs of them
	}
	id := uuid.UUID(r.keys.Hash("import", string(text))[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id.String()
}
