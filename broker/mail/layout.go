package mail

import (
	"bytes"
	_ "embed"
	html "html/template"
	"strings"
	text "text/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"
)

//go:embed layout.html
var layoutHTML string

//go:embed layout.txt
var layoutText string

var (
	asHTML = html.Must(html.New("html").Parse(layoutHTML))
	asText = text.Must(text.New("text").Funcs(text.FuncMap{
		"upper":  strings.ToUpper,
		"number": func(i int) int { return i + 1 },
	}).Parse(layoutText))
)

// letter is a message in words, before it is set as text and as HTML. It has no
// picture and nothing that a mail reader would fetch.
type letter struct {
	Lang, Subject, Hello string
	Below, BelowLang     string // that the same follows in another language, said in that one; may be empty
	Blocks               []block
	Fails                string // the words for a button that does not work
	Reference            string // may be empty
	NoAnswer             string
	Feedback             string
	FeedbackURL          string
}

// block is one piece of a letter; the first field that is set says what it is.
type block struct {
	Steps    []string
	Markdown string
	Heading  string
	Button   string
	Text     string
	URL      string // of a button, or beneath a text
}

// Plain is Markdown as people read it: only the marks of emphasis go.
func (b block) Plain() string { return strings.ReplaceAll(b.Markdown, "**", "") }

// HTML is Markdown as HTML. Raw HTML in it is dropped by goldmark, pictures here:
// they would be fetched, and tell who read the mail.
func (b block) HTML() (html.HTML, error) {
	src := []byte(b.Markdown)
	md := goldmark.New()
	doc := md.Parser().Parse(source.NewReader(src))
	var pictures []ast.Node
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if n.Kind() == ast.KindImage && entering {
			pictures = append(pictures, n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", err
	}
	for _, n := range pictures {
		n.Parent().RemoveChild(n.Parent(), n)
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, src, doc); err != nil {
		return "", err
	}
	return html.HTML(out.String()), nil // goldmark escapes, and drops raw HTML
}

// letters are one message in one language after the other.
type letters []letter

// Lang is that of the first.
func (l letters) Lang() string { return l[0].Lang }

func (l letters) subject() string {
	var out []string
	for _, one := range l {
		out = append(out, one.Subject)
	}
	return strings.Join(out, " / ")
}

// set gives both bodies of the message.
func (l letters) set() (asPlain, asRich string, err error) {
	var plain, rich strings.Builder
	if err := asText.Execute(&plain, l); err != nil {
		return "", "", err
	}
	if err := asHTML.Execute(&rich, l); err != nil {
		return "", "", err
	}
	return plain.String(), rich.String(), nil
}
