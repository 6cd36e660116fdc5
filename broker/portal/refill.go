package portal

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"countersign/broker/registry"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// signing are boxes that a person ticks each time anew: a signature is never
// prepared for them (A26).
var signing = []string{"agree"}

// refill puts what was typed into the form of a rendered page that it was typed
// into, with a notice above that nothing was sent yet. Where the page has no such
// form any more, or not a place for each answer, it is left alone: not ok.
func refill(page []byte, k registry.KeptForm, notice string) (filled []byte, ok bool) {
	if page == nil {
		return nil, false
	}
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return nil, false
	}
	for form := range doc.Descendants() {
		if !isFormTo(form, k) || !takes(form, k.Fields) {
			continue
		}
		form.Parent.InsertBefore(alert(notice), form)
		var out bytes.Buffer
		if err := html.Render(&out, doc); err != nil {
			return nil, false
		}
		return out.Bytes(), true
	}
	return nil, false
}

// isFormTo tells whether a node is the form that was filled in: sent to the same
// address, about the same things.
func isFormTo(n *html.Node, k registry.KeptForm) bool {
	if n.Type != html.ElementNode || n.DataAtom != atom.Form || !strings.EqualFold(attribute(n, "method"), "post") {
		return false
	}
	to := attribute(n, "action")
	if to == "" {
		to, _, _ = strings.Cut(k.Page, "?")
	}
	if to != k.To {
		return false
	}
	for c := range n.Descendants() {
		name := attribute(c, "name")
		if name != "" && c.DataAtom == atom.Input && attribute(c, "type") == "hidden" && !slices.Contains(fresh, name) && !slices.Equal(k.Fields[name], []string{attribute(c, "value")}) {
			return false
		}
	}
	return true
}

// takes fills in a form, as far as it has a place for each answer.
func takes(form *html.Node, fields url.Values) bool {
	places := map[string][]*html.Node{}
	for n := range form.Descendants() {
		if name := attribute(n, "name"); name != "" && n.Type == html.ElementNode {
			places[name] = append(places[name], n)
		}
	}
	for name, values := range fields {
		if !slices.Contains(fresh, name) && len(places[name]) == 0 && strings.Join(values, "") != "" {
			return false
		}
	}
	for name, nodes := range places {
		if slices.Contains(fresh, name) || slices.Contains(signing, name) {
			continue
		}
		if !set(nodes, fields[name]) {
			return false
		}
	}
	return true
}

// set gives the controls of one name their values; false where a value has no place.
func set(nodes []*html.Node, values []string) bool {
	value := strings.Join(values, "\n")
	left := slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
	for _, n := range nodes {
		switch n.DataAtom {
		case atom.Textarea:
			for c := n.FirstChild; c != nil; c = n.FirstChild {
				n.RemoveChild(c)
			}
			n.AppendChild(&html.Node{Type: html.TextNode, Data: value})
			left = nil
		case atom.Select:
			left = choose(n, left)
		case atom.Button:
			left = nil // is pressed, not filled in
		case atom.Input:
			switch attribute(n, "type") {
			case "radio", "checkbox":
				left = tick(n, "checked", left)
			case "hidden", "submit", "image", "button":
				left = nil
			default:
				setAttribute(n, "value", value)
				left = nil
			}
		}
	}
	return len(left) == 0
}

func choose(n *html.Node, values []string) []string {
	for o := range n.Descendants() {
		if o.DataAtom == atom.Option {
			values = tick(o, "selected", values)
		}
	}
	return values
}

// tick marks a box or an option if its value is among those given, and takes
// the mark off if not; it gives the values that have no place yet.
func tick(n *html.Node, as string, values []string) []string {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == as })
	i := slices.Index(values, attribute(n, "value"))
	if i < 0 {
		return values
	}
	n.Attr = append(n.Attr, html.Attribute{Key: as})
	return slices.Delete(values, i, i+1)
}

// alert is a notice as the frame would show it.
func alert(text string) *html.Node {
	element := func(a atom.Atom, class string, inside *html.Node) *html.Node {
		n := &html.Node{Type: html.ElementNode, DataAtom: a, Data: a.String(), Attr: []html.Attribute{{Key: "class", Val: class}}}
		n.AppendChild(inside)
		return n
	}
	p := element(atom.P, "usa-alert__text", &html.Node{Type: html.TextNode, Data: text})
	box := element(atom.Div, "usa-alert usa-alert--info margin-bottom-3", element(atom.Div, "usa-alert__body", p))
	setAttribute(box, "role", "status")
	setAttribute(box, "data-kept", "") // idle.js: what stands in the form below was typed
	return box
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func setAttribute(n *html.Node, key, value string) {
	for i := range n.Attr {
		if n.Attr[i].Key == key {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
}
