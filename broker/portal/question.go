package portal

import (
	"net/url"
	"slices"
	"time"

	"countersign/policies"
)

// answers are what a form holds: field name to values, as url.Values has them.
type answers = map[string][]string

// questions is a program's form on its way to a page: what it asks, in whose
// words, and who can be chosen where people are to choose from.
type questions struct {
	program *policies.Program
	texts   string // the form's name in the program's texts: "site" or a role's code
	form    []policies.Field
	role    policies.Role
	people  []option // for a field of kind "authorizers"
	today   string   // YYYY-MM-DD in the program's time zone
}

// expected is what the form may send (A12): its own fields, all of them.
func (q questions) expected(more ...string) fields {
	f := fields{one: more}
	for _, field := range q.form {
		switch field.Kind {
		case "authorizers":
			f.many = append(f.many, field.Name)
		case "notes":
			f.text = append(f.text, field.Name)
		default:
			f.one = append(f.one, field.Name)
		}
	}
	return f
}

// answersFrom takes the form's own answers out of what was sent, written in the
// one way in which they are kept. A question left empty is kept as empty: what
// was chosen earlier is no longer chosen.
func (q questions) answersFrom(form url.Values) answers {
	out := answers{}
	for _, f := range q.form {
		out[f.Name] = []string{}
		for _, value := range form[f.Name] {
			if value != "" {
				out[f.Name] = append(out[f.Name], policies.Tidy(f.Kind, value))
			}
		}
	}
	return out
}

// check judges the answers: field name to message key.
func (q questions) check(given answers) map[string]string {
	return policies.CheckForm(q.form, given, q.choices, q.today)
}

// choices are the values that a field may have; nil where it is typed.
func (q questions) choices(f policies.Field) []string {
	people := []string{}
	for _, o := range q.people {
		people = append(people, o.Value)
	}
	return q.program.Choices(f, q.role, people)
}

// controls turns the questions that these answers call for into controls, with
// what was typed and the messages beside it.
func (q questions) controls(v *visit, given answers, wrong map[string]string) ([]control, []problem) {
	var out []control
	for _, f := range policies.Asked(q.form, given) {
		out = append(out, q.control(v, f, given[f.Name]))
	}
	return out, mark(out, v.messages(wrong))
}

func (q questions) control(v *visit, f policies.Field, values []string) control {
	key := "field." + q.texts + "." + f.Name
	c := control{ID: f.Name, Name: f.Name, Widget: "input", Type: "text", Label: v.words.Program(q.program, key+".label")}
	if help, ok := v.words.ProgramText(q.program, key+".help"); ok {
		c.Hint = help
	}
	if len(values) > 0 {
		c.Value = values[0]
	}
	switch f.Kind {
	case "email":
		c.Type = "email"
	case "phone":
		c.Type, c.Size = "tel", "small"
	case "date":
		c.Type, c.Size = "date", "small"
	case "postal-code", "number", "licence-number":
		c.Size = "small"
	case "notes":
		c.Widget = "textarea"
	case "checkbox":
		c.Widget = "check"
	}
	if choices := q.choices(f); choices != nil {
		c = choice(c.Name, c.Label, c.Hint, c.Value, q.options(v, f, choices))
		c.Choose = v.words.T("ask.choose")
		if f.Kind == "authorizers" {
			c.Widget = "checks"
			for i := range c.Options {
				c.Options[i].Chosen = slices.Contains(values, c.Options[i].Value)
			}
		}
	}
	c.Required = f.Required
	if !f.Required && f.Kind != "authorizers" {
		c.Optional = v.words.T("ask.optional")
	}
	return c
}

func (q questions) options(v *visit, f policies.Field, choices []string) []option {
	if f.Kind == "authorizers" {
		return slices.Clone(q.people)
	}
	var out []option
	for _, code := range choices {
		out = append(out, option{Value: code, Label: q.say(v, f, code)})
	}
	return out
}

// say gives the words for one answer, as a choice has them or as it was typed.
func (q questions) say(v *visit, f policies.Field, value string) string {
	switch f.Kind {
	case "choice":
		return v.words.Program(q.program, "field."+q.texts+"."+f.Name+".option."+value)
	case "profession":
		return v.words.Program(q.program, "profession."+value)
	case "licence-body":
		return v.words.Program(q.program, "body."+value)
	case "province":
		return v.words.T("province." + value)
	case "checkbox":
		return v.words.T("ask.yes")
	case "date":
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			return v.words.Date(day, "UTC")
		}
	case "authorizers":
		for _, o := range q.people {
			if o.Value == value {
				return o.Label
			}
		}
	}
	return value
}

// answered is one question with its answer, as it is read again.
type answered struct{ Label, Answer string }

// kept are the questions that these answers call for, without those that only
// ask for an answer twice.
func (q questions) kept(given answers) []policies.Field {
	return slices.DeleteFunc(slices.Clone(policies.Asked(q.form, given)), func(f policies.Field) bool { return f.Confirms != "" })
}

// summary lists the questions that were asked with their answers.
func (q questions) summary(v *visit, given answers) []answered {
	var out []answered
	for _, f := range q.kept(given) {
		line := answered{Label: v.words.Program(q.program, "field."+q.texts+"."+f.Name+".label")}
		for i, value := range given[f.Name] {
			if i > 0 {
				line.Answer += ", "
			}
			line.Answer += q.say(v, f, value)
		}
		if line.Answer == "" {
			line.Answer = v.words.T("ask.no-answer")
		}
		out = append(out, line)
	}
	return out
}
