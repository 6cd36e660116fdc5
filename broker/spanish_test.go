package broker_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/broker/portal"
	"countersign/broker/walk"
	"countersign/policies"

	"github.com/goccy/go-yaml"
	"golang.org/x/net/html"
)

// sayings are all that the product and its programs say in a language, in pieces
// of running words: without the places for values and the marks of Markdown.
func sayings(t *testing.T, lang string) []string {
	t.Helper()
	var texts []string
	files, err := filepath.Glob("locale/words/*." + lang + ".yaml")
	must(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		messages := map[string]any{}
		must(t, yaml.Unmarshal(data, &messages))
		for _, m := range messages {
			if forms, ok := m.(map[string]any); ok {
				for _, form := range forms {
					texts = append(texts, fmt.Sprint(form))
				}
				continue
			}
			texts = append(texts, fmt.Sprint(m))
		}
	}
	built, err := policies.Builtin()
	must(t, err)
	for _, p := range built {
		for _, text := range p.Texts[lang] {
			texts = append(texts, text)
		}
		for _, a := range p.Agreements {
			for _, v := range a.Versions {
				texts = append(texts, v.Texts[lang].Markdown)
			}
		}
	}
	var out []string
	for _, text := range texts {
		for _, piece := range regexp.MustCompile(`\{\{[^}]*\}\}|\*+|\n\s*(#+|\d+\.|-)?\s*|^#+ `).Split(text, -1) {
			if piece = strings.TrimSpace(piece); len(strings.Fields(piece)) > 2 {
				out = append(out, piece)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// leaks gives what a text says in English though it should be in Spanish.
func leaks(t *testing.T) func(text string) []string {
	t.Helper()
	spanish := strings.Join(sayings(t, "es"), "\n")
	english := slices.DeleteFunc(sayings(t, "en"), func(s string) bool { return strings.Contains(spanish, s) })
	if len(english) < 700 || len(sayings(t, "es")) < 700 {
		t.Fatalf("only %d sayings", len(english))
	}
	month := regexp.MustCompile(`\b(January|February|March|April|June|July|August|September|October|November|December) \d`)
	return func(text string) []string {
		var out []string
		for _, s := range english {
			if strings.Contains(text, s) {
				out = append(out, s)
			}
		}
		return append(out, month.FindAllString(text, -1)...)
	}
}

// Every page in every state is in Spanish alone: each canned page is looked at.
func TestStoriesLeakNoEnglish(t *testing.T) {
	t.Parallel()
	book, err := portal.Storybook()
	must(t, err)
	read := func(at string) string {
		w := httptest.NewRecorder()
		book.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, nil))
		return w.Body.String()
	}
	found := leaks(t)
	pages := regexp.MustCompile(`href="(/es/[^"]+)"`).FindAllStringSubmatch(read("/"), -1)
	if len(pages) < 50 {
		t.Fatalf("%d pages", len(pages))
	}
	for _, m := range pages {
		if says := found(words(t, read(m[1]))); len(says) > 0 {
			t.Errorf("%s says %q", m[1], says)
		}
	}
}

// words are all that is read or read out on a page.
func words(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	must(t, err)
	var out strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			out.WriteString(n.Data + " ")
		}
		for _, a := range n.Attr {
			if slices.Contains([]string{"aria-label", "title", "alt", "placeholder", "data-label"}, a.Key) {
				out.WriteString(a.Val + " ")
			}
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// hispanic signs up somebody whose browser asks for Spanish, and looks at every
// page of ours that they see from then on.
func (s *stack) hispanic(t *testing.T, found func(string) []string, given, surname string) *walk.Person {
	t.Helper()
	b := walk.New(s.config.PublicURL)
	b.Language = "es-MX, es;q=0.9, en;q=0.5"
	b.Watch = func(p *walk.Page) {
		if p.URL.Host != b.Home.Host || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			if strings.Contains(p.URL.Path, "/realms/") && !strings.Contains(p.Body, `lang="es"`) {
				t.Errorf("Keycloak's page is not in Spanish: %s %.200s", p.URL, p.Text())
			}
			return
		}
		if p.Header.Get("Content-Language") != "es" || !strings.Contains(p.Body, `<html lang="es"`) {
			t.Errorf("%s is in %q", p.URL.Path, p.Header.Get("Content-Language"))
		}
		if says := found(words(t, p.Body)); len(says) > 0 {
			t.Errorf("%s (%d) says %q", p.URL.Path, p.Status, says)
		}
	}
	user := strings.ToLower(given) + fmt.Sprint(next())
	p, err := walk.SignUp(s.config.PublicURL, s.mail, walk.Person{Browser: b, UserName: user, Password: password,
		Email: user + "@" + s.name + ".example", Given: given, Surname: surname})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.logs)
	}
	return p
}

// The walk of a clinic in Spanish: from the first page to access, on whose word,
// and to its end; asked, returned, confirmed, authorized, refused. No page and no
// mail of it says anything in English, and what was signed is the Spanish text.
// proves: C7 C9 C10 C15 C17 C18 C24 attack A25
func TestWalkInSpanish(t *testing.T) {
	t.Parallel()
	s := start(t)
	found := leaks(t)
	person := func(given, surname string) *walk.Person { return s.hispanic(t, found, given, surname) }
	rosa, ravi, mona, paul, olga := person("Rosa", "Almeida"), person("Ravi", "Shah"), person("Mona", "Fraser"), person("Paul", "Okafor"), person("Olga", "Reyes")
	s.firstRegistrar(t, rosa)
	s.invited(t, rosa, ravi)
	desk := walk.Registrars{First: rosa, Second: ravi}
	name := "Clínica Arce " + fmt.Sprint(next())
	for _, public := range []string{"/", "/feedback", "/programs/careconnect", "/programs/careconnect/start", "/programs/careconnect/sites?q=arc", "/programs/careconnect/agreements",
		"/programs/careconnect/agreements/direct-care-only", "/programs/careconnect/agreements/access-agreement", "/programs/careconnect/agreements/worksite-privacy-security",
		"/programs/careconnect/guides/overview", "/programs/careconnect/guides/site", "/programs/careconnect/guides/practitioner", "/programs/careconnect/guides/on-behalf-of",
		"/sign-up"} {
		get(t, mona, public)
	}
	_, err := mona.Get("/nowhere")
	must(t, err)
	site, err := desk.OpenSite(mona, paul, walk.Clinic{Name: name, City: "Vancouver", SignerName: "Paul Okafor", SignerEmail: paul.Email})
	must(t, err)
	_, err = desk.Practise(site, paul, "practitioner", walk.Licensed("physician", "cpsbc", "C24681", inAYear()), mona, walk.Inbox)
	must(t, err)
	_, err = walk.Assist(site, olga, "office-manager", paul, mona)
	must(t, err)
	asked, err := olga.Join(walk.Program, site, "pharmacist", walk.Licensed("", "cpbc", "P1357", inAYear()))
	must(t, err)
	_, err = mona.Decide(walk.Inbox(asked), confirm, "return", "incomplete")
	must(t, err)
	for who, pages := range map[*walk.Person][]string{
		mona: {"/access", "/inbox", "/sites/" + site + "/members", "/sites/" + site + "/members/" + s.join(t, olga, site, "on-behalf-of") + "/end", "/authorizing"},
		paul: {"/access", "/inbox", "/authorizing", "/access/" + s.join(t, paul, site, "practitioner") + "/leave", "/sign/careconnect/access-agreement"},
		rosa: {"/access", "/inbox", "/desk", "/desk/careconnect", "/desk/careconnect/operators", walk.Desk(asked), walk.Desk(asked) + "/suspend"},
		olga: {"/access", "/authorizing", "/requests/" + asked, "/requests/" + asked + "/form", "/sign-up"},
	} {
		for _, at := range pages {
			get(t, who, at)
		}
	}
	_, err = mona.End("/sites/"+site+"/members/"+s.join(t, olga, site, "on-behalf-of")+"/end", "", "left")
	must(t, err)
	for _, p := range []*walk.Person{rosa, ravi, mona, paul, olga} {
		_, err := s.mail.Wait(p.Email, "", "")
		must(t, err)
		mails, err := s.mail.To(p.Email)
		must(t, err)
		for _, m := range mails {
			if says := found(m.Subject + "\n" + m.Text); len(says) > 0 {
				t.Errorf("%s is mailed %q: %q", p.UserName, m.Subject, says)
			}
		}
		if n := s.count(t, `mail where address = $1 and locale <> 'es'`, p.Email); n != 0 {
			t.Errorf("%d mails to %s are not in Spanish alone", n, p.UserName)
		}
	}
	_, err = s.mail.Wait(olga.Email, "su acceso terminó", "")
	must(t, err)
	built, err := policies.Builtin()
	must(t, err)
	for name, a := range built[walk.Program].Agreements {
		if n := s.count(t, `fact_signature where agreement = $1 and language = 'es' and digest = $2`, name, a.Versions[0].Texts["es"].Digest); n == 0 {
			t.Errorf("%s is signed in no Spanish", name)
		}
	}
	if n := s.count(t, `fact_signature where language <> 'es'`); n != 0 {
		t.Errorf("%d signatures are of a text that nobody was shown", n)
	}
	s.invariants(t)
}
