package portal

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/broker/locale"

	"golang.org/x/net/html"
)

// told are the stories of one language.
func told(t *testing.T, lang string) []story {
	t.Helper()
	all, err := stories(lang)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every template is executed in every state that a story tells, and what comes
// out is sound: words for every key, a label for every control, ids once each,
// the session's token in every form, nothing inline, no password asked for.
// proves: A14 A76 attack A57
func TestStories(t *testing.T) {
	t.Parallel()
	for _, lang := range locale.Languages() {
		shown, names := map[string]bool{}, map[string]bool{}
		for _, s := range told(t, lang) {
			shown[s.page.view()] = true
			if names[s.name] || s.name != s.page.view() && !strings.HasPrefix(s.name, s.page.view()+"-") {
				t.Errorf("%s: told twice, or not named after templates/%s.html", s.name, s.page.view())
			}
			names[s.name] = true
			s.name = lang + "/" + s.name
			w := httptest.NewRecorder()
			if err := write(w, 200, s.page); err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			if !strings.Contains(w.Body.String(), storyVersion) {
				t.Errorf("%s: the footer does not say the build's version", s.name)
			}
			if got := w.Header().Get("Content-Language"); got != lang {
				t.Errorf("%s: says that it is in %q", s.name, got)
			}
			doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			inspect(t, s, doc)
		}
		for name := range templates {
			if !shown[name] {
				t.Errorf("%s: no story shows templates/%s.html", lang, name)
			}
		}
	}
}

// unsaid is a key that is shown for want of its words, ours or a program's.
var unsaid = regexp.MustCompile(`(^|[ :(])(` + strings.Join(areas(), "|") + `)\.[a-z0-9]`)

// areas are what keys begin with.
func areas() []string {
	out := []string{"site", "role", "field", "profession", "body", "agreement", "entitlement"}
	files, err := filepath.Glob("../locale/words/*.en.yaml")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^([a-z-]+)\.`).FindAllSubmatch(data, -1) {
			out = append(out, string(m[1]))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func inspect(t *testing.T, s story, doc *html.Node) {
	t.Helper()
	ids, labels, forms, primary := map[string]int{}, map[string]bool{}, 0, 0
	var controls []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, "<no value>") {
			t.Errorf("%s: a message lacks a value: %q", s.name, n.Data)
		}
		if n.Type == html.TextNode && unsaid.MatchString(n.Data) {
			t.Errorf("%s: a key without words: %q", s.name, n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			ids[id]++
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Val, "javascript:") {
				t.Errorf("%s: inline %s on <%s>", s.name, a.Key, n.Data)
			}
		}
		switch n.Data {
		case "script", "style":
			if n.Data == "style" || n.FirstChild != nil || !strings.HasPrefix(attr(n, "src"), assetsPath+"/") {
				t.Errorf("%s: has a <%s> that is no file of ours", s.name, n.Data)
			}
		case "label":
			labels[attr(n, "for")] = true
		case "input", "select", "textarea":
			if attr(n, "type") == "password" || strings.HasSuffix(attr(n, "autocomplete"), "-password") {
				t.Errorf("%s: asks for a password, which is Keycloak's to ask", s.name)
			}
			if kind := attr(n, "type"); kind != "hidden" {
				controls = append(controls, attr(n, "id"))
			}
		case "form":
			forms++
			if attr(n, "method") == "post" && s.page.frame().FormToken != "" && !hasToken(n) {
				t.Errorf("%s: a form without its token", s.name)
			}
		case "a", "button":
			if isPrimary(n) {
				primary++
			}
		case "h1":
			ids["h1"]++
		}
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s: %q is there %d times", s.name, id, n)
		}
	}
	if ids["h1"] == 0 {
		t.Errorf("%s: no title", s.name)
	}
	if primary > 1 {
		t.Errorf("%s: %d primary buttons", s.name, primary)
	}
	for _, id := range controls {
		if id == "" || !labels[id] {
			t.Errorf("%s: the control %q has no label", s.name, id)
		}
	}
	for _, p := range s.page.frame().Problems {
		if p.Field != "" && ids[p.Field] == 0 {
			t.Errorf("%s: the summary leads to %q, which is not there", s.name, p.Field)
		}
	}
}

// isPrimary tells whether a button or link looks like what one does here: of
// those a page has one at most. What is in a dialog or opens first is not there.
func isPrimary(n *html.Node) bool {
	for up := n.Parent; up != nil; up = up.Parent {
		if up.Data == "dialog" || up.Data == "details" {
			return false
		}
	}
	class := strings.Fields(attr(n, "class"))
	return slices.Contains(class, "usa-button") && !slices.ContainsFunc(class, func(c string) bool {
		return strings.HasPrefix(c, "usa-button--") && c != "usa-button--secondary" && c != "usa-button--big"
	})
}

func hasToken(form *html.Node) bool {
	for n := range form.Descendants() {
		if n.Data == "input" && attr(n, "name") == "form_token" && attr(n, "value") != "" {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// A page is known by its title: no two pages share one (WCAG 2.2, 2.4.2).
func TestTitlesTellPagesApart(t *testing.T) {
	t.Parallel()
	for _, lang := range locale.Languages() {
		all := told(t, lang)
		first, seen := defaults(all), map[string]string{}
		for _, s := range all {
			if !slices.Contains(first, s.name) {
				continue
			}
			title := s.page.frame().Title
			if other := seen[title]; title == "" || other != "" {
				t.Errorf("%s: %s and %s are both %q", lang, other, s.name, title)
			}
			seen[title] = s.name
		}
	}
}
