package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/policies"
	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

const applies = "countersign realm apply makes it so"

// keycloak looks at the realm: who it is, what time it is there, whether it is as
// realm apply makes it, who may do what, and what applications are told.
func (d *doctor) keycloak(ctx context.Context) {
	d.area = "realm"
	programs, err := d.programs(ctx)
	if err != nil {
		d.fault("see the database's log", "programs: %v", err)
		return
	}
	directory := d.directory(nil)
	look, err := directory.Inspect(d.RealmSpec(programs))
	if err != nil {
		d.fault("this program is not whole: build it again", "%v", err)
		return
	}
	if !d.discovery(ctx, look) || !d.rights(ctx, look) {
		return
	}
	d.server(ctx, look)
	d.capabilities(ctx, look)
	d.area = "realm"
	d.settings(ctx, look)
	d.proof(ctx, directory)
	d.followed(ctx, directory)
	d.area = "sign-in"
	d.signIn(ctx, look)
	d.area = "secrets"
	for _, id := range []string{d.PortalID, d.WriterID, d.ReaderID} {
		d.secret(ctx, look, id)
	}
	if d.ready {
		d.area = "applications"
		d.applications(ctx, look, programs)
	}
}

// programs are those in force, or the built-in ones where none is known.
func (d *doctor) programs(ctx context.Context) (policies.Programs, error) {
	if d.ready {
		if ps, err := d.reg.Programs(ctx); err != nil || len(ps) > 0 {
			return ps, err
		}
	}
	return policies.Builtin()
}

func (d *doctor) discovery(ctx context.Context, look *keycloak.Inspection) bool {
	issuer, skew, err := look.Discovery(ctx)
	switch {
	case errors.Is(err, provisioning.ErrNotFound):
		d.fault("countersign realm apply makes it; or see COUNTERSIGN_REALM", "Keycloak has no realm %s", d.Realm)
		return false
	case err != nil:
		d.fault("see that Keycloak runs, and that COUNTERSIGN_KEYCLOAK_URL is where this machine and people reach it", "Keycloak does not answer: %v", err)
		return false
	case issuer != d.Issuer():
		d.fault("make KC_HOSTNAME and COUNTERSIGN_KEYCLOAK_URL one address: tokens would be refused", "the realm calls itself %s, not %s", issuer, d.Issuer())
	default:
		d.ok("it answers as %s", issuer)
	}
	if skew.Abs() > 2*time.Second {
		d.fault("let both machines follow a time server: sign-ins would be refused", "Keycloak's clock is %s from this machine's", skew)
	} else {
		d.ok("Keycloak's clock is the machine's, to the second")
	}
	return true
}

// server judges the version of Keycloak as far as it is known: the realm's own
// accounts are not shown it.
func (d *doctor) server(ctx context.Context, look *keycloak.Inspection) {
	d.area = "server"
	const newest = "production needs the newest patch of Keycloak"
	younger, err := look.Knows267(ctx)
	switch {
	case err != nil:
		d.fault("see that the reader has its rights", "%v", err)
		return
	case d.KeycloakVersion == "" && !younger:
		d.warn(newest+"; countersign doctor --keycloak-version says more", "Keycloak is older than 26.7: of those 26.5.6 was tested, in part, and what is older than %s is unsafe for passkeys", keycloak.SafePasskeys)
		return
	case d.KeycloakVersion == "":
		d.ok("Keycloak is 26.7 or later; which, it shows to administrators of master alone. The tests ran on %s, and %s", keycloak.TestedWhole, newest)
		return
	}
	remarks := keycloak.JudgeVersion(d.KeycloakVersion)
	for _, remark := range remarks {
		d.warn(newest, "%s", remark)
	}
	if len(remarks) == 0 {
		d.ok("Keycloak %s, on which all of this was tested; %s", d.KeycloakVersion, newest)
	}
}

// means is what each right lets the account do; without it, it cannot.
var means = map[string]string{
	"manage-users":  "make people, put them into groups and take them out, end sessions",
	"query-groups":  "find groups",
	"query-users":   "find people",
	"query-clients": "find clients",
	"view-users":    "see people and their groups",
	"view-events":   "see what was done in the realm",
	"view-realm":    "see the realm's settings and roles",
	"view-clients":  "see clients, and who holds their roles",
}

// rights says of writer and reader what each can do and should not, or should and
// cannot. It is false where the reader can see nothing: the rest would be guesses.
func (d *doctor) rights(ctx context.Context, look *keycloak.Inspection) (sees bool) {
	writer, reader := look.Needed()
	for _, a := range []struct {
		area, id, setting string
		want              []string
	}{{"writer", d.WriterID, "COUNTERSIGN_WRITER_SECRET", writer}, {"reader", d.ReaderID, "COUNTERSIGN_READER_SECRET", reader}} {
		d.area = a.area
		held, err := look.Rights(ctx, a.id)
		sees = err == nil
		if err != nil {
			d.fault("give "+a.setting+" what stands in the vault's file; a client that is not there, countersign realm apply makes", "Keycloak gives %s no token: %v", a.id, err)
			continue
		}
		for _, right := range a.want {
			switch {
			case slices.Contains(held, right):
				d.ok("it can %s (%s)", means[right], right)
			case d.Topology == keycloak.Shared && right == "view-events": // followed says what that means
				d.warn(applies+", once no replica of an older version runs", "it cannot %s: it lacks %s", means[right], right)
			default:
				d.fault(applies, "it cannot %s: it lacks %s", means[right], right)
			}
		}
		more := slices.DeleteFunc(slices.Clone(held), func(r string) bool { return slices.Contains(a.want, r) })
		if len(more) > 0 {
			d.fault(applies, "it can more than it should: %s", strings.Join(more, ", "))
		} else {
			d.ok("it can do nothing else in the admin API")
		}
	}
	return sees
}

// capabilities has Keycloak say what writer and reader can do and what not.
func (d *doctor) capabilities(ctx context.Context, look *keycloak.Inspection) {
	all, err := look.Capabilities(ctx)
	if err != nil {
		d.area = "reader"
		d.fault(applies, "what it and the writer can do could not be asked: %v", err)
	}
	for _, c := range all {
		if d.area = "writer"; c.Account == d.ReaderID {
			d.area = "reader"
		}
		switch {
		case errors.Is(c.Err, keycloak.ErrNobody): // a shared realm without a person of ours
			d.ok("not asked, since nobody of ours is there yet: %s", c.What)
		case c.Err != nil:
			d.fault("see Keycloak's log", "it said neither that it can nor that it cannot %s: %v", c.What, c.Err)
		case c.Rule == keycloak.Needs && !c.Can:
			d.fault(applies, "it cannot %s (%s)", c.What, c.How)
		case c.Rule == keycloak.Wants && !c.Can:
			d.warn(applies, "it cannot %s (%s)", c.What, c.How)
		case c.Rule == keycloak.MustNot && c.Can:
			d.fault("take that right from it in Keycloak's administration console", "it can %s (%s)", c.What, c.How)
		case c.Rule == keycloak.Residue && c.Can:
			d.ok("Keycloak would let it %s; this program has no such call (%s)", c.What, c.How)
		case c.Can:
			d.ok("it can %s (%s)", c.What, c.How)
		default:
			d.ok("it cannot %s (%s)", c.What, c.How)
		}
	}
}

// followed tells by what a change that somebody else makes in the realm is found.
func (d *doctor) followed(ctx context.Context, directory *keycloak.Directory) {
	_, err := directory.Changes(ctx, time.Now())
	switch {
	case errors.Is(err, provisioning.ErrUnrecorded):
		d.warn("turn on admin events there, and run countersign realm apply: until then only the full compare finds what others change", "%v", err)
	case err != nil:
		d.fault("see that the reader has its rights", "what others change could not be read: %v", err)
	default:
		d.ok("it records what is changed in it, and shows that to the reader")
	}
	if err := directory.Sentinel(ctx); err != nil {
		d.fault(applies+"; until then nothing is taken away on the strength of a list of the realm's", "%v", err)
	} else {
		d.ok("it shows the sentinel under %s", d.Root)
	}
}

// settings compares the realm with what realm apply would make it.
func (d *doctor) settings(ctx context.Context, look *keycloak.Inspection) {
	differ, err := look.Differences(ctx)
	for _, what := range differ {
		d.fault(applies, "not as it should be: %s", what)
	}
	switch {
	case err != nil:
		d.fault("see that the reader has its rights", "not all of it could be compared: %v", err)
	case len(differ) == 0:
		d.ok("settings, user profile, clients, scopes, mappers, groups and rights are as realm apply makes them")
	}
}

// proof is the one without which serve does not start.
func (d *doctor) proof(ctx context.Context, directory *keycloak.Directory) {
	err := directory.Prove(ctx)
	var unsafe *keycloak.UnsafeRealmError
	switch {
	case errors.As(err, &unsafe):
		for _, f := range unsafe.Findings {
			d.fault("take that away in Keycloak's administration console: serve refuses to start", "%s", f)
		}
	case err != nil:
		d.fault("see that the reader has its rights", "the start proof did not go through: %v", err)
	default:
		d.ok("nothing but the two service accounts can administer it")
	}
}

// signIn looks at the portal's client as a browser meets it.
func (d *doctor) signIn(ctx context.Context, look *keycloak.Inspection) {
	uri := d.at("/callback")
	uris, err := look.RedirectURIs(ctx, d.PortalID)
	switch {
	case err != nil:
		d.fault(applies, "%v", err)
		return
	case !slices.Contains(uris, uri):
		d.fault(applies+"; or see COUNTERSIGN_PUBLIC_URL", "the portal's redirect URI %s is not registered, but %s", uri, strings.Join(uris, ", "))
		return
	}
	theme, err := look.SignInPage(ctx, uri)
	if err != nil {
		d.fault(applies, "people cannot sign in: %v", err)
		return
	}
	d.ok("Keycloak shows its sign-in page for %s", uri)
	if wanted, err := look.LoginTheme(ctx); err == nil && wanted != "" && theme != wanted {
		d.warn("put keycloak-realm's theme where Keycloak looks for it (keycloak-realm/README.md)", "the realm asks for the theme %s, the page has %q", wanted, theme)
	}
	if works, err := look.SecretWorks(ctx, d.PortalID, string(d.PortalSecret)); err != nil || !works {
		d.fault("give COUNTERSIGN_PORTAL_SECRET what stands in the vault's file", "Keycloak does not take the portal's secret")
	} else {
		d.ok("Keycloak takes the portal's secret")
	}
}

// secret looks at where the realm keeps a client's secret.
func (d *doctor) secret(ctx context.Context, look *keycloak.Inspection, id string) {
	err := look.SecretKept(ctx, id)
	switch {
	case errors.Is(err, keycloak.ErrPlainSecret):
		d.warn(`keep it in the vault (keycloak-realm/README.md, "Secrets")`, "%s: %v", id, err)
	case err != nil:
		d.fault(`build Keycloak as keycloak-realm/README.md says, "Secrets"`, "%s: %v", id, err)
	default:
		d.ok("%s: in the vault, and shown to nobody", id)
	}
}

// applications compares what the record knows of each with its client.
func (d *doctor) applications(ctx context.Context, look *keycloak.Inspection, programs policies.Programs) {
	all, err := d.reg.Applications(ctx)
	if err != nil {
		d.fault("see the database's log", "%v", err)
		return
	}
	for _, a := range all {
		again := fmt.Sprintf("countersign app add %s with its options makes it so", a.ClientID)
		if a.Leaving != nil {
			d.warn("countersign app remove "+a.ClientID, "%s: its removal was cut short", a.ClientID)
			continue
		}
		differ, err := look.Application(ctx, keycloak.App{ClientID: a.ClientID, Programs: a.Programs, LogoutURL: a.LogoutURL, LeastACR: programs.LeastACR(a.Programs)})
		for _, what := range differ {
			d.fault(again, "%s: not as it should be: %s", a.ClientID, strings.TrimPrefix(what, "client "+a.ClientID+": "))
		}
		switch {
		case err != nil:
			d.fault(again, "%s: %v", a.ClientID, err)
		case len(differ) == 0:
			d.ok("%s sees %s, and is told when somebody signs out", a.ClientID, strings.Join(a.Programs, ", "))
		}
		d.secret(ctx, look, a.ClientID)
	}
	if len(all) == 0 {
		d.ok("there is none yet")
	}
}
