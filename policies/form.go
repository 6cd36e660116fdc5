package policies

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What each kind of field accepts, as pure functions of the field and what was
// sent: a form in the portal and a row of an imported file are judged by the same.
// Each answers with the key of a message, or with nothing. A rule is about form
// only: whether a licence is real is a registrar's finding.

var (
	phone      = regexp.MustCompile(`^(?:1)?([2-9][0-9]{2})([2-9][0-9]{2})([0-9]{4})$`) // NANP, digits only
	postal     = regexp.MustCompile(`^[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] ?[0-9][ABCEGHJ-NPRSTV-Z][0-9]$`)
	licence    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ./-]{2,19}$`)
	number     = regexp.MustCompile(`^[0-9]{1,12}$`)
	userName   = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9._-]{1,28})[a-z0-9]$`)
	notInPhone = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "+", "")
	provinces  = []string{"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"}
)

// limits are the characters that a kind takes when the program says no number.
var limits = map[string]int{"notes": 2000, "address-line": 120, "city": 80, "name": 80, "email": 254}

const usualLimit = 160

// notInNames are the signs that Keycloak's own rule for people's names refuses
// (person-name-prohibited-characters): said beside the field, and not by mail afterwards.
const notInNames = `<>&"$%!#?§;*~/\|^=[]{}()`

// Asked lists the fields of a form that these answers call for: a field with a
// condition is asked only when the earlier answer meets it.
func Asked(form []Field, given map[string][]string) []Field {
	var out []Field
	for _, f := range form {
		if f.When == nil || slices.ContainsFunc(given[f.When.Field], func(v string) bool { return slices.Contains(f.When.Is, v) }) {
			out = append(out, f)
		}
	}
	return out
}

// CheckForm judges all answers of a form, by field name as url.Values has them: field
// name to message key, for each that cannot stand. Choices come from choicesOf; today
// is the day in the program's time zone, as YYYY-MM-DD.
func CheckForm(form []Field, given map[string][]string, choicesOf func(Field) []string, today string) map[string]string {
	out := map[string]string{}
	for _, f := range Asked(form, given) {
		key := CheckField(f, given[f.Name], choicesOf(f), today)
		if key == "" && f.Confirms != "" && !slices.EqualFunc(given[f.Name], given[f.Confirms], strings.EqualFold) {
			key = "field-error.differs"
		}
		if key != "" {
			out[f.Name] = key
		}
	}
	return out
}

// CheckField judges the answer to one field: the key of a message, or nothing. choices
// are the values that it may have, nil where it is typed.
func CheckField(f Field, values, choices []string, today string) string {
	values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
	if len(values) == 0 {
		switch {
		case !f.Required:
			return ""
		case f.Kind == "checkbox":
			return "field-error.confirm"
		case choices != nil:
			return "field-error.choose"
		}
		return "field-error.required"
	}
	if choices != nil {
		for _, v := range values {
			if !slices.Contains(choices, v) {
				return "field-error.choose"
			}
		}
		return ""
	}
	limit := f.Max
	if limit == 0 {
		limit = limits[f.Kind]
	}
	if limit == 0 {
		limit = usualLimit
	}
	if utf8.RuneCountInString(values[0]) > limit {
		return "field-error.too-long"
	}
	return syntax(f, values[0], today)
}

// syntax judges one value by its kind alone.
func syntax(f Field, value, today string) string {
	switch f.Kind {
	case "email":
		if !emailAddress(value) {
			return "field-error.email"
		}
	case "phone":
		if !phone.MatchString(notInPhone.Replace(value)) {
			return "field-error.phone"
		}
	case "postal-code":
		if !postal.MatchString(strings.ToUpper(value)) {
			return "field-error.postal-code"
		}
	case "licence-number":
		if !licence.MatchString(value) {
			return "field-error.licence-number"
		}
	case "number":
		if !number.MatchString(value) {
			return "field-error.number"
		}
	case "checkbox":
		if value != "yes" {
			return "field-error.confirm"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, value); err != nil || value < "1900" || value > "2200" {
			return "field-error.date"
		}
		if f.As == "standing.expires" && value < today {
			return "field-error.date-past"
		}
	}
	return ""
}

// emailAddress accepts a plain address as people write it: one at-sign, a dot
// in the domain, no display name and no comment.
func emailAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return false
	}
	local, domain, _ := strings.Cut(s, "@")
	return local != "" && !strings.ContainsAny(s, " \"\\()<>,;:") && strings.Contains(strings.Trim(domain, "."), ".") &&
		!strings.HasPrefix(domain, "[") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".")
}

// Tidy writes a valid answer in the one way in which it is kept.
func Tidy(kind, value string) string {
	switch kind {
	case "phone":
		if m := phone.FindStringSubmatch(notInPhone.Replace(value)); m != nil {
			return m[1] + "-" + m[2] + "-" + m[3]
		}
	case "postal-code":
		v := strings.ToUpper(strings.ReplaceAll(value, " ", ""))
		if len(v) == 6 {
			return v[:3] + " " + v[3:]
		}
	case "email":
		return strings.ToLower(value)
	}
	return value
}

// Clean tells whether a value is text that a person can have typed into a field of
// one line, or of several: no browser sends a line break from a single line (A59).
func Clean(value string, lines bool) bool {
	if !utf8.ValidString(value) {
		return false
	}
	return !strings.ContainsFunc(value, func(c rune) bool {
		return unicode.IsControl(c) && !(lines && (c == '\n' || c == '\t'))
	})
}

// Person is what an account is asked for with.
type Person struct{ UserName, GivenName, Surname, Email, Language string }

// CheckPerson judges what an account is asked for with, field name to message key:
// user-name, given-name, surname, email and language.
func CheckPerson(p Person, languages []string) map[string]string {
	wrong := map[string]string{}
	for _, f := range []struct {
		field   Field
		value   string
		choices []string
	}{
		{Field{Name: "given-name", Kind: "name", Required: true}, p.GivenName, nil},
		{Field{Name: "surname", Kind: "name", Required: true}, p.Surname, nil},
		{Field{Name: "email", Kind: "email", Required: true}, p.Email, nil},
		{Field{Name: "language", Kind: "choice", Required: true}, p.Language, languages},
	} {
		if key := CheckField(f.field, []string{f.value}, f.choices, ""); key != "" {
			wrong[f.field.Name] = key
		} else if f.field.Kind == "name" && strings.ContainsAny(f.value, notInNames) {
			wrong[f.field.Name] = "field-error.name-signs"
		}
	}
	if !userName.MatchString(p.UserName) {
		wrong["user-name"] = "field-error.user-name"
	}
	return wrong
}
