package registry

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/policies"
)

// Receipt is what became of an end of access, as far as whoever looks may see it.
type Receipt struct {
	ID, Account    string
	Name, UserName string    // of the person
	At             time.Time // the portal denies from here
	Act            string    // the kind of the act
	By             string    // the name of who did it; empty: time, the rules or the command line
	ByKind         string    // person, worker or cli
	Self           bool      // the person who looks is whose access it was
	Known          bool      // Keycloak had the person
	Ended, Kept    []ReceiptGrant
	Sessions       int // that the portal had open at that moment
	SessionsLeft   int // of these
	Steps          []ReceiptStep
	Events         []ReceiptEvent
	Tries          int       // of the whole, where it failed
	Answer         string    // why it failed last; for whoever may see the realm
	NextTry        time.Time // of what is not done
	TokensUntil    *time.Time
	Confirmed      *time.Time // every step is done, the checks too
	Now            time.Time
	Others         []ReceiptLine // what the same act ended of others
	Operator       bool          // sees how Keycloak answered
}

// ReceiptGrant is a role that ended, or stayed.
type ReceiptGrant struct {
	Site    Site
	Program string
	Role    string
	Leaves  []string // entitlements
	EndedAt *time.Time
}

// ReceiptStep is one thing that has to be done in Keycloak, or looked at.
type ReceiptStep struct {
	Kind, Object string
	Site         string // id, of a leaving
	Leaf         string
	DueAt        *time.Time `db:"due_at"`
	SentAt       *time.Time `db:"sent_at"`
	TriedAt      *time.Time `db:"tried_at"`
	DoneAt       *time.Time `db:"done_at"`
	Tries, Again int
	Answer       string
}

// ReceiptEvent is the signed event for one application.
type ReceiptEvent struct {
	Application string     `db:"client_id"`
	SentAt      *time.Time `db:"sent_at"`
	ConfirmedAt *time.Time `db:"confirmed_at"`
	NextTry     time.Time  `db:"next_try"`
	Tries       int
	Answer      string
	Gone        bool // the application was removed meanwhile
	Age         float64
}

// Overdue tells that an application has not confirmed for so long that people should
// not count on it.
func (e ReceiptEvent) Overdue() bool {
	return e.ConfirmedAt == nil && time.Duration(e.Age*float64(time.Second)) >= policies.PushOverdue
}

// ReadBack tells that Keycloak shows nothing of it any more.
func (r Receipt) ReadBack() bool {
	return !slices.ContainsFunc(r.Steps, func(s ReceiptStep) bool { return s.Kind != StepVerify && s.DoneAt == nil })
}

// Done tells that Keycloak was read back and that each application has confirmed;
// what remains is to look again.
func (r Receipt) Done() bool {
	return r.ReadBack() && !slices.ContainsFunc(r.Events, func(e ReceiptEvent) bool { return e.ConfirmedAt == nil && !e.Gone })
}

// ReceiptLine is a receipt in a list.
type ReceiptLine struct {
	ID, Name, UserName, Program, Role string
	Site                              Site
	At                                time.Time
	Done                              bool
}

// endRow is a grant of a receipt.
type endRow struct {
	Receipt, Subject string
	By               *string
	Site, Role, Leaf string
	EndedAt          *time.Time `db:"ended_at"`
	At               time.Time
	Kept             bool
}

const endRows = `select r.id as receipt, r.account_id as subject, act.actor as by, g.site_id as site, g.role, g.leaf, g.ended_at, r.at, x.kept
	from receipt r join act on act.id = r.act_id join receipt_grant x on x.receipt_id = r.id join access_grant g on g.id = x.grant_id where `

// seen tells whether whoever looks may see a row. What had lapsed before was ended by
// no act.
func (l looker) seen(e endRow, sites map[string]Site) bool {
	site := sites[e.Site]
	end := policies.End{Subject: e.Subject, Program: site.Program, Site: site.ID, SiteCode: site.Code}
	if !e.Kept && e.EndedAt != nil && e.EndedAt.Equal(e.At) {
		end.By = value(e.By)
	}
	return policies.MaySeeEnd(l.ps, l.actor, end).OK
}

// ends reads the grants of receipts, as far as whoever looks may see them.
func (l looker) ends(where string, args ...any) (rows []endRow, sites map[string]Site, err error) {
	var all []endRow
	if err := l.r.db.SelectContext(l.ctx, &all, endRows+where+` order by r.at desc, r.id, g.site_id, g.role, g.leaf <> g.role, g.leaf`, args...); err != nil {
		return nil, nil, err
	}
	sites = map[string]Site{}
	for _, e := range all {
		if _, known := sites[e.Site]; !known {
			if sites[e.Site], err = readSite(l.ctx, l.r.db, e.Site); err != nil {
				return nil, nil, err
			}
		}
		if l.seen(e, sites) {
			rows = append(rows, e)
		}
	}
	return rows, sites, nil
}

// Receipt is what became of an end, for whoever may see any of what ended; for others
// it is not there.
func (r *Registry) Receipt(ctx context.Context, account, id string) (Receipt, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return Receipt{}, err
	}
	if !validID(id) {
		return Receipt{}, Fail(NotFound, "error.not-found")
	}
	rows, sites, err := l.ends(`r.id = $1`, id)
	if err != nil {
		return Receipt{}, err
	}
	x := Receipt{ID: id, Now: l.at, Operator: policies.MaySeeRealm(l.ps, l.actor).OK}
	for _, e := range rows {
		list := &x.Ended
		if e.Kept {
			list = &x.Kept
		}
		addEnd(list, e, sites[e.Site])
	}
	if len(x.Ended) == 0 {
		return Receipt{}, Fail(NotFound, "error.not-found")
	}
	if err := l.fill(&x); err != nil {
		return x, err
	}
	x.Self = x.Account == account
	return x, nil
}

// addEnd puts a leaf to its role; a role's own comes first.
func addEnd(list *[]ReceiptGrant, e endRow, site Site) {
	if n := len(*list); n > 0 && (*list)[n-1].Site.ID == site.ID && (*list)[n-1].Role == e.Role {
		(*list)[n-1].Leaves = append((*list)[n-1].Leaves, e.Leaf)
		return
	}
	g := ReceiptGrant{Site: site, Program: site.Program, Role: e.Role}
	if !e.Kept {
		g.EndedAt = e.EndedAt
	}
	if e.Leaf != e.Role {
		g.Leaves = []string{e.Leaf}
	}
	*list = append(*list, g)
}

// fill reads the rest of a receipt that may be seen.
func (l looker) fill(x *Receipt) error {
	var row struct {
		Account, Act, ByKind, Sub, Answer string
		By                                *string
		At                                time.Time
		Sessions, Left, Tries             int
		TokenLife                         *int       `db:"token_life"`
		Confirmed                         *time.Time `db:"confirmed_at"`
		NextTry                           time.Time  `db:"next_try"`
	}
	if err := l.r.db.GetContext(l.ctx, &row, `select r.account_id as account, act.kind as act, act.actor_kind as bykind, act.actor as by, r.sub, r.answer, r.at, r.sessions, r.tries,
		r.token_life, r.confirmed_at, greatest(a.retry_at, r.at) as next_try, (select count(*) from session s where s.account_id = r.account_id and s.ended_at is null
			and s.started_at <= r.at and s.ends_at > $2 and s.seen_at > $2 - make_interval(secs => $3)) as left
		from receipt r join act on act.id = r.act_id join account a on a.id = r.account_id where r.id = $1`, x.ID, l.at, IdleAfter.Seconds()); err != nil {
		return err
	}
	x.Account, x.Act, x.ByKind, x.Known, x.At = row.Account, row.Act, row.ByKind, row.Sub != "", row.At
	x.Sessions, x.SessionsLeft, x.Tries, x.Confirmed, x.NextTry = row.Sessions, row.Left, row.Tries, row.Confirmed, row.NextTry
	named, err := l.named([]string{row.Account, value(row.By)})
	if err != nil {
		return err
	}
	x.Name, x.UserName, x.By = named[row.Account].Name(), named[row.Account].UserName, ""
	if row.By != nil {
		x.By = named[*row.By].Name()
	}
	if x.Operator {
		x.Answer = row.Answer
	}
	if err := l.r.db.SelectContext(l.ctx, &x.Steps, `select kind, object, coalesce(site_id::text, '') as site, leaf, due_at, sent_at, tried_at, done_at, tries, again, answer
		from receipt_step where receipt_id = $1 order by n`, x.ID); err != nil {
		return err
	}
	x.Steps = slices.DeleteFunc(x.Steps, func(s ReceiptStep) bool {
		return s.Site != "" && !slices.ContainsFunc(x.Ended, func(g ReceiptGrant) bool { return g.Site.ID == s.Site })
	})
	if x.Events, err = receiptEvents(l.ctx, l.r.db, x.ID); err != nil {
		return err
	}
	for i, s := range x.Steps {
		if !x.Operator {
			x.Steps[i].Answer = ""
		}
		if s.Kind == StepSignedOut && s.DoneAt != nil && row.TokenLife != nil {
			until := s.DoneAt.Add(time.Duration(*row.TokenLife) * time.Second)
			x.TokensUntil = &until
		}
	}
	for i := range x.Events {
		if !x.Operator {
			x.Events[i].Answer = ""
		}
	}
	x.Others, err = l.receiptLines(`r.id <> $1 and r.act_id = (select act_id from receipt where id = $1)`, x.ID)
	return err
}

// receiptEvents are the events of a receipt, the last of each application.
func receiptEvents(ctx context.Context, q sqlx.QueryerContext, id string) (events []ReceiptEvent, err error) {
	err = sqlx.SelectContext(ctx, q, &events, `select distinct on (p.client_id) p.client_id, p.sent_at, p.confirmed_at, greatest(p.due_at, w.until_at) as next_try, p.tries,
		p.answer, a.removed_at is not null or a.event_url = '' as gone, extract(epoch from instant() - r.at)::float8 as age
		from push p join receipt r on r.id = p.receipt_id join application a using (client_id) left join push_pause w using (client_id)
		where p.receipt_id = $1 order by p.client_id, p.confirmed_at desc nulls first, p.due_at`, id)
	return events, err
}

// receiptLines lists receipts by what ended, one line for each role at a site.
func (l looker) receiptLines(where string, args ...any) ([]ReceiptLine, error) {
	rows, sites, err := l.ends(`not x.kept and g.leaf = g.role and `+where, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var who []string
	for _, e := range rows {
		who = append(who, e.Subject)
	}
	named, err := l.named(who)
	if err != nil {
		return nil, err
	}
	var out []ReceiptLine
	for _, e := range rows {
		x := ReceiptLine{ID: e.Receipt, Name: named[e.Subject].Name(), UserName: named[e.Subject].UserName, Program: sites[e.Site].Program, Role: e.Role, Site: sites[e.Site], At: e.At}
		if err := l.r.db.GetContext(l.ctx, &x.Done, `select not exists (select 1 from receipt_step where receipt_id = $1 and kind <> 'verify' and done_at is null)
			and not exists (select 1 from push p join application a using (client_id) where p.receipt_id = $1 and p.confirmed_at is null and a.removed_at is null and a.event_url <> '')`, x.ID); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// recentEnds is for how long an end is listed that is confirmed.
const recentEnds = 24 * time.Hour

// EndsAt are the ends at a site that are not confirmed, and those of the last day, the
// latest first, for its administrators and the program's registrars.
func (r *Registry) EndsAt(ctx context.Context, account, site string) ([]ReceiptLine, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	return l.receiptLines(`g.site_id = $1 and (r.at > $2 or `+notDone+`)`, site, l.at.Add(-recentEnds))
}

// notDone tells of a receipt r that something of it is not confirmed.
const notDone = `(r.confirmed_at is null or exists (select 1 from push p join application a using (client_id)
	where p.receipt_id = r.id and p.confirmed_at is null and a.removed_at is null and a.event_url <> ''))`

// EndsOf are those of one's own access.
func (r *Registry) EndsOf(ctx context.Context, account string) ([]ReceiptLine, error) {
	l, err := r.look(ctx, account)
	if err != nil {
		return nil, err
	}
	return l.receiptLines(`r.account_id = $1 and (r.at > $2 or `+notDone+`)`, account, l.at.Add(-recentEnds))
}

// ReceiptOf is the receipt of the access that an operation ended; empty where it ended
// none.
func (r *Registry) ReceiptOf(ctx context.Context, by By) (id string, err error) {
	err = r.db.GetContext(ctx, &id, `select coalesce((select id::text from receipt where id::text = (select result->>'result' from operation where id = $1 and actor = $2)), '')`, by.Op, by.Account)
	return id, err
}
