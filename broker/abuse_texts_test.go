package broker_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/policies"
)

// keepBusy holds an account so that no worker can settle it, until the returned
// function is called: to everybody who looks, it is as if the worker were down.
func (s *stack) keepBusy(t *testing.T, p *walk.Person) (release func()) {
	t.Helper()
	db, err := sql.Open("postgres", s.owner)
	must(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	if _, err := tx.ExecContext(t.Context(), `select 1 from account where id = $1 for share`, s.account(t, p)); err != nil {
		t.Fatal(err)
	}
	return func() {
		must(t, tx.Rollback())
		must(t, db.Close())
	}
}

// Access whose end has come is over with that moment, for the same session and
// the same token, while no worker has looked at it and Keycloak has it still; the
// worker follows when it can.
// proves: attack A23 attack A55
func TestEndComesWhileNobodyWorks(t *testing.T) {
	t.Parallel()
	s := start(t)
	m := s.maple(t)
	olga := s.person(t, "Olga", "Reyes")
	id, err := walk.AskToAssist(m.site, olga, "office-manager")
	must(t, err)
	zone, err := time.LoadLocation("America/Vancouver")
	must(t, err)
	read(t, m.mona, "/sites/"+m.site+"/members/"+s.join(t, m.paul, m.site, "practitioner")+"/end", formTo("/end")).
		with("when", "day").with("last", time.Now().In(zone).AddDate(0, 0, 1).Format(time.DateOnly)).with("reasons", "absence").accepted(t)
	var until, now time.Time
	s.query(t, &until, `select until_at from access_grant where account_id = $1 and role = leaf and ended_at is null`, s.account(t, m.paul))
	now, err = s.registry.Now(t.Context())
	must(t, err)
	s.move(t, until.Sub(now)-5*time.Minute)
	_, err = m.paul.SignIn(m.paul.UserName, m.paul.Password) // hours have gone by
	must(t, err)
	yes := verdict(t, m.paul, walk.Inbox(id), allowing, "approve")
	offer := read(t, m.paul, "/authorizing", formTo("/offer")).with("account", s.account(t, olga))

	release := s.keepBusy(t, m.paul)
	s.move(t, 6*time.Minute)
	yes.refused(t, s, http.StatusNotFound)
	offer.refused(t, s, http.StatusForbidden)
	page, err := plain(m.paul.Browser).Get("/access")
	must(t, err)
	if page.Status != http.StatusOK || page.Link("/leave") != "" {
		t.Errorf("My access: %d %s", page.Status, page.Text())
	}
	if n := s.count(t, `access_grant where account_id = $1 and ended_at is null`, s.account(t, m.paul)); n != 2 || !s.hasLeaf(t, m.paul, m.site, "viewer") {
		t.Fatalf("%d grants are not settled: somebody worked", n)
	}
	release()
	eventually(t, "the worker follows", func() bool { return !s.hasLeaf(t, m.paul, m.site, "viewer") })
	s.invariants(t)
}

// later is the program with a second, material version of a statement, in English
// and in Spanish.
func later(t *testing.T) *policies.Program {
	t.Helper()
	built, err := policies.Builtin()
	must(t, err)
	var files map[string]string
	must(t, json.Unmarshal(built[walk.Program].Source, &files))
	const v1 = "direct-care-only: [{version: 1, from: 2026-01-01, sample: true}]"
	if !strings.Contains(files["program.yaml"], v1) {
		t.Fatal("the program's first statement is not as this test knows it")
	}
	files["program.yaml"] = strings.Replace(files["program.yaml"], v1,
		"direct-care-only: [{version: 1, from: 2026-01-01, sample: true}, {version: 2, from: 2026-01-02, material: true, sample: true}]", 1)
	files["agreements/direct-care-only.v2.en.md"] = "# Direct care only\n\nThe second text, in English.\n"
	files["agreements/direct-care-only.v2.es.md"] = "# Solo atención directa\n\nEl segundo texto, en español.\n"
	if files["es.yaml"] == "" {
		files["es.yaml"] = files["en.yaml"]
	}
	for _, name := range []string{"direct-care-only.v1", "access-agreement.v1", "worksite-privacy-security.v1"} {
		if es := "agreements/" + name + ".es.md"; files[es] == "" {
			files[es] = "# En español\n\n" + files["agreements/"+name+".en.md"]
		}
	}
	source, err := json.Marshal(files)
	must(t, err)
	p, err := policies.FromSource(source)
	must(t, err)
	return p
}

const statement = "/sign/careconnect/direct-care-only"

// What somebody signs is what they were shown, in its language. Whoever read a
// text that was replaced before they signed reads the new one first; whoever
// signed the old one signs anew.
// proves: attack A24 attack A25
func TestTextChangesWhileItIsRead(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.registrars(t)
	zoe := s.person(t, "Zoe", "Marsh")
	old := read(t, zoe, statement, formTo("/sign/")).with("agree", "yes")
	p := later(t)
	if loaded, err := s.registry.LoadProgram(t.Context(), registry.CommandLine(), p); err != nil || !loaded {
		t.Fatalf("not loaded: %v", err)
	}
	says(t, old.refused(t, s, http.StatusConflict), "text changed")
	signed := `fact_signature where account_id = $1 and agreement = 'direct-care-only' and agreement_version = 2 and language = $2 and digest = $3 and shown_at < recorded_at and not declarant`
	if n := s.count(t, `fact_signature where account_id = $1`, s.account(t, zoe)); n != 0 {
		t.Errorf("%d signatures", n)
	}
	texts, _ := p.Agreements["direct-care-only"].Current(time.Now())
	for _, lang := range locale.Languages() { // all in which the product speaks
		who := zoe
		if lang != "en" {
			who = s.speaks(t, lang, "Luz", "Prieto")
		}
		page, err := who.Get(statement)
		must(t, err)
		says(t, page, map[string]string{"en": "The second text, in English.", "es": "El segundo texto, en español."}[lang])
		read(t, who, statement, formTo("/sign/")).with("agree", "yes").accepted(t)
		if n := s.count(t, signed, s.account(t, who), lang, texts.Texts[lang].Digest); n != 1 {
			t.Errorf("%s: %d signatures of that text", lang, n)
		}
	}
	s.invariants(t)
}

// speaks is a person who chose a language at the sign-up.
func (s *stack) speaks(t *testing.T, lang, given, surname string) *walk.Person {
	t.Helper()
	name := strings.ToLower(given) + registry.NewID()[28:]
	p := &walk.Person{Browser: walk.New(s.config.PublicURL), Mail: s.mail, UserName: name, Password: password, Email: name + "@" + s.name + ".example"}
	p.From = "2001:db8:" + name[len(name)-4:] + "::1" // a network of their own
	page, err := p.Get("/sign-up")
	must(t, err)
	form, err := page.Solve(page.FormWith("user-name"))
	must(t, err)
	page, err = form.Set("user-name", name).Set("given-name", given).Set("surname", surname).Set("email", p.Email).Set("language", lang).Send()
	must(t, err)
	m, err := s.mail.Wait(p.Email, "", "action-token")
	if err != nil {
		t.Fatalf("%v; %s: %s\n%s", err, page.URL, page.Text(), s.logs)
	}
	must(t, p.Begin(m.Link("action-token"), p.Password))
	_, err = p.SignIn(name, p.Password)
	must(t, err)
	return p
}

// A statement is signed by the person, who was shown it, ticked the box and sent
// the form; not by a link, without a display, with somebody else's or another
// text's, twice with one display, or for somebody else. The box comes unticked.
// proves: attack A26
func TestSignedOnlyByHand(t *testing.T) {
	t.Parallel()
	w := abused(t)
	vera := w.person(t, "Vera", "Young")
	good := read(t, vera, statement, formTo("/sign/"))
	if len(good.values["agree"]) != 0 {
		t.Errorf("the box comes ticked: %v", good.values["agree"])
	}
	ticked := good.with("agree", "yes")
	without := ticked.anew()
	delete(without.values, "display")
	agree := read(t, vera, "/sign/careconnect/access-agreement", formTo("/sign/")).values.Get("display")
	olgas := read(t, w.olga, statement, formTo("/sign/")).values.Get("display")
	for what, c := range map[string]struct {
		form form
		want int
	}{
		"box left alone":        {good.anew(), 422},
		"box says something":    {good.with("agree", "on").anew(), 422},
		"no display":            {without, 409},
		"a made-up display":     {ticked.with("display", registry.NewID()).anew(), 409},
		"somebody else's":       {ticked.with("display", olgas).anew(), 409},
		"another text's":        {ticked.with("display", agree).anew(), 409},
		"for somebody else":     {ticked.with("account", w.account(t, w.olga)).anew(), 400},
		"by an administrator":   {ticked.by(t, w.mona), 409},
		"by a registrar":        {ticked.by(t, w.desk.First), 409},
		"a text nobody asks of": {form{vera, "/sign/careconnect/worksite-privacy-security", ticked.values}.anew(), 404},
	} {
		p := c.form.refused(t, w.stack, c.want)
		if p.Status == 422 && len(p.FormWith("agree").Values()["agree"]) != 0 {
			t.Errorf("%s: the box comes back ticked", what)
		}
	}
	if got := ticked.sendWith(t, http.MethodGet, "", ""); got != http.StatusOK {
		t.Errorf("the link shows the text: %d", got)
	}
	signatures := `fact_signature where account_id = $1`
	if n := w.count(t, signatures, w.account(t, vera)); n != 0 {
		t.Errorf("%d signatures", n)
	}
	ticked.accepted(t)
	ticked.anew().refused(t, w.stack, http.StatusConflict) // one display, one signature
	if n := w.count(t, signatures, w.account(t, vera)); n != 1 {
		t.Errorf("%d signatures", n)
	}
}
