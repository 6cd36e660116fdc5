package walk

import (
	"strings"

	"golang.org/x/net/html"
)

// Problems are the messages of the summary at the top of a page, each under the
// id of the control to which it leads; "" for one about the whole form.
func (p *Page) Problems() map[string]string {
	out := map[string]string{}
	alert := find(p.root, func(n *html.Node) bool { return attr(n, "role") == "alert" })
	if alert == nil {
		return out
	}
	for li := range alert.Descendants() {
		if li.Type != html.ElementNode || li.Data != "li" {
			continue
		}
		id := ""
		if a := find(li, func(n *html.Node) bool { return n.Data == "a" }); a != nil {
			id = strings.TrimPrefix(attr(a, "href"), "#")
		}
		out[id] = text(li)
	}
	return out
}

// TextOf is what can be read in the element of an id; empty where there is none.
func (p *Page) TextOf(id string) string {
	if n := p.element(id); n != nil {
		return text(n)
	}
	return ""
}

// Has tells whether an element of an id is on the page.
func (p *Page) Has(id string) bool { return p.element(id) != nil }

func (p *Page) element(id string) *html.Node {
	return find(p.root, func(n *html.Node) bool { return attr(n, "id") == id })
}
