package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// MailTodo is a mail that could not be delivered, as whoever is to see to it is
// shown it. It is over when a later mail reaches another address of the same reader
// (or, for a declaration, another signer), or when somebody says so.
type MailTodo struct {
	ID      string
	Kind    string
	Address string
	Request string // to look at; may be empty
	Site    string // its name; may be empty
	Opened  time.Time
	Begins  string    // of the mail to begin: the user name of the account that it is for
	Closes  time.Time // of the mail to begin: when that account closes by itself
	policies.MailTodo
}

type todoRow struct {
	ID         string
	Kind       string
	Address    string
	Request    string
	SiteName   string    `db:"site_name"`
	Opened     time.Time `db:"opened_at"`
	ForAccount string    `db:"for_account"`
	ForSite    string    `db:"for_site"`
	Begins     string
	Asked      *time.Time `db:"asked_at"`
	Imported   bool
	Program    string
}

const todoColumns = `m.id, m.kind, m.address, coalesce(m.request_id::text, '') as request, m.opened_at, coalesce(m.for_account::text, '') as for_account,
	coalesce(m.site_id::text, '') as for_site, coalesce(m.program, '') as program,
	coalesce((select name from site where id = coalesce(m.site_id, (select site_id from request where id = m.request_id))), '') as site_name,
	coalesce((select user_name from account where m.kind = 'account-setup' and id = m.about_id), '') as begins,
	(select act.at from event join act on act.id = event.act_id where m.kind = 'account-setup' and entity = 'account' and entity_id = m.about_id::text and version = 1) as asked_at,
	exists (select 1 from account where m.kind = 'account-setup' and id = m.about_id and batch_id is not null) as imported`

func (row todoRow) todo() MailTodo {
	m := MailTodo{ID: row.ID, Kind: row.Kind, Address: row.Address, Request: row.Request, Site: row.SiteName, Opened: row.Opened, Begins: row.Begins,
		MailTodo: policies.MailTodo{Account: row.ForAccount, Site: row.ForSite, Program: row.Program}}
	if row.Asked != nil {
		_, life := Account{Imported: row.Imported}.unusedFor()
		m.Closes = row.Asked.Add(life)
	}
	return m
}

// openTodo leaves a mail that did not reach its reader to whoever is to see to it.
func (r *Registry) openTodo(ctx context.Context, t *sqlx.Tx, mail string) error {
	var m struct {
		Kind, Address, About, Occurrence string
		At                               time.Time
	}
	if err := t.GetContext(ctx, &m, `select kind, address, about_id as about, occurrence, instant() as at from mail where id = $1`, mail); err != nil {
		return err
	}
	var of struct {
		Reader, Request, Opened, Program, Requester, Sender *string
	}
	// Who came by an invitation signed up with its address; its act says whose it was.
	err := t.GetContext(ctx, &of, `select (select id from account where lower(email) = lower($2) and state = 'live' order by id <> $1, id limit 1) as reader,
		q.id as request, case when s.opened_at is not null then s.id end as opened, coalesce(case s.program when $4 then s.code else s.program end, (select b.program from account a join import_batch b on b.id = a.batch_id where a.id = $1)) as program,
		q.account_id as requester, case $5 when 'account-setup' then (select by.actor from event e join act a on a.id = e.act_id, invitation i join act by on by.id = i.act_id
				where e.entity = 'account' and e.entity_id = ($1::uuid)::text and e.version = 1 and a.kind = 'account.ask-invited'
				and i.purpose <> 'sign-up' and lower(i.email) = lower($2) and i.created_at < a.at order by i.created_at desc limit 1)
			else (select actor from act where id::text = $3) end as sender
		from (select 1) one left join request q on q.id = $1
		left join site s on s.id = coalesce(q.site_id, (select site_id from fact_join where id = $1), (select site_id from access_grant where id = $1), (select id from site where id = $1))`,
		m.About, m.Address, m.Occurrence, policies.OperatorProgram, m.Kind)
	if err != nil {
		return err
	}
	lost := policies.LostMail{Kind: m.Kind, Reader: value(of.Reader), Requester: value(of.Requester), Sender: value(of.Sender), Site: value(of.Opened), Program: value(of.Program)}
	if lost.Site != "" {
		ps, err := r.programsAt(ctx, t, m.At)
		if err != nil {
			return err
		}
		if lost.Administrators, err = holders(ctx, t, ps, lost.Site, policies.Administer, m.At); err != nil {
			return err
		}
	}
	to, ok := policies.WhoSeesToMail(lost)
	if !ok {
		return nil
	}
	_, err = t.ExecContext(ctx, `insert into mail_todo (id, mail_id, kind, address, about_id, reader, request_id, for_account, site_id, program, opened_at)
		values ($1, $2, $3, $4, $5, $6, $7, nullif($8, '')::uuid, nullif($9, '')::uuid, nullif($10, ''), $11) on conflict (mail_id) do nothing`,
		NewID(), mail, m.Kind, m.Address, m.About, of.Reader, of.Request, to.Account, to.Site, to.Program, m.At)
	return err
}

// settleByMail ends what a mail that was taken has settled: the same declaration at
// another address, or any mail to another address of the same reader. The same
// address may bounce later, so it settles nothing.
func settleByMail(ctx context.Context, t *sqlx.Tx, m Mail) error {
	_, err := t.ExecContext(ctx, `update mail_todo set settled_at = instant() where settled_at is null and lower(address) <> lower($2)
		and (kind = 'declaration-asked' and $1 = 'declaration-asked' and about_id = $3
			or kind <> 'declaration-asked' and reader in (select id from account where lower(email) = lower($2)))`, m.Kind, m.Address, m.About)
	return err
}

// MailTodos are the mails that came back and that the person is to see to, oldest
// first: their own and those of their sites; of a program, those of its desk.
func (r *Registry) MailTodos(ctx context.Context, account, program string) ([]MailTodo, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	var sites []string
	for _, h := range l.actor.Holds {
		sites = append(sites, h.Site)
	}
	var rows []todoRow
	if err := r.db.SelectContext(ctx, &rows, `select `+todoColumns+` from mail_todo m where settled_at is null
		and case when $3 = '' then for_account = $1 or site_id = any($2) else m.program in ($3, $4) end order by opened_at, id limit 100`,
		account, pq.Array(orEmpty(sites)), program, policies.AnyProgram); err != nil {
		return nil, err
	}
	var out []MailTodo
	for _, row := range rows {
		if t := row.todo(); policies.MaySettleMail(l.ps, l.actor, t.MailTodo).OK {
			out = append(out, t)
		}
	}
	return out, nil
}

// HasMailTodos tells whether a mail that came back is the person's own to see to,
// whatever else they may do here.
func (r *Registry) HasMailTodos(ctx context.Context, account string) (has bool, err error) {
	return has, r.db.GetContext(ctx, &has, `select exists (select 1 from mail_todo where settled_at is null and for_account = $1)`, account)
}

// SettleMail is somebody saying that a mail which came back needs nothing more.
func (r *Registry) SettleMail(ctx context.Context, by By, id string) error {
	if !validID(id) {
		return Fail(NotFound, "error.not-found")
	}
	_, err := r.Do(ctx, Act{By: by, Kind: "mail.settle", What: id}, Touch{}, func(tx *Tx) (string, error) {
		var row todoRow
		err := tx.GetContext(ctx, &row, `select `+todoColumns+` from mail_todo m where id = $1 for update`, id)
		if isNoRows(err) {
			return "", Fail(NotFound, "error.not-found")
		}
		if err != nil {
			return "", err
		}
		if a := policies.MaySettleMail(tx.Programs, tx.Actor, row.todo().MailTodo); !a.OK {
			return "", refuse(a)
		}
		_, err = tx.ExecContext(ctx, `update mail_todo set settled_at = $2, settled_by = $3 where id = $1 and settled_at is null`, id, tx.At, by.Account)
		return "", err
	})
	return err
}
