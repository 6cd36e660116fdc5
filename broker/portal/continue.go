package portal

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"countersign/broker/registry"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// continuePage shows what was typed into a form that its page cannot take back:
// to send it as it was, or to copy it where the page is not there any more.
type continuePage struct {
	Page
	About  string // the title of the page on which it was typed
	At     string // its address; empty when it is not there any more
	Typed  []answered
	To     string  // where Send sends it; empty: it cannot be sent as it was
	Fields []field // all that was filled in
}

func (*continuePage) view() string { return "continue" }

// field is one value of a form.
type field struct{ Name, Value string }

// continuePage makes the page of a kept form from the form's own page as it is
// shown now, whose words it takes; nil where that is not there.
func (v *visit) continuePage(k registry.KeptForm, before []byte) *continuePage {
	p := &continuePage{Page: v.page(v.words.T("kept.title"), "")}
	doc := &html.Node{Type: html.DocumentNode}
	if seen, err := html.Parse(bytes.NewReader(before)); err == nil && before != nil {
		doc, p.At, p.About = seen, k.Page, heading(seen)
	}
	if p.At != "" && !slices.ContainsFunc(signing, func(name string) bool { return len(k.Fields[name]) > 0 }) {
		p.To = k.To
	}
	left := maps.Clone(k.Fields)
	for n := range doc.Descendants() {
		name := attribute(n, "name")
		if values := left[name]; n.Type == html.ElementNode && len(values) > 0 {
			if a, all := said(doc, n, values); all {
				p.Typed, left[name] = append(p.Typed, a...), nil
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(k.Fields)) {
		for _, value := range k.Fields[name] {
			p.Fields = append(p.Fields, field{name, value})
		}
		for _, value := range left[name] { // not on the page as it is now
			if value != "" && !slices.Contains(fresh, name) {
				p.Typed = append(p.Typed, answered{Label: v.words.T("kept.answer"), Answer: value})
			}
		}
	}
	return p
}

// said gives a page's words for the values that one of its controls was sent
// with; not all where the control has no place for them. What is hidden, a button
// or empty is not said.
func said(doc, n *html.Node, values []string) (out []answered, all bool) {
	kind := attribute(n, "type")
	switch {
	case n.DataAtom == atom.Button, kind == "hidden", kind == "submit":
		return nil, true
	case kind == "radio", kind == "checkbox":
		return boxes(doc, n, values)
	case n.DataAtom == atom.Select:
		for o := range n.Descendants() {
			if o.DataAtom == atom.Option && attribute(o, "value") == values[0] && values[0] != "" {
				return []answered{{Label: labelOf(doc, n), Answer: words(o)}}, true
			}
		}
		return nil, values[0] == ""
	case values[0] == "":
		return nil, true
	}
	label := labelOf(doc, n)
	return []answered{{Label: label, Answer: values[0]}}, label != ""
}

// boxes is said for boxes and radio buttons, of which several have one name; the
// first of them speaks for all.
func boxes(doc, n *html.Node, values []string) (out []answered, all bool) {
	name, found := attribute(n, "name"), 0
	for b := range doc.Descendants() {
		if attribute(b, "name") != name || !slices.Contains(values, attribute(b, "value")) {
			continue
		}
		found++
		label, box := legend(b), labelOf(doc, b)
		if label == "" {
			label = box
		}
		out = append(out, answered{Label: label, Answer: box})
	}
	return out, found == len(values)
}

// labelOf is the label of a control.
func labelOf(doc, control *html.Node) string {
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Label && attribute(n, "for") == attribute(control, "id") {
			return words(n)
		}
	}
	return ""
}

// legend is what a group of boxes asks.
func legend(box *html.Node) string {
	for p := box.Parent; p != nil; p = p.Parent {
		if p.DataAtom != atom.Fieldset {
			continue
		}
		for n := range p.Descendants() {
			if n.DataAtom == atom.Legend {
				return words(n)
			}
		}
	}
	return ""
}

func heading(doc *html.Node) string {
	for n := range doc.Descendants() {
		if n.DataAtom == atom.H1 {
			return words(n)
		}
	}
	return ""
}

// words is the text of a part of a page, with single spaces.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
