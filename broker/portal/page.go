package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"countersign/broker/locale"
)

// A view is a page's struct: its name is that of its template, and it embeds Page.
type view interface {
	view() string
	frame() *Page
}

// Page is what every page has. A handler sets Title, Lead and Problems; show
// fills the rest. The words are embedded, so that a template says {{.T "key"}}.
type Page struct {
	*locale.Words
	Title     string
	Lead      string    // one sentence under the title; may be empty
	Problems  []problem // the summary at the top, each with a link to its field
	Late      string    // that what the page shows takes longer than usual to arrive; may be empty
	Done      string    // what the act before this page achieved, once
	Person    *who      // nil before sign-in
	FormToken string    // of the session; every POST carries it
	Op        string    // a fresh operation id for the page's form (A06)
	Here      string    // the path of this page
	Ahead     string    // that sending the form will ask for new proof; empty where it will not
	Return    string    // where a change of language leads back to
	Build     build
	Watch     *watch // of a session that can pause; nil before sign-in
}

// who is the person signed in, as the header shows them.
type who struct {
	Name  string
	Inbox bool // holds a role that decides
	Desk  bool // is a registrar of some program
	Realm bool // holds an office over some program
}

// build is what the footer and the style links need.
type build struct {
	Version string
	Assets  string
	Demo    bool
}

// problem is one message of the error summary.
type problem struct {
	Field   string // the id of the control, without "#"; empty: about the whole form
	Message string
}

func (p *Page) frame() *Page { return p }

//go:embed templates/*.html
var templateFiles embed.FS

// templates are parsed once: every page is the frame and the parts with its
// own "main".
var templates = parseTemplates()

func parseTemplates() map[string]*template.Template {
	shared := template.Must(template.New("frame.html").Option("missingkey=error").
		ParseFS(templateFiles, "templates/frame.html", "templates/parts*.html"))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "frame" || strings.HasPrefix(page, "parts") {
			continue
		}
		all[page] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, name))
	}
	return all
}

// write renders a page and sends it.
func write(w http.ResponseWriter, status int, v view) error {
	page, err := render(v)
	if err != nil {
		return err
	}
	return deliver(w, status, v.frame(), page)
}

// render makes the whole page before the first byte goes out, so that a failure
// is an error page and not half a page.
func render(v view) ([]byte, error) {
	t, ok := templates[v.view()]
	if !ok {
		return nil, fmt.Errorf("no template %q", v.view())
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", v.view(), err)
	}
	return out.Bytes(), nil
}

func deliver(w http.ResponseWriter, status int, f *Page, page []byte) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", f.Lang())
	w.WriteHeader(status)
	_, err := w.Write(page)
	return err
}
