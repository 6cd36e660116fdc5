package policies

import (
	"slices"
	"time"
	_ "time/tzdata" // a program names its time zone; the machine may have no zone files

	"github.com/goccy/go-yaml/ast"
)

// The closed vocabulary of program.yaml.
var (
	fieldKinds = []string{
		"text", "email", "phone", "address-line", "city", "province", "postal-code", "choice", "checkbox", "notes",
		"date", "name", "number", "authorizers", "profession", "licence-body", "licence-number",
	}
	boundNames = []string{
		"site.name", "site.city", "declarant.email", "declarant.name", "declarant.self",
		"person.profession", "standing.body", "standing.number", "standing.expires", "authorizers",
	}
	capabilities = []string{string(Administer), string(Authorize), string(Registrar), string(Support), string(Audit), string(Secure)}
	approvers    = []string{string(ByRegistrar), string(BySecondRegistrar), string(ByGroupAdministrator), string(ByAuthorizer)}
	needKinds    = []string{string(NeedAttest), string(NeedDeclare), string(NeedApprove), string(NeedStanding), string(NeedInvited)}
)

const asAuthorizer = "as-authorizer"

// programReader reads program.yaml from what others refer to towards what
// refers: agreements, professions and forms before roles.
type programReader struct {
	reader
	p      *Program
	forms  map[string][]Field
	formOf map[string]string   // role → the name of its form
	at     map[string]ast.Node // where a role, or "sites", is written
	bodies []string
}

// readProgram gives the program without its texts, and the form of each role by
// name: texts are written once for a form that several roles share.
func readProgram(r reader, content string) (*Program, map[string]string) {
	p := &Program{Agreements: map[string]Agreement{}, Texts: map[string]map[string]string{}}
	root := r.parse([]byte(content))
	if root == nil {
		return p, nil
	}
	m := r.object(root, "program", "time-zone", "entitlements", "agreements", "bodies", "professions", "forms", "sites", "roles", "acts")
	for _, key := range []string{"program", "time-zone", "roles"} {
		if m[key] == nil {
			r.fault(root, "%q is missing", key)
		}
	}
	pr := programReader{reader: r, p: p, forms: map[string][]Field{}, formOf: map[string]string{}, at: map[string]ast.Node{"sites": m["sites"]}}
	p.ID = r.code(m["program"])
	pr.readAgreements(m["agreements"], pr.zone(m["time-zone"]))
	p.Entitlements, pr.bodies = r.codes(m["entitlements"]), r.codes(m["bodies"])
	pr.readProfessions(m["professions"])
	for _, e := range r.entries(m["forms"]) {
		r.checkCode(e.at, e.key)
		pr.forms[e.key] = pr.readForm(e.node)
	}
	pr.readRoles(m["roles"])
	pr.readSites(m["sites"])
	p.Acts = pr.readActs(m["acts"])
	pr.check()
	return p, pr.formOf
}

func (r programReader) zone(n ast.Node) *time.Location {
	r.p.TimeZone = r.text(n)
	zone, err := time.LoadLocation(r.p.TimeZone)
	// To the library "Local" is whatever machine this runs on, and "" is UTC.
	if err != nil || zone == time.Local || n != nil && r.p.TimeZone == "" {
		r.fault(n, "time zone %q is not known; an IANA name such as America/Vancouver is meant", r.p.TimeZone)
		return time.UTC
	}
	return zone
}

func (r programReader) readAgreements(n ast.Node, zone *time.Location) {
	for _, e := range r.entries(n) {
		r.checkCode(e.at, e.key)
		a := Agreement{Name: e.key}
		for _, item := range r.items(e.node) {
			m := r.object(item, "version", "from", "material", "grace", "sample")
			v := AgreementVersion{
				Number: r.count(m["version"]), From: r.day(m["from"], zone), Material: r.yes(m["material"]),
				Grace: r.span(m["grace"]), Sample: r.yes(m["sample"]), Texts: map[string]AgreementText{},
			}
			if v.Number != len(a.Versions)+1 {
				r.fault(item, "versions count from 1 upwards: %d was expected", len(a.Versions)+1)
			}
			if m["from"] == nil {
				r.fault(item, "\"from\" is missing: the date from which the version is effective")
			} else if k := len(a.Versions); k > 0 && v.From.Before(a.Versions[k-1].From) {
				r.fault(item, "a version cannot be effective before the one that it replaces")
			}
			a.Versions = append(a.Versions, v)
		}
		if len(a.Versions) == 0 {
			r.fault(e.at, "agreement %q has no version", e.key)
		}
		r.p.Agreements[e.key] = a
	}
}

func (r programReader) readProfessions(n ast.Node) {
	for _, e := range r.entries(n) {
		r.checkCode(e.at, e.key)
		m := r.object(e.node, "regulated", "bodies")
		p := Profession{Code: e.key, Regulated: r.yes(m["regulated"]), Bodies: r.eachOf(m["bodies"], "body", r.bodies)}
		if p.Regulated != (len(p.Bodies) > 0) {
			r.fault(e.at, "a regulated profession names its bodies, and only a regulated one does")
		}
		r.p.Professions = append(r.p.Professions, p)
	}
}

func (r programReader) readForm(n ast.Node) []Field {
	var form []Field
	for _, item := range r.items(n) {
		m := r.object(item, "name", "kind", "as", "required", "options", "confirms", "max", "when")
		f := Field{
			Name: r.code(m["name"]), Kind: r.oneOf(m["kind"], "kind of field", fieldKinds),
			As: r.oneOf(m["as"], "bound name", boundNames), Required: r.yes(m["required"]), Max: r.count(m["max"]),
			Confirms: r.oneOf(m["confirms"], "earlier field", names(form)), Options: r.codes(m["options"]),
		}
		if w := m["when"]; w != nil {
			f.When = r.readCond(w, form)
		}
		switch {
		case f.Name == "" || f.Kind == "":
			r.fault(item, "a field has a name and a kind")
		case slices.Contains(names(form), f.Name):
			r.fault(m["name"], "two fields of one form are named %q", f.Name)
		case (f.Kind == "choice") != (len(f.Options) > 0):
			r.fault(item, "a choice has options, and only a choice does")
		case f.As == "declarant.self" && !slices.Contains(f.Options, "self"):
			r.fault(item, "a field bound to declarant.self is a choice with an option \"self\"")
		case f.As != "" && slices.ContainsFunc(form, func(g Field) bool { return g.As == f.As }):
			r.fault(m["as"], "two fields of one form are bound to %q", f.As)
		}
		form = append(form, f)
	}
	return form
}

func (r programReader) readCond(n ast.Node, earlier []Field) *Cond {
	m := r.object(n, "field", "is")
	c := &Cond{Field: r.oneOf(m["field"], "earlier field", names(earlier))}
	values := []string{"yes", "no"}
	for _, f := range earlier {
		if f.Name == c.Field && f.Kind == "choice" {
			values = f.Options
		} else if f.Name == c.Field && f.Kind == "profession" {
			values = nil
			for _, p := range r.p.Professions {
				values = append(values, p.Code)
			}
		}
	}
	c.Is = r.eachOf(m["is"], "answer", values)
	if c.Field == "" || len(c.Is) == 0 {
		r.fault(n, "a condition names an earlier field and the answers that fulfil it")
	}
	return c
}

func (r programReader) readSites(n ast.Node) {
	if n == nil {
		return
	}
	m := r.object(n, "kind", "form", "needs", "administered-by", "administrators")
	s := &r.p.Sites
	s.Kind, s.Form = r.code(m["kind"]), r.readForm(m["form"])
	for _, item := range r.items(m["needs"]) {
		s.Needs = append(s.Needs, r.readNeed(item))
	}
	var codes []string
	for _, role := range r.p.Roles {
		if role.Can(Administer) {
			codes = append(codes, role.Code)
		}
	}
	s.AdministeredBy = r.oneOf(m["administered-by"], "role that may administer", codes)
	if a := m["administrators"]; a != nil {
		am := r.object(a, "least", "wanted")
		s.Least, s.Wanted = r.count(am["least"]), r.count(am["wanted"])
		if s.Wanted < s.Least {
			r.fault(a, "fewer administrators are wanted than the least number")
		}
	}
}

func (r programReader) readRoles(n ast.Node) {
	for _, e := range r.entries(n) {
		r.checkCode(e.at, e.key)
		r.at[e.key] = e.at
		if slices.Contains(r.p.Entitlements, e.key) {
			r.fault(e.at, "%q is an entitlement already; roles and entitlements share one name space", e.key)
		}
		m := r.object(e.node, "professions", "form", "needs", "gives", "may", "entry", "sign-in", "welcome")
		role := Role{Code: e.key, Welcome: r.yes(m["welcome"]), Entry: EntryOpen}
		var codes []string
		for _, p := range r.p.Professions {
			codes = append(codes, p.Code)
		}
		role.Professions = r.eachOf(m["professions"], "profession", codes)
		if f := m["form"]; f != nil {
			r.formOf[e.key] = r.oneOf(f, "form", sortedKeys(r.forms))
			role.Form = r.forms[r.formOf[e.key]]
		}
		for _, item := range r.items(m["needs"]) {
			role.Needs = append(role.Needs, r.readNeed(item))
		}
		if g, ok := m["gives"].(*ast.StringNode); ok {
			role.AsHolder = r.oneOf(g, "gift", []string{asAuthorizer}) == asAuthorizer
		} else {
			role.Gives = r.eachOf(m["gives"], "entitlement", r.p.Entitlements)
		}
		for _, c := range r.eachOf(m["may"], "capability", capabilities) {
			role.May = append(role.May, Capability(c))
		}
		if m["entry"] != nil {
			role.Entry = Entry(r.oneOf(m["entry"], "entry", []string{string(EntryOpen), string(EntryInvitation)}))
		}
		role.SignIn = r.strength(m["sign-in"])
		r.p.Roles = append(r.p.Roles, role)
	}
}

func (r programReader) strength(n ast.Node) Strength {
	return StrengthOf(r.oneOf(n, "strength of sign-in", strengths))
}

func (r programReader) readActs(n ast.Node) map[ActKind]Proof {
	out := map[ActKind]Proof{}
	for _, e := range r.entries(n) {
		kind := ActKind(r.oneOf(e.at, "act", []string{string(ToSign), string(ToDecide)}))
		m := r.object(e.node, "fresh", "sign-in")
		out[kind] = Proof{Strength: r.strength(m["sign-in"]), Fresh: r.span(m["fresh"])}
	}
	return out
}

// readNeed reads "standing", "invited" or a mapping whose first word is the kind.
func (r programReader) readNeed(n ast.Node) Need {
	if s, ok := n.(*ast.StringNode); ok {
		return Need{Kind: NeedKind(r.oneOf(s, "need", []string{string(NeedStanding), string(NeedInvited)}))}
	}
	es := r.entries(n)
	if len(es) == 0 {
		r.fault(n, "a need is empty")
		return Need{}
	}
	need := Need{Kind: NeedKind(r.oneOf(es[0].at, "need", needKinds))}
	kind := string(need.Kind)
	switch need.Kind {
	case NeedAttest:
		m := r.object(n, kind, "per", "for")
		need.Agreement, need.Per, need.For = r.agreement(m[kind]), "person", r.span(m["for"])
		if m["per"] != nil {
			need.Per = r.oneOf(m["per"], "per", []string{"person", "site"})
		}
	case NeedDeclare:
		m := r.object(n, kind, "by")
		need.Agreement = r.agreement(m[kind])
		need.By = Approver(r.oneOf(m["by"], "declarant", []string{string(BySigningAuthority)}))
	case NeedApprove:
		m := r.object(n, kind, "else", "when", "met-by")
		need.By = Approver(r.oneOf(m[kind], "approver", approvers))
		need.Else = Approver(r.oneOf(m["else"], "approver in place of another", []string{string(ByRegistrar)}))
		need.When = r.oneOf(m["when"], "condition", []string{"signer-is-requester"})
		need.MetBy = r.oneOf(m["met-by"], "other way", []string{"declaration"})
		r.checkApprove(n, need)
	case NeedStanding, NeedInvited:
		r.fault(n, "%q stands alone: write it without a value", kind)
	}
	return need
}

func (r programReader) agreement(n ast.Node) string {
	return r.oneOf(n, "agreement", sortedKeys(r.p.Agreements))
}

func names(form []Field) []string {
	var out []string
	for _, f := range form {
		out = append(out, f.Name)
	}
	return out
}
