package registry

import (
	"bytes"
	"context"
)

// checkRequests demands that every request still asks what was signed when it was
// sent, and that its answers are those that were committed to then or when its
// signer was corrected; answers that were saved since then are a draft's.
func (r *Registry) checkRequests(ctx context.Context) ([]Violation, error) {
	var out []Violation
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `select q.id from request q
		cross join lateral (select convert_from(e.body, 'UTF8')::jsonb -> 'data' as d from event e
			where e.entity = 'request' and e.entity_id = q.id::text and e.kind = 'request.submitted' order by e.version desc limit 1) b
		where (q.digest, q.account_id::text, q.site_id::text, q.role, q.profession)
			is distinct from (d ->> 'digest', d ->> 'account', d ->> 'site', d ->> 'role', coalesce(d ->> 'profession', ''))`); err != nil {
		return nil, err
	}
	for _, id := range ids {
		out = append(out, Violation{"I3", "request " + id + " is not what was signed"})
	}
	var rows []struct {
		ID            string
		Answers, Data []byte
	}
	if err := r.db.SelectContext(ctx, &rows, `select q.id, q.answers, p.data from request q
		cross join lateral (select e.seq from event e where e.entity = 'request' and e.entity_id = q.id::text
			and e.kind in ('request.submitted', 'request.signer-corrected', 'request.saved') order by e.version desc limit 1) last
		join event_private p on p.seq = last.seq`); err != nil {
		return nil, err
	}
	for _, row := range rows {
		now, err := r.keys.Unseal(row.Answers, "request:"+row.ID)
		then, terr := r.keys.Unseal(row.Data, "event:request:"+row.ID)
		if err != nil || terr != nil || !bytes.Equal(now, then) {
			out = append(out, Violation{"I3", "request " + row.ID + " has answers that were not sent"})
		}
	}
	return out, nil
}
