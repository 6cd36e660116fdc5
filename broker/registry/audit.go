package registry

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"countersign/policies"
)

// Violation is something in the record that must not be.
type Violation struct {
	Invariant string // of security.md: I2, I3 …
	What      string
}

// Invariants checks the record as a whole: that open grants are exactly what the
// rules say of the facts (I2), that every version has exactly one event and that
// event is signed and says what its columns, its fact and its request say (I3), and that nothing held is
// past its end (I9).
func (r *Registry) Invariants(ctx context.Context) ([]Violation, error) {
	var all []Violation
	for _, check := range []func(context.Context) ([]Violation, error){r.checkGrants, r.checkEvents, r.checkVersions, r.checkFacts, r.checkRequests, r.checkAdoptions} {
		found, err := check(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// checkGrants compares, account by account, under the locks that a settle takes.
func (r *Registry) checkGrants(ctx context.Context) ([]Violation, error) {
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `select account_id from fact_join union select account_id from access_grant where ended_at is null`); err != nil {
		return nil, err
	}
	var out []Violation
	for _, id := range ids {
		found, err := r.checkAccount(ctx, id)
		for try := 1; try < maxTries && movedOn(err); try++ { // a live product goes on while it is checked
			found, err = r.checkAccount(ctx, id)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (r *Registry) checkAccount(ctx context.Context, id string) ([]Violation, error) {
	t, err := r.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer t.Rollback() //nolint:errcheck // it only read
	tx := &Tx{Tx: t, ctx: ctx, r: r}
	if err := tx.lock(Touch{Accounts: []string{id}}); err != nil {
		return nil, err
	}
	facts, err := factsOf(ctx, tx, []string{id}, tx.At)
	if err != nil {
		return nil, err
	}
	var should, is []string
	for _, g := range policies.Decide(tx.Programs, facts, id, tx.At).Held {
		should = append(should, g.Site+"/"+g.Role+"/"+g.Leaf)
	}
	if err := tx.SelectContext(ctx, &is, `select site_id || '/' || role || '/' || leaf from access_grant
		where account_id = $1 and ended_at is null and from_at <= $2 and until_at > $2`, id, tx.At); err != nil {
		return nil, err
	}
	slices.Sort(should)
	slices.Sort(is)
	var out []Violation
	for _, g := range is {
		if !slices.Contains(should, g) {
			out = append(out, Violation{"I2", fmt.Sprintf("account %s holds %s and no facts say so", id, g)})
		}
	}
	for _, g := range should {
		if !slices.Contains(is, g) {
			out = append(out, Violation{"I2", fmt.Sprintf("account %s should hold %s and does not", id, g)})
		}
	}
	return out, nil
}

// checkEvents verifies every event's signature, its columns against its body,
// and the private data against their commitment.
func (r *Registry) checkEvents(ctx context.Context) ([]Violation, error) {
	rows, err := r.db.QueryxContext(ctx, `select e.seq, e.act_id, e.entity, e.entity_id, e.version, e.kind, e.body, e.commitment, e.key_id, e.sig, p.salt, p.data,
		a.at, coalesce(a.actor::text, '') as actor, coalesce(a.for_actor::text, '') as for_actor
		from event e join act a on a.id = e.act_id left join event_private p on p.seq = e.seq order by e.seq`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	public := r.keys.Public()
	var out []Violation
	for rows.Next() {
		var e eventRow
		if err := rows.StructScan(&e); err != nil {
			return nil, err
		}
		if what := e.fault(r.keys, public); what != "" {
			out = append(out, Violation{"I3", fmt.Sprintf("event %d: %s", e.Seq, what)})
		}
	}
	return out, rows.Err()
}

type eventRow struct {
	Seq                   int64
	Act                   string `db:"act_id"`
	Entity                string
	EntityID              string `db:"entity_id"`
	Version               int64
	Kind                  string
	Body, Commitment, Sig []byte
	KeyID                 string `db:"key_id"`
	Salt, Data            []byte
	At                    time.Time // of the act, as are these
	Actor                 string
	ForActor              string `db:"for_actor"`
}

func (e eventRow) fault(keys *Keys, public map[string]ed25519.PublicKey) string {
	key, ok := public[e.KeyID]
	if !ok {
		return "signed with a key that is not known: " + e.KeyID
	}
	if !ed25519.Verify(key, append([]byte(eventPrefix), e.Body...), e.Sig) {
		return "the signature does not fit"
	}
	var b Body
	if err := json.Unmarshal(e.Body, &b); err != nil {
		return "the body does not read"
	}
	if b.Act != e.Act || b.Entity != e.Entity || b.ID != e.EntityID || b.Version != e.Version || b.Kind != e.Kind || b.Commitment != hex.EncodeToString(e.Commitment) {
		return "a column differs from what was signed"
	}
	if !b.At.Equal(e.At) || b.Actor != e.Actor || b.ForActor != e.ForActor {
		return "its act differs from what was signed"
	}
	if e.Salt == nil {
		return "" // erased, or never there
	}
	private, err := keys.Unseal(e.Data, "event:"+e.Entity+":"+e.EntityID)
	if err != nil {
		return "the private data do not open"
	}
	mac := hmac.New(sha256.New, e.Salt)
	mac.Write(private)
	if !bytes.Equal(mac.Sum(nil), e.Commitment) {
		return "the private data are not those that were committed to"
	}
	return ""
}

// checkVersions demands one event for every version of every entity, and no event
// of an entity that is not there.
func (r *Registry) checkVersions(ctx context.Context) ([]Violation, error) {
	var what []string
	err := r.db.SelectContext(ctx, &what, `
		with rows as (
			select 'account' as entity, id::text, version from account union all select 'site', id::text, version from site
			union all select 'request', id::text, version from request union all select 'grant', id::text, version from access_grant
			union all select 'invitation', id::text, version from invitation union all select 'application', client_id, version from application
			union all select 'brake', id::text, version from brake
			union all select 'drift', id::text, version from drift union all select 'realm-mode', 'realm', version from realm_mode
			union all select 'program', program, max(n) from program_version group by program
			union all select 'batch', id::text, version from import_batch
			union all select 'adoption', id::text, version from adoption
			union all select kind, id::text, case when ended_at is null then 1 else 2 end from fact)
		select entity || ' ' || id || ' is at version ' || version || ' and has events 1 to ' || last || ', ' || n || ' of them'
		from (select coalesce(rows.entity, e.entity) as entity, coalesce(rows.id, e.entity_id) as id, coalesce(rows.version, 0) as version,
			coalesce(max(e.version), 0) as last, count(e.seq) as n
			from rows full join event e on e.entity = rows.entity and e.entity_id = rows.id group by 1, 2, 3) found
		where n <> version or last <> version`)
	out := make([]Violation, len(what))
	for i, w := range what {
		out[i] = Violation{"I3", w}
	}
	return out, err
}

// checkFacts demands that every fact still says what was signed when it was
// recorded, and when it was ended.
func (r *Registry) checkFacts(ctx context.Context) ([]Violation, error) {
	var out []Violation
	for _, kind := range []string{"join", "review", "signature", "mandate", "restriction", "standing", "adopted"} {
		has := `to_jsonb(f)`
		if kind == "standing" { // of what is hidden, digests are signed
			has += ` || jsonb_build_object('number_hash', encode(sha256(number_hash), 'hex'), 'number_sealed', encode(sha256(number_sealed), 'hex'))`
		}
		var ids []string
		if err := r.db.SelectContext(ctx, &ids, `select f.id from fact_`+kind+` f
			join event e on e.entity = $1 and e.entity_id = f.id::text and e.version = 1 join act a on a.id = e.act_id
			left join event ending on ending.entity = $1 and ending.entity_id = f.id::text and ending.version = 2
			cross join lateral (select convert_from(e.body, 'UTF8')::jsonb -> 'data' as d) b
			cross join lateral (select `+has+` as has, coalesce(d -> 'own', '{}') as own) o
			where coalesce(f.request_id::text, '') <> coalesce(d ->> 'request', '') or coalesce(f.account_id::text, '') <> coalesce(d ->> 'account', '')
				or coalesce(f.site_id::text, '') <> coalesce(d ->> 'site', '') or coalesce(f.role, '') <> coalesce(d ->> 'role', '')
				or f.from_at <> (d ->> 'from')::timestamptz or f.until_at <> coalesce((d ->> 'until')::timestamptz, 'infinity')
				or f.act_id <> a.id or f.recorded_at <> a.at
				or has || (own - 'shown_at' - 'signed_in_at') <> has -- moments are written otherwise there
				or (has ->> 'shown_at')::timestamptz is distinct from (own ->> 'shown_at')::timestamptz
				or (has ->> 'signed_in_at')::timestamptz is distinct from (own ->> 'signed_in_at')::timestamptz
				or f.end_act is distinct from ending.act_id
				or f.ended_at is distinct from (convert_from(ending.body, 'UTF8')::jsonb #>> '{data,ended}')::timestamptz`, kind); err != nil {
			return nil, err
		}
		for _, id := range ids {
			out = append(out, Violation{"I3", kind + " " + id + " is not what was signed"})
		}
	}
	return out, nil
}
