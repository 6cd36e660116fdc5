package portal

import "strings"

// control is one question as a template shows it, every word said already.
type control struct {
	ID, Name     string
	Widget       string // input, textarea, select, radio, checks (several), check (one)
	Type         string // of an input
	Label, Hint  string
	Optional     string // the word for it, where an answer may be left out
	Required     bool   // for assistive technology: the form says that all others are
	Choose       string // a select's first line
	Error        string
	Value        string
	Options      []option
	Autocomplete string
	Size         string // small, medium or empty
}

// option is one answer to choose.
type option struct {
	Value, Label, Hint string
	Chosen             bool
}

// input makes a line to type in; its id is its name.
func input(name, kind, label, hint, value string) control {
	return control{ID: name, Name: name, Widget: "input", Type: kind, Label: label, Hint: hint, Value: value}
}

// textarea makes a question that is answered in sentences.
func textarea(name, label, hint, value string) control {
	return control{ID: name, Name: name, Widget: "textarea", Label: label, Hint: hint, Value: value}
}

// choice makes a question with one answer out of some: all shown while they are
// few, a list to open when they are many.
func choice(name, label, hint, value string, options []option) control {
	c := control{ID: name, Name: name, Widget: "radio", Label: label, Hint: hint, Value: value, Options: options}
	if len(options) > 7 {
		c.Widget = "select"
	}
	for i := range c.Options {
		c.Options[i].Chosen = c.Options[i].Value == value && value != ""
	}
	return c
}

// mark puts messages beside the controls that they are about and returns the
// summary, in the order of the controls. Messages are said already.
func mark(controls []control, messages map[string]string) []problem {
	var out []problem
	for i := range controls {
		c := &controls[i]
		if c.Error = messages[c.Name]; c.Error == "" {
			continue
		}
		out = append(out, problem{Field: c.ID, Message: strings.Trim(c.Label, "¿?:") + ": " + c.Error})
	}
	return out
}

// tag is a state in a word and a tone.
type tag struct {
	Text string
	Tone string // good, wait, bad, plain
}
