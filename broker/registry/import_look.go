package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// Finding is what the record says of a row, before it is imported and again, under the
// locks, when it is.
type Finding struct {
	Account string            // whose it is; empty for who has no account yet
	Already bool              // they hold the role there, or have asked for it
	Wrong   map[string]string // column → message key; then it cannot be imported
	Notes   []Note            // what to look at twice
}

// Note is something about a row that hinders nothing.
type Note struct {
	Key string // of the message: import.…
	Who string // whose user name it names
}

// Coming are the rows of the same file that make somebody able to authorize at a site:
// by site code and user name.
type Coming map[[2]string]bool

// LookAtRows judges rows against the record and changes nothing. A batch that must not
// be decided is Forbidden.
func (r *Registry) LookAtRows(ctx context.Context, n NewBatch, rows []ImportRow, coming Coming) ([]Finding, error) {
	now, err := r.Now(ctx)
	if err != nil {
		return nil, Because(Unavailable, "error.unavailable", err)
	}
	ps, err := r.Programs(ctx)
	if err != nil {
		return nil, err
	}
	approver, err := r.accountNamed(ctx, n.Approver)
	if err != nil {
		return nil, err
	}
	seen, err := r.lookAtRows(ctx, r.db, ps, now, n.Program, approver, rows)
	if err != nil {
		return nil, err
	}
	if a := policies.MayDecideBatch(ps, seen.approver, n.Program); !a.OK {
		return nil, refuse(a)
	}
	out := make([]Finding, len(rows))
	for i, row := range rows {
		out[i] = seen.judge(row, n.Licences, coming)
	}
	return out, nil
}

// seen is what the record knows of the people and sites of some rows, read for all of
// them at once.
type seen struct {
	keys     *Keys
	ps       policies.Programs
	program  *policies.Program
	at       time.Time
	approver policies.Actor
	sites    map[string]Site      // by code
	people   map[string][]Account // by user name, those that are used before those that wait
	wishes   map[[3]string]bool   // account, site, role
	able     map[string][]string  // by site: accounts that authorize there, or will once they have signed
	named    map[string][]string  // by name and address: user names
	licensed map[string][]string  // by the hash of a licence number: user names
	shut     map[string]bool      // accounts that are suspended in the program
}

func (r *Registry) lookAtRows(ctx context.Context, q sqlx.QueryerContext, ps policies.Programs, at time.Time, program, approver string, rows []ImportRow) (s seen, err error) {
	s = seen{keys: r.keys, ps: ps, program: ps[program], at: at, sites: map[string]Site{}, people: map[string][]Account{}, wishes: map[[3]string]bool{},
		able: map[string][]string{}, named: map[string][]string{}, licensed: map[string][]string{}, shut: map[string]bool{}}
	if s.approver, err = actorAt(ctx, q, approver, at); err != nil || s.program == nil {
		return s, err
	}
	var codes, names, addresses []string
	var numbers pq.ByteaArray
	for _, row := range rows {
		codes, names, addresses = append(codes, row.Site), append(names, row.Person.UserName), append(addresses, strings.ToLower(row.Person.Email))
		for _, f := range s.form(row.Role) {
			if f.As == "authorizers" {
				names = append(names, row.Answers[f.Name]...)
			}
		}
		if hash := s.licence(row); hash != nil {
			numbers = append(numbers, hash)
		}
	}
	if err := s.readSites(ctx, q, sorted(codes)); err != nil {
		return s, err
	}
	if err := s.readPeople(ctx, q, sorted(names), sorted(addresses)); err != nil {
		return s, err
	}
	return s, s.readHeld(ctx, q, numbers)
}

func (s seen) form(role string) []policies.Field {
	r, _ := s.program.Role(role)
	return r.Form
}

// licence is the hash by which a licence number is found again; nil for none.
func (s seen) licence(row ImportRow) []byte {
	form := s.form(row.Role)
	body, number := row.Answers.Bound(form, "standing.body"), row.Answers.Bound(form, "standing.number")
	if number == "" {
		return nil
	}
	return s.keys.Hash("licence:"+body, number)
}

func (s seen) readSites(ctx context.Context, q sqlx.QueryerContext, codes []string) error {
	var rows []Site
	err := sqlx.SelectContext(ctx, q, &rows, `select `+siteColumns+` from site where program = $1 and code = any($2)`, s.program.ID, pq.Array(orEmpty(codes)))
	for _, site := range rows {
		s.sites[site.Code] = site
	}
	return err
}

func (s seen) readPeople(ctx context.Context, q sqlx.QueryerContext, names, addresses []string) error {
	var rows []Account
	if err := sqlx.SelectContext(ctx, q, &rows, `select `+accountColumns+` from account where user_name = any($1) and state in ('live', 'asked')
		order by state = 'asked', id`, pq.Array(orEmpty(names))); err != nil {
		return err
	}
	for _, a := range rows {
		s.people[a.UserName] = append(s.people[a.UserName], a)
	}
	rows = nil
	err := sqlx.SelectContext(ctx, q, &rows, `select `+accountColumns+` from account where lower(email) = any($1) and state in ('live', 'asked') order by user_name`, pq.Array(orEmpty(addresses)))
	for _, a := range rows {
		key := known(a.GivenName, a.Surname, a.Email)
		s.named[key] = append(s.named[key], a.UserName)
	}
	return err
}

// readHeld reads what the people of the rows wish or hold at the sites of the rows, who
// authorizes there, who has these licences, and who is suspended.
func (s seen) readHeld(ctx context.Context, q sqlx.QueryerContext, numbers pq.ByteaArray) error {
	var sites, accounts []string
	for _, site := range s.sites {
		sites = append(sites, site.ID)
	}
	for _, people := range s.people {
		for _, a := range people {
			accounts = append(accounts, a.ID)
		}
	}
	// A membership whose planned end has come is over: whoever asks again starts anew.
	var wishes []struct{ Account, Site, Role string }
	if err := sqlx.SelectContext(ctx, q, &wishes, `select j.account_id as account, j.site_id as site, j.role from fact_join j
		where j.account_id = any($1) and j.site_id = any($2) and j.ended_at is null
		and not exists (select 1 from fact_restriction x where x.account_id = j.account_id and x.site_id = j.site_id and x.role = j.role
			and x.ended_at is null and x.from_at <= $3 and x.kind in ('leaves', 'planned'))`, pq.Array(orEmpty(accounts)), pq.Array(orEmpty(sites)), s.at); err != nil {
		return err
	}
	for _, w := range wishes {
		s.wishes[[3]string{w.Account, w.Site, w.Role}] = true
		if slices.Contains(rolesThat(s.program, policies.Authorize), w.Role) {
			s.able[w.Site] = append(s.able[w.Site], w.Account)
		}
	}
	var licensed []struct {
		Hash []byte
		Name string
	}
	if err := sqlx.SelectContext(ctx, q, &licensed, `select distinct s.number_hash as hash, a.user_name as name from fact_standing s join account a on a.id = s.account_id
		where s.number_hash = any($1)`, numbers); err != nil {
		return err
	}
	for _, l := range licensed {
		s.licensed[string(l.Hash)] = append(s.licensed[string(l.Hash)], l.Name)
	}
	var suspended []string
	err := sqlx.SelectContext(ctx, q, &suspended, `select distinct account_id from fact_restriction where account_id = any($1) and program = $2 and kind = 'suspended'
		and ended_at is null and until_at > $3`, pq.Array(orEmpty(accounts)), s.program.ID, s.at)
	for _, id := range suspended {
		s.shut[id] = true
	}
	return err
}

func known(given, surname, email string) string {
	return strings.ToLower(given + "\n" + surname + "\n" + email)
}

// find gives the account of a person; taken when the user name is somebody else's. An
// address is no name: who has the same one, under another user name, is another account.
func (s seen) find(p policies.Person) (a Account, taken bool) {
	for _, a := range s.people[p.UserName] {
		if known(a.GivenName, a.Surname, a.Email) == known(p.GivenName, p.Surname, p.Email) {
			return a, false
		}
	}
	return Account{}, len(s.people[p.UserName]) > 0
}

// at which column a rule's refusal is shown
var columnOf = map[string]string{policies.RoleUnknown: "role", policies.ByInvitation: "role", policies.SiteUnknown: "site", policies.SiteNotOpen: "site", policies.SiteClosed: "site",
	policies.OwnRequest: "user-name", policies.AlreadyOpen: "role"}

// judge holds a row against the record and the rules.
func (s seen) judge(row ImportRow, licences bool, coming Coming) Finding {
	f := Finding{Wrong: map[string]string{}}
	site, ok := s.sites[row.Site]
	if !ok {
		f.Wrong["site"] = "import.site-unknown"
		return f
	}
	a, taken := s.find(row.Person)
	if taken {
		f.Wrong["user-name"] = "import.name-taken"
		return f
	}
	f.Account = a.ID
	if f.Already = a.ID != "" && s.wishes[[3]string{a.ID, site.ID, row.Role}]; f.Already {
		return f
	}
	role, _ := s.program.Role(row.Role)
	req := Request{Program: s.program.ID, Role: row.Role, Answers: row.Answers}
	profession := professionOf(s.program, req)
	c := policies.Case{Program: s.program, Site: site.fact(), Authorizers: slices.Clone(s.able[site.ID]),
		Request: policies.Request{Kind: policies.JoinRequest, State: policies.Draft, Role: row.Role, Account: s.subject(row.Person.UserName)}}
	column := map[string]string{}
	for _, field := range role.Form {
		column[field.As] = field.Name
		if field.As != "authorizers" {
			continue
		}
		for _, name := range row.Answers[field.Name] {
			id := s.subject(name)
			c.Request.Authorizers = append(c.Request.Authorizers, id)
			if coming[[2]string{row.Site, name}] {
				c.Authorizers = append(c.Authorizers, id)
			}
		}
	}
	if may := policies.MayImport(s.ps, s.approver, c, profession, false, s.at); !may.OK {
		why := may.Reasons[0]
		at := columnOf[why]
		switch why {
		case policies.AuthorizersMissing, policies.AuthorizerUnfit:
			at = column["authorizers"]
		case policies.ProfessionNotEligible:
			at = column["person.profession"]
		}
		f.Wrong[at] = "reason." + why
	}
	if p, _ := s.program.Profession(profession); licences && p.Regulated && column["standing.body"] != "" && !slices.Contains(p.Bodies, row.Answers.Bound(role.Form, "standing.body")) {
		f.Wrong[column["standing.body"]] = "field-error.choose"
	}
	f.Notes = s.notes(row, a)
	return f
}

// subject is the account of a user name; of one that is not there yet, something that
// no account is.
func (s seen) subject(name string) string {
	if people := s.people[name]; len(people) > 0 {
		return people[0].ID
	}
	return "to come: " + name
}

// notes are what to look at twice: perhaps the same person under two names (A01).
func (s seen) notes(row ImportRow, a Account) (out []Note) {
	for _, name := range s.named[known(row.Person.GivenName, row.Person.Surname, row.Person.Email)] {
		if name != row.Person.UserName {
			out = append(out, Note{"import.alike", name})
		}
	}
	for _, name := range s.licensed[string(s.licence(row))] {
		if name != row.Person.UserName {
			out = append(out, Note{"import.same-licence", name})
		}
	}
	if s.shut[a.ID] {
		out = append(out, Note{"import.suspended", row.Person.UserName})
	}
	return out
}

// answers are the row's as they are kept: authorizers by their accounts.
func (s seen) answers(row ImportRow) Answers {
	out := Answers{}
	for _, f := range s.form(row.Role) {
		out[f.Name] = append([]string{}, row.Answers[f.Name]...)
		if f.As == "authorizers" {
			for i, name := range out[f.Name] {
				out[f.Name][i] = s.subject(name)
			}
		}
	}
	return out
}
