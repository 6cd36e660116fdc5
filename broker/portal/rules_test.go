package portal

import (
	"strings"
	"testing"

	"countersign/policies"
)

const today = "2026-03-03"

// Every kind of field takes what people write and refuses what cannot be meant.
// proves: attack A59
func TestSyntaxOfFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field     policies.Field
		good, bad []string
	}{
		{policies.Field{Kind: "email"},
			[]string{"moa@clinic.example", "first.last+tag@sub.clinic.example"},
			[]string{"moa", "moa@", "@clinic.example", "moa@clinic", "A B <a@b.example>", "a@b.example, c@d.example", "a@[10.0.0.1]", "a@b.example\r\nBcc: x@y.example", "a b@c.example", "a@.example.", strings.Repeat("a", 250) + "@b.example"}},
		{policies.Field{Kind: "phone"},
			[]string{"604-555-0123", "(604) 555 0123", "+1 604 555 0123", "6045550123"},
			[]string{"555-0123", "104-555-0123", "604-155-0123", "604-555-01234", "call me"}},
		{policies.Field{Kind: "postal-code"},
			[]string{"V6B 1A1", "v6b1a1"},
			[]string{"V6B", "D6B 1A1", "V6O 1A1", "90210", "V6B-1A1"}},
		{policies.Field{Kind: "date"},
			[]string{"2027-01-31", "2024-02-29"},
			[]string{"2026-02-29", "31/01/2027", "2027-1-1", "0001-01-01", "soon"}},
		{policies.Field{Kind: "date", As: "standing.expires"}, []string{"2026-03-03"}, []string{"2026-03-02", "2020-01-01"}},
		{policies.Field{Kind: "licence-number"}, []string{"12345", "AB-1234/5"}, []string{"1", "<b>1</b>", "-----", strings.Repeat("1", 21)}},
		{policies.Field{Kind: "number"}, []string{"0", "12"}, []string{"-1", "1.5", "1e9", "1234567890123"}},
		{policies.Field{Kind: "checkbox"}, []string{"yes"}, []string{"on", "true"}},
		{policies.Field{Kind: "notes"}, []string{strings.Repeat("é", 2000)}, []string{strings.Repeat("é", 2001)}},
		{policies.Field{Kind: "text", Max: 3}, []string{"abc"}, []string{"abcd"}},
	} {
		for _, v := range c.good {
			if key := validate(c.field, []string{v}, nil, today); key != "" {
				t.Errorf("%s refuses %q: %s", c.field.Kind, v, key)
			}
		}
		for _, v := range c.bad {
			if key := validate(c.field, []string{v}, nil, today); key == "" {
				t.Errorf("%s takes %q", c.field.Kind, v)
			}
		}
	}
}

// A field is asked when its condition holds, and a repeated answer is the same.
func TestAskedAndRequired(t *testing.T) {
	t.Parallel()
	form := []policies.Field{
		{Name: "profession", Kind: "profession", Required: true},
		{Name: "number", Kind: "licence-number", Required: true, When: &policies.Cond{Field: "profession", Is: []string{"physician"}}},
		{Name: "fax", Kind: "phone"},
		{Name: "fax-again", Kind: "phone", Confirms: "fax"},
	}
	choices := func(f policies.Field) []string {
		if f.Kind == "profession" {
			return []string{"physician", "clerk"}
		}
		return nil
	}
	for _, c := range []struct {
		given answers
		want  string // the fields with a message
	}{
		{answers{}, "profession"},
		{answers{"profession": {"clerk"}}, ""},
		{answers{"profession": {"clerk"}, "number": {"?"}}, ""},
		{answers{"profession": {"physician"}}, "number"},
		{answers{"profession": {"physician"}, "number": {"   "}}, "number"},
		{answers{"profession": {"physician"}, "number": {"12345"}, "fax": {"1"}}, "fax fax-again"},
		{answers{"profession": {"emperor"}}, "profession"},
		{answers{"profession": {"clerk"}, "fax": {"604-555-0123"}, "fax-again": {"604-555-0124"}}, "fax-again"},
		{answers{"profession": {"clerk"}, "fax": {"604-555-0123"}}, "fax-again"},
	} {
		var got []string
		wrong := check(form, c.given, choices, today)
		for _, f := range form {
			if wrong[f.Name] != "" {
				got = append(got, f.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: messages at %q, want %q", c.given, got, c.want)
		}
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"phone", "+1 (604) 555.0123", "604-555-0123"},
		{"postal-code", "v6b1a1", "V6B 1A1"},
		{"email", "MOA@Clinic.example", "moa@clinic.example"},
		{"text", " kept ", " kept "},
	} {
		if got := tidy(c[0], c[1]); got != c[2] {
			t.Errorf("tidy(%s, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
