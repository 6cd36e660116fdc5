package portal

import (
	"bytes"
	"flag"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/broker/locale"
	"countersign/policies"

	"golang.org/x/net/html"
)

// storiesDir keeps the pages of all stories, to look at in a browser:
//
//	go test ./broker/portal -run TestStories -stories /some/folder
var storiesDir = flag.String("stories", "", "write every story's page into this folder")

// story is one page in one state.
type story struct {
	name string
	page view
}

// stories are added by the tests of each page, in that page's own story file.
func stories(t *testing.T) []story {
	t.Helper()
	programs, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	p := programs["careconnect"]
	var all []story
	for _, some := range []func(*policies.Program) []story{publicStories, askStories, decidingStories} {
		all = append(all, some(p)...)
	}
	return all
}

// stranger is the frame before sign-in, member that of a person signed in.
func stranger(title, lead string) Page {
	return Page{Words: locale.For("en"), Title: title, Lead: lead, Op: "0198a9a8-0000-7000-8000-000000000000", Here: "/",
		Build: build{Version: "1.0.0-test", Assets: assetsPath}}
}

func member(title, lead string) Page {
	p := stranger(title, lead)
	p.Person, p.FormToken = &who{Name: "Ana Whitefeather-O’Sullivan", Inbox: true, Desk: true}, "form-token"
	p.Build.Demo = true
	return p
}

// Every template is executed in every state that a story tells, and what comes
// out is sound: words for every key, a label for every control, ids once each,
// the session's token in every form, nothing inline.
// proves: A76 attack A57
func TestStories(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	for _, s := range stories(t) {
		told[s.page.view()] = true
		w := httptest.NewRecorder()
		if err := write(w, 200, s.page); err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if !strings.Contains(w.Body.String(), "Version 1.0.0-test") {
			t.Errorf("%s: the footer does not say the build's version", s.name)
		}
		doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		inspect(t, s, doc)
		keep(t, s.name, w.Body.Bytes())
	}
	for name := range templates {
		if !told[name] {
			t.Errorf("no story shows templates/%s.html", name)
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
	ids, labels, forms := map[string]int{}, map[string]bool{}, 0
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
			t.Errorf("%s: has a <%s>", s.name, n.Data)
		case "label":
			labels[attr(n, "for")] = true
		case "input", "select", "textarea":
			if kind := attr(n, "type"); kind != "hidden" {
				controls = append(controls, attr(n, "id"))
			}
		case "form":
			forms++
			if attr(n, "method") == "post" && s.page.frame().FormToken != "" && !hasToken(n) {
				t.Errorf("%s: a form without its token", s.name)
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

// keep writes a page and the files that it needs, so that it opens from disk.
func keep(t *testing.T, name string, page []byte) {
	t.Helper()
	if *storiesDir == "" {
		return
	}
	err := os.MkdirAll(*storiesDir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(*storiesDir, name+".html"), bytes.ReplaceAll(page, []byte(assetsPath), []byte("static")), 0o644)
	}
	if err == nil {
		err = fs.WalkDir(staticFiles, "static", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := staticFiles.ReadFile(path)
			if err != nil {
				return err
			}
			to := filepath.Join(*storiesDir, path)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			return os.WriteFile(to, data, 0o644)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}
