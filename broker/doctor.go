package broker

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// The states of a finding.
const (
	Fine    = "ok"
	Warning = "warning" // it works, and is not as it should be
	Bad     = "fault"   // something does not work, or is not safe
)

// Finding is one line of what Doctor says.
type Finding struct {
	Area   string `json:"area"` // what was looked at: configuration, keys, database, …
	State  string `json:"state"`
	What   string `json:"what"`
	Advice string `json:"advice,omitempty"` // what to do; empty where nothing is to be done
}

// Doctor looks at everything that the product stands on and tells each finding as
// it goes, the configuration first and people last. It changes nothing and sends
// no mail. What depends on a part that does not answer is left out. found is what
// is wrong with the configuration.
func Doctor(ctx context.Context, c Config, found Faults, tell func(Finding)) {
	d := &doctor{Config: c, tell: tell}
	d.configuration(found)
	d.folder()
	d.database(ctx)
	if d.reg != nil {
		defer d.reg.Close()
	}
	d.keycloak(ctx)
	d.mail(ctx)
	d.portal(ctx)
	if d.ready {
		d.people(ctx)
	}
}

// doctor is one look. What one part finds out, a later one uses.
type doctor struct {
	Config
	tell  func(Finding)
	area  string
	keys  *registry.Keys
	reg   *registry.Registry // nil where the database does not answer
	ready bool               // it has a schema
}

func (d *doctor) ok(what string, args ...any) {
	d.tell(Finding{d.area, Fine, fmt.Sprintf(what, args...), ""})
}

func (d *doctor) warn(advice, what string, args ...any) {
	d.tell(Finding{d.area, Warning, fmt.Sprintf(what, args...), advice})
}

func (d *doctor) fault(advice, what string, args ...any) {
	d.tell(Finding{d.area, Bad, fmt.Sprintf(what, args...), advice})
}

func (d *doctor) configuration(found Faults) {
	d.area = "configuration"
	for _, f := range found {
		d.fault(f.Advice, "%s: %s", f.Setting, f.What)
	}
	if len(found) == 0 {
		d.ok("every value reads, and none contradicts another")
	}
}

// folder looks at the keys: all uses are there, and nobody else may read them.
func (d *doctor) folder() {
	d.area = "keys"
	var err error
	if d.keys, err = registry.OpenKeys(os.DirFS(d.Keys)); err != nil {
		d.fault("bring the folder back from its backup; for a new record, countersign keys "+d.Keys+" makes it", "%v", err)
		return
	}
	d.ok("signing, sealing and pepper are in %s", d.Keys)
	var open []string
	err = filepath.WalkDir(d.Keys, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			open = append(open, fmt.Sprintf("%s (%s)", path, info.Mode().Perm()))
		}
		return err
	})
	switch {
	case err != nil:
		d.fault("let the product's user read the folder", "%v", err)
	case len(open) > 0:
		d.warn("chmod -R go= "+d.Keys, "others than the owner may use %s", strings.Join(open, ", "))
	default:
		d.ok("nobody but the owner may read them")
	}
}

// database looks at the connection, the role, the schema and the clocks.
func (d *doctor) database(ctx context.Context) {
	d.area = "database"
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	reg, err := registry.Open(limited, string(d.Database), d.keys, d.Issuer())
	if err != nil {
		d.fault("see that PostgreSQL runs and that DATABASE_URL names it, the role countersign_app and its password", "%v", err)
		return
	}
	d.reg = reg
	have, want, err := reg.SchemaVersion(limited)
	switch {
	case err != nil:
		d.fault("countersign migrate, as the database's owner", "there is no schema that this role may read: %v", err)
		return
	case have < want:
		d.fault("countersign migrate, as the database's owner; it may run beside a product that serves", "the schema is at version %d, this program needs %d", have, want)
		return
	case have > want:
		d.warn("upgrade this program too", "the schema is at version %d, this program knows %d", have, want)
	default:
		d.ok("the schema is at version %d, as it should be", have)
	}
	d.ready = true
	d.role(limited)
	d.clock(limited)
}

func (d *doctor) role(ctx context.Context) {
	c, err := d.reg.Checkup(ctx)
	if err != nil {
		d.fault("countersign migrate, as the database's owner, gives the role its rights", "%v", err)
		return
	}
	version, _, _ := strings.Cut(c.Version, " ")
	d.ok("PostgreSQL %s answers", version)
	switch {
	case c.Owner:
		d.fault("give DATABASE_URL the role countersign_app; the owner's is for countersign migrate", "the role %s owns the record: it could change what was signed", c.Role)
	case c.Rewrites:
		d.fault("revoke update, delete on event from "+c.Role, "the role %s may change or delete events", c.Role)
	default:
		d.ok("the role %s owns nothing, and can neither change nor delete what was signed", c.Role)
	}
	if skew := c.Skew.Round(time.Millisecond); skew.Abs() > time.Second {
		d.warn("let both machines follow a time server (chrony, systemd-timesyncd)", "the database's clock is %s from this machine's", skew)
	} else {
		d.ok("the database's clock is %s from this machine's", skew)
	}
}

func (d *doctor) clock(ctx context.Context) {
	shift, err := d.reg.Shift(ctx)
	switch {
	case err != nil:
		d.fault("countersign migrate, as the database's owner", "%v", err)
	case shift != 0 && !d.Demo:
		d.fault("this record was used for tests or a demo (countersign clock): begin with another database; a clock is never moved back", "the record's clock is %s ahead of the machine's, and serve refuses it", shift)
	default:
		d.ok("the record's clock is the machine's")
	}
	if d.keys == nil {
		return
	}
	missing, err := d.reg.MissingKeys(ctx)
	switch {
	case err != nil:
		d.fault("see the database's log", "%v", err)
	case len(missing) > 0:
		d.fault("bring these files back from the backup of the keys", "the record was signed or sealed with %s, which the folder of keys lacks", strings.Join(missing, ", "))
	default:
		d.ok("every key that the record names is there")
	}
}

// people looks at who decides, and at what waits.
func (d *doctor) people(ctx context.Context) {
	d.area = "people and work"
	count, err := d.reg.Registrars(ctx)
	if err != nil {
		d.fault("see the database's log", "%v", err)
		return
	}
	if count[policies.OperatorProgram] == 0 {
		d.warn("countersign access bootstrap EMAIL invites the first one; an invitation sent already waits to be accepted", "there is no registrar")
	} else {
		d.ok("%d registrar(s) of the operator program", count[policies.OperatorProgram])
	}
	b, err := d.reg.Backlog(ctx)
	if err != nil {
		d.fault("see the database's log", "%v", err)
		return
	}
	for _, w := range b.Waiting {
		if age := time.Duration(w.Oldest * float64(time.Second)).Round(time.Second); age > 5*time.Minute {
			d.warn("see that serve runs, and what its log says of this lane", "%d waiting in the lane %s, the oldest for %s", w.N, w.Kind, age)
		} else {
			d.ok("%d waiting in the lane %s", w.N, w.Kind)
		}
	}
	if b.Refused > 0 {
		d.warn("see the log for the mail server's answers", "%d messages that no mail server took", b.Refused)
	}
}
