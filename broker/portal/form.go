package portal

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/broker/registry"
	"countersign/broker/session"
	"countersign/policies"
)

// fields names what a form may send, and how. The token and the operation id
// come with every form.
type fields struct {
	one  []string // a single line
	text []string // several lines
	many []string // may come more than once
}

// read takes exactly the named fields from the body (A12): an unknown field, a
// second value where one is meant, a control character, or a value in the
// address beside the form is refused. Values are trimmed; missing ones are empty.
func (f fields) read(r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return nil, registry.Fail(registry.Invalid, "error.form")
	}
	if err := parse(r); err != nil {
		return nil, err
	}
	single := slices.Concat(f.one, f.text, []string{session.FormField, "op"})
	out := url.Values{}
	for name, values := range r.PostForm {
		known := slices.Contains(single, name) && len(values) == 1 || slices.Contains(f.many, name)
		if !known {
			return nil, registry.Fail(registry.Invalid, "error.form")
		}
		for _, value := range values {
			value = strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n"))
			if !policies.Clean(value, slices.Contains(f.text, name)) {
				return nil, registry.Fail(registry.Invalid, "error.form")
			}
			out.Add(name, value)
		}
	}
	return out, nil
}

// parse reads the body of a form. It comes before whatever else looks at the
// form: net/http tells once what was wrong with a body, and whoever asks again
// gets the part that it could read.
func parse(r *http.Request) error {
	err := r.ParseForm()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return errTooLarge
	case err != nil:
		return registry.Because(registry.Invalid, "error.form", err)
	}
	return nil
}
