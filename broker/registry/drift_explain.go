package registry

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// explains are the kinds of step from which each kind of change of ours may follow. A
// creation puts people into groups too, where it adopts who is there already.
var explains = map[string][]string{
	"joined":         {"join", "create"},
	"left":           {"leave"},
	"person-made":    {"create"},
	"person-removed": {"remove"},
	"person-changed": {"forget-factors"},
	"sessions-ended": {"consents", "end-sessions", "forget-factors"},
	"other":          {"setup", "forget-factors", "consents", "end-sessions", "create"},
}

// calls are the same for what belongs to no run of an account.
var calls = map[string]string{"person-changed": "language", "group-made": "site", "group-changed": "site", "other": "site"}

// once are the changes of which a step makes one: another is somebody else's.
var once = map[string]bool{"joined": true, "left": true, "person-made": true, "person-removed": true}

// An answer may be late, and two clocks differ.
const (
	clocksDiffer = 10 * time.Second
	madeUnseen   = 2 * time.Minute // until when the sub of somebody whom we made may not be recorded yet
)

// explain looks for the step from which a change of ours follows, by whom, what and
// when it was under way, and notes it. "alarm": there is none, and nothing is noted yet.
func explain(ctx context.Context, t *sqlx.Tx, issuer string, c RealmChange) (state string, err error) {
	var step struct {
		stepRow
		Kind string
	}
	err = t.GetContext(ctx, &step, `select s.target, s.rev, s.n, s.kind from step s
		where s.target in (select id from account where issuer = $1 and sub = $2 union all select id from drift where sub = $2 and $2 <> '')
			and s.kind = any($3) and (s.kind not in ('join','leave') or s.object = $4)
			and (s.kind <> 'create' or $8 <> 'joined' or exists (select 1 from access_grant g join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
				where g.account_id = s.target and rg.kc_id = $4 and g.ended_at is null))
			and s.sent_at is not null
			and (s.sent_wall between $5::timestamptz - interval '1 day' and $5::timestamptz + $6 * interval '1 second'
				or s.sent_wall is null and s.sent_at > instant() - interval '10 minutes')
			and (s.done_wall is null or s.outcome <> 'done' or s.done_wall >= $5::timestamptz - $6 * interval '1 second')
			and (not $7 or s.kind = 'create' and $8 = 'joined' or not exists (select 1 from realm_change c where c.target = s.target and c.rev = s.rev and c.n = s.n))
		order by abs(extract(epoch from coalesce(s.sent_wall, $5) - $5::timestamptz)) limit 1`,
		issuer, c.Sub, pq.Array(orEmpty(explains[c.Kind])), c.Group, c.At, clocksDiffer.Seconds(), once[c.Kind], c.Kind)
	if err == nil {
		by := &step.stepRow
		if !once[c.Kind] || step.Kind == "create" && c.Kind == "joined" {
			by = nil
		}
		_, err = noteChange(ctx, t, c, "explained", by)
		return "explained", err
	}
	if !isNoRows(err) {
		return "", err
	}
	state, err = explainedByCall(ctx, t, issuer, c)
	if err == nil && state != "alarm" {
		_, err = noteChange(ctx, t, c, state, nil)
	}
	return state, err
}

// explainedByCall looks for a call that belongs to no run of an account. Of somebody
// whom we make just now, the record does not have the sub yet: that is waited for. A
// binary of before this record of calls, which may serve beside us during an upgrade,
// notes none: of a site that was just opened and for which none is noted, it made the
// groups.
func explainedByCall(ctx context.Context, t *sqlx.Tx, issuer string, c RealmChange) (state string, err error) {
	err = t.GetContext(ctx, &state, `select case when exists (select 1 from realm_call k where k.kind = $1
				and k.sent_at <= $2::timestamptz + $3 * interval '1 second' and coalesce(k.done_at, 'infinity') >= $2::timestamptz - $3 * interval '1 second'
				and (k.kind <> 'language' or k.target in (select id from account where issuer = $4 and sub = $5))) then 'explained'
			when $1 = 'site' and exists (select 1 from site s, clock where s.opened_at is not null
				and $2::timestamptz between s.opened_at - shift - $3 * interval '1 second' and s.opened_at - shift + interval '10 minutes'
				and not exists (select 1 from realm_call k where k.kind = 'site' and k.target = s.id)) then 'explained'
			when $6 in ('person-made','joined','other') and clock_timestamp() - $2::timestamptz < $7 * interval '1 second'
				and not exists (select 1 from account where issuer = $4 and sub = $5)
				and exists (select 1 from step s join account a on a.id = s.target where s.kind = 'create' and s.sent_at is not null and a.sub is null and a.state = 'asked') then 'waiting'
			else 'alarm' end`, calls[c.Kind], c.At, clocksDiffer.Seconds(), issuer, c.Sub, c.Kind, madeUnseen.Seconds())
	return state, err
}
