package registry

import (
	"context"
	"time"

	"github.com/lib/pq"

	"countersign/policies"
)

// Known is what a program's registrar knows of a person beside one request.
type Known struct {
	Suspended *Why     // since when and by whom; nil: not suspended in the program
	Holds     []Access // in the program
	Standings []Why
	// Alike are other accounts in the program with a licence number, or a name
	// and address, of this one: perhaps the same person twice (A01).
	Alike []Account
}

// Known tells a registrar of the program about one of its people; for others
// there is no such person.
func (r *Registry) Known(ctx context.Context, account, program, subject string) (Known, error) {
	var k Known
	l, err := r.look(ctx, account)
	if err != nil {
		return k, err
	}
	if !l.actor.CanOperate(l.ps, policies.Registrar, program) || !validID(subject) {
		return k, Fail(NotFound, "error.not-found")
	}
	held, err := l.heldBy(subject)
	if err != nil {
		return k, err
	}
	for _, a := range held {
		if a.Program == program {
			k.Holds = append(k.Holds, a)
		}
	}
	var suspended []struct {
		At time.Time `db:"recorded_at"`
		By *string   `db:"by_account"`
	}
	if err := r.db.SelectContext(ctx, &suspended, `select recorded_at, by_account from fact_restriction
		where account_id = $1 and program = $2 and kind = 'suspended' and ended_at is null and until_at > $3 order by 1 limit 1`, subject, program, l.at); err != nil {
		return k, err
	}
	if len(suspended) > 0 {
		named, err := accountsNamed(ctx, r.db, sorted([]string{value(suspended[0].By)}))
		if err != nil {
			return k, err
		}
		k.Suspended = &Why{Kind: "restriction", At: suspended[0].At, Who: named[value(suspended[0].By)].Name()}
	}
	var basis []string
	if err := r.db.SelectContext(ctx, &basis, `select id from fact_standing where account_id = $1 and ended_at is null and until_at > $2`, subject, l.at); err != nil {
		return k, err
	}
	if k.Standings, err = whys(ctx, r.db, basis); err != nil {
		return k, err
	}
	err = r.db.SelectContext(ctx, &k.Alike, `select `+accountColumns+` from account where id <> $1
		and exists (select 1 from request q where q.account_id = account.id and q.program = $2 and q.state <> 'draft')
		and (id = any(select s.account_id from fact_standing s join fact_standing mine on mine.number_hash = s.number_hash where mine.account_id = $1)
			or exists (select 1 from account me where me.id = $1 and lower(me.email) = lower(account.email)
				and lower(me.given_name || ' ' || me.surname) = lower(account.given_name || ' ' || account.surname)))
		order by user_name limit 10`, subject, program)
	return k, err
}

// Operator is somebody who operates a program, or is invited to.
type Operator struct {
	Name, UserName, Role string
	Email                string // of an invitation that is still open; empty: holds the role
	Since                time.Time
	Expires              *time.Time // of the invitation
}

// Operators are those who hold a role over a program, and the open invitations,
// for who may add to them.
func (r *Registry) Operators(ctx context.Context, account, program string) ([]Operator, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	if !policies.MayKeepOperators(l.ps, l.actor, program).OK {
		return nil, Fail(NotFound, "error.not-found")
	}
	var rows []struct {
		Account
		Role  string
		Since time.Time
	}
	if err := r.db.SelectContext(ctx, &rows, `select a.user_name, a.given_name, a.surname, g.role, g.from_at as since
		from access_grant g join account a on a.id = g.account_id join site s on s.id = g.site_id
		where s.program = $1 and s.code = $2 and g.leaf = g.role and g.ended_at is null and g.from_at <= $3 and g.until_at > $3 order by 4, 3, 2`,
		policies.OperatorProgram, program, l.at); err != nil {
		return nil, err
	}
	var out []Operator
	for _, row := range rows {
		out = append(out, Operator{Name: row.Name(), UserName: row.UserName, Role: row.Role, Since: row.Since})
	}
	var open []struct {
		Role, Email string
		Created     time.Time `db:"created_at"`
		Expires     time.Time `db:"expires_at"`
	}
	err = r.db.SelectContext(ctx, &open, `select i.role, i.email, i.created_at, i.expires_at from invitation i join site s on s.id = i.about_id
		where i.purpose = 'operator' and s.program = $1 and s.code = any($2) and i.used_at is null and i.replaced_at is null and i.expires_at > $3 order by 3`,
		policies.OperatorProgram, pq.Array([]string{program}), l.at)
	for _, i := range open {
		out = append(out, Operator{Role: i.Role, Email: i.Email, Since: i.Created, Expires: timeOrNil(i.Expires)})
	}
	return out, err
}
