package bulk

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// How large a file may be. Whoever has more makes several files, each with its own
// decision.
const (
	MaxBytes = 8 << 20
	MaxRows  = 20_000
)

// File is a file that was read: all its rows, the faulty ones too.
type File struct {
	Rows    []*Row
	Digest  string // of what the cells say, whatever the file looked like
	program *policies.Program
	words   *locale.Words
}

// Row is one line of the file and what is known of it so far.
type Row struct {
	Line int // in the file, counted from 1; the header is the first
	registry.ImportRow
	Wrong   []Fault
	Notes   []string
	Outcome Outcome
	Failed  string // why it was not done, for Failed
	found   registry.Finding
}

// Fault is what is wrong with one cell, or, where Column is empty, with the row.
type Fault struct {
	Column string `json:"column,omitempty"`
	Text   string `json:"text"`
}

func (r *Row) wrong(column, text string) { r.Wrong = append(r.Wrong, Fault{column, text}) }

// Read reads a file of people for a program: CSV by RFC 4180 with a header, in UTF-8,
// with or without a byte order mark, with commas or semicolons. site is the code of the
// site of all rows, where the file has no such column. today is the day in the program's
// time zone. An error is about the file as a whole; what is wrong with a row is in it.
func Read(from io.Reader, p *policies.Program, site, today string, words *locale.Words) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(from, MaxBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > MaxBytes:
		return nil, fmt.Errorf("the file has more than %d MB; split it, each part is a decision of its own", MaxBytes>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, errors.New("the file is not UTF-8; save it as \"CSV UTF-8\"")
	}
	cells, lines, err := records(data)
	if err != nil {
		return nil, err
	}
	header, err := headerOf(cells[0], p, site)
	if err != nil {
		return nil, err
	}
	if len(cells) == 1 {
		return nil, errors.New("the file has a header and no row")
	}
	f := &File{program: p, words: words}
	for i, record := range cells[1:] {
		f.Rows = append(f.Rows, f.row(lines[i+1], header, record, site, today))
	}
	f.compare()
	said, err := json.Marshal([]any{p.ID, site, cells})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(said)
	f.Digest = hex.EncodeToString(sum[:])
	return f, nil
}

// records reads all lines, and the numbers of the lines at which they begin.
func records(data []byte) (cells [][]string, lines []int, err error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord = separator(data), -1
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, nil, fmt.Errorf("line %d, character %d: %w", bad.Line, bad.Column, bad.Err)
		}
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue // spreadsheets leave lines of separators behind
		}
		if len(cells) > MaxRows {
			return nil, nil, fmt.Errorf("the file has more than %d rows; split it, each part is a decision of its own", MaxRows)
		}
		line, _ := r.FieldPos(0)
		cells, lines = append(cells, record), append(lines, line)
	}
	if len(cells) == 0 {
		return nil, nil, errors.New("the file is empty")
	}
	return cells, lines, nil
}

// separator is what the header has more of.
func separator(data []byte) rune {
	header, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.Count(header, []byte(";")) > bytes.Count(header, []byte(",")) {
		return ';'
	}
	return ','
}

// headerOf are the names of the columns. One that is unknown, double or missing is told,
// all at once.
func headerOf(cells []string, p *policies.Program, site string) ([]string, error) {
	own, err := fields(p)
	if err != nil {
		return nil, err
	}
	var names, faults []string
	known := slices.Concat(fixed, own)
	for _, cell := range cells {
		name := strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(cell)))
		switch {
		case !slices.Contains(known, name):
			faults = append(faults, fmt.Sprintf("there is no column %q", cell))
		case slices.Contains(names, name):
			faults = append(faults, fmt.Sprintf("the column %q is there twice", name))
		}
		names = append(names, name)
	}
	for _, name := range fixed {
		given := name == colSite && site != ""
		switch {
		case given && slices.Contains(names, name):
			faults = append(faults, "the site is said twice: by --site and by a column")
		case !given && !slices.Contains(names, name):
			faults = append(faults, fmt.Sprintf("the column %q is missing", name))
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("the header: %s; columns are %s", strings.Join(faults, "; "), strings.Join(known, ", "))
	}
	return names, nil
}
