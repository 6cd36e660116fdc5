package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// FactorsPlace is where somebody lost a second factor, and by which right it is
// looked at: a membership, for the administrators of its site; or an account in a
// program, for those who operate it.
type FactorsPlace struct {
	Join             string
	Program, Account string // where there is no Join
}

// FactorsPage is what is shown of somebody whose second factors may be reset.
type FactorsPage struct {
	Account Account
	Site    Site // of the membership; zero at the desk
	Program *policies.Program
	May     policies.Answer // of whoever looks
	Asked   *time.Time      // when the latest reset was asked for; nil: never
	Office  string          // which asked for it
	Done    bool            // the realm has carried it out, to the end of the sessions
}

// Factors shows somebody whose second factors the looker may reset, or may not for
// a reason that they may know; for all others there is no such page.
func (r *Registry) Factors(ctx context.Context, looker string, at FactorsPlace) (FactorsPage, error) {
	l, err := r.look(ctx, looker)
	if err != nil {
		return FactorsPage{}, err
	}
	return r.factorsPage(ctx, r.db, l.ps, l.actor, at, l.at)
}

func (r *Registry) factorsPage(ctx context.Context, q sqlx.QueryerContext, ps policies.Programs, actor policies.Actor, at FactorsPlace, now time.Time) (p FactorsPage, err error) {
	var c policies.Case
	if at.Join != "" {
		j, err := r.readJoin(ctx, at.Join)
		if err != nil {
			return p, err
		}
		if p.Site, err = readSite(ctx, q, j.Site); err != nil {
			return p, err
		}
		at.Program, at.Account, c.Site = p.Site.Program, j.Account, p.Site.fact()
	}
	c.Program = ps[at.Program]
	p.Program = c.Program
	if p.Account, err = getAccount(ctx, q, at.Account); err != nil {
		return p, err
	}
	subject, err := actorAt(ctx, q, at.Account, now)
	if err != nil {
		return p, err
	}
	there, err := belongs(ctx, q, at)
	if err != nil {
		return p, err
	}
	p.May = policies.MayResetFactors(ps, actor, c, subject)
	if !there || slices.Contains(p.May.Reasons, policies.NotVisible) {
		return FactorsPage{}, Fail(NotFound, "error.not-found")
	}
	var row struct {
		At     *time.Time `db:"factors_at"`
		Office string     `db:"factors_office"`
		Done   bool
	}
	err = sqlx.GetContext(ctx, q, &row, `select factors_at, factors_office, applied_rev >= factors_rev as done from account where id = $1`, at.Account)
	p.Asked, p.Office, p.Done = row.At, row.Office, row.Done
	return p, err
}

// belongs tells whether an account that Keycloak has is at a place: its membership
// is not over; or, for those who operate a program, it asked for something in it,
// holds something in it or operates it.
func belongs(ctx context.Context, q sqlx.QueryerContext, at FactorsPlace) (there bool, err error) {
	if at.Join != "" {
		err = sqlx.GetContext(ctx, q, &there, `select exists (select 1 from fact_join j join account a on a.id = j.account_id
			where j.id = $1 and j.ended_at is null and a.state = 'live')`, at.Join)
		return there, err
	}
	err = sqlx.GetContext(ctx, q, &there, `select exists (select 1 from account a where a.id = $1 and a.state = 'live' and (
		exists (select 1 from request where account_id = a.id and program = $2 and state <> 'draft')
		or exists (select 1 from access_grant g join site s on s.id = g.site_id where g.account_id = a.id and g.ended_at is null
			and (s.program = $2 or s.program = $3 and s.code = $2))))`, at.Account, at.Program, policies.OperatorProgram)
	return there, err
}

// FindForFactors finds an account of a program by its exact user name, for those who
// operate the program. Who is not there, and who is not theirs to see, is NotFound
// alike; so is the program for everybody else.
func (r *Registry) FindForFactors(ctx context.Context, looker, program, userName string) (account string, err error) {
	if err := r.MayFindForFactors(ctx, looker, program); err != nil {
		return "", err
	}
	if account, err = r.accountNamed(ctx, userName); err != nil {
		return "", err
	}
	_, err = r.Factors(ctx, looker, FactorsPlace{Program: program, Account: account})
	if IsKind(err, NotFound) {
		return "", InvalidField("user-name", "error.no-such-account")
	}
	return account, err
}

// MayFindForFactors is NotFound for whoever does not operate the program.
func (r *Registry) MayFindForFactors(ctx context.Context, looker, program string) error {
	l, err := r.look(ctx, looker)
	if err != nil {
		return err
	}
	if !policies.MayResetFactors(l.ps, l.actor, policies.Case{Program: l.ps[program]}, policies.Actor{}).OK {
		return Fail(NotFound, "error.not-found")
	}
	return nil
}

// ResetFactors has the second factors of somebody taken away, with reason codes and
// words. The password stays, every session ends; the person is told at every address
// that is known for them, within the same transaction.
func (r *Registry) ResetFactors(ctx context.Context, by By, at FactorsPlace, reasons []string, words string) error {
	if len(reasons) == 0 {
		return InvalidField("reasons", "error.reason-needed")
	}
	if strings.TrimSpace(words) == "" {
		return InvalidField("words", "field-error.required")
	}
	account, touch := at.Account, Touch{}
	if at.Join != "" {
		j, err := r.readJoin(ctx, at.Join)
		if err != nil {
			return err
		}
		account, touch.Sites = j.Account, []string{j.Site}
	}
	touch.Accounts = []string{account}
	act := Act{By: by, Kind: "account.reset-factors", For: other(account, by.Account), What: []any{at, reasons, words}}
	_, err := r.Do(ctx, act, touch, func(tx *Tx) (string, error) {
		p, err := r.factorsPage(ctx, tx, tx.Programs, tx.Actor, at, tx.At)
		if err != nil {
			return "", err
		}
		may := p.May.Given(tx.SignIn)
		if !may.OK {
			return "", refuse(may)
		}
		if err := tx.forgetFactors(p.Account, string(may.Capacity), map[string]any{"reasons": reasons, "as": may.Capacity, "site": p.Site.ID, "program": p.Program.ID}, words); err != nil {
			return "", err
		}
		return "", tx.tellFactors(p, string(may.Capacity))
	})
	return err
}

// ResetOperatorFactors is ResetFactors for whoever runs the server, of somebody who
// operates programs and whom nobody can reset on a page. Where that is refused because
// others can, able are their user names and program is one on whose desk they do it.
func (r *Registry) ResetOperatorFactors(ctx context.Context, by By, userName string, reasons []string, words string) (able []string, program string, err error) {
	if strings.TrimSpace(words) == "" {
		return nil, "", InvalidField("words", "field-error.required")
	}
	account, err := r.accountNamed(ctx, userName)
	if err != nil {
		return nil, "", err
	}
	act := Act{By: by, Kind: "account.reset-factors", For: account, What: []any{account, reasons, words}}
	_, err = r.Do(ctx, act, Touch{Accounts: []string{account}}, func(tx *Tx) (string, error) {
		able = nil
		a, err := getAccount(ctx, tx, account)
		if err != nil {
			return "", err
		}
		subject, operators, err := tx.operatorsBeside(account)
		if err != nil {
			return "", err
		}
		p := FactorsPage{Account: a, Program: tx.Programs[policies.OperatorProgram]}
		for _, id := range subject.Operates() {
			if known := tx.Programs[id]; known != nil && id != policies.OperatorProgram {
				p.Program = known
			}
		}
		if p.Program == nil {
			return "", Fail(NotFound, "error.not-found")
		}
		program = p.Program.ID
		may, others := policies.MayResetFromCommandLine(tx.Programs, subject, operators)
		if !may.OK {
			able, err = tx.userNames(others)
			return "", cmp.Or(err, refuse(may))
		}
		if err := tx.forgetFactors(a, string(may.Capacity), map[string]any{"reasons": reasons, "as": may.Capacity, "program": program}, words); err != nil {
			return "", err
		}
		return "", tx.tellFactors(p, string(may.Capacity))
	})
	return able, program, err
}

// operatorsBeside reads what somebody holds, and everybody else who operates programs.
func (tx *Tx) operatorsBeside(account string) (subject policies.Actor, others []policies.Actor, err error) {
	if subject, err = actorAt(tx.ctx, tx, account, tx.At); err != nil {
		return subject, nil, err
	}
	rows, err := held(tx.ctx, tx, `s.program = $2 and g.account_id <> $3`, tx.At, policies.OperatorProgram, account)
	for _, h := range rows { // in the order of accounts
		if n := len(others); n == 0 || others[n-1].Account != h.Account {
			others = append(others, policies.Actor{Account: h.Account})
		}
		last := &others[len(others)-1]
		last.Holds = append(last.Holds, policies.Held{Program: h.Program, Site: h.Site, SiteCode: h.Code, Role: h.Role})
	}
	return subject, others, err
}

func (tx *Tx) userNames(actors []policies.Actor) (names []string, err error) {
	for _, a := range actors {
		known, err := getAccount(tx.ctx, tx, a.Account)
		if err != nil {
			return nil, err
		}
		names = append(names, known.UserName)
	}
	return names, nil
}

// accountNamed finds the account of a user name.
func (r *Registry) accountNamed(ctx context.Context, userName string) (account string, err error) {
	err = r.db.GetContext(ctx, &account, `select id from account where user_name = $1 and issuer = $2 and state = 'live'`,
		strings.ToLower(strings.TrimSpace(userName)), r.issuer)
	if isNoRows(err) {
		return "", InvalidField("user-name", "error.no-such-account")
	}
	return account, err
}

// forgetFactors asks the realm, by the account's next revision, to forget.
func (tx *Tx) forgetFactors(a Account, office string, data map[string]any, words string) error {
	tx.privateEvent("account", a.ID, a.Version+1, "account.factors-reset", data, map[string]string{"words": words})
	_, err := tx.ExecContext(tx.ctx, `update account set wanted_rev = wanted_rev + 1, urgent_rev = wanted_rev + 1, factors_rev = wanted_rev + 1,
		factors_at = $2, factors_office = $3, retry_at = '-infinity', tries = 0, version = version + 1, changed_at = $2 where id = $1`, a.ID, tx.At, office)
	return err
}

// formerFor is for how long after it was changed an address is told of what was done
// to the account: who changed it may not have been the person (A40).
const formerFor = 30 * 24 * time.Hour

// tellFactors mails the person at every address known for them.
func (tx *Tx) tellFactors(p FactorsPage, office string) error {
	former, err := tx.formerAddresses(p.Account.ID)
	if err != nil {
		return err
	}
	zone := p.Program.TimeZone
	if p.Site.TZ != "" {
		zone = p.Site.TZ
	}
	told := map[string]bool{}
	for _, address := range append([]string{p.Account.Email}, former...) {
		if key := strings.ToLower(address); address == "" || told[key] {
			continue
		}
		told[strings.ToLower(address)] = true
		if err := tx.mail(Mail{Address: address, Kind: "factors-reset", About: p.Account.ID, Occurrence: tx.actID, Locale: p.Account.Locale,
			Data: map[string]string{"name": p.Account.Name(), "user_name": p.Account.UserName, "at": tx.At.UTC().Format(time.RFC3339), "tz": zone,
				"office": office, "site": p.Site.Name, "program": p.Program.ID}}); err != nil {
			return err
		}
	}
	return nil
}

// formerAddresses are those that the account's own events show were its own and
// were changed no longer ago than formerFor, the latest first.
func (tx *Tx) formerAddresses(account string) ([]string, error) {
	var rows []struct {
		At   time.Time
		Data []byte
	}
	if err := tx.SelectContext(tx.ctx, &rows, `select a.at, p.data from event e join act a on a.id = e.act_id join event_private p on p.seq = e.seq
		where e.entity = 'account' and e.entity_id = $1 order by e.version`, account); err != nil {
		return nil, err
	}
	var out []string
	last := ""
	for _, row := range rows {
		plain, err := tx.r.keys.Unseal(row.Data, "event:account:"+account)
		if err != nil {
			return nil, err
		}
		var said struct{ Email string }
		if err := json.Unmarshal(plain, &said); err != nil {
			return nil, err
		}
		if said.Email == "" || said.Email == last {
			continue
		}
		if last != "" && row.At.After(tx.At.Add(-formerFor)) {
			out = append(out, last)
		}
		last = said.Email
	}
	slices.Reverse(out)
	return out, nil
}
