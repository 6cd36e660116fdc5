package broker_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/policies"
)

// imported is what countersign import --json says.
type imported struct {
	Batch  string
	DryRun bool `json:"dry_run"`
	Counts map[string]int
	Rows   []struct {
		Row      int
		UserName string `json:"user_name"`
		Outcome  string
		Message  string
	}
}

func (s *stack) imports(t *testing.T, file string, args ...string) (out imported, said string, err error) {
	t.Helper()
	said, err = s.command(t, file, append([]string{"import", "-", "--json"}, args...)...)
	if from := strings.Index(said, "{"); from >= 0 {
		must(t, json.NewDecoder(strings.NewReader(said[from:])).Decode(&out))
	}
	return out, said, err
}

// A registrar's decision over a file, as whoever runs the server carries it out: with
// faults nothing is done; people get a mail, choose a password, sign in, are led to what
// they have to sign, and their access begins with that. Who has an account signs in with
// it. Who is to act for somebody still waits for that person's yes.
// proves: C2 C3 C18 I2 attack A58
func TestImportedPeople(t *testing.T) {
	t.Parallel()
	s := shared(t)
	m := s.maple(t)
	kim := s.person(t, "Kim", "Osei")
	rosa, code := m.desk.First, s.code(t, m.site)
	n := next()
	pia := &walk.Person{Browser: walk.New(s.config.PublicURL), UserName: fmt.Sprintf("pia%d", n), Password: password, Email: fmt.Sprintf("pia%d@%s.example", n, s.name)}
	omar := &walk.Person{Browser: walk.New(s.config.PublicURL), UserName: fmt.Sprintf("omar%d", n), Password: password, Email: fmt.Sprintf("omar%d@%s.example", n, s.name)}
	file := "\ufeffUser name;Given name;Surname;Email;Language;Site;Role;Profession;Body;Number;Expires;Authorizers\r\n" +
		strings.Join([]string{pia.UserName, "Pia", `"de la Sol"`, pia.Email, "en", code, "pharmacist", "pharmacist", "cpbc", "RX-" + pia.UserName, inAYear(), ""}, ";") + "\r\n" +
		strings.Join([]string{kim.UserName, "kim", "OSEI", kim.Email, "en", code, "pharmacist", "", "cpbc", "RX-" + kim.UserName, inAYear(), ""}, ";") + "\r\n" +
		strings.Join([]string{omar.UserName, "Omar", "Haddad", omar.Email, "en", code, "on-behalf-of", "office-manager", "", "", "", m.paul.UserName}, ";") + "\r\n" +
		strings.Join([]string{"wrong" + pia.UserName, "=HYPERLINK(1)", "Lee", "lee@nowhere", "en", code, "pharmacist", "", "cpsbc", "1", "2020-01-01", ""}, ";") + "\r\n"
	decision := []string{"--approved-by", rosa.UserName, "--reference", "minutes of 3 March, item 4", "--licences-checked"}

	found, said, err := s.imports(t, file, append(decision, "--dry-run")...)
	if err == nil || found.Counts["faulty"] != 1 || found.Counts["would-make"] != 2 || found.Counts["would-ask"] != 1 || !found.DryRun {
		t.Fatalf("the dry run: %v\n%s", err, said)
	}
	for _, word := range []string{"body:", "expires:", "email:", "number:", "given-name:"} {
		if !strings.Contains(found.Rows[3].Message, word) {
			t.Errorf("row 5 says nothing of its %s %s", word, found.Rows[3].Message)
		}
	}
	if _, said, err := s.imports(t, file, decision...); err == nil || !strings.Contains(said, "nothing was changed") {
		t.Errorf("a faulty row: %v\n%s", err, said)
	}
	for why, args := range map[string][]string{
		"is not a registrar": {"--approved-by", m.mona.UserName, "--reference", "x"},
		"has the user name":  {"--approved-by", "nobody-at-all", "--reference", "x"},
		"--reference":        {"--approved-by", rosa.UserName},
	} {
		if _, said, err := s.imports(t, file, args...); err == nil || !strings.Contains(said, why) {
			t.Errorf("%v: %v, want %q\n%s", args, err, why, said)
		}
	}
	if n := s.count(t, `account where user_name = any(array[$1, $2])`, pia.UserName, omar.UserName); n != 0 {
		t.Fatal("what was only looked at, or refused, left something")
	}

	report := filepath.Join(t.TempDir(), "report.csv")
	found, said, err = s.imports(t, file, append(decision, "--skip-faulty", "--report", report)...)
	if err != nil || found.Counts["made"] != 2 || found.Counts["asked"] != 1 || found.Counts["left-out"] != 1 || found.Batch == "" {
		t.Fatalf("%v\n%s\n%s", err, said, s.logs)
	}
	written, err := os.Open(report)
	must(t, err)
	defer written.Close()
	cells, err := csv.NewReader(written).ReadAll()
	must(t, err)
	if len(cells) != 5 || cells[4][2] != "'=HYPERLINK(1) Lee" {
		t.Errorf("the report: %q", cells)
	}
	if again, said, err := s.imports(t, file, append(decision, "--skip-faulty")...); err != nil || again.Batch != found.Batch || again.Counts["already"] != 3 {
		t.Errorf("a second run: %v\n%s", err, said)
	}
	told, err := s.mail.Wait(rosa.Email, "batch was decided", "/desk")
	must(t, err)
	tells(t, told.Text, "minutes of 3 March, item 4", "Rosa Almeida")

	for _, p := range []*walk.Person{pia, omar} {
		m, err := s.mail.Wait(p.Email, "", "action-token")
		must(t, err)
		must(t, p.Begin(m.Link("action-token"), p.Password))
		ahead, err := s.mail.Wait(p.Email, "approved", "/requests/")
		must(t, err)
		tells(t, ahead.Text, p.UserName, "signed in", "A second mail")
	}
	page, err := pia.SignIn(pia.UserName, pia.Password)
	must(t, err)
	if !strings.HasPrefix(page.URL.Path, "/requests/") {
		t.Errorf("the first sign-in leads to %s", page.URL)
	}
	says(t, page, "Your access begins when you have signed")
	says(t, page, "Batch "+found.Batch)
	says(t, page, "Entered with batch "+found.Batch)
	says(t, page, "Rosa Almeida said yes")
	if s.holds(t, pia, m.site, "pharmacist") {
		t.Error("access before the person signed")
	}
	signs(t, pia, page)
	s.inRealm(t, pia, m.site, "pharmacist", "viewer")
	s.inPlace(t, pia, "Pharmacist")
	says(t, get(t, pia, "/access"), "Rosa Almeida approved as registrar on")
	says(t, get(t, pia, "/access"), "(batch "+found.Batch+")")

	ahead, err := s.mail.Wait(kim.Email, "approved", "/requests/")
	must(t, err)
	if strings.Contains(ahead.Text, "second mail") {
		t.Error("who has an account is told of another")
	}
	signs(t, kim, get(t, kim, ahead.Link("/requests/")))
	s.inRealm(t, kim, m.site, "pharmacist", "viewer")

	page, err = omar.SignIn(omar.UserName, omar.Password)
	must(t, err)
	signs(t, omar, page)
	if s.holds(t, omar, m.site, "on-behalf-of") {
		t.Error("acts for somebody who did not say so")
	}
	must(t, m.paul.Approve(walk.Inbox(strings.Split(page.URL.Path, "/")[2]), allowing))
	s.inRealm(t, omar, m.site, "on-behalf-of", "viewer")
	s.invariants(t)
}

// signs signs all that a tracker asks of the person.
func signs(t *testing.T, p *walk.Person, page *walk.Page) {
	t.Helper()
	at := page.URL.String()
	for range 4 {
		to := page.Link("/sign/")
		if to == "" {
			return
		}
		next, err := page.Follow("/sign/")
		must(t, err)
		_, err = next.FormWith("agree").Tick("agree").Send()
		must(t, err)
		page = get(t, p, at)
	}
	t.Errorf("there is no end of what is to be signed: %s", page.Text())
}

func tells(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in: %s", want, text)
		}
	}
}

// An import that is killed at any moment is gone on with by the same command: everybody
// is there once, with one request and one approval.
// proves: F01 I3 I7
func TestImportIsKilled(t *testing.T) {
	t.Parallel()
	s, code := recordOnly(t)
	const rows = 60
	file := filepath.Join(t.TempDir(), "people.csv")
	var b strings.Builder
	b.WriteString("user-name,given-name,surname,email,language,role,body,number,expires\n")
	for i := range rows {
		fmt.Fprintf(&b, "pat%d,Pat,No%d,pat%d@import.example,es,pharmacist,cpbc,RX%d,%s\n", i, i, i, i, inAYear())
	}
	must(t, os.WriteFile(file, []byte(b.String()), 0o600))
	program, err := commandLine()
	must(t, err)
	args := []string{"import", file, "--json", "--site", code, "--approved-by", "rosa", "--reference", "minutes", "--licences-checked"}
	kills, last := 0, 0
	for done := false; !done && kills < 20; {
		c := exec.Command(program, args...)
		c.Env = s.environment()
		must(t, c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		for at := last; !done && at < last+rows/4; time.Sleep(5 * time.Millisecond) {
			at = s.count(t, `request where batch_id is not null`)
			select {
			case err := <-ended:
				must(t, err)
				done = true
			default:
			}
		}
		if !done {
			if err := c.Process.Kill(); err == nil {
				kills++
			}
			<-ended
		}
		last = s.count(t, `request where batch_id is not null`)
	}
	if kills == 0 {
		t.Error("it was never killed")
	}
	for what, from := range map[string]string{"accounts": `account where batch_id is not null`, "requests": `request where batch_id is not null and state = 'submitted'`,
		"people": `(select distinct user_name from account where batch_id is not null) p`, "approvals": `fact_review where need = 'approve:group-administrator'`,
		"licences": `fact_standing`, "acts": `act where kind = 'batch.row'`} {
		if n := s.count(t, from); n != rows {
			t.Errorf("after %d kills there are %d %s, want %d", kills, n, what, rows)
		}
	}
	if n := s.count(t, `import_batch`); n != 1 {
		t.Errorf("%d batches, want 1", n)
	}
	found, err := s.registry.Invariants(t.Context())
	must(t, err)
	for _, v := range found {
		if !strings.HasPrefix(v.What, "site ") { // it was put there by hand, without an event
			t.Errorf("%+v", v)
		}
	}
}

// recordOnly is a record with a registrar, rosa, and an open site, and neither a worker
// nor a realm: what commands write and nobody follows.
func recordOnly(t *testing.T) (s *stack, code string) {
	t.Helper()
	s = &stack{name: fmt.Sprintf("b%d-%d", os.Getpid(), next()), logs: &lines{}}
	s.database = strings.ReplaceAll(s.name, "-", "_")
	must(t, servers.CreateDatabase(t.Context(), s.database, template))
	s.owner = servers.OwnerURL(s.database)
	s.config = shared(t).config
	s.config.Database, s.config.Keys = broker.Secret(servers.AppURL(s.database)), t.TempDir()
	must(t, registry.NewKeys(s.config.Keys))
	var err error
	s.registry, err = broker.Open(t.Context(), s.config)
	must(t, err)
	built, err := policies.Builtin()
	must(t, err)
	for _, id := range []string{policies.OperatorProgram, "careconnect"} {
		_, err := s.registry.LoadProgram(t.Context(), registry.CommandLine(), built[id])
		must(t, err)
	}
	rosa, err := s.registry.SignedIn(t.Context(), registry.SignedIn{Issuer: s.config.Issuer(), Sub: "rosa", UserName: "rosa", GivenName: "Rosa", Surname: "Almeida", Email: "rosa@import.example", EmailVerified: true})
	must(t, err)
	must(t, s.registry.Bootstrap(t.Context(), registry.CommandLine(), "rosa@import.example"))
	mail, _, ok, err := s.registry.ClaimMail(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	now, err := s.registry.Now(t.Context())
	must(t, err)
	must(t, s.registry.AcceptInvitation(t.Context(), registry.By{Account: rosa, Op: registry.NewID(), AuthTime: now, ACR: "two-factor"}, mail.Data["secret"]))
	s.query(t, &code, `insert into site (id, program, code, name, tz, opened_at, changed_at) values (gen_random_uuid(), 'careconnect', 'import', 'One', 'UTC', instant(), instant()) returning code`)
	t.Cleanup(func() {
		must(t, s.registry.Close())
		if err := servers.DropDatabase(context.Background(), s.database); err != nil {
			t.Error(err)
		}
	})
	return s, code
}
