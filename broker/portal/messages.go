package portal

import (
	"errors"
	"strings"

	"countersign/broker/registry"
)

// messages says the keys of field messages.
func (v *visit) messages(keys map[string]string) map[string]string {
	out := make(map[string]string, len(keys))
	for field, key := range keys {
		out[field] = v.words.T(key)
	}
	return out
}

// fieldsOf gives the message keys by field of an error that a person can put
// right in the form, and nil for any other.
func fieldsOf(err error) map[string]string {
	var e *registry.Error
	if errors.As(err, &e) && e.Kind == registry.Invalid && len(e.Fields) > 0 {
		return e.Fields
	}
	return nil
}

// cmpStrings orders words as people look for them: case aside.
func cmpStrings(a, b string) int {
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}
