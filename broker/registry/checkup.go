package registry

import (
	"context"
	"time"

	"countersign/policies"
)

// Checkup is what a doctor asks of the database about the role that we are in it.
type Checkup struct {
	Role     string
	Owner    bool          // it owns the record, or is a superuser
	Rewrites bool          // it may change or delete events
	Skew     time.Duration // by how much the database's clock is ahead of this machine's
	Version  string        // of PostgreSQL
}

// Checkup asks. The record must be there: SchemaVersion says whether it is.
func (r *Registry) Checkup(ctx context.Context) (c Checkup, err error) {
	var row struct {
		Checkup
		At time.Time
	}
	begun := time.Now()
	err = r.db.GetContext(ctx, &row, `select current_user as role, current_setting('server_version') as version, clock_timestamp() as at,
		(select rolsuper from pg_roles where rolname = current_user) or pg_has_role(current_user, (select relowner from pg_class where oid = 'event'::regclass), 'member') as owner,
		has_table_privilege('event', 'update') or has_table_privilege('event', 'delete') as rewrites`)
	took := time.Since(begun)
	row.Skew = row.At.Sub(begun.Add(took / 2))
	return row.Checkup, err
}

// MissingKeys names the keys that the record was signed or sealed with and that
// are not in the folder, as "sign.k1".
func (r *Registry) MissingKeys(ctx context.Context) (missing []string, err error) {
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `select distinct key_id from event order by 1`); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := r.keys.sign[id]; !ok {
			missing = append(missing, "sign."+id)
		}
	}
	ids = nil
	if err := r.db.SelectContext(ctx, &ids, `select distinct key_id from session union select key_id from sign_in
		union select convert_from(substr(answers, 2, get_byte(answers, 0)), 'UTF8') from request where length(answers) > 0 order by 1`); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if r.keys.seal[id] == nil {
			missing = append(missing, "seal."+id)
		}
	}
	return missing, nil
}

// Registrars counts who decides on each program's requests now.
func (r *Registry) Registrars(ctx context.Context) (map[string]int, error) {
	ps, err := r.Programs(ctx)
	if err != nil {
		return nil, err
	}
	at, err := r.Now(ctx)
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for id := range ps {
		found, err := operators(ctx, r.db, ps, id, policies.Registrar, at)
		if err != nil {
			return nil, err
		}
		count[id] = len(found)
	}
	return count, nil
}
