package mail

import (
	"context"
	"errors"
	"html"
	"regexp"
	"strings"
	"testing"

	"countersign/broker/registry"
)

var anyLink = regexp.MustCompile(`[a-z]+://[^\s<>"']+`)

func links(body string) []string {
	found := anyLink.FindAllString(body, -1)
	for i := range found {
		found[i] = strings.TrimRight(found[i], ".,")
	}
	return found
}

func unescaped(s string) string { return html.UnescapeString(s) }

func isRefused(err error) bool { return errors.Is(err, ErrRefused) && !errors.Is(err, ErrLater) }

// bodies composes a row and gives subject, text and HTML.
func bodies(t *testing.T, s *Sender, m registry.Mail) (subject, plain, rich string) {
	t.Helper()
	l, err := s.letters(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	plain, rich, err = l.set()
	if err != nil {
		t.Fatal(err)
	}
	return l.subject(), plain, unescaped(rich)
}

// says fails unless both bodies hold each piece, and none of the unwanted.
func says(t *testing.T, s *Sender, m registry.Mail, wanted, unwanted []string) {
	t.Helper()
	_, plain, rich := bodies(t, s, m)
	for _, body := range []string{plain, rich} {
		for _, w := range wanted {
			if !strings.Contains(body, w) {
				t.Errorf("%s does not say %q:\n%s", m.Kind, w, body)
			}
		}
		for _, u := range unwanted {
			if strings.Contains(body, u) {
				t.Errorf("%s says %q:\n%s", m.Kind, u, body)
			}
		}
	}
}

// The requester is told what is needed and from whom, with a link to forward
// that only shows the declaration; the signing authority gets the one to sign.
// proves: C9 C10
func TestAskingForTheDeclaration(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	show, sign := "https://portal.example:8443/enrol/declaration/"+request, "https://portal.example:8443/enrol/declare/"+request+"?s="+secret
	says(t, s, row("site-requested"),
		[]string{"From Dr Chan:", "signing authority", "From a registrar:", "cannot be approved", show, "CS-7Q4M-2XKP", "/enrol/requests/" + request},
		[]string{"/declare/", "From you:"})
	self := row("site-requested")
	self.Data["signer"] = ""
	says(t, s, self, []string{"From you:", "second registrar", show}, []string{"Did no mail reach", "From Dr"})
	says(t, s, row("declaration-asked"), []string{"Ben Osei has asked", "Cedar Hill", "CareConnect", sign, "do not forward"}, []string{show})
	own := row("declaration-asked")
	own.Data["who"] = own.Data["name"]
	says(t, s, own, []string{"You have asked to register Cedar Hill", sign}, []string{"Please tell Ana"})
}

// Who registered a site learns what comes next, and what it does not give.
// proves: C7 C12
func TestSiteOpened(t *testing.T) {
	t.Parallel()
	m := row("site-opened")
	m.Data["role"] = "administrator"
	says(t, sender(t, "localhost", 25), m, []string{"you are its Group / Site Administrator", "can ask to join", "second administrator",
		"gives you no access to patient information"}, nil)
}

// The offers to act on somebody's behalf, and what a yes means.
// proves: C17 C18 C19
func TestOnBehalf(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	says(t, s, row("to-authorize"), []string{"Ben Osei asks to act on your behalf at Cedar Hill", "at most what you can see", "/enrol/inbox"}, nil)
	offer := row("mandate-offered")
	offer.Data["role"] = "on-behalf-of"
	says(t, s, offer, []string{"Ben Osei offers to authorize you", "On-behalf-of user", "/enrol/invitation?s=" + secret}, nil)
}

// The Welcome Package: how to sign in and with which name, the browser, where
// feedback goes, and that access is for direct care.
// proves: C24 C25 C26
func TestWelcome(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	subject, plain, rich := bodies(t, s, row("welcome"))
	if subject != "Welcome to CareConnect" {
		t.Errorf("subject %q", subject)
	}
	if strings.Contains(plain, "**") || !strings.Contains(rich, "<ol>\n<li>At your worksite, open the eHealth Viewer") {
		t.Errorf("Markdown is not set:\n%s\n%s", plain, rich)
	}
	says(t, s, row("welcome"), []string{"Site: Cedar Hill. Role: Practitioner.", "Your user name: ana.w", "Sign in with your own user name and password",
		"Microsoft Edge is the browser that is officially supported", "feedback@careconnect.example", "whom you are caring for", "/enrol/access"}, nil)
}

// The last day is the last on which access holds, where the site is: an end at
// midnight is the end of the day before.
func TestLastDay(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	for _, c := range [][3]string{
		{"2026-03-15T07:00:00Z", "America/Vancouver", "March 14, 2026"}, // midnight there
		{"2026-03-15T08:00:00Z", "America/Vancouver", "March 15, 2026"},
		{"2026-03-15T03:00:00Z", "America/Halifax", "March 14, 2026"},
		{"2026-03-15T20:00:00Z", "Nowhere/None", "March 15, 2026"},
	} {
		m := row("access-ends")
		m.Data["until"], m.Data["tz"] = c[0], c[1]
		subject, plain, _ := bodies(t, s, m)
		if !strings.Contains(plain, "Your last day is "+c[2]+".") || !strings.HasSuffix(subject, c[2]) {
			t.Errorf("until %s in %s: %q\n%s", c[0], c[1], subject, plain)
		}
	}
	m := row("access-ends")
	m.Data["until"] = "soon"
	if _, err := s.compose(t.Context(), m); !isRefused(err) {
		t.Errorf("an end that is no moment: %v", err)
	}
	says(t, s, row("access-paused"), []string{"need not fill in anything again", "comes back by itself"}, nil)
}

// What people type is text: no markup (attack A57), no template, no address that a mail
// reader would make a link of, no way into a link's path.
// proves: attack A57 attack A59
func TestTypedIsText(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	m := row("to-confirm")
	m.Data["who"] = `<a href="https://evil.example">Win</a> {{.Name}} http://evil.example/x www.evil.example`
	l, err := s.letters(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	plain, rich, err := l.set()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{plain, rich} {
		if strings.Contains(body, "evil.example") || strings.Contains(body, "http://") || !strings.Contains(body, "{{. Name}}") && !strings.Contains(body, "{{.Name}}") {
			t.Errorf("a typed address or template lives:\n%s", body)
		}
	}
	if strings.Contains(rich, "<a href=\"https: ") || !strings.Contains(rich, "&lt;a href=") {
		t.Errorf("typed markup lives:\n%s", rich)
	}
	for _, id := range []string{"../../sign-out", "x?s=1", "a/b", "a b", "", "a#b", "%2e%2e"} {
		m := row("declaration-asked")
		m.Data["request"] = id
		if _, err := s.compose(t.Context(), m); !isRefused(err) {
			t.Errorf("a link with %q: %v", id, err)
		}
	}
}

// A picture or raw HTML in a program's text is not sent: a mail fetches nothing.
func TestProgramTextFetchesNothing(t *testing.T) {
	t.Parallel()
	b := block{Markdown: "One ![seen](https://track.example/p.gif) *two*\n\n<img src=x>\n\n[![in a link](https://track.example/q.gif) word](https://viewer.example)"}
	out, err := b.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "track.example") || strings.Contains(string(out), "<img") || !strings.Contains(string(out), "<em>two</em>") || !strings.Contains(string(out), "word") {
		t.Errorf("rendered %s", out)
	}
}

// A role that the program gave up is still named, by its code; words that cannot
// be had right now make the message wait.
func TestProgramWords(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	m := row("access-ended")
	m.Data["role"] = "scribe"
	says(t, s, m, []string{"scribe"}, []string{"role.scribe"})
	s.cfg.Texts = func(context.Context, string) (Texts, error) { return nil, errors.New("no database") }
	if _, err := s.Send(t.Context(), m); !errors.Is(err, ErrLater) || isRefused(err) {
		t.Errorf("no words: %v", err)
	}
}

// Who has no account, or several, gets every language, each whole, and is told at
// once that theirs follows.
func TestTwoLanguages(t *testing.T) {
	t.Parallel()
	m := row("declaration-asked")
	m.Locale = "es,en"
	says(t, sender(t, "localhost", 25), m, []string{"Hola, Ana Whitefeather:", "fírmela si está", "Leer y firmar", "The same in English is below.",
		"Hello Ana Whitefeather,", "Read and sign"}, []string{"Más abajo"})
	subject, plain, _ := bodies(t, sender(t, "localhost", 25), m)
	if subject != "Cedar Hill: firme la declaración / Cedar Hill: please sign the declaration" || strings.Index(plain, "Hola") > strings.Index(plain, "Hello") {
		t.Errorf("%s\n%s", subject, plain)
	}
	m.Locale = "es"
	says(t, sender(t, "localhost", 25), m, []string{"Hola, Ana Whitefeather:"}, []string{"Hello", "below"})
}
