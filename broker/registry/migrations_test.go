package registry

import (
	"regexp"
	"strings"
	"testing"
)

// What a migration may do that the binaries before it live with. Each kind of
// statement is here or it is refused: a new one is thought about before it is added.
var expands = []*regexp.Regexp{
	regexp.MustCompile(`^create (table|index|unique index|view|function|trigger) `),
	regexp.MustCompile(`^create or replace view `),                             // it keeps the columns that there are, or Postgres refuses it
	regexp.MustCompile(`^alter table \w+ add (column )?(if not exists )?\w+ `), // see needsDefault
	regexp.MustCompile(`^grant `),
	regexp.MustCompile(`^(insert into|update|do) `),
	regexp.MustCompile(`^select `),
}

// widened are constraints that were taken away and put back with more allowed: what an
// older binary writes is allowed by each of them.
var widened = []string{
	"account account_state_check", "account account_check", "account account_sub", "invitation invitation_purpose_check",
}

var (
	constraint = regexp.MustCompile(`^alter table (\w+) (?:drop|add) constraint (\w+)`)
	column     = regexp.MustCompile(`^alter table (\w+) add (?:column )?(?:if not exists )?(\w+) (.*)$`)
	index      = regexp.MustCompile(`^create unique index (?:if not exists )?\w+ on (\w+)`)
	made       = regexp.MustCompile(`^create table (?:if not exists )?(\w+)`)
	trigger    = regexp.MustCompile(`^create trigger \w+ .* on (\w+)`)
)

// contracts says what a later migration's statement would break for a binary that knows
// nothing of it; "" for nothing. Tables that are new with the migration are its own.
func contracts(statement string, own map[string]bool) string {
	s := strings.ToLower(strings.Join(strings.Fields(statement), " "))
	if m := made.FindStringSubmatch(s); m != nil {
		own[m[1]] = true
	}
	if m := constraint.FindStringSubmatch(s); m != nil {
		for _, known := range widened {
			if known == m[1]+" "+m[2] {
				return ""
			}
		}
		if !own[m[1]] {
			return "a constraint on a table that older binaries write to"
		}
		return ""
	}
	if m := index.FindStringSubmatch(s); m != nil && !own[m[1]] {
		return "a unique index on a table that older binaries write to"
	}
	if m := trigger.FindStringSubmatch(s); m != nil && !own[m[1]] {
		return "a trigger on a table that older binaries write to"
	}
	if m := column.FindStringSubmatch(s); m != nil && !own[m[1]] {
		kind := m[3]
		if strings.Contains(s, ", add ") || strings.Contains(s, ", drop ") {
			return "several changes in one statement: write one each"
		}
		if strings.Contains(kind, "not null") && !strings.Contains(kind, "default") || strings.Contains(kind, "unique") || strings.Contains(kind, "primary key") {
			return "a column that older binaries do not fill in"
		}
	}
	for _, ok := range expands {
		if ok.MatchString(s) {
			return ""
		}
	}
	return "nothing that is known to leave older binaries alone"
}

// statements are those of a migration's first half, without comments.
func statements(text string) (all []string) {
	up, _, _ := strings.Cut(text, "-- +goose Down")
	whole := false // a function's body has semicolons of its own
	var b strings.Builder
	for line := range strings.Lines(up) {
		switch code, _, _ := strings.Cut(line, "--"); {
		case strings.HasPrefix(line, "-- +goose StatementBegin"):
			whole = true
		case strings.HasPrefix(line, "-- +goose StatementEnd"):
			whole = false
			all = append(all, b.String())
			b.Reset()
		default:
			b.WriteString(strings.TrimRight(code, " \n") + "\n")
			if s := strings.TrimSpace(b.String()); !whole && strings.HasSuffix(s, ";") {
				all = append(all, strings.TrimSuffix(s, ";"))
				b.Reset()
			}
		}
	}
	return all
}

// Migrations only expand: whatever was ever released goes on beside the newest schema.
// proves: F23
func TestMigrationsOnlyExpand(t *testing.T) {
	t.Parallel()
	files, err := migrations.ReadDir("migrations")
	if err != nil || len(files) < 9 {
		t.Fatal(len(files), err)
	}
	for _, f := range files[1:] { // the first made what there is to break
		text, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		own := map[string]bool{}
		all := statements(string(text))
		if len(all) == 0 {
			t.Errorf("%s: no statement was found", f.Name())
		}
		for _, s := range all {
			if why := contracts(s, own); why != "" {
				t.Errorf("%s: %s: %s", f.Name(), why, s)
			}
		}
	}
	for _, s := range []string{"drop table act", "alter table account drop column sub", "alter table account rename sub to subject",
		"alter table account alter column sub type uuid", "alter table account alter sub set not null", "alter table account add age int not null",
		"alter table mail add constraint one unique (address)", "create unique index x on account (email)", "alter table mail add column n int default 0, drop column data",
		"create trigger x before insert on act execute function never()", "revoke insert on mail from countersign_app", "delete from act", "drop view fact",
		"alter table account add column code text unique", "truncate mail"} {
		if contracts(s, map[string]bool{}) == "" {
			t.Errorf("%q passes", s)
		}
	}
}
