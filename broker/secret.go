package broker

import "log/slog"

// hidden stands for a secret wherever something is shown or logged.
const hidden = "(hidden)"

// Secret is a value that is used and never shown: fmt, slog and encoding/json
// all say hidden instead, also of a structure that holds it. string(s) is the
// value.
type Secret string

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString implements fmt.GoStringer, for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
