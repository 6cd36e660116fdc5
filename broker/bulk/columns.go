package bulk

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"countersign/broker/locale"
	"countersign/policies"
)

// The columns that every file may have, beside the fields of the program's own forms,
// by name.
const (
	colUserName = "user-name"
	colGiven    = "given-name"
	colSurname  = "surname"
	colEmail    = "email"
	colLanguage = "language"
	colSite     = "site"
	colRole     = "role"
)

var fixed = []string{colUserName, colGiven, colSurname, colEmail, colLanguage, colSite, colRole}

// fields are the names of the fields of all forms of the program's roles that a batch
// may give, in the order in which the roles have them.
func fields(p *policies.Program) ([]string, error) {
	var out []string
	for _, role := range importable(p) {
		for _, f := range role.Form {
			if slices.Contains(fixed, f.Name) {
				return nil, fmt.Errorf("the program %s has a field %q, which is a column of every file: it cannot be imported", p.ID, f.Name)
			}
			if !slices.Contains(out, f.Name) {
				out = append(out, f.Name)
			}
		}
	}
	return out, nil
}

func importable(p *policies.Program) []policies.Role {
	return slices.DeleteFunc(slices.Clone(p.Roles), func(r policies.Role) bool { return !r.ByBatch() })
}

// Columns writes the header that a file for the program has, and what each column takes,
// role by role, as the program in force has it.
func Columns(w io.Writer, words *locale.Words, p *policies.Program) error {
	own, err := fields(p)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, strings.Join(append(slices.Clone(fixed), own...), ","))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
	fmt.Fprintln(t)
	row("COLUMN", "FOR", "MUST", "TAKES")
	row(colUserName, "everybody", "yes", "3 to 30 of a-z 0-9 . _ -; the same for every row of one person")
	row(colGiven, "everybody", "yes", "up to 80 characters")
	row(colSurname, "everybody", "yes", "up to 80 characters")
	row(colEmail, "everybody", "yes", "one address; people may share a mailbox")
	row(colLanguage, "everybody", "yes", strings.Join(locale.Languages(), " "))
	row(colSite, "everybody", "yes", "the code of an open site; or --site for all rows")
	var codes []string
	for _, r := range importable(p) {
		codes = append(codes, r.Code)
	}
	row(colRole, "everybody", "yes", strings.Join(codes, " "))
	for _, r := range importable(p) {
		for _, f := range r.Form {
			row(f.Name, r.Code, must(f, r), takes(words, p, r, f))
		}
	}
	return t.Flush()
}

// must says when a field has to be filled in: naming nobody who lets one act leads to no
// access, so that a batch wants them named.
func must(f policies.Field, r policies.Role) string {
	switch {
	case f.As == "authorizers" && r.NeedsAuthorizer():
		return "yes"
	case f.When != nil && f.Required:
		return f.When.Field + " is " + strings.Join(f.When.Is, " or ")
	case f.Required:
		return "yes"
	}
	return "no"
}

func takes(words *locale.Words, p *policies.Program, r policies.Role, f policies.Field) string {
	label := strings.TrimRight(words.Program(p, "field."+r.Code+"."+f.Name+".label"), "?:") + ": "
	choices := p.Choices(f, r, nil)
	switch {
	case f.Kind == "authorizers":
		return label + "user names, with spaces between; each still says yes"
	case choices != nil:
		return label + strings.Join(choices, " ")
	case f.Kind == "date":
		return label + "YYYY-MM-DD"
	case f.Kind == "checkbox":
		return label + "yes"
	case slices.Contains([]string{"email", "phone", "postal-code", "licence-number", "number"}, f.Kind):
		return label + words.T("field-error."+f.Kind)
	case f.Max > 0:
		return fmt.Sprintf("%sup to %d characters", label, f.Max)
	}
	return label + "text"
}
