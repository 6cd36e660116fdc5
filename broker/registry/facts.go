package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
)

// factsOf reads all that is recorded and not over about accounts, the
// authorizers of their mandates, and the sites of their joins; and the mandates
// that are over.
func factsOf(ctx context.Context, q sqlx.QueryerContext, accounts []string, at time.Time) (policies.Facts, error) {
	var authorizers []string
	if err := sqlx.SelectContext(ctx, q, &authorizers, `select distinct account_id from fact_mandate
		where on_behalf = any($1) and ended_at is null and until_at > $2`, pq.Array(orEmpty(accounts)), at); err != nil {
		return policies.Facts{}, err
	}
	return readFacts(ctx, q, sorted(append(authorizers, accounts...)), at)
}

// spanRow is what all facts share, as read.
type spanRow struct {
	ID      string
	Request *string `db:"request_id"`
	Account *string `db:"account_id"`
	Site    *string `db:"site_id"`
	Role    *string
	From    time.Time `db:"from_at"`
	Until   time.Time `db:"until_at"`
}

const spanColumns = `id, request_id, account_id, site_id, role, from_at, until_at`

func (s spanRow) span() policies.Span { return policies.Span{From: s.From, Until: open(s.Until)} }

// open turns the database's infinity into the zero time that policies uses.
func open(t time.Time) time.Time {
	if !t.Before(infinity) {
		return time.Time{}
	}
	return t
}

// closed is open undone.
func closed(t time.Time) time.Time {
	if t.IsZero() {
		return infinity
	}
	return t
}

const live = ` and ended_at is null and until_at > $2`

func readFacts(ctx context.Context, q sqlx.QueryerContext, accounts []string, at time.Time) (policies.Facts, error) {
	f := policies.Facts{Sites: map[string]policies.Site{}}
	ids := pq.Array(orEmpty(accounts))
	var joins []struct {
		spanRow
		Profession string
	}
	if err := sqlx.SelectContext(ctx, q, &joins, `select `+spanColumns+`, profession from fact_join where account_id = any($1)`+live, ids, at); err != nil {
		return f, err
	}
	var sites, requests []string
	for _, j := range joins {
		f.Joins = append(f.Joins, policies.Join{ID: j.ID, Request: value(j.Request), Account: value(j.Account), Site: value(j.Site),
			Role: value(j.Role), Profession: j.Profession, Span: j.span()})
		sites, requests = append(sites, value(j.Site)), append(requests, value(j.Request))
	}
	if err := readSites(ctx, q, &f, sorted(sites)); err != nil {
		return f, err
	}
	for _, s := range f.Sites {
		requests = append(requests, s.Request)
	}
	if err := readReviews(ctx, q, &f, sorted(requests), at); err != nil {
		return f, err
	}
	if err := readSignatures(ctx, q, &f, accounts, sorted(sites), at); err != nil {
		return f, err
	}
	return f, readPersonal(ctx, q, &f, accounts, at)
}

func readSites(ctx context.Context, q sqlx.QueryerContext, f *policies.Facts, sites []string) error {
	var rows []struct {
		ID, Program string
		Request     *string    `db:"request_id"`
		Requester   *string    `db:"requester"`
		Opened      *time.Time `db:"opened_at"`
		Closed      *time.Time `db:"closed_at"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, `select id, program, request_id, requester, opened_at, closed_at from site where id = any($1)`, pq.Array(orEmpty(sites)))
	for _, r := range rows {
		s := policies.Site{ID: r.ID, Program: r.Program, Request: value(r.Request), Requester: value(r.Requester)}
		if r.Opened != nil {
			s.OpenedAt = *r.Opened
		}
		if r.Closed != nil {
			s.ClosedAt = *r.Closed
		}
		f.Sites[r.ID] = s
	}
	return err
}

func readReviews(ctx context.Context, q sqlx.QueryerContext, f *policies.Facts, requests []string, at time.Time) error {
	var rows []struct {
		spanRow
		By       *string `db:"by_account"`
		Need     string
		Capacity policies.Approver
		Verdict  policies.Verdict
	}
	err := sqlx.SelectContext(ctx, q, &rows, `select `+spanColumns+`, by_account, need, capacity, verdict from fact_review where request_id = any($1)`+live+` order by id`,
		pq.Array(orEmpty(requests)), at)
	for _, r := range rows {
		f.Reviews = append(f.Reviews, policies.Review{ID: r.ID, Request: value(r.Request), By: value(r.By), Need: r.Need,
			Capacity: r.Capacity, Verdict: r.Verdict, Span: r.span()})
	}
	return err
}

func readSignatures(ctx context.Context, q sqlx.QueryerContext, f *policies.Facts, accounts, sites []string, at time.Time) error {
	var rows []struct {
		spanRow
		Program, Agreement string
		Version            int `db:"agreement_version"`
		Declarant          bool
		Names              pq.StringArray
	}
	err := sqlx.SelectContext(ctx, q, &rows, `select `+spanColumns+`, program, agreement, agreement_version, declarant, names
		from fact_signature where (account_id = any($1) or (declarant and site_id = any($3)))`+live+` order by id`,
		pq.Array(orEmpty(accounts)), at, pq.Array(orEmpty(sites)))
	for _, s := range rows {
		f.Signatures = append(f.Signatures, policies.Signature{ID: s.ID, Account: value(s.Account), Site: value(s.Site),
			Program: s.Program, Agreement: s.Agreement, Version: s.Version, Declarant: s.Declarant, Names: s.Names, Span: s.span()})
	}
	return err
}

func readPersonal(ctx context.Context, q sqlx.QueryerContext, f *policies.Facts, accounts []string, at time.Time) error {
	ids := pq.Array(orEmpty(accounts))
	var mandates []struct {
		spanRow
		OnBehalf string `db:"on_behalf"`
	}
	if err := sqlx.SelectContext(ctx, q, &mandates, `select id, account_id, site_id, from_at, least(until_at, ended_at) as until_at, on_behalf
		from fact_mandate where on_behalf = any($1) order by id`, ids); err != nil { // those that are over tell who lost an authorizer from who had none
		return err
	}
	for _, m := range mandates {
		f.Mandates = append(f.Mandates, policies.Mandate{ID: m.ID, Authorizer: value(m.Account), OnBehalf: m.OnBehalf, Site: value(m.Site), Span: m.span()})
	}
	var restrictions []struct {
		spanRow
		Program string
		By      *string `db:"by_account"`
	}
	if err := sqlx.SelectContext(ctx, q, &restrictions, `select `+spanColumns+`, program, by_account from fact_restriction where (account_id = any($1) or account_id is null)`+live+` order by id`, ids, at); err != nil {
		return err
	}
	for _, x := range restrictions {
		f.Restrictions = append(f.Restrictions, policies.Restriction{ID: x.ID, Account: value(x.Account), Site: value(x.Site), Role: value(x.Role), Program: x.Program, By: value(x.By), Span: x.span()})
	}
	var adopted []spanRow
	if err := sqlx.SelectContext(ctx, q, &adopted, `select `+spanColumns+` from fact_adopted where account_id = any($1)`+live+` order by id`, ids, at); err != nil {
		return err
	}
	for _, a := range adopted {
		f.Adopted = append(f.Adopted, policies.Adopted{ID: a.ID, Request: value(a.Request), Account: value(a.Account), Site: value(a.Site), Role: value(a.Role), Span: a.span()})
	}
	var standings []struct {
		spanRow
		Profession string
		By         string `db:"by_account"`
	}
	if err := sqlx.SelectContext(ctx, q, &standings, `select `+spanColumns+`, profession, by_account from fact_standing where account_id = any($1)`+live+` order by id`, ids, at); err != nil {
		return err
	}
	for _, s := range standings {
		f.Standings = append(f.Standings, policies.Standing{ID: s.ID, Account: value(s.Account), Profession: s.Profession, By: s.By, Span: s.span()})
	}
	return nil
}
