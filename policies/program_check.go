package policies

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// check looks at what one place of program.yaml demands of another: above all
// that somebody can approve every role, and that nobody can approve a chain.
func (r programReader) check() {
	for _, role := range r.p.Roles {
		if role.Code == "site" {
			r.fault(r.at[role.Code], "a role cannot be named \"site\": its form's texts would be the site form's")
		}
		r.checkDecided(role)
		r.checkAuthorizer(role)
		r.checkBound(r.at[role.Code], role.Form, boundForRole(role))
	}
	for _, name := range sortedKeys(r.forms) {
		if _, ok := r.p.Role(name); ok || name == "site" {
			r.fault(nil, "form %q has the name of a role, or \"site\": their texts would share keys", name)
		}
	}
	r.checkSites()
}

// checkDecided refuses a role that a person could give to themself, and one that
// nobody could ever approve.
func (r programReader) checkDecided(role Role) {
	decided := false
	for _, n := range role.Needs {
		switch {
		case n.Kind == NeedInvited:
			decided = true
		case n.Kind == NeedDeclare:
			r.fault(r.at[role.Code], "declare is a need of sites: a role's holder attests")
		case n.Kind != NeedApprove:
		case n.By == ByRegistrar:
			decided = true
		case n.By == BySecondRegistrar:
			r.fault(r.at[role.Code], "a second registrar is for sites")
		case n.By == ByGroupAdministrator && n.Else == "" && (role.Can(Administer) || !r.any(Administer)):
			r.fault(r.at[role.Code], "nobody can approve role %q: it needs a group administrator before there is one, and has no else", role.Code)
			decided = true // said already
		case n.By == ByAuthorizer && !r.any(Authorize):
			r.fault(r.at[role.Code], "nobody can approve role %q: no role may authorize", role.Code)
			decided = true
		default:
			decided = true
		}
	}
	if !decided {
		r.fault(r.at[role.Code], "nobody approves role %q: it needs an approve or an invitation", role.Code)
	}
	keys := map[string]bool{}
	for _, n := range role.Needs {
		if keys[n.Key()] {
			r.fault(r.at[role.Code], "need %q is given twice", n.Key())
		}
		keys[n.Key()] = true
	}
}

// checkApprove refuses conditions that the rules do not look at, or that would
// let an approval fall away on which a site or an administrator rests (A10).
func (r programReader) checkApprove(at ast.Node, n Need) {
	switch {
	case n.By == "": // a word that is not known: said already
	case (n.Else != "" || n.MetBy != "") && n.By != ByGroupAdministrator:
		r.fault(at, "\"else\" and \"met-by\" are for a group administrator's approval")
	case n.When != "" && n.By != BySecondRegistrar:
		r.fault(at, "\"when\" is for a second registrar's approval")
	}
}

// checkAuthorizer keeps delegation one step deep (A09) and its cap in place (C23).
func (r programReader) checkAuthorizer(role Role) {
	byAuthorizer := role.NeedsAuthorizer()
	if role.AsHolder && !byAuthorizer {
		r.fault(r.at[role.Code], "role %q gives as-authorizer and so needs {approve: authorizer}", role.Code)
	}
	if role.Can(Authorize) && (byAuthorizer || role.AsHolder) {
		r.fault(r.at[role.Code], "role %q is authorized by others and so cannot authorize", role.Code)
	}
}

// boundForRole lists the bound names without which the role's needs could not
// be met.
func boundForRole(role Role) []string {
	var out []string
	for _, n := range role.Needs {
		switch {
		case n.Kind == NeedStanding:
			out = append(out, "standing.body", "standing.number", "standing.expires")
		case n.Kind == NeedApprove && n.By == ByAuthorizer:
			out = append(out, "authorizers")
		}
	}
	if len(role.Professions) > 1 {
		out = append(out, "person.profession")
	}
	return out
}

func (r programReader) checkSites() {
	s := r.p.Sites
	if s.Kind == "" {
		return
	}
	at := r.at["sites"]
	bound, keys := []string{"site.name"}, map[string]bool{}
	for _, n := range s.Needs {
		switch {
		case n.Kind == NeedDeclare:
			bound = append(bound, "declarant.email", "declarant.name")
		case n.Kind == NeedApprove && (n.By == ByRegistrar || n.By == BySecondRegistrar):
		default:
			r.fault(at, "a site cannot need %q: only declare, and approve by registrars", n.Key())
		}
		if keys[n.Key()] {
			r.fault(at, "need %q is given twice", n.Key())
		}
		keys[n.Key()] = true
	}
	if !keys["approve:"+string(ByRegistrar)] {
		r.fault(at, "nobody approves sites: {approve: registrar} is missing")
	}
	if s.AdministeredBy == "" {
		r.fault(at, "\"administered-by\" is missing: the role that the requester of a site takes")
	} else if role, _ := r.p.Role(s.AdministeredBy); !slices.ContainsFunc(role.Needs, func(n Need) bool {
		return n.Kind == NeedApprove && n.By == ByRegistrar
	}) {
		// The first administrator is not made by a peer (A10).
		r.fault(at, "role %q administers sites and so needs {approve: registrar}", s.AdministeredBy)
	}
	r.checkBound(at, s.Form, bound)
}

func (r programReader) checkBound(at ast.Node, form []Field, wanted []string) {
	for _, name := range wanted {
		if !slices.ContainsFunc(form, func(f Field) bool { return f.As == name }) {
			r.fault(at, "the form has no field bound to %q, which a need here asks for", name)
		}
	}
}

func (r programReader) any(c Capability) bool {
	return slices.ContainsFunc(r.p.Roles, func(role Role) bool { return role.Can(c) })
}
