package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
	"countersign/provisioning"
)

// Programs are the programs in force now.
func (r *Registry) Programs(ctx context.Context) (policies.Programs, error) {
	now, err := r.Now(ctx)
	if err != nil {
		return nil, Because(Unavailable, "error.unavailable", err)
	}
	return r.programsAt(ctx, r.db, now)
}

// programsAt finds which version of each program is in force at a moment; the
// text of a digest is read and parsed once.
func (r *Registry) programsAt(ctx context.Context, q sqlx.QueryerContext, at time.Time) (policies.Programs, error) {
	var rows []struct {
		Program, Digest string
		N               int
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `select distinct on (program) program, n, digest from program_version
		where in_force_from <= $1 order by program, n desc`, at); err != nil {
		return nil, err
	}
	ps := policies.Programs{}
	for _, row := range rows {
		p, err := r.program(ctx, q, row.Program, row.N, row.Digest)
		if err != nil {
			return nil, err
		}
		ps[row.Program] = p
	}
	return ps, nil
}

func (r *Registry) program(ctx context.Context, q sqlx.QueryerContext, id string, n int, digest string) (*policies.Program, error) {
	c := &r.programs
	c.mu.Lock()
	p := c.known[digest]
	c.mu.Unlock() // never held over a query: that may wait for a connection of somebody who waits here
	if p != nil && p.Version == n {
		return p, nil
	}
	var source []byte
	if err := sqlx.GetContext(ctx, q, &source, `select source from program_version where program = $1 and n = $2`, id, n); err != nil {
		return nil, err
	}
	p, err := policies.FromSource(source)
	if err != nil {
		return nil, err
	}
	p.Version = n
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]*policies.Program{}
	}
	c.known[digest] = p
	return p, nil
}

// ProgramOf is the version of a program under which a request was made: forms
// follow it, while access follows the version in force.
func (r *Registry) ProgramOf(ctx context.Context, id string, n int) (*policies.Program, error) {
	return r.programVersion(ctx, r.db, id, n)
}

func (r *Registry) programVersion(ctx context.Context, q sqlx.QueryerContext, id string, n int) (*policies.Program, error) {
	var digest string
	err := sqlx.GetContext(ctx, q, &digest, `select digest from program_version where program = $1 and n = $2`, id, n)
	if isNoRows(err) {
		return nil, Fail(NotFound, "error.not-found")
	}
	if err != nil {
		return nil, err
	}
	return r.program(ctx, q, id, n, digest)
}

// LoadProgram puts a version of a program in force, as a recorded act, unless
// that very text is in force already. The program's operator site comes with
// its first version; every account that has something in the program is due to
// be settled under it.
//
// Where more people would lose by it than the brake lets pass, nothing is loaded: a
// brake holds the version with the list of what would end, and the error is a
// Conflict, "error.load-held", with the brake's id in Args. It comes into force when
// two people have released that list.
func (r *Registry) LoadProgram(ctx context.Context, by By, p *policies.Program) (bool, error) {
	const loaded = "loaded"
	result, err := r.Do(ctx, Act{By: by, Kind: "program.load", What: p.Digest}, Touch{programs: true}, func(tx *Tx) (string, error) {
		var last string
		err := tx.GetContext(tx.ctx, &last, `select digest from program_version where program = $1 order by n desc limit 1`, p.ID)
		if err != nil && !isNoRows(err) {
			return "", err
		}
		if last == p.Digest {
			return "", nil
		}
		if err := lockBrake(tx.ctx, tx); err != nil {
			return "", err
		}
		lapses, of, err := tx.lapses(p)
		if err != nil {
			return "", err
		}
		passed, err := tx.lapsed(p.ID)
		if err != nil {
			return "", err
		}
		if provisioning.Stops(passed, len(lapses), of) {
			return tx.hold(holding{kind: BrakeLapse, about: p.ID, reason: "program-version", plan: lapses, total: of, source: p.Source})
		}
		held, err := heldBrake(tx.ctx, tx, BrakeLapse, p.ID)
		if err != nil {
			return "", err
		}
		if held != nil { // another version of it was to come: this one takes its place
			if err := tx.settleBrake(held); err != nil {
				return "", err
			}
		}
		return loaded, tx.inForce(p, len(lapses))
	})
	if err == nil && validID(result) {
		return false, &Error{Kind: Conflict, Key: "error.load-held", Args: map[string]any{"brake": result}}
	}
	return result == loaded, err
}

// inForce puts a version in force; lapses of what people hold follow from it.
func (tx *Tx) inForce(p *policies.Program, lapses int) error {
	var n int
	if err := tx.GetContext(tx.ctx, &n, `select coalesce(max(n), 0) + 1 from program_version where program = $1`, p.ID); err != nil {
		return err
	}
	if _, err := tx.ExecContext(tx.ctx, `insert into program_version (program, n, digest, source, in_force_from, act_id) values ($1, $2, $3, $4, $5, $6)`,
		p.ID, n, p.Digest, p.Source, tx.At, tx.actID); err != nil {
		return err
	}
	tx.event("program", p.ID, int64(n), "program.loaded", map[string]any{"digest": p.Digest, "lapses": lapses})
	if n == 1 {
		if err := tx.operatorSite(p.ID); err != nil {
			return err
		}
	}
	return tx.programChanged(p.ID)
}

func (tx *Tx) operatorSite(program string) error {
	id := NewID()
	_, err := tx.ExecContext(tx.ctx, `insert into site (id, program, code, name, tz, opened_at, wanted_rev, changed_at)
		values ($1, $2, $3, $3, 'UTC', $4, 1, $4)`, id, policies.OperatorProgram, program, tx.At)
	tx.event("site", id, 1, "site.opened", map[string]string{"program": policies.OperatorProgram, "code": program})
	return err
}

// programChanged makes groups and grants follow a new version: sites get their
// new leaves and accounts are settled when the worker comes to them.
func (tx *Tx) programChanged(program string) error {
	if _, err := tx.ExecContext(tx.ctx, `update site set wanted_rev = wanted_rev + 1 where program = $1 and opened_at is not null`, program); err != nil {
		return err
	}
	_, err := tx.ExecContext(tx.ctx, `update account set next_at = least(coalesce(next_at, $2), $2)
		where id in (select j.account_id from fact_join j join site s on s.id = j.site_id where s.program = $1 and j.ended_at is null)`, program, tx.At)
	return err
}
