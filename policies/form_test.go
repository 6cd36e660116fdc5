package policies

import (
	"strings"
	"testing"
)

const today = "2026-03-03"

// Every kind of field takes what people write and refuses what cannot be meant.
// proves: attack A59
func TestSyntaxOfFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field     Field
		good, bad []string
	}{
		{Field{Kind: "email"},
			[]string{"moa@clinic.example", "first.last+tag@sub.clinic.example"},
			[]string{"moa", "moa@", "@clinic.example", "moa@clinic", "A B <a@b.example>", "a@b.example, c@d.example", "a@[10.0.0.1]", "a@b.example\r\nBcc: x@y.example", "a b@c.example", "a@.example.", strings.Repeat("a", 250) + "@b.example"}},
		{Field{Kind: "phone"},
			[]string{"604-555-0123", "(604) 555 0123", "+1 604 555 0123", "6045550123"},
			[]string{"555-0123", "104-555-0123", "604-155-0123", "604-555-01234", "call me"}},
		{Field{Kind: "postal-code"},
			[]string{"V6B 1A1", "v6b1a1"},
			[]string{"V6B", "D6B 1A1", "V6O 1A1", "90210", "V6B-1A1"}},
		{Field{Kind: "date"},
			[]string{"2027-01-31", "2024-02-29"},
			[]string{"2026-02-29", "31/01/2027", "2027-1-1", "0001-01-01", "soon"}},
		{Field{Kind: "date", As: "standing.expires"}, []string{"2026-03-03"}, []string{"2026-03-02", "2020-01-01"}},
		{Field{Kind: "licence-number"}, []string{"12345", "AB-1234/5"}, []string{"1", "<b>1</b>", "-----", strings.Repeat("1", 21)}},
		{Field{Kind: "number"}, []string{"0", "12"}, []string{"-1", "1.5", "1e9", "1234567890123"}},
		{Field{Kind: "checkbox"}, []string{"yes"}, []string{"on", "true"}},
		{Field{Kind: "notes"}, []string{strings.Repeat("é", 2000)}, []string{strings.Repeat("é", 2001)}},
		{Field{Kind: "text", Max: 3}, []string{"abc"}, []string{"abcd"}},
	} {
		for _, v := range c.good {
			if key := CheckField(c.field, []string{v}, nil, today); key != "" {
				t.Errorf("%s refuses %q: %s", c.field.Kind, v, key)
			}
		}
		for _, v := range c.bad {
			if key := CheckField(c.field, []string{v}, nil, today); key == "" {
				t.Errorf("%s takes %q", c.field.Kind, v)
			}
		}
	}
}

// A field is asked when its condition holds, and a repeated answer is the same.
func TestAskedAndRequired(t *testing.T) {
	t.Parallel()
	form := []Field{
		{Name: "profession", Kind: "profession", Required: true},
		{Name: "number", Kind: "licence-number", Required: true, When: &Cond{Field: "profession", Is: []string{"physician"}}},
		{Name: "fax", Kind: "phone"},
		{Name: "fax-again", Kind: "phone", Confirms: "fax"},
	}
	choices := func(f Field) []string {
		if f.Kind == "profession" {
			return []string{"physician", "clerk"}
		}
		return nil
	}
	for _, c := range []struct {
		given map[string][]string
		want  string // the fields with a message
	}{
		{map[string][]string{}, "profession"},
		{map[string][]string{"profession": {"clerk"}}, ""},
		{map[string][]string{"profession": {"clerk"}, "number": {"?"}}, ""},
		{map[string][]string{"profession": {"physician"}}, "number"},
		{map[string][]string{"profession": {"physician"}, "number": {"   "}}, "number"},
		{map[string][]string{"profession": {"physician"}, "number": {"12345"}, "fax": {"1"}}, "fax fax-again"},
		{map[string][]string{"profession": {"emperor"}}, "profession"},
		{map[string][]string{"profession": {"clerk"}, "fax": {"604-555-0123"}, "fax-again": {"604-555-0124"}}, "fax-again"},
		{map[string][]string{"profession": {"clerk"}, "fax": {"604-555-0123"}}, "fax-again"},
	} {
		var got []string
		wrong := CheckForm(form, c.given, choices, today)
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
		if got := Tidy(c[0], c[1]); got != c[2] {
			t.Errorf("Tidy(%s, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
