package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"countersign/policies"
	"countersign/provisioning"
)

// Brake is what is held, or was.
type Brake struct {
	ID, Kind, About, Reason, State, Digest string
	Effects                                provisioning.Effects
	Total                                  int              // of how many
	Counts                                 ImplausibleCount // of an implausible answer
	Held                                   time.Time
	FirstBy, SecondBy                      string // accounts
	FirstAt, SecondAt, SettledAt           *time.Time
}

// ImplausibleCount is what an answer that cannot be right said, beside what the record
// has confirmed.
type ImplausibleCount struct {
	Confirmed provisioning.Counts `json:"confirmed"`
	Listed    provisioning.Counts `json:"listed"`
}

func (b brakeRow) brake() (Brake, error) {
	x := Brake{ID: b.ID, Kind: b.Kind, About: b.About, Reason: b.Reason, State: b.State, Digest: b.Digest, Total: b.Total, Held: b.Held,
		FirstBy: value(b.FirstBy), SecondBy: value(b.SecondBy), FirstAt: b.FirstAt, SecondAt: b.SecondAt, SettledAt: b.SettledAt}
	if err := json.Unmarshal(b.Counts, &x.Counts); err != nil {
		return x, err
	}
	var err error
	x.Effects, err = b.effects()
	return x, err
}

// Brakes are those that are held, oldest first, for the command line and for what runs
// the product: it names nobody, and asks for nobody's right.
func (r *Registry) Brakes(ctx context.Context) ([]Brake, error) {
	var rows []brakeRow
	if err := r.db.SelectContext(ctx, &rows, `select `+brakeColumns+` from brake where state = 'held' order by held_at, id`); err != nil {
		return nil, err
	}
	var out []Brake
	for _, row := range rows {
		b, err := row.brake()
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// BrakesHeld counts the brakes that are held, by kind; every kind is there.
func (r *Registry) BrakesHeld(ctx context.Context) (map[string]int, error) {
	count := map[string]int{BrakeDrift: 0, BrakeLapse: 0, BrakeImplausible: 0, BrakeOlder: 0}
	var rows []struct {
		Kind string
		N    int
	}
	err := r.db.SelectContext(ctx, &rows, `select kind, count(*) as n from brake where state = 'held' group by kind`)
	for _, row := range rows {
		count[row.Kind] = row.N
	}
	return count, err
}

// BrakeByID reads one brake, held or over, for the command line.
func (r *Registry) BrakeByID(ctx context.Context, id string) (Brake, error) {
	if !validID(id) {
		return Brake{}, Fail(NotFound, "error.not-found")
	}
	var row brakeRow
	err := r.db.GetContext(ctx, &row, `select `+brakeColumns+` from brake where id = $1`, id)
	if isNoRows(err) {
		return Brake{}, Fail(NotFound, "error.not-found")
	}
	if err != nil {
		return Brake{}, err
	}
	return row.brake()
}

// BrakePage is a brake as somebody who may see the realm is shown it.
type BrakePage struct {
	Brake
	Lines  []EffectLine
	More   int             // effects that are not listed
	May    policies.Answer // of whoever looks, to release
	Names  bool            // they are shown who it is about
	First  string          // who released it first, and second: their names
	Second string
}

// EffectLine is one effect with the names that its ids stand for, as far as the record
// knows them.
type EffectLine struct {
	provisioning.Effect
	Person, UserName string
	Program, Site    string
	SiteCode         string
	SiteName         string
	Role             string
}

// LookAtBrake shows a brake to whoever may see the realm; for all others it is not
// there. Only those who may release it are told whom it is about.
func (r *Registry) LookAtBrake(ctx context.Context, looker, id string) (p BrakePage, err error) {
	l, err := r.look(ctx, looker)
	if err != nil {
		return p, err
	}
	if !policies.MaySeeRealm(l.ps, l.actor).OK {
		return p, Fail(NotFound, "error.not-found")
	}
	if p.Brake, err = r.BrakeByID(ctx, id); err != nil {
		return p, err
	}
	p.Names = policies.MayKeepRealm(l.ps, l.actor).OK
	p.May = policies.MayRelease(l.ps, l.actor, p.FirstBy)
	named, err := accountsNamed(ctx, r.db, sorted([]string{p.FirstBy, p.SecondBy}))
	if err != nil {
		return p, err
	}
	if p.FirstBy != "" {
		p.First = named[p.FirstBy].Name()
	}
	if p.SecondBy != "" {
		p.Second = named[p.SecondBy].Name()
	}
	list := p.Effects
	if len(list) > shown {
		list, p.More = list[:shown], len(list)-shown
	}
	p.Lines, err = effectLines(ctx, r.db, list, p.Names)
	return p, err
}

func effectLines(ctx context.Context, q sqlx.QueryerContext, effects provisioning.Effects, names bool) ([]EffectLine, error) {
	var accounts, sites, groups []string
	for _, e := range effects {
		accounts, sites, groups = append(accounts, e.Account), append(sites, e.Site), append(groups, e.Group)
	}
	named, err := accountsNamed(ctx, q, sorted(accounts))
	if err != nil {
		return nil, err
	}
	type place struct{ ID, Program, Code, Name, Group, Leaf string }
	var places []place
	if err := sqlx.SelectContext(ctx, q, &places, `select id, program, code, name, '' as group, '' as leaf from site where id = any($1)
		union all select s.id, s.program, s.code, s.name, g.kc_id, g.leaf from realm_group g join site s on s.id = g.site_id where g.kc_id = any($2)`,
		pq.Array(sorted(sites)), pq.Array(sorted(groups))); err != nil {
		return nil, err
	}
	at := map[string]place{}
	for _, p := range places {
		at[cmp.Or(p.Group, p.ID)] = p
	}
	var out []EffectLine
	for _, e := range effects {
		p := at[cmp.Or(e.Group, e.Site)]
		line := EffectLine{Effect: e, Program: p.Program, Site: p.ID, SiteCode: p.Code, SiteName: p.Name, Role: p.Leaf}
		switch {
		case e.Do == provisioning.DoLapse:
			line.Role = e.Role
		case p.ID == "": // no group that the record knows: its path says all that there is to say
			line.SiteName = cmp.Or(e.Path, e.Group)
			if i := strings.LastIndex(e.Path, "/"); i > 0 {
				line.SiteName, line.Role = e.Path[:i], e.Path[i+1:]
			}
		}
		if a := named[e.Account]; names && a.ID != "" {
			line.Person, line.UserName = a.Name(), a.UserName
		}
		out = append(out, line)
	}
	return out, nil
}

// BrakeLink is a held brake as whoever may release it is pointed to it.
type BrakeLink struct {
	ID, Kind string
	Effects  int
	Held     time.Time
}

// HeldFor are the held brakes that the person who looks may see; waits tells that they
// are one of those who may release.
func (r *Registry) HeldFor(ctx context.Context, looker string) (links []BrakeLink, waits bool, err error) {
	l, err := r.look(ctx, looker)
	if err != nil || !policies.MaySeeRealm(l.ps, l.actor).OK {
		return nil, false, err
	}
	var rows []struct {
		ID, Kind string
		Effects  int
		Held     time.Time `db:"held_at"`
	}
	err = r.db.SelectContext(ctx, &rows, `select id, kind, jsonb_array_length(plan) as effects, held_at from brake where state = 'held' order by held_at, id`)
	for _, row := range rows {
		links = append(links, BrakeLink{row.ID, row.Kind, row.Effects, row.Held})
	}
	return links, policies.MayKeepRealm(l.ps, l.actor).OK, err
}
