package registry

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what an error means for whoever caused it; the portal alone turns it
// into a page or problem+json.
type Kind int

// The kinds of error. Anything that is no *Error is internal: logged, never shown.
const (
	Invalid     Kind = iota + 1 // what was sent is not acceptable; Fields say where
	Unsigned                    // sign in first
	Forbidden                   // a rule refuses; Reasons say which
	NotFound                    // unknown, foreign or deleted: all alike
	Conflict                    // changed meanwhile, or done twice with different content
	Gone                        // a link or page that was good once
	TooMany                     // a limit; try later
	Unavailable                 // a part that is needed does not answer
)

// Error carries a kind and a message key. Key and the values of Fields are
// locale keys; Args fill the placeholders.
type Error struct {
	Kind    Kind
	Key     string
	Args    map[string]any
	Fields  map[string]string // field name → message key
	Reasons []string          // codes from policies, for Forbidden
	After   time.Duration     // for TooMany: when to try again
	err     error
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s (kind %d)", e.Key, e.Kind)
	if len(e.Reasons) > 0 {
		s += fmt.Sprintf(" %v", e.Reasons)
	}
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

// Unwrap gives the cause, for the log.
func (e *Error) Unwrap() error { return e.err }

// Fail makes an error of a kind with its message key.
func Fail(k Kind, key string) *Error { return &Error{Kind: k, Key: key} }

// Because makes an error of a kind with its cause, which is logged and not shown.
func Because(k Kind, key string, err error) *Error { return &Error{Kind: k, Key: key, err: err} }

// InvalidField makes an Invalid about one field.
func InvalidField(field, key string) *Error {
	return &Error{Kind: Invalid, Key: "error.check-fields", Fields: map[string]string{field: key}}
}

// IsKind tells whether err is an *Error of kind k.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
