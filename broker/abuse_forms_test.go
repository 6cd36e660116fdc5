package broker_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/broker/portal"
	"countersign/broker/walk"
)

// ownForms are the session's own: no act is behind them, broker/session tests them.
var ownForms = []string{"POST /session/stay", "POST /session/keep", "POST /language", "POST /sign-out", "POST /someone-else", "POST /back-channel-logout"}

// noSuchForm: no agreement of the program is signed for one site.
const noSuchForm = "POST /sign/{program}/{agreement}/{site}"

var (
	formsOnce sync.Once
	formsRead []form
)

// forms are one form for every address that takes one, as its page gives it to
// somebody who may send it, filled in so that it would be taken. They are read
// once; no test sends them as they are.
func (w world) forms(t *testing.T) []form {
	t.Helper()
	formsOnce.Do(func() { formsRead = w.readForms(t) })
	if len(formsRead) == 0 {
		t.Fatal("the forms could not be read")
	}
	return formsRead
}

func (w world) readForms(t *testing.T) []form {
	t.Helper()
	rosa, year := w.desk.First, inAYear()
	request, desk, site, at := "/requests/"+w.samAsks, walk.Desk(w.samAsks), "/sites/"+w.site, "/authorizing/sites/"+w.site
	olgas := w.join(t, w.olga, w.site, "on-behalf-of")
	var mandate string
	w.query(t, &mandate, `select id from fact_mandate where on_behalf = $1`, w.account(t, w.olga))
	wes := "/requests/" + w.wesAsks
	nobody := &walk.Person{Browser: walk.New(w.config.PublicURL), UserName: "nobody"}
	return []form{
		{nobody, "/sign-up", url.Values{"user-name": {"not-yet-there"}, "given-name": {"Not"},
			"surname": {"There"}, "email": {"not@there.example"}, "language": {"en"}, "op": {"0198a9a8-0000-7000-8000-00000000a12a"}}},
		read(t, w.sara, "/requests/new/careconnect/site", formTo("/site")),
		read(t, w.sara, "/requests/new/careconnect/join?site="+w.siteB, formTo("/join")).with("role", "pharmacist"),
		read(t, w.sam, "/requests/"+w.samDraft+"/form", func(p *walk.Page) *walk.Form { return p.FormWith("go") }).with("go", "on"),
		read(t, w.sam, "/requests/"+w.samDraft+"/check", formTo("/submit")),
		read(t, w.sam, "/requests/"+w.samDraft+"/sign/direct-care-only", formTo("/sign/")).with("agree", "yes"),
		read(t, w.sam, request, formTo("/withdraw")),
		read(t, w.wes, wes, formTo("/signer/again")),
		read(t, w.wes, wes, func(p *walk.Page) *walk.Form { return p.FormWith("email-again") }).with("name", "Eve").
			with("email", "eve@there.example").with("email-again", "eve@there.example"),
		read(t, w.olga, "/access/"+olgas+"/leave", formTo("/leave")).with("when", "now"),
		read(t, w.olga, "/access", formTo("/call-off")),
		read(t, w.sara, "/sign/careconnect/access-agreement", formTo("/sign/")).with("agree", "yes"),
		read(t, w.sara, "/invitation", formTo("/invitation")),
		read(t, w.sara, "/invitation", formTo("/invitation")).to("/todo/0198a9a8-0000-7000-8000-00000000a12d/settle"),
		{nobody, "/sign-up/confirm", url.Values{"op": {"0198a9a8-0000-7000-8000-00000000a12b"}}},
		{nobody, "/invitation/sign-up", url.Values{"user-name": {"not-yet-there"}, "given-name": {"Not"}, "surname": {"There"}, "language": {"en"},
			"op": {"0198a9a8-0000-7000-8000-00000000a12c"}}},
		verdict(t, w.mona, walk.Inbox(w.samAsks), confirm, "approve"),
		read(t, rosa, "/desk/careconnect/operators", formTo("/operators")).with("role", "registrar").with("email", "eve@there.example"),
		verdict(t, rosa, walk.Desk(w.wesAsks), register, "refuse"),
		read(t, rosa, desk, formTo("/standing")).with("body", "cpbc").with("number", "P100").with("expires", year),
		read(t, rosa, desk+"/suspend", formTo("/suspend")).with("reasons", "misuse"),
		read(t, rosa, walk.Desk(w.wesAsks), formTo("/lift")),
		read(t, rosa, "/realm/differences", formTo("/mode")).with("mode", "observe"),
		read(t, rosa, "/realm/differences/"+w.difference(t), formTo("/settle")).with("words", "Seen to."),
		read(t, rosa, "/realm/differences/"+w.difference(t), formTo("/settle")).with("words").to("/realm/differences/" + w.difference(t) + "/again"),
		read(t, w.mona, site+"/members", formTo("/administrators")).with("account", w.account(t, w.olga)),
		read(t, w.mona, site+"/members/"+olgas+"/end", formTo("/end")).with("when", "now").with("reasons", "left"),
		read(t, w.mona, site+"/members", formTo("/call-off")),
		read(t, w.mona, site+"/members/"+olgas+"/factors", formTo("/factors")).with("reasons", "lost").with("words", "In person."),
		read(t, w.suki, "/desk/careconnect/factors", formTo("/factors")).with("user-name", w.olga.UserName),
		read(t, w.suki, "/desk/careconnect/factors/"+w.account(t, w.olga), formTo("/factors")).with("reasons", "lost").with("words", "In person."),
		read(t, w.olga, "/authorizing", formTo("/ask")),
		read(t, w.paul, "/authorizing/"+mandate+"/end", formTo("/end")),
		read(t, w.paul, "/authorizing", formTo("/offer")).with("account", w.account(t, w.nora)),
		read(t, w.paul, "/authorizing", formTo("/invite")).with("role", "on-behalf-of").with("email", "eve@there.example"),
		read(t, w.paul, at+"/end", formTo("/end")),
		read(t, rosa, "/realm/brake/"+w.brake(t), formTo("/brake/")).with("digest", "of-another-list"),
		read(t, rosa, "/realm/brake/"+w.brake(t), formTo("/brake/")).with("digest", "of-another-list").with("last", year).to("/realm/adoption"),
		read(t, w.sara, "/declare/"+w.wesAsks, formTo("/declare")).with("agree", "yes"),
	}
}

// brake is something that the brake holds. Nobody acted, so that it has no version yet.
func (w world) brake(t *testing.T) (id string) {
	t.Helper()
	w.query(t, &id, `insert into brake (id, kind, about, state, plan, digest, total, held_at, changed_at, version)
		values (gen_random_uuid(), 'lapse', 'matrix', 'held', '[]', 'none', 0, now(), now(), 0)
		on conflict (kind, about) where state = 'held' do update set changed_at = excluded.changed_at returning id`)
	return id
}

// to is the same form, sent to another address.
func (f form) to(action string) form {
	f.action = action
	return f
}

// route is the form's among the portal's routes: a fixed part of an address comes
// before one that stands for something.
func (f form) route() string {
	routes := slices.Clone(portal.Routes())
	slices.SortFunc(routes, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	for _, r := range routes {
		pattern := regexp.MustCompile(`\\{[a-z]+\\}`).ReplaceAllString(regexp.QuoteMeta(r), `[^/]+`)
		if regexp.MustCompile("^" + pattern + "$").MatchString("POST " + f.action) {
			return r
		}
	}
	return ""
}

// nothing demands that the operation of a form was not done, by whomever.
func (f form) nothing(t *testing.T, s *stack) {
	t.Helper()
	if n := s.count(t, `operation where id = $1`, f.values.Get("op")); n != 0 {
		t.Errorf("%s did something", f.action)
	}
}

// injected are fields that somebody may hope are taken over into a row.
var injected = []string{"status", "state", "approved_by", "by_account", "worksite_id", "site_id", "account_id", "attested_at", "enabled", "groups[]",
	"emailVerified", "password", "profession_id", "capacity", "kind", "until_at", "registrar"}

// Every form takes the fields of its page and nothing else: one more, one twice,
// or one beside the form in the address, and nothing of it is done. There is a
// form here for every address that takes one; a new one without its row fails.
// proves: X1 attack A12
func TestFormsTakeNothingElse(t *testing.T) {
	t.Parallel()
	w := abused(t)
	var seen []string
	for _, f := range w.forms(t) {
		route := f.route()
		seen = append(seen, route)
		var tampered []form
		for _, name := range injected {
			tampered = append(tampered, f.with(name, "registrar"))
		}
		for name, values := range f.values {
			if name != "reasons" && name != "authorizers" && name != "form_token" {
				tampered = append(tampered, f.with(name, append(slices.Clone(values), "registrar")...))
			}
		}
		beside := f
		beside.action += "?role=registrar"
		for _, bad := range append(tampered, beside) {
			if p := bad.send(t); p.Status != http.StatusBadRequest {
				t.Errorf("%s %v: %d %s", bad.action, bad.values, p.Status, p.Text())
			}
		}
		f.nothing(t, w.stack)
	}
	for _, route := range portal.Routes() {
		if strings.HasPrefix(route, "POST ") && route != noSuchForm && !slices.Contains(ownForms, route) && !slices.Contains(seen, route) {
			t.Errorf("no form for %s", route)
		}
	}
	if n := w.count(t, `account where user_name = 'not-yet-there'`); n != 0 {
		t.Error("an account was made")
	}
}

// A form without the session's token, with another person's, from another origin,
// or in another shape does nothing; and nothing is done by opening its address
// with the same values.
// proves: attack A51
func TestForgedForms(t *testing.T) {
	t.Parallel()
	w := abused(t)
	foreign := formToken(t, w.ada)
	for _, f := range w.forms(t) {
		anyone := slices.Contains([]string{"POST /sign-up", "POST /sign-up/confirm", "POST /invitation/sign-up"}, f.route())
		for what, c := range map[string]struct {
			header, value string
			body          form
			want          int
		}{
			"another origin":  {"Origin", "http://evil.example", f, 403},
			"no origin":       {"Origin", "null", f, 403},
			"another site":    {"Sec-Fetch-Site", "cross-site", f, 403},
			"a sibling":       {"Sec-Fetch-Site", "same-site", f, 403},
			"text":            {"Content-Type", "text/plain", f, 403}, // the token is not read from it
			"JSON":            {"Content-Type", "application/json", f, 403},
			"no token":        {"", "", f.with("form_token"), 403},
			"foreign token":   {"", "", f.with("form_token", foreign), 403},
			"token elsewhere": {"X-CSRF-Token", f.values.Get("form_token"), f.with("form_token"), 403},
		} {
			switch {
			case anyone && strings.Contains(what, "token"):
				continue // there is no session to abuse
			case anyone && c.header == "Content-Type":
				c.want = 400
			}
			if got := c.body.sendWith(t, http.MethodPost, c.header, c.value); got != c.want {
				t.Errorf("%s, %s: %d, want %d", f.action, what, got, c.want)
			}
		}
		f.sendWith(t, http.MethodGet, "", "")
		f.sendWith(t, http.MethodHead, "", "")
		f.sendWith(t, http.MethodPut, "", "")
		f.nothing(t, w.stack)
	}
}

// sendWith sends the form in another way, with one header more, and gives the status.
func (f form) sendWith(t *testing.T, method, header, value string) int {
	t.Helper()
	b := plain(f.who.Browser)
	body, at := strings.NewReader(f.values.Encode()), b.Home.String()+f.action
	if method != http.MethodPost {
		body, at = strings.NewReader(""), at+"?"+f.values.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), method, at, body)
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if header != "" {
		req.Header.Set(header, value)
	}
	resp, err := b.Client.Do(req)
	must(t, err)
	resp.Body.Close()
	return resp.StatusCode
}
