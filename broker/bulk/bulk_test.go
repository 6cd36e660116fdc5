package bulk

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"countersign/broker/locale"
	"countersign/policies"
)

func program(t *testing.T) *policies.Program {
	t.Helper()
	built, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return built["careconnect"]
}

const today = "2026-03-03"

func read(t *testing.T, file string) *File {
	t.Helper()
	f, err := Read(strings.NewReader(file), program(t), "", today, locale.For("en"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const header = "user-name,given-name,surname,email,language,site,role,profession,body,number,expires,authorizers\n"

// A file says the same whatever wrote it: with a byte order mark or without, commas or
// semicolons, Windows' line ends, quotes, empty lines at the end, names of columns as
// people write them.
func TestReadsWhatSpreadsheetsWrite(t *testing.T) {
	t.Parallel()
	plain := "user-name,given-name,surname,email,language,site,role,body,number,expires\nana,Ana,Núñez,Ana@Clinic.example,es,abc,pharmacist,cpbc,RX1,2027-01-31\n"
	want := read(t, plain)
	if r := want.Rows[0]; len(r.Wrong) > 0 || r.Line != 2 || r.Person.Email != "ana@clinic.example" || r.Answers.One("number") != "RX1" {
		t.Fatalf("%+v", r)
	}
	windows := "\ufeff" + strings.ReplaceAll(strings.ReplaceAll(plain, ",", ";"), "\n", "\r\n") + ";;;\r\n\r\n"
	windows = strings.Replace(windows, "user-name;given-name", "User name;GIVEN_NAME", 1)
	quoted := strings.Replace(plain, "Ana,Núñez", "\"Ana\",\"Núñez\"", 1)
	for what, file := range map[string]string{"windows": windows, "quoted": quoted} {
		got := read(t, file)
		if len(got.Rows) != 1 || got.Rows[0].Person != want.Rows[0].Person || len(got.Rows[0].Wrong) > 0 {
			t.Errorf("%s: %+v", what, got.Rows[0])
		}
	}
	if read(t, quoted).Digest != want.Digest {
		t.Error("quotes make another decision of it")
	}
	if read(t, strings.Replace(plain, "RX1", "RX2", 1)).Digest == want.Digest {
		t.Error("another licence is the same decision")
	}
}

// What is wrong with the file as a whole is said before anything is looked at.
// proves: attack A61
func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	row := "ana,Ana,Lee,ana@clinic.example,es,abc,pharmacist,,cpbc,RX1,2027-01-31,\n"
	for want, file := range map[string]string{
		"is empty":              "\n\n",
		"and no row":            header,
		"not UTF-8":             header + "ana,Ana,N\xfa\xf1ez",
		`no column "mial"`:      strings.Replace(header, "email", "mial", 1) + row,
		`"role" is missing`:     strings.Replace(header, "role,", "", 1) + row,
		"there twice":           strings.Replace(header, "surname", "given name", 1) + row,
		"line 2":                header + "ana,A\"na,Lee\n",
		"more than 20000":       header + strings.Repeat(row, MaxRows+1),
		"more than 8 MB":        header + strings.Repeat(" ", MaxBytes),
		"said twice: by --site": header + row,
	} {
		site := ""
		if strings.Contains(want, "--site") {
			site = "abc"
		}
		if _, err := Read(strings.NewReader(file), program(t), site, today, locale.For("en")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", file, err, want)
		}
	}
	if f := read(t, header+strings.Repeat(row, MaxRows)); len(f.Rows) != MaxRows {
		t.Errorf("%d rows were read", len(f.Rows))
	}
}

// Each cell is judged as the portal's form would, and rows by one another.
func TestRowsAreJudged(t *testing.T) {
	t.Parallel()
	good := "ana,Ana,Lee,ana@clinic.example,en,abc,pharmacist,pharmacist,cpbc,RX1,2027-01-31,"
	for _, c := range []struct{ what, row, column, want string }{
		{"too few cells", "ana,Ana", "", "2 cells, the header has 12"},
		{"a control character", strings.Replace(good, "Lee", "L\x07e", 1), "surname", "nobody can type"},
		{"a sign that Keycloak refuses", strings.Replace(good, "Ana", "=1+1;", 1), "given-name", "signs"},
		{"a user name", strings.Replace(good, "ana,", "a b,", 1), "user-name", "3 to 30"},
		{"a language", strings.Replace(good, ",en,", ",fr,", 1), "language", "Choose"},
		{"no role", strings.Replace(good, ",pharmacist,pharmacist", ",,", 1), "role", "Say the role"},
		{"no such role", strings.Replace(good, ",pharmacist,pharmacist", ",emperor,", 1), "role", ""},
		{"another profession", strings.Replace(good, "pharmacist,pharmacist", "pharmacist,physician", 1), "profession", ""},
		{"a licence of the past", strings.Replace(good, "2027", "2020", 1), "expires", "passed"},
		{"a day in words", strings.Replace(good, "2027-01-31", "31/01/2027", 1), "expires", "year, month and day"},
		{"what the role does not ask", good + "paul", "authorizers", "does not ask"},
		{"no licence", strings.Replace(good, "RX1", "", 1), "number", "Fill this in"},
	} {
		r := read(t, header+c.row+"\n").Rows[0]
		found := ""
		for _, w := range r.Wrong {
			if w.Column == c.column {
				found = w.Text
			}
		}
		if found == "" || !strings.Contains(found, c.want) {
			t.Errorf("%s: %q at %q, want %q in %+v", c.what, found, c.column, c.want, r.Wrong)
		}
	}
	other := func(old, with string) string { return strings.Replace(good, old, with, 1) }
	f := read(t, header+strings.Join([]string{good, good, other("Lee", "Li"), other(",abc,", ",xyz,"), other("ana,", "anna,"), other("ana,", "ANA,")}, "\n")+"\n")
	var got []string
	for _, r := range f.Rows {
		text := ""
		for _, w := range r.Wrong {
			text += w.Text
		}
		got = append(got, text+strings.Join(r.Notes, ""))
	}
	for i, want := range []string{"", "in row 2", "Row 2 has the same user name", "", "Row 2 has the same name", "in row 2"} {
		if want == "" && got[i] != "" || !strings.Contains(got[i], want) {
			t.Errorf("row %d: %q, want %q", i+2, got[i], want)
		}
	}
	if f.Faulty() != 3 {
		t.Errorf("%d faulty rows, want 3", f.Faulty())
	}
}

// Nothing in a report is a formula to a spreadsheet, and nothing steers a terminal.
// proves: attack A58 A63
func TestReportsAreHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"=1": "'=1", " =1": "' =1", "\t=1": "'\t=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "＝1": "'＝1", "Ana": "Ana", "": "", "a=1": "a=1", "|calc": "'|calc"} {
		if got := plain(in); got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
	}
	f := read(t, header+"=cmd|x!a,@SUM(1),-2+3,\"x\"\"y@clinic.example\",en,abc,=role,,,,,\n")
	var file, table bytes.Buffer
	if err := f.CSV(&file); err != nil {
		t.Fatal(err)
	}
	cells, err := csv.NewReader(&file).ReadAll()
	if err != nil || len(cells) != 2 || cells[1][1] != "'=cmd|x!a" || cells[1][2] != "'@SUM(1) -2+3" || cells[1][4] != "'=role" {
		t.Errorf("%q, %v", cells, err)
	}
	f.Rows[0].Person.GivenName = "A\x1b[31m\u202e"
	if err := f.Table(&table); err != nil || strings.ContainsAny(table.String(), "\x1b\u202e") {
		t.Errorf("%q, %v", table.String(), err)
	}
}

// The contract of the file is printed from the program in force.
func TestColumns(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Columns(&b, locale.For("en"), program(t)); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(b.String(), "\n"); first+"\n" != header {
		t.Errorf("the header is %s", first)
	}
	if strings.Contains(b.String(), "administrator") || !strings.Contains(b.String(), "on-behalf-of") {
		t.Error(b.String())
	}
}
