package policies

import (
	"slices"
	"testing"
	"time"
)

// A batch gives what a registrar may approve, to others than that registrar, and nothing
// that comes by invitation; of the needs it meets a registrar's own, and licences only
// where it says that they were looked up.
// proves: I2 attack A01 A08 A09
func TestMayImport(t *testing.T) {
	t.Parallel()
	ps, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	p, now := ps["careconnect"], time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	rosa := Actor{Account: "rosa", Holds: []Held{{Program: OperatorProgram, SiteCode: "careconnect", Role: "registrar"}}}
	support := Actor{Account: "sam", Holds: []Held{{Program: OperatorProgram, SiteCode: "careconnect", Role: "support"}}}
	other := Actor{Account: "ravi", Holds: []Held{{Program: OperatorProgram, SiteCode: "elsewhere", Role: "registrar"}}}
	open := Site{ID: "s", Program: "careconnect", OpenedAt: now.Add(-time.Hour)}
	ask := func(role string, authorizers ...string) Case {
		return Case{Program: p, Site: open, Authorizers: []string{"doc"}, Request: Request{Kind: JoinRequest, State: Draft, Account: "pia", Role: role, Authorizers: authorizers}}
	}
	with := func(c Case, change func(*Case)) Case { change(&c); return c }
	for _, c := range []struct {
		what       string
		actor      Actor
		c          Case
		profession string
		open       bool
		want       string
	}{
		{"a pharmacist", rosa, ask("pharmacist"), "", false, AsRegistrar},
		{"who acts for a physician", rosa, ask("on-behalf-of", "doc"), "office-manager", false, AsRegistrar},
		{"nobody's decision", Actor{}, ask("pharmacist"), "", false, NotRegistrar},
		{"support's", support, ask("pharmacist"), "", false, NotRegistrar},
		{"another program's registrar's", other, ask("pharmacist"), "", false, NotRegistrar},
		{"an administrator", rosa, ask("administrator"), "", false, ByInvitation},
		{"no role", rosa, ask("emperor"), "", false, RoleUnknown},
		{"oneself", rosa, with(ask("pharmacist"), func(c *Case) { c.Request.Account = "rosa" }), "", false, OwnRequest},
		{"a site that is not open", rosa, with(ask("pharmacist"), func(c *Case) { c.Site.OpenedAt = time.Time{} }), "", false, SiteNotOpen},
		{"a closed site", rosa, with(ask("pharmacist"), func(c *Case) { c.Site.ClosedAt = now }), "", false, SiteClosed},
		{"a foreign site", rosa, with(ask("pharmacist"), func(c *Case) { c.Site.Program = "elsewhere" }), "", false, SiteUnknown},
		{"operators", rosa, with(ask("support"), func(c *Case) { c.Program = ps[OperatorProgram] }), "", false, UnknownProgram},
		{"no program", rosa, with(ask("pharmacist"), func(c *Case) { c.Program = nil }), "", false, UnknownProgram},
		{"asked already", rosa, ask("pharmacist"), "", true, AlreadyOpen},
		{"another profession", rosa, ask("practitioner"), "pharmacist", false, ProfessionNotEligible},
		{"for nobody", rosa, ask("on-behalf-of"), "office-manager", false, AuthorizersMissing},
		{"for who cannot", rosa, ask("on-behalf-of", "kim"), "office-manager", false, AuthorizerUnfit},
		{"for oneself", rosa, ask("on-behalf-of", "pia"), "office-manager", false, AuthorizerUnfit},
	} {
		if got := MayImport(ps, c.actor, c.c, c.profession, c.open, now); got.OK != (c.want == AsRegistrar) || got.Reasons[0] != c.want {
			t.Errorf("%s: %+v, want %s", c.what, got, c.want)
		}
	}
	keys := func(role string, licences bool) (out []string) {
		r, _ := p.Role(role)
		for _, n := range r.MetByBatch(licences) {
			out = append(out, n.Key())
		}
		return out
	}
	for _, c := range []struct {
		role     string
		licences bool
		want     []string
	}{
		{"pharmacist", true, []string{"standing", "approve:group-administrator"}},
		{"pharmacist", false, []string{"approve:group-administrator"}},
		{"on-behalf-of", true, []string{"approve:group-administrator"}},
	} {
		if got := keys(c.role, c.licences); !slices.Equal(got, c.want) {
			t.Errorf("%s, licences %v: %v, want %v", c.role, c.licences, got, c.want)
		}
	}
}
