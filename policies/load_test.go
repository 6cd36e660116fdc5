package policies

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// folder reads testdata/small, a program that uses most words in few lines.
func folder(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"program.yaml", "en.yaml", "es.yaml", "agreements/rules.v1.en.md", "agreements/rules.v1.es.md", "agreements/pledge.v1.en.md", "agreements/pledge.v1.es.md"} {
		b, err := os.ReadFile("testdata/small/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return files
}

// asFS makes a file system of the files.
func asFS(files map[string]string) fs.FS {
	out := fstest.MapFS{}
	for name, content := range files {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

// faultsOf loads and lists the faults' texts.
func faultsOf(t testing.TB, files map[string]string) []string {
	t.Helper()
	_, err := Load(asFS(files))
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		t.Fatalf("not a joined error: %v", err)
	}
	var out []string
	for _, e := range joined.Unwrap() {
		var f Fault
		if !errors.As(e, &f) {
			t.Fatalf("%T is not a Fault: %v", e, e)
		}
		out = append(out, f.Error())
	}
	return out
}

// The small program loads, and means what it says.
func TestLoadSmall(t *testing.T) {
	t.Parallel()
	p, err := Load(os.DirFS("testdata/small"))
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "small" || p.TimeZone != "America/New_York" || len(p.Roles) != 3 || !slices.Equal(p.Entitlements, []string{"files"}) {
		t.Errorf("%+v", p)
	}
	worker, _ := p.Role("worker")
	want := Need{Kind: NeedAttest, Agreement: "rules", Per: "site", For: 12 * time.Hour}
	if worker.Needs[0] != want || worker.Entry != EntryOpen || !worker.Can(Authorize) || worker.ProfessionOf("") != "" {
		t.Errorf("%+v", worker)
	}
	helper, _ := p.Role("helper")
	if !helper.AsHolder || len(helper.Gives) != 0 || helper.ProfessionOf("") != "clerk" || helper.ProfessionOf("x") != "x" {
		t.Errorf("%+v", helper)
	}
	v := p.Agreements["rules"].Versions[0]
	if zone, _ := time.LoadLocation("America/New_York"); !v.From.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, zone)) || !v.Material || v.Grace != 30*24*time.Hour || !v.Sample {
		t.Errorf("a date begins in the program's own zone: %+v", v)
	}
	if f := p.Sites.Form[3]; f.Confirms != "mail" || f.When == nil || f.When.Field != "signs" || !slices.Equal(f.When.Is, []string{"other"}) {
		t.Errorf("%+v", f)
	}
	if got := p.Text("en", "field.worker.job.label"); got != "Job" {
		t.Errorf("a shared form's text for the role: %q", got)
	}
	if p.Text("es", "name") != "Pequeño" || p.Text("fr", "name") != "Small" || p.Text("fr", "field.desk.job.help") != "What you do." {
		t.Error("texts do not fall back to English")
	}
}

// Source loads again to the same program, and the digest is over it.
//
// proves: attack A25
func TestFromSource(t *testing.T) {
	t.Parallel()
	for id, p := range programs(t) {
		q, err := FromSource(p.Source)
		if err != nil {
			t.Fatal(err)
		}
		if q.ID != id || q.Digest != p.Digest || !bytes.Equal(q.Source, p.Source) || len(p.Digest) != 64 {
			t.Errorf("%s: loaded from its source it is another", id)
		}
	}
	files := folder(t)
	a, _ := Load(asFS(files))
	files["agreements/rules.v1.es.md"] += "\n"
	b, err := Load(asFS(files))
	if err != nil || a.Digest == b.Digest {
		t.Errorf("a changed text keeps the digest: %v", err)
	}
	if a.Agreements["rules"].Versions[0].Texts["en"].Digest == a.Agreements["rules"].Versions[0].Texts["es"].Digest {
		t.Error("the languages share a digest")
	}
	for _, bad := range []string{"", "[]", `{"program.yaml":"x: y"}`} {
		if _, err := FromSource([]byte(bad)); err == nil {
			t.Errorf("source %q loads", bad)
		}
	}
}

// Each fault is found at its place, with the word that was probably meant.
func TestFaults(t *testing.T) {
	t.Parallel()
	type change struct{ file, old, new string }
	in := func(old, repl string) change { return change{"program.yaml", old, repl} }
	for name, c := range map[string]struct {
		change
		want string // begins the fault; the place is part of it
	}{
		"unknown key":               {in("entitlements:", "entitlments:"), `program.yaml:3:1: key "entitlments" is not known; did you mean "entitlements"?`},
		"unknown key in a role":     {in("gives: [files]", "give: [files]"), `program.yaml:45:5: key "give" is not known; did you mean "gives"?`},
		"unknown key in a need":     {in("per: site,", "pro: site,"), `program.yaml:42:25: key "pro" is not known`},
		"key given twice":           {in("program: small", "program: small\nprogram: other"), `program.yaml:2:1: "program" is given twice`},
		"key missing":               {in("time-zone: America/New_York\n", ""), `program.yaml:1:1: "time-zone" is missing`},
		"time zone":                 {in("America/New_York", "America/Gotham"), `program.yaml:2:12: time zone "America/Gotham" is not known`},
		"the machine's time zone":   {in("America/New_York", "Local"), `program.yaml:2:12: time zone "Local" is not known`},
		"no time zone":              {in("America/New_York", "''"), `program.yaml:2:12: time zone "" is not known`},
		"not YAML":                  {in("program: small", "program: [small"), `program.yaml:`},
		"empty":                     {change{"program.yaml", "", ""}, `program.yaml: must hold exactly one document`},
		"not a mapping":             {in("sites:\n", "sites: 7\nx:\n"), `program.yaml:20:8: must be a mapping`},
		"not a list":                {in("entitlements: [files]", "entitlements: files"), `program.yaml:3:15: must be a list`},
		"not text":                  {in("name: title", "name: [title]"), `program.yaml:28:14: must be text`},
		"not a code":                {in("entitlements: [files]", "entitlements: [Files]"), `program.yaml:3:16: "Files" must be a code`},
		"not yes or no":             {in("required: true", "required: maybe"), `program.yaml:28:58: must be true or false`},
		"not a number":              {in("max: 80", "max: many"), `program.yaml:28:69: must be a whole number`},
		"not a duration":            {in("for: 12h", "for: 12"), `program.yaml:42:41: must be a number of days, hours or minutes such as 365d`},
		"not a date":                {in("from: 2026-01-31", "from: soon"), `program.yaml:5:30: must be a date such as 2026-01-31`},
		"version number":            {in("version: 1, from: 2026-01-31", "version: 2, from: 2026-01-31"), `program.yaml:5:11: versions count from 1 upwards: 1 was expected`},
		"version without a date":    {in("from: 2026-01-31, ", ""), `program.yaml:5:11: "from" is missing`},
		"versions out of order":     {in("[{version: 1, from: 2026-02-01}]", "[{version: 1, from: 2026-02-01}, {version: 2, from: 2026-01-01}]"), `program.yaml:6:44: a version cannot be effective before`},
		"agreement without one":     {in("[{version: 1, from: 2026-02-01}]", "[]"), `program.yaml:6:3: agreement "pledge" has no version`},
		"unknown agreement":         {in("attest: rules", "attest: rulez"), `program.yaml:42:18: agreement "rulez" is not known; did you mean "rules"?`},
		"regulated without bodies":  {in("regulated: true, bodies: [board]", "regulated: true"), `program.yaml:9:3: a regulated profession names its bodies`},
		"unknown body":              {in("bodies: [board]}", "bodies: [boards]}"), `program.yaml:9:37: body "boards" is not known; did you mean "board"?`},
		"twice in a list":           {in("may: [authorize]", "may: [authorize, authorize]"), `program.yaml:46:22: capability "authorize" is given twice`},
		"unknown capability":        {in("may: [authorize]", "may: [authorise]"), `program.yaml:46:11: capability "authorise" is not known; did you mean "authorize"?`},
		"unknown profession":        {in("professions: [smith,", "professions: [smiht,"), `program.yaml:39:19: profession "smiht" is not known; did you mean "smith"?`},
		"unknown form":              {in("form: desk\n    needs:\n      - {attest", "form: dusk\n    needs:\n      - {attest"), `program.yaml:40:11: form "dusk" is not known; did you mean "desk"?`},
		"form named as a role":      {in("  help:\n", "  worker:\n"), `program.yaml: form "worker" has the name of a role`},
		"role named site":           {in("  worker:\n", "  site:\n"), `program.yaml:38:3: a role cannot be named "site"`},
		"unknown entitlement":       {in("gives: [files]", "gives: [file]"), `program.yaml:45:13: entitlement "file" is not known; did you mean "files"?`},
		"unknown gift":              {in("gives: as-authorizer", "gives: as-authoriser"), `program.yaml:51:12: gift "as-authoriser" is not known; did you mean "as-authorizer"?`},
		"unknown entry":             {in("entry: invitation", "entry: invite"), `program.yaml:35:12: entry "invite" is not known`},
		"two fields one name":       {in("name: mail-again", "name: mail"), `program.yaml:31:14: two fields of one form are named "mail"`},
		"two fields one binding":    {in("name: job, kind: text", "name: job, kind: text, as: standing.body"), `program.yaml:15:35: two fields of one form are bound to "standing.body"`},
		"unknown binding":           {in("as: site.name", "as: site.nam"), `program.yaml:28:37: bound name "site.nam" is not known; did you mean "site.name"?`},
		"unknown kind of field":     {in("kind: email, as", "kind: mail, as"), `program.yaml:30:26: kind of field "mail" is not known; did you mean "email"?`},
		"field without a kind":      {in("name: job, kind: text", "name: job"), `program.yaml:15:7: a field has a name and a kind`},
		"choice without options":    {in(", options: [self, other]", ""), `program.yaml:29:7: a choice has options`},
		"self-signing without self": {in("options: [self, other]", "options: [myself, other]"), `program.yaml:29:7: a field bound to declarant.self is a choice`},
		"confirms a later field":    {in("confirms: mail,", "confirms: male,"), `program.yaml:31:49: earlier field "male" is not known; did you mean "mail"?`},
		"condition on nothing":      {in("when: {field: signs, is: [other]}}\n    - {name: mail-again", "when: {}}\n    - {name: mail-again"), `program.yaml:30:60: a condition names an earlier field`},
		"condition on no answer":    {in("is: [other]}}\n    - {name: mail-again", "is: [others]}}\n    - {name: mail-again"), `program.yaml:30:80: answer "others" is not known; did you mean "other"?`},
		"unknown need":              {in("      - standing\n", "      - standng\n"), `program.yaml:43:9: need "standng" is not known; did you mean "standing"?`},
		"empty need":                {in("      - standing\n", "      - {}\n"), `program.yaml:43:9: a need is empty`},
		"standing with a value":     {in("      - standing\n", "      - {standing: x}\n"), `program.yaml:43:9: "standing" stands alone`},
		"unknown approver":          {in("{approve: group-administrator, else: registrar}", "{approve: group-admin, else: registrar}"), `program.yaml:44:19: approver "group-admin" is not known`},
		"unknown else":              {in("else: registrar}", "else: king}"), `program.yaml:44:46: approver in place of another "king" is not known; one of: registrar`},
		"code given twice":          {in("entitlements: [files]", "entitlements: [files, files]"), `program.yaml:3:23: "files" is given twice`},
		"option given twice":        {in("[self, other]", "[self, other, self]"), `program.yaml:29:78: "self" is given twice`},
		"else for an authorizer":    {in("{approve: authorizer}", "{approve: authorizer, else: registrar}"), `program.yaml:50:13: "else" and "met-by" are for a group administrator's approval`},
		"declared instead":          {in("needs: [{approve: registrar}]", "needs: [{approve: registrar, met-by: declaration}]"), `program.yaml:36:13: "else" and "met-by" are for`},
		"sometimes approved":        {in("    - {approve: registrar}\n", "    - {approve: registrar, when: signer-is-requester}\n"), `program.yaml:26:7: "when" is for a second registrar's approval`},
		"need given twice":          {in("      - standing\n", "      - standing\n      - standing\n"), `program.yaml:38:3: need "standing" is given twice`},
		"role is an entitlement":    {in("entitlements: [files]", "entitlements: [files, helper]"), `program.yaml:47:3: "helper" is an entitlement already`},
		"nobody approves":           {in("needs: [{approve: registrar}]", "needs: [{attest: rules}]"), `program.yaml:34:3: nobody approves role "admin"`},
		"approver is oneself":       {in("needs: [{approve: registrar}]", "needs: [{approve: group-administrator}]"), `program.yaml:34:3: nobody can approve role "admin": it needs a group administrator before there is one`},
		"nobody authorizes":         {in("    may: [authorize]\n", ""), `program.yaml:46:3: nobody can approve role "helper": no role may authorize`},
		"a chain":                   {in("gives: as-authorizer", "gives: as-authorizer\n    may: [authorize]"), `program.yaml:47:3: role "helper" is authorized by others and so cannot authorize`},
		"as-authorizer without":     {in("needs: [{approve: authorizer}]", "needs: [{approve: registrar}]"), `program.yaml:47:3: role "helper" gives as-authorizer and so needs {approve: authorizer}`},
		"a role declares":           {in("      - standing\n", "      - {declare: pledge, by: signing-authority}\n"), `program.yaml:38:3: declare is a need of sites`},
		"a second for a role":       {in("      - standing\n", "      - {approve: second-registrar}\n"), `program.yaml:38:3: a second registrar is for sites`},
		"no field for a need":       {in("as: standing.number", "max: 9"), `program.yaml:38:3: the form has no field bound to "standing.number"`},
		"no field for the site":     {in("as: site.name, ", ""), `program.yaml:21:3: the form has no field bound to "site.name"`},
		"a site attests":            {in("- {declare: pledge, by: signing-authority}", "- {attest: pledge}"), `program.yaml:21:3: a site cannot need "attest:pledge"`},
		"a site's need twice":       {in("- {approve: registrar}\n", "- {approve: registrar}\n    - {approve: registrar}\n"), `program.yaml:21:3: need "approve:registrar" is given twice`},
		"nobody approves sites":     {in("    - {approve: registrar}\n", ""), `program.yaml:21:3: nobody approves sites`},
		"no administering role":     {in("  administered-by: admin\n", ""), `program.yaml:21:3: "administered-by" is missing`},
		"role cannot administer":    {in("administered-by: admin", "administered-by: worker"), `program.yaml:22:20: role that may administer "worker" is not known`},
		"administrator by a peer":   {in("needs: [{approve: registrar}]", "needs: [invited]"), `program.yaml:21:3: role "admin" administers sites and so needs {approve: registrar}`},
		"fewer wanted than least":   {in("{least: 1, wanted: 2}", "{least: 2, wanted: 1}"), `program.yaml:23:19: fewer administrators are wanted`},
		"text missing":              {change{"en.yaml", "role.worker.about: Works.\n", ""}, `en.yaml: text "role.worker.about" is missing`},
		"text unknown":              {change{"en.yaml", "role.worker.about:", "role.worker.abut:"}, `en.yaml:6:1: text "role.worker.abut" is not known; did you mean "role.worker.about"?`},
		"text empty":                {change{"en.yaml", "about: A small program.", "about: ''"}, `en.yaml:2:1: text "about" is empty`},
		"Spanish text missing":      {change{"es.yaml", "name: Pequeño\n", ""}, `es.yaml: text "name" is missing`},
		"Spanish help missing":      {change{"es.yaml", "field.desk.job.help: Lo que usted hace.\n", ""}, `es.yaml: text "field.desk.job.help" is missing, which another language has`},
		"English help missing":      {change{"en.yaml", "field.desk.job.help: What you do.\n", ""}, `en.yaml: text "field.desk.job.help" is missing, which another language has`},
		"other places":              {change{"es.yaml", "welcome: Come in.", "welcome: Entre, {{.Name}}."}, `es.yaml: text "welcome" has ["{{.Name}}"] where English has []`},
		"other link":                {change{"es.yaml", "feedback: Tell us.", "feedback: Escriba a tell@example.org."}, `es.yaml: text "feedback" has ["tell@example.org"] where English has []`},
		"other link to sign":        {change{"agreements/rules.v1.es.md", "", "Vea [esto](https://example.org)."}, `agreements/rules.v1.es.md: has ["](https://example.org)"] where English has []`},
		"Spanish not YAML":          {change{"es.yaml", "name: Pequeño", "name: 'Pequeño"}, `es.yaml:`},
		"no English":                {change{"en.yaml", "", "-"}, `en.yaml: is missing`},
		"agreement without words":   {change{"es.yaml", "", "-"}, `agreements/pledge.v1.es.md: is in a language that has no words: es.yaml is missing`},
		"agreement text missing":    {change{"agreements/rules.v1.es.md", "", "-"}, `agreements/rules.v1.es.md: is missing or empty`},
		"agreement text empty":      {change{"agreements/rules.v1.en.md", "", ""}, `agreements/rules.v1.en.md: is missing or empty`},
		"agreement not UTF-8":       {change{"agreements/rules.v1.en.md", "", "\xff"}, `agreements/rules.v1.en.md: is not UTF-8`},
		"misnamed file":             {change{"agreements/rules.v2.en.md", "", "x"}, `agreements/rules.v2.en.md: file "agreements/rules.v2.en.md" is not known; did you mean`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := folder(t)
			switch {
			case c.old != "":
				if !strings.Contains(files[c.file], c.old) {
					t.Fatalf("%s has no %q", c.file, c.old)
				}
				files[c.file] = strings.Replace(files[c.file], c.old, c.new, 1)
			case c.new == "-":
				delete(files, c.file)
			default:
				files[c.file] = c.new
			}
			got := faultsOf(t, files)
			if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, c.want) }) {
				t.Errorf("want %s\ngot:\n%s", c.want, strings.Join(got, "\n"))
			}
		})
	}
}

// All faults come at once, not one after another.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	files := folder(t)
	files["program.yaml"] = strings.NewReplacer("kind: email, as", "kind: mail, as", "gives: [files]", "gives: [file]", "America/New_York", "Nowhere").Replace(files["program.yaml"])
	files["en.yaml"] = strings.Replace(files["en.yaml"], "about: A small program.\n", "", 1)
	files["notes.txt"] = "?"
	if got := faultsOf(t, files); len(got) != 5 {
		t.Errorf("%d faults, want 5:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// A folder that cannot be read is an error of its own.
func TestLoadNoFolder(t *testing.T) {
	t.Parallel()
	if _, err := Load(os.DirFS("testdata/nowhere")); err == nil {
		t.Error("a folder that is not there loads")
	}
	files := maps.Clone(folder(t))
	clear(files)
	if got := faultsOf(t, files); len(got) == 0 {
		t.Error("an empty folder loads")
	}
}

// Which version is shown, and that only what was shown may be signed.
//
// proves: attack A24 attack A25
func TestCurrent(t *testing.T) {
	t.Parallel()
	text := func(s string) map[string]AgreementText {
		return map[string]AgreementText{"en": {Digest: s}, "es": {Digest: s + "-es"}}
	}
	a := Agreement{Versions: []AgreementVersion{{Number: 1, From: day(0), Texts: text("one")}, {Number: 2, From: day(5), Texts: text("two")}}}
	if _, ok := a.Current(day(0).Add(-1)); ok {
		t.Error("a version is current before its date")
	}
	if v, ok := a.Current(day(5).Add(-1)); !ok || v.Number != 1 {
		t.Errorf("current before day 5: %d", v.Number)
	}
	if v, _ := a.Current(day(5)); v.Number != 2 {
		t.Errorf("current on day 5: %d", v.Number)
	}
	for _, c := range []struct {
		version      int
		lang, digest string
		at           time.Time
		want         bool
	}{
		{1, "en", "one", day(1), true},
		{1, "es", "one-es", day(1), true},
		{1, "es", "one", day(1), false}, // the other language's text
		{1, "fr", "one", day(1), false},
		{1, "en", "one", day(5), false}, // replaced since it was shown
		{2, "en", "two", day(5), true},
		{2, "en", "two", day(1), false}, // not yet effective
		{1, "en", "one", day(-1), false},
	} {
		if got := a.IsCurrent(c.version, c.lang, c.digest, c.at); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
