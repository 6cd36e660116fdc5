package provisioning

import "strings"

// InvalidError says which fields the directory's own rules refuse. errors.Is
// finds ErrInvalid in it.
type InvalidError struct {
	Fields []InvalidField
}

// InvalidField is one refused field.
type InvalidField struct {
	Name string // the directory's name of the field: username, email, firstName, lastName
	Rule string // the rule's code, such as error-invalid-length; never a sentence for people
}

// Error lists fields and rules, without the values.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Name + " (" + f.Rule + ")"
	}
	return ErrInvalid.Error() + ": " + strings.Join(parts, ", ")
}

// Is reports whether target is ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }
