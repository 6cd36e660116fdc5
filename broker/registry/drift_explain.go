package registry

import (
	"context"
	"slices"
	"strings"
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

// explain looks for the steps from which changes of ours follow, by whom, what and when
// they were under way, and notes those that it explains.
func explain(ctx context.Context, t *sqlx.Tx, issuer string, changes []RealmChange) (explained map[string]bool, err error) {
	var ids, kinds, subs, groups, times, from []string
	var alone []bool
	for _, c := range changes {
		ids, kinds, subs, groups = append(ids, c.ID), append(kinds, c.Kind), append(subs, c.Sub), append(groups, c.Group)
		times, from, alone = append(times, c.At.Format(time.RFC3339Nano)), append(from, strings.Join(explains[c.Kind], " ")), append(alone, once[c.Kind])
	}
	var rows []struct {
		stepRow
		ID, Kind string
	}
	if err := t.SelectContext(ctx, &rows, `select c.id, s.target, s.rev, s.n, s.kind
		from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::bool[]) c (id, kind, sub, group_id, at, steps, once)
		cross join lateral (select s.target, s.rev, s.n, s.kind from step s
			where s.target in (select id from account where issuer = $1 and sub = c.sub union all select id from drift where sub = c.sub and c.sub <> '')
			and s.kind = any(string_to_array(c.steps, ' ')) and (s.kind not in ('join','leave') or s.object = c.group_id)
			and (s.kind <> 'create' or c.kind <> 'joined' or exists (select 1 from access_grant g join realm_group rg on rg.site_id = g.site_id and rg.leaf = g.leaf
				where g.account_id = s.target and rg.kc_id = c.group_id and g.ended_at is null))
			and s.sent_at is not null
			and (s.sent_wall between c.at - interval '1 day' and c.at + $9 * interval '1 second'
				or s.sent_wall is null and s.sent_at > (select instant()) - interval '10 minutes')
			and (s.done_wall is null or s.outcome <> 'done' or s.done_wall >= c.at - $9 * interval '1 second')
			and (not c.once or s.kind = 'create' and c.kind = 'joined' or not exists (select 1 from realm_change x where x.target = s.target and x.rev = s.rev and x.n = s.n))
			order by abs(extract(epoch from coalesce(s.sent_wall, c.at) - c.at)) limit 1) s`,
		issuer, pq.Array(ids), pq.Array(kinds), pq.Array(subs), pq.Array(groups), pq.Array(times), pq.Array(from), pq.Array(alone), clocksDiffer.Seconds()); err != nil {
		return nil, err
	}
	explained = map[string]bool{}
	taken := map[stepRow]bool{} // by another of these changes: what else explains this one is seen when it is looked at by itself
	for _, row := range rows {
		c := changes[slices.Index(ids, row.ID)]
		by := &row.stepRow
		if !once[c.Kind] || row.Kind == "create" && c.Kind == "joined" {
			by = nil
		}
		if by != nil && taken[*by] {
			continue
		}
		if _, err := noteChange(ctx, t, c, "explained", by); err != nil {
			return nil, err
		}
		explained[c.ID] = true
		if by != nil {
			taken[*by] = true
		}
	}
	return explained, nil
}

// explainAlone is explain of one change, which may also follow from a call that belongs to
// no run of an account. "alarm": it follows from nothing, and nothing is noted yet.
func explainAlone(ctx context.Context, t *sqlx.Tx, issuer string, c RealmChange) (state string, err error) {
	explained, err := explain(ctx, t, issuer, []RealmChange{c})
	if err != nil || explained[c.ID] {
		return "explained", err
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
