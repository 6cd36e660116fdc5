package policies

import "time"

// Programs are the programs in force, by id.
type Programs map[string]*Program

// OperatorProgram is the id of the program by which operators hold their own
// access; each other program is one of its sites, under its own id as code.
const OperatorProgram = "operator"

// Program is one registration scheme, loaded from a folder of data.
type Program struct {
	ID           string
	Version      int    // n of program_version, set by whoever read it from there
	Digest       string // hex SHA-256 over the folder's files, names included
	TimeZone     string // IANA name; dates of this program become instants in it
	Sites        SiteRules
	Entitlements []string
	Professions  []Profession
	Roles        []Role // in the order in which they are shown
	Acts         map[ActKind]Proof
	Agreements   map[string]Agreement
	Texts        map[string]map[string]string // language → key → text
	Source       []byte                       // what was loaded, as stored in program_version
}

// SiteRules say how a site comes to be.
type SiteRules struct {
	Kind           string // the word for it: worksite, clinic
	Form           []Field
	Needs          []Need
	AdministeredBy string // the role that the requester of a site takes; its role has may: administer
	Least, Wanted  int    // administrators
}

// Profession is one that people of this program may have.
type Profession struct {
	Code      string
	Regulated bool     // needs standing: body, number, expiry
	Bodies    []string // the regulating bodies to choose from
}

// Role is what a person may hold at a site.
type Role struct {
	Code        string
	Professions []string // who may ask for it; empty: anyone
	Form        []Field
	Needs       []Need
	Gives       []string // entitlement codes
	AsHolder    bool     // gives: as-authorizer — the entitlements that a live authorizer holds there now
	May         []Capability
	Entry       Entry
	SignIn      Strength // the least sign-in of whoever holds it
	Welcome     bool     // its holder gets the welcome package when the realm has the access (C24)
}

// Capability is what holding a role lets a person do in the product.
type Capability string

// The capabilities. Review, support, audit and secure are held at operator sites.
const (
	Administer Capability = "administer" // a site's members: confirm, deactivate, name a second administrator
	Authorize  Capability = "authorize"  // let another act on one's behalf
	Registrar  Capability = "review"     // the operator's reviewer
	Support    Capability = "support"
	Audit      Capability = "audit"
	Secure     Capability = "secure"
)

// Entry says how one comes to ask for a role.
type Entry string

// The entries.
const (
	EntryOpen       Entry = "open"       // anyone signed in may ask
	EntryInvitation Entry = "invitation" // only by an invitation
)

// NeedKind is one word of the vocabulary of needs.
type NeedKind string

// The kinds of need.
const (
	NeedAttest   NeedKind = "attest"   // the person signs an agreement
	NeedDeclare  NeedKind = "declare"  // somebody signs for the site
	NeedApprove  NeedKind = "approve"  // somebody's review
	NeedStanding NeedKind = "standing" // body, number and expiry, checked by a registrar
	NeedInvited  NeedKind = "invited"  // a used invitation that names this request
)

// Approver is who may meet an approve need.
type Approver string

// The approvers.
const (
	ByRegistrar          Approver = "registrar"
	BySecondRegistrar    Approver = "second-registrar" // one who has not reviewed the same request
	ByGroupAdministrator Approver = "group-administrator"
	ByAuthorizer         Approver = "authorizer" // met by a live mandate, not by a review alone
	BySigningAuthority   Approver = "signing-authority"
	BySubject            Approver = "subject"      // the person themself: who signs an attestation
	BySupport            Approver = "support"      // sees, decides nothing
	BySecurity           Approver = "secure"       // sees the realm; of the operators, keeps it
	ByAuditor            Approver = "audit"        // sees, decides nothing
	ByCommandLine        Approver = "command-line" // whoever runs the server; decides nothing
)

// Need is what must hold before a grant, or before a site opens.
type Need struct {
	Kind      NeedKind
	Agreement string        // attest, declare
	By        Approver      // declare, approve
	Else      Approver      // when every eligible approver is the subject, or nobody is
	Per       string        // attest: "person" (default) or "site"
	For       time.Duration // attest: how long a signature counts; 0 for ever
	When      string        // "" always; "signer-is-requester" for a site's second registrar
	MetBy     string        // "" or "declaration": somebody else's declaration that names the subject
}

// Key names the need within its role or site rules, such as "approve:registrar"
// or "attest:direct-care-only". Reviews and signatures refer to it.
func (n Need) Key() string {
	switch n.Kind {
	case NeedAttest, NeedDeclare:
		return string(n.Kind) + ":" + n.Agreement
	case NeedApprove:
		return string(n.Kind) + ":" + string(n.By)
	default:
		return string(n.Kind)
	}
}

// Field is one question of a form.
type Field struct {
	Name     string // unique within its form
	Kind     string // text, email, phone, address-line, city, province, postal-code, choice, checkbox, notes, date, name, number, authorizers, profession, licence-body, licence-number
	As       string // bound fields of the engine: site.name, site.city, declarant.email, declarant.name, declarant.self, person.profession, standing.body, standing.number, standing.expires, authorizers. Where declarant.self is answered with "self", the requester signs
	Required bool
	Options  []string // of a choice
	Confirms string   // the earlier field whose answer this one must repeat (A11)
	Max      int      // characters; 0 for the kind's own limit
	When     *Cond    // shown and required only then
}

// Cond makes a field depend on an earlier one of the same form.
type Cond struct {
	Field string
	Is    []string
}

// Agreement is one text that people sign, in all its versions.
type Agreement struct {
	Name     string
	Versions []AgreementVersion // by number, ascending
}

// AgreementVersion is one version of an agreement in all its languages.
type AgreementVersion struct {
	Number   int
	From     time.Time     // effective
	Material bool          // asks again, with Grace, those who signed an earlier one
	Grace    time.Duration // from From
	Sample   bool          // a shipped text that no registrar has adopted
	Texts    map[string]AgreementText
}

// AgreementText is one language's text: Markdown, and its digest.
type AgreementText struct {
	Markdown string
	Digest   string // hex SHA-256 of the Markdown bytes
}

// Role finds a role by its code.
func (p *Program) Role(code string) (Role, bool) {
	for _, r := range p.Roles {
		if r.Code == code {
			return r, true
		}
	}
	return Role{}, false
}

// Can tells whether holding the role gives the capability.
func (r Role) Can(c Capability) bool {
	for _, m := range r.May {
		if m == c {
			return true
		}
	}
	return false
}

// ProfessionOf is the profession of who asks for the role: the answer to its
// form, or the only one that the role admits.
func (r Role) ProfessionOf(answer string) string {
	if answer == "" && len(r.Professions) == 1 {
		return r.Professions[0]
	}
	return answer
}

// Profession finds a profession by its code.
func (p *Program) Profession(code string) (Profession, bool) {
	for _, pr := range p.Professions {
		if pr.Code == code {
			return pr, true
		}
	}
	return Profession{}, false
}

// NeedsAuthorizer tells whether somebody must let its holder act for them, whatever
// the role then gives: as-authorizer, or what is its own.
func (r Role) NeedsAuthorizer() bool {
	for _, n := range r.Needs {
		if n.Kind == NeedApprove && n.By == ByAuthorizer {
			return true
		}
	}
	return false
}
