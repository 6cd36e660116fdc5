package portal

import (
	"bytes"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// markdown renders a program's text: an agreement, a guide. Raw HTML in it is
// dropped and script addresses are emptied, which are goldmark's defaults, so
// the result may be trusted as HTML. Headings go down one level: the page has
// its own title.
func markdown(source string) template.HTML { return rendered(source, 1) }

// markdownBelow is markdown for a text whose own heading became the page's title.
func markdownBelow(source string) template.HTML { return rendered(source, 0) }

func rendered(source string, down int) template.HTML {
	md := goldmark.New(goldmark.WithExtensions(extension.Table))
	src := []byte(source)
	doc := md.Parser().Parse(text.NewReader(src))
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level < 6 {
			h.Level = max(2, h.Level+down)
		}
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, src, doc); err != nil {
		panic(err) // a bytes.Buffer does not fail
	}
	return template.HTML(out.String()) //nolint:gosec // see above: no raw HTML passes
}
