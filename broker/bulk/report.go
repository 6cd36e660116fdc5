package bulk

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Line is one row of a report.
type Line struct {
	Row      int      `json:"row"`
	UserName string   `json:"user_name"`
	Person   string   `json:"person"`
	Site     string   `json:"site"`
	Role     string   `json:"role"`
	Outcome  Outcome  `json:"outcome"`
	Wrong    []Fault  `json:"wrong,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Message  string   `json:"message"`
}

// Report is what became of every row, in the order of the file.
func (f *File) Report() []Line {
	var out []Line
	for _, r := range f.Rows {
		out = append(out, Line{Row: r.Line, UserName: r.Person.UserName, Person: r.Name(), Site: r.Site, Role: r.Role, Outcome: r.Outcome,
			Wrong: r.Wrong, Notes: r.Notes, Message: f.message(r)})
	}
	return out
}

// outcomeText is what is said of a row, by how it came out.
var outcomeText = map[Outcome]string{WouldMake: "import.would-made", WouldAsk: "import.would-asked", Made: "import.made", Asked: "import.asked",
	Already: "import.already", Before: "import.before", Over: "import.over", LeftOut: "import.left-out", Failed: "import.failed", NotBegun: "import.not-begun"}

// message is all that there is to say of a row.
func (f *File) message(r *Row) string {
	var parts []string
	for _, w := range r.Wrong {
		if w.Column == "" {
			parts = append(parts, w.Text)
		} else {
			parts = append(parts, w.Column+": "+w.Text)
		}
	}
	if r.Outcome != Faulty { // what is wrong says it
		parts = append(parts, f.words.T(outcomeText[r.Outcome], "Why", r.Failed))
	}
	return strings.Join(append(parts, r.Notes...), "; ")
}

// Counts are how many rows came to which outcome.
func (f *File) Counts() map[Outcome]int {
	out := map[Outcome]int{}
	for _, r := range f.Rows {
		out[r.Outcome]++
	}
	return out
}

// shown is how many rows a table for the eye lists in full.
const shown = 200

// Table writes the report for the eye. Of a long file only the rows that somebody has to
// look at are listed.
func (f *File) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROW\tPERSON\tSITE\tROLE\tOUTCOME\tMESSAGE")
	quiet := 0
	for _, l := range f.Report() {
		if len(f.Rows) > shown && len(l.Wrong) == 0 && len(l.Notes) == 0 && l.Outcome != Failed && l.Outcome != Over && l.Outcome != NotBegun {
			quiet++
			continue
		}
		fmt.Fprintf(t, "%d\t%s (%s)\t%s\t%s\t%s\t%s\n", l.Row, printable(l.Person), printable(l.UserName), printable(l.Site), printable(l.Role), l.Outcome, l.Message)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if quiet > 0 {
		fmt.Fprintf(w, "%d rows with nothing to look at are not listed; --report has them all\n", quiet)
	}
	return nil
}

// printable is a cell without what would steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// CSV writes the report as a file for a spreadsheet, which takes no cell for a formula.
func (f *File) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	rows := [][]string{{"row", "user-name", "person", "site", "role", "outcome", "message"}}
	for _, l := range f.Report() {
		rows = append(rows, []string{strconv.Itoa(l.Row), plain(l.UserName), plain(l.Person), plain(l.Site), plain(l.Role), string(l.Outcome), plain(l.Message)})
	}
	return c.WriteAll(rows)
}

// formula are the signs with which spreadsheets begin a formula, wide ones too, and what
// they skip before one (A58).
var formula = []rune{'=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%'}

// plain is a cell that every spreadsheet shows and none computes.
func plain(s string) string {
	first := strings.TrimLeftFunc(s, unicode.IsSpace)
	if first != "" && slices.Contains(formula, []rune(first)[0]) || s != "" && slices.Contains(formula, []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// JSON writes the report for programs.
func (f *File) JSON(w io.Writer, batch string, dry bool) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Batch  string          `json:"batch,omitempty"`
		DryRun bool            `json:"dry_run"`
		Digest string          `json:"digest"`
		Counts map[Outcome]int `json:"counts"`
		Rows   []Line          `json:"rows"`
	}{batch, dry, f.Digest, f.Counts(), f.Report()})
}
