package bulk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/broker/locale"
	"countersign/policies"
)

// row takes a line apart and judges its cells as the portal's forms would.
func (f *File) row(line int, header, record []string, site, today string) *Row {
	r := &Row{Line: line}
	if len(record) != len(header) {
		r.wrong("", f.words.T("import.cells", "Has", len(record), "Wants", len(header)))
	}
	cell := map[string]string{}
	for i, name := range header {
		if i >= len(record) {
			break
		}
		if cell[name] = strings.TrimSpace(record[i]); !policies.Clean(cell[name], false) {
			r.wrong(name, f.words.T("import.not-text"))
			cell[name] = ""
		}
	}
	r.Person = policies.Person{UserName: strings.ToLower(cell[colUserName]), GivenName: cell[colGiven], Surname: cell[colSurname],
		Email: policies.Tidy("email", cell[colEmail]), Language: strings.ToLower(cell[colLanguage])}
	r.wrongs(f, policies.CheckPerson(r.Person, locale.Languages()))
	if r.Site = site; site == "" {
		r.Site = strings.ToLower(cell[colSite])
	}
	if r.Site == "" {
		r.wrong(colSite, f.words.T("import.site-missing"))
	}
	r.Role = cell[colRole]
	role, ok := f.program.Role(r.Role)
	switch {
	case r.Role == "":
		r.wrong(colRole, f.words.T("import.role-missing"))
	case !ok:
		r.wrong(colRole, f.words.T("reason."+policies.RoleUnknown))
	default:
		f.answers(r, role, header, cell, today)
	}
	return r
}

// answers takes the answers to the role's form out of the cells.
func (f *File) answers(r *Row, role policies.Role, header []string, cell map[string]string, today string) {
	r.Answers = map[string][]string{}
	asks := map[string]bool{}
	var people []string
	for _, field := range role.Form {
		asks[field.Name] = true
		r.Answers[field.Name] = []string{}
		value := cell[field.Name]
		switch {
		case value == "":
		case field.Kind == "authorizers":
			people = strings.Fields(strings.ToLower(value)) // the record knows whether they can
			r.Answers[field.Name] = people
		default:
			r.Answers[field.Name] = []string{policies.Tidy(field.Kind, value)}
		}
	}
	choices := func(field policies.Field) []string { return f.program.Choices(field, role, people) }
	r.wrongs(f, policies.CheckForm(role.Form, r.Answers, choices, today))
	for _, name := range header {
		if cell[name] == "" || asks[name] || slices.Contains(fixed, name) {
			continue
		}
		switch { // a role of one profession does not ask which, and a file may say it all the same
		case f.isProfession(name) && role.ProfessionOf("") == cell[name]:
		case f.isProfession(name):
			r.wrong(name, f.words.T("reason."+policies.ProfessionNotEligible))
		default:
			r.wrong(name, f.words.T("import.not-asked"))
		}
	}
}

// isProfession tells whether a column is the one in which roles ask for the profession.
func (f *File) isProfession(name string) bool {
	return slices.ContainsFunc(f.program.Roles, func(r policies.Role) bool {
		return slices.ContainsFunc(r.Form, func(field policies.Field) bool { return field.Name == name && field.As == "person.profession" })
	})
}

// wrongs takes over what a form or the record found, column by column.
func (r *Row) wrongs(f *File, found map[string]string) {
	for _, column := range slices.Sorted(maps.Keys(found)) {
		if !slices.ContainsFunc(r.Wrong, func(w Fault) bool { return w.Column == column }) {
			r.wrong(column, f.words.T(found[column]))
		}
	}
}

// compare looks for rows that are each other's: the same wish twice, one user name with
// two people behind it, one person with two user names.
func (f *File) compare() {
	people, wishes, names := map[string]*Row{}, map[string]*Row{}, map[string]*Row{}
	for _, r := range f.Rows {
		p := r.Person
		if p.UserName == "" {
			continue
		}
		first := people[p.UserName]
		wish := p.UserName + "\n" + r.Site + "\n" + r.Role
		who := strings.ToLower(p.GivenName + "\n" + p.Surname + "\n" + p.Email)
		switch {
		case first == nil:
			people[p.UserName] = r
		case first.Person != p:
			r.wrong(colUserName, f.words.T("import.other-details", "Row", first.Line))
		case wishes[wish] != nil:
			r.wrong("", f.words.T("import.same-row", "Row", wishes[wish].Line))
		}
		if other := names[who]; other != nil && other.Person.UserName != p.UserName {
			r.Notes = append(r.Notes, f.words.T("import.same-person-in-file", "Row", other.Line))
		}
		if wishes[wish] == nil {
			wishes[wish] = r
		}
		if names[who] == nil {
			names[who] = r
		}
	}
}

// Faulty counts the rows that cannot be imported.
func (f *File) Faulty() int {
	n := 0
	for _, r := range f.Rows {
		if len(r.Wrong) > 0 {
			n++
		}
	}
	return n
}

// Name is who a row is about, for a report.
func (r *Row) Name() string {
	return strings.TrimSpace(fmt.Sprint(r.Person.GivenName, " ", r.Person.Surname))
}
