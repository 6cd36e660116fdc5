package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A page changes its language by a form that needs no script, labelled in the
// language that it leads to, and comes back to the page; the browser keeps it.
// Errors speak it too, those included that come before any page.
func TestLanguageSwitch(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	w := send(t, h, "GET", "/sign-up?from=mail", "", "Accept-Language", "fr, en;q=0.8")
	doc, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	for n := range doc.Descendants() {
		if n.Data != "form" || attr(n, "action") != "/language" || attr(n, "method") != "post" {
			continue
		}
		for m := range n.Descendants() {
			if name := attr(m, "name"); name != "" {
				form.Set(name, attr(m, "value"))
			}
			if m.Data == "button" && (attr(m, "lang") != "es" || m.FirstChild.Data != "Español") {
				t.Errorf("the button is labelled %q in %q", m.FirstChild.Data, attr(m, "lang"))
			}
		}
	}
	if form.Get("language") != "es" || form.Get("to") != "/sign-up?from=mail" {
		t.Fatalf("the form sends %v", form)
	}
	w = send(t, h, "POST", "/language", form.Encode())
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-up?from=mail" {
		t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge < 86400 {
		t.Errorf("cookie %s", cookie.Raw)
	}
	kept := []string{"Cookie", cookie.Name + "=" + cookie.Value, "Accept-Language", "en"}
	for name, c := range map[string]struct {
		w    *httptest.ResponseRecorder
		code int
		says string
	}{
		"page":           {send(t, h, "GET", "/sign-up", "", kept...), 200, "Cree su cuenta"},
		"nowhere":        {send(t, h, "GET", "/nowhere", "", kept...), 404, "Esta página no existe"},
		"method":         {send(t, h, "POST", "/feedback", "x=y", kept...), 405, "no acepta"},
		"foreign":        {send(t, h, "POST", "/sign-up", "x=y", append(slices.Clone(kept), "Sec-Fetch-Site", "cross-site")...), 403, "No se cambió nada"},
		"large":          {send(t, h, "POST", "/sign-up", strings.Repeat("x", maxBody+1), kept...), 413, "más grande"},
		"not signed in":  {send(t, h, "POST", "/requests/new/careconnect/site", "op=x", kept...), 401, "Usted no ha iniciado sesión"},
		"wrong in form":  {send(t, h, "POST", "/sign-up", "user-name=x", kept...), 422, "Complete este campo"},
		"machine":        {send(t, h, "GET", "/nowhere", "", append(slices.Clone(kept), "Accept", "application/json")...), 404, "Esta página no existe"},
		"browser's wish": {send(t, h, "GET", "/nowhere", "", "Accept-Language", "de, es-MX;q=0.9, en;q=0.1"), 404, "Esta página no existe"},
	} {
		if c.w.Code != c.code || c.w.Header().Get("Content-Language") != "es" || !strings.Contains(c.w.Body.String(), c.says) {
			t.Errorf("%s: %d in %q: %s", name, c.w.Code, c.w.Header().Get("Content-Language"), c.w.Body)
		}
		if name != "machine" && !strings.Contains(c.w.Body.String(), `<html lang="es"`) {
			t.Errorf("%s: the page does not say its language", name)
		}
	}
}

// A change of language leads nowhere else, and into no other language.
// proves: attack A50
func TestLanguageLeadsBack(t *testing.T) {
	t.Parallel()
	h := newPortal(t)
	for to, want := range map[string]string{"//evil.example": "/", "https://evil.example/": "/", "/sign-in": "/", "/\\evil.example": "/", "/access?x=1": "/access?x=1"} {
		w := send(t, h, "POST", "/language", url.Values{"language": {"es"}, "to": {to}, "form_token": {""}}.Encode())
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("%s leads to %d %s", to, w.Code, w.Header().Get("Location"))
		}
	}
	if w := send(t, h, "POST", "/language", "language=fr&to=/"); w.Code != http.StatusBadRequest || len(w.Result().Cookies()) != 0 {
		t.Errorf("French: %d", w.Code)
	}
	// From the answer to a form, back to the page that the form was on, or above it.
	for _, c := range []struct{ from, want string }{
		{"http://127.0.0.1:8080/sign-up?from=mail", "/sign-up?from=mail"}, {"", "/sign-up"}, {"https://evil.example/feedback", "/sign-up"},
		{"http://127.0.0.1:8080/someone-else", "/sign-up"},
	} {
		w := send(t, h, "POST", "/sign-up", "user-name=x", "Referer", c.from)
		if !strings.Contains(w.Body.String(), `name="to" value="`+c.want+`"`) {
			t.Errorf("from %s it does not lead back to %s: %s", c.from, c.want, w.Body)
		}
	}
	if w := send(t, h, "POST", "/feedback/x", "a=b"); !strings.Contains(w.Body.String(), `name="to" value="/feedback"`) {
		t.Errorf("the page above is not found: %s", w.Body)
	}
}
