package portal

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/broker/registry"
	"countersign/broker/session"

	"github.com/go-chi/chi/v5"
)

// newPortal is the portal without a record behind it: good for what is answered
// before anything is looked up. The rest is tested with the whole program.
func newPortal(t *testing.T) http.Handler {
	t.Helper()
	at := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return New(Deps{PublicURL: at("http://127.0.0.1:8080"), Issuer: at("http://localhost:9080/realms/r"), Version: "1.2.3", Log: log,
		Sessions: session.New(session.Config{Issuer: "http://localhost:9080/realms/r", ClientSecret: "s", CookieName: "session-8080", Log: log}, nil)})
}

func send(t *testing.T, h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every answer, errors included, says what a browser may do with it.
// proves: attack A57
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	for _, target := range []string{"/sign-up", "/nowhere", "/access"} {
		got := send(t, h, "GET", target, "").Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
				"form-action 'self' http://localhost:9080; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got.Get(name), want)
			}
		}
	}
}

// The style's address changes with its content, so it is good for ever.
func TestAssets(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	w := send(t, h, "GET", assetsPath+"/countersign.css", "")
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{assetsPath + "/", assetsPath + "/uswds/", assetsPath + "/none.css", "/static/0123456789abcdef/countersign.css", assetsPath + "/../routes.go"} {
		if w := send(t, h, "GET", path, ""); w.Code == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
	if !strings.Contains(send(t, h, "GET", "/sign-up", "").Body.String(), assetsPath+"/countersign.css") {
		t.Error("the page does not name the style of this build")
	}
}

const goodSignUp = "user-name=ana.w&given-name=Ana&surname=Whitefeather&language=en&op=0198a9a8-0000-7000-8000-000000000000"

// A form is taken as the page made it and in no other way; nothing is looked up
// for one that is not (there is no record here: a look-up would fail the test).
// proves: attack A12 attack A51 attack A59 attack A61
func TestFormsAreStrict(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	for name, c := range map[string]struct {
		target, body string
		headers      []string
		want         int
	}{
		"unknown field":      {"/sign-up", goodSignUp + "&enabled=true", nil, 400},
		"forbidden field":    {"/sign-up", goodSignUp + "&emailVerified=true", nil, 400},
		"field twice":        {"/sign-up", goodSignUp + "&surname=Other", nil, 400},
		"beside the form":    {"/sign-up?surname=Other", goodSignUp, nil, 400},
		"line break in mail": {"/sign-up", goodSignUp + "&email=a@b.example%0d%0aBcc:%20c@d.example", nil, 400},
		"null byte":          {"/sign-up", goodSignUp + "&email=a%00@b.example", nil, 400},
		"not UTF-8":          {"/sign-up", goodSignUp + "&email=%ff%fe", nil, 400},
		"semicolons":         {"/sign-up", "user-name=a;surname=b", nil, 400},
		"JSON as text":       {"/sign-up", `{"user-name":"ana"}`, []string{"Content-Type", "text/plain"}, 400},
		"multipart":          {"/sign-up", "--x\r\n", []string{"Content-Type", "multipart/form-data; boundary=x"}, 400},
		"no mail":            {"/sign-up", goodSignUp, nil, 422},
		"larger than a form": {"/sign-up", strings.Repeat("a", maxBody+1), nil, 413},
		"other site":         {"/sign-up", goodSignUp, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"sibling domain":     {"/sign-up", goodSignUp, []string{"Sec-Fetch-Site", "same-site"}, 403},
		"other origin":       {"/sign-up", goodSignUp, []string{"Origin", "http://evil.example"}, 403},
	} {
		if w := send(t, h, "POST", c.target, c.body, c.headers...); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}

// What cannot be read of a form is refused before its token is looked at, and
// not left out: with a good token too.
// proves: attack A12 attack A61
func TestTokenOfABrokenForm(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &site{Deps: Deps{Log: log, Sessions: session.New(session.Config{ClientSecret: "s", Log: log}, nil)}}
	person := registry.Person{Session: registry.Session{IDHash: []byte("a session")}}
	token := session.FormField + "=" + url.QueryEscape(s.Sessions.FormToken(person))
	for body, want := range map[string]int{
		token + "&verdict=approve":                  0,
		"verdict=approve":                           http.StatusForbidden,
		token + "&verdict=approve;registrar=yes":    http.StatusBadRequest,
		token + "&verdict=approve&words=100%":       http.StatusBadRequest,
		token + "&words=" + strings.Repeat("x", 99): http.StatusRequestEntityTooLarge,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/inbox/x", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = http.MaxBytesReader(nil, r.Body, 100)
		v := s.visit(httptest.NewRecorder(), r)
		v.person = person
		err := v.checkToken()
		got, e := 0, new(registry.Error)
		if errors.As(err, &e) {
			got = statusOf(e)
		}
		if got != want {
			t.Errorf("%q: %d (%v), want %d", body, got, err, want)
		}
	}
}

// A chunked body does not say how long it is; it is cut off all the same.
// proves: attack A61
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/sign-up", io.MultiReader(strings.NewReader("surname="), strings.NewReader(strings.Repeat("x", maxBody))))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	newPortal(t).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d, want 413", w.Code)
	}
}

// What was typed is still there, escaped, with the message beside it and above.
func TestWhatWasTypedStays(t *testing.T) {
	t.Parallel()
	w := send(t, newPortal(t), "POST", "/sign-up", "user-name=Ana&given-name=%3Cb%3EAna%3C%2Fb%3E&surname=&email=ana&language=en")
	page := w.Body.String()
	for _, want := range []string{`value="&lt;b&gt;Ana&lt;/b&gt;"`, `value="ana"`, `href="#surname"`, `id="surname-error"`, `aria-describedby="surname-error" aria-invalid="true"`} {
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(page, want) {
			t.Errorf("%d: the page lacks %s", w.Code, want)
		}
	}
}

// Each error is a page of its kind, or problem+json for a program that asks so.
func TestErrors(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	if w := send(t, h, "GET", "/nowhere", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "There is no such page") {
		t.Errorf("unknown page: %d", w.Code)
	}
	if w := send(t, h, "DELETE", "/sign-up", ""); w.Code != 405 {
		t.Errorf("wrong method: %d", w.Code)
	}
	w := send(t, h, "GET", "/nowhere", "", "Accept", "application/json")
	var body struct {
		Status int
		Title  string
		Detail string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Status != 404 || body.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("problem: %v %+v", err, body)
	}
}

// Who is not signed in is led to the sign-in and back, and a form of theirs does nothing.
// proves: attack A51
func TestSignInFirst(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	w := send(t, h, "GET", "/requests/new/careconnect/join?role=pharmacist", "")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-in?return=%2Frequests%2Fnew%2Fcareconnect%2Fjoin%3Frole%3Dpharmacist" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	if w := send(t, h, "POST", "/requests/new/careconnect/site", "op=x", "Authorization", "Bearer x"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "You are not signed in") {
		t.Errorf("a form without a session: %d %s", w.Code, w.Body)
	}
}

// openForms are the forms that need no session: choosing a language, asking for an
// account, and the session's own, which check for themselves.
var openForms = []string{"/language", "/sign-up", "/sign-up/confirm", "/invitation/sign-up", "/sign-out", "/someone-else", "/back-channel-logout"}

// Every other form does nothing without a session, whatever else it carries.
// proves: attack A51 attack A54
func TestEveryFormNeedsASession(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &site{Deps: Deps{PublicURL: &url.URL{Scheme: "http", Host: "127.0.0.1"}, Log: log, Sessions: session.New(session.Config{CookieName: "session", Log: log}, nil)}}
	routes := s.routes().(chi.Routes)
	forms := 0
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method == http.MethodGet || slices.Contains(openForms, route) {
			return nil
		}
		forms++
		path := regexp.MustCompile(`{[a-z]+}`).ReplaceAllString(route, "x")
		w := send(t, s.routes(), method, path, "op=x&form_token=x", "Authorization", "Bearer x")
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s %s without a session: %d", method, path, w.Code)
		}
		return nil
	})
	if err != nil || forms < 5 {
		t.Errorf("%d forms: %v", forms, err)
	}
}

// A program's text brings no markup of its own and no script address, and its
// headings stand below the page's title.
// proves: attack A57
func TestMarkdown(t *testing.T) {
	t.Parallel()
	out := string(markdown("# Guide\n\n<script>alert(1)</script>\n\n[here](javascript:alert(1)) <b onclick=x>bold</b>"))
	if !strings.Contains(out, "<h2>Guide</h2>") || !strings.Contains(out, ">here</a>") {
		t.Errorf("the text is not there: %s", out)
	}
	for _, bad := range []string{"<script", "javascript:", "onclick", "<h1"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q came through: %s", bad, out)
		}
	}
}

// The cookie names a message of ours and is taken at once: another text in it is
// not shown.
func TestDoneIsOurs(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"saved": "Saved.", "Call-me-at-555": ""} {
		w := send(t, newPortal(t), "GET", "/sign-up", "", "Cookie", "done-8080="+value)
		page := w.Body.String()
		if shown := strings.Contains(page, `role="status"`); shown != (want != "") || !strings.Contains(page, want) || strings.Contains(page, value+"<") {
			t.Errorf("%s: shown %v", value, shown)
		}
		if c := w.Result().Cookies(); len(c) != 1 || c[0].Name != "done-8080" || c[0].MaxAge >= 0 {
			t.Errorf("%s is said again: %v", value, c)
		}
	}
}

// With the design system's files in the build, each is as the manifest names it.
func TestCheckAssets(t *testing.T) {
	t.Parallel()
	_, err := staticFiles.ReadFile("static/uswds/css/uswds.min.css")
	if got := CheckAssets(); (got == nil) != (err == nil) {
		t.Errorf("CheckAssets says %v, while reading the style says %v", got, err)
	}
}
