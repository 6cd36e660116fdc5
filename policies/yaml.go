package policies

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Fault is one thing wrong with a program's folder. Load returns all of them at
// once, joined by errors.Join.
type Fault struct {
	File      string
	Line, Col int // from 1; 0 where the whole file or folder is meant
	Msg       string
}

// Error gives the place first, as compilers do.
func (f Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.Msg)
}

// reader walks one YAML file and collects faults instead of stopping at the
// first, so that who writes a program sees all of them in one go. After a word
// that it does not know it goes on with the one that was probably meant, so that
// one slip is one fault.
type reader struct {
	file   string
	faults *[]error
}

// entry is one key of a mapping with its value.
type entry struct {
	key  string
	at   ast.Node
	node ast.Node
}

func (r reader) fault(n ast.Node, format string, args ...any) {
	f := Fault{File: r.file, Msg: fmt.Sprintf(format, args...)}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // its own token would be the first colon
	}
	if n != nil {
		f.Line, f.Col = place(n.GetToken())
	}
	*r.faults = append(*r.faults, f)
}

func place(t *token.Token) (line, col int) {
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

// parse returns the file's one document, or nil with a fault.
func (r reader) parse(b []byte) ast.Node {
	f, err := parser.ParseBytes(b, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		fault := Fault{File: r.file, Msg: err.Error()}
		var ye yaml.Error
		if errors.As(err, &ye) {
			fault.Msg = ye.GetMessage()
			fault.Line, fault.Col = place(ye.GetToken())
		}
		*r.faults = append(*r.faults, fault)
		return nil
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		r.fault(nil, "must hold exactly one document")
		return nil
	}
	return f.Docs[0].Body
}

// entries gives a mapping's keys in their order; a key given twice is a fault.
func (r reader) entries(n ast.Node) []entry {
	if n == nil {
		return nil
	}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.fault(n, "must be a mapping of keys to values")
		return nil
	}
	var out []entry
	for _, v := range m.Values {
		key := v.Key.GetToken().Value
		if slices.ContainsFunc(out, func(e entry) bool { return e.key == key }) {
			r.fault(v.Key, "%q is given twice", key)
			continue
		}
		out = append(out, entry{key: key, at: v.Key, node: v.Value})
	}
	return out
}

// object reads a mapping whose keys are a closed list.
func (r reader) object(n ast.Node, known ...string) map[string]ast.Node {
	out := map[string]ast.Node{}
	for _, e := range r.entries(n) {
		key := e.key
		if !slices.Contains(known, key) {
			r.fault(e.at, "%s", unknown("key", key, known))
			key = nearest(key, known)
		}
		out[key] = e.node
	}
	return out
}

func (r reader) items(n ast.Node) []ast.Node {
	if n == nil {
		return nil
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(n, "must be a list")
		return nil
	}
	return s.Values
}

func (r reader) text(n ast.Node) string {
	switch s := n.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		return s.Value
	case *ast.LiteralNode:
		return s.Value.Value
	case *ast.IntegerNode, *ast.FloatNode: // a date or a version may look like one
		return n.GetToken().Value
	}
	r.fault(n, "must be text")
	return ""
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// code reads a name of the program's own making. It becomes part of group
// paths, claims and text keys, hence the narrow form.
func (r reader) code(n ast.Node) string {
	s := r.text(n)
	r.checkCode(n, s)
	return s
}

func (r reader) checkCode(n ast.Node, s string) {
	if n != nil && (!codeForm.MatchString(s) || len(s) > 40) {
		r.fault(n, "%q must be a code: small letters, digits and single hyphens, at most 40", s)
	}
}

// codes reads a list of such names.
func (r reader) codes(n ast.Node) []string {
	var out []string
	for _, item := range r.items(n) {
		s := r.code(item)
		if slices.Contains(out, s) {
			r.fault(item, "%q is given twice", s)
		}
		out = append(out, s)
	}
	return out
}

// oneOf reads a word of a closed list.
func (r reader) oneOf(n ast.Node, what string, known []string) string {
	s := r.text(n)
	if n != nil && !slices.Contains(known, s) {
		r.fault(n, "%s", unknown(what, s, known))
		return nearest(s, known)
	}
	return s
}

func (r reader) eachOf(n ast.Node, what string, known []string) []string {
	var out []string
	for _, item := range r.items(n) {
		s := r.oneOf(item, what, known)
		if slices.Contains(out, s) {
			r.fault(item, "%s %q is given twice", what, s)
		}
		out = append(out, s)
	}
	return out
}

func (r reader) yes(n ast.Node) bool {
	if n == nil {
		return false
	}
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.fault(n, "must be true or false")
		return false
	}
	return b.Value
}

func (r reader) count(n ast.Node) int {
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(n.GetToken().Value)
	if err != nil || i < 0 {
		r.fault(n, "must be a whole number, 0 or more")
		return 0
	}
	return i
}

var durationForm = regexp.MustCompile(`^([0-9]{1,5})(d|h|m)$`)

// span reads a duration in days or hours: 365d, 12h. A day is 24 hours.
func (r reader) span(n ast.Node) time.Duration {
	if n == nil {
		return 0
	}
	m := durationForm.FindStringSubmatch(r.text(n))
	if m == nil {
		r.fault(n, "must be a number of days, hours or minutes such as 365d, 12h or 15m")
		return 0
	}
	count, _ := strconv.Atoi(m[1]) // five digits always fit
	unit := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute}[m[2]]
	return time.Duration(count) * unit
}

// day reads a date as the instant at which it begins in the program's zone.
func (r reader) day(n ast.Node, zone *time.Location) time.Time {
	if n == nil {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, r.text(n), zone)
	if err != nil {
		r.fault(n, "must be a date such as 2026-01-31")
	}
	return t
}

// unknown says that a word is not of the list, and which one was probably meant.
func unknown(what, got string, known []string) string {
	meant := nearest(got, known)
	switch {
	case meant != "":
		return fmt.Sprintf("%s %q is not known; did you mean %q?", what, got, meant)
	case len(known) == 0:
		return fmt.Sprintf("%s %q is not known; there is none here", what, got)
	case len(known) > 12:
		return fmt.Sprintf("%s %q is not known", what, got)
	}
	return fmt.Sprintf("%s %q is not known; one of: %s", what, got, strings.Join(known, ", "))
}

// nearest is the known word to which fewest letters differ; none where at least
// half of them would.
func nearest(got string, known []string) string {
	best, least := "", len(got)/2+1
	for _, k := range known {
		if d := distance(got, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of letters to add, drop or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
