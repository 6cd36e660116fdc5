// Package walk is a person at a browser, over HTTP: it opens pages, fills in the
// forms that it finds there and follows links in mails. The demo makes its seeds
// with it and the tests go through the product with it, so both can do only what
// people can: it knows no table, no API and no secret.
//
//	b := walk.New(portalURL)
//	page, err := b.SignIn("dana", "correct horse battery staple")
//	page, err = page.Form("/sign-up").Set("email", "dana@example.org").Send()
package walk

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Browser has cookies of its own, as another person's browser would.
type Browser struct {
	Home   *url.URL
	Client *http.Client
	// Language is what the browser asks for, as Accept-Language; empty is English.
	Language string
	// Watch is told of every page that comes back; nil for nobody.
	Watch func(*Page)
	// From is the address that a proxy in front of the portal would say the browser
	// has; empty where there is none.
	From string

	who      string // who signed in last, and with what
	password string
}

// New makes a browser that starts at an address.
func New(home string) *Browser {
	u, err := url.Parse(home)
	if err != nil {
		panic(err) // an address of our own making
	}
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Browser{Home: u, Client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// Page is what came back, parsed.
type Page struct {
	Status  int
	URL     *url.URL
	Header  http.Header
	Body    string
	root    *html.Node
	browser *Browser
	proved  bool // the portal asked for proof on the way here
}

// Get opens a path of the portal, or an absolute address, and follows redirects.
func (b *Browser) Get(address string) (*Page, error) {
	u, err := b.Home.Parse(address)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	page, err := b.do(req)
	if err != nil {
		return nil, err
	}
	return b.prove(page)
}

// Post sends a form as a browser on the same origin would.
func (b *Browser) Post(address string, values url.Values) (*Page, error) {
	return b.post(address, "", values)
}

// post is Post from a page, which the browser names.
func (b *Browser) post(address, from string, values url.Values) (*Page, error) {
	u, err := b.Home.Parse(address)
	if err != nil {
		return nil, err
	}
	req, err := newPost(u, values)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(from, u.Scheme+"://"+u.Host+"/") { // as our pages ask: Referrer-Policy same-origin
		req.Header.Set("Referer", from)
	}
	page, err := b.do(req)
	if err != nil {
		return nil, err
	}
	return b.prove(page)
}

func newPost(u *url.URL, values url.Values) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPost, u.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", u.Scheme+"://"+u.Host)
	return req, nil
}

func (b *Browser) do(req *http.Request) (*Page, error) {
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Language", cmp.Or(b.Language, "en"))
	if b.From != "" && req.URL.Host == b.Home.Host {
		req.Header.Set("X-Forwarded-For", b.From)
	}
	resp, err := b.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	p := &Page{Status: resp.StatusCode, URL: resp.Request.URL, Header: resp.Header, Body: string(body), root: root, browser: b, proved: askedForProof(resp)}
	if b.Watch != nil {
		b.Watch(p)
	}
	return p, nil
}

// Text is all that can be read on the page, with single spaces.
func (p *Page) Text() string { return text(p.root) }

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Title is the page's first heading.
func (p *Page) Title() string {
	if n := find(p.root, func(n *html.Node) bool { return n.Data == "h1" }); n != nil {
		return text(n)
	}
	return ""
}

// Link finds the address of the first link whose address contains part, other
// than one to the same page in another language.
func (p *Page) Link(part string) string {
	n := find(p.root, func(n *html.Node) bool {
		return n.Data == "a" && !has(n, "hreflang") && strings.Contains(attr(n, "href"), part)
	})
	if n == nil {
		return ""
	}
	return attr(n, "href")
}

// Follow opens the first link whose address contains part.
func (p *Page) Follow(part string) (*Page, error) {
	to := p.Link(part)
	if to == "" {
		return nil, p.lacks("a link to " + part)
	}
	u, err := p.URL.Parse(to)
	if err != nil {
		return nil, err
	}
	return p.browser.Get(u.String())
}

func (p *Page) lacks(what string) error {
	return fmt.Errorf("walk: %s (%d %q) has no %s: %.600s", p.URL, p.Status, p.Title(), what, p.Text())
}

// Form is a form on a page with what is filled in.
type Form struct {
	page   *Page
	action string
	values url.Values
	names  []string // every field that can be filled in
	boxes  map[string][]string
	err    error
}

// Form finds the first form whose action contains part.
func (p *Page) Form(part string) *Form {
	n := find(p.root, func(n *html.Node) bool { return n.Data == "form" && strings.Contains(attr(n, "action"), part) })
	if n == nil {
		return &Form{page: p, err: p.lacks("form for " + part)}
	}
	return newForm(p, n)
}

// FormWith finds the first form that has a field, or a button, of a name.
func (p *Page) FormWith(name string) *Form {
	n := find(p.root, func(n *html.Node) bool {
		return n.Data == "form" && find(n, func(m *html.Node) bool { return attr(m, "name") == name }) != nil
	})
	if n == nil {
		return &Form{page: p, err: p.lacks("form with a field " + name)}
	}
	return newForm(p, n)
}

func newForm(p *Page, n *html.Node) *Form {
	f := &Form{page: p, action: attr(n, "action"), values: url.Values{}, boxes: map[string][]string{}}
	for d := range n.Descendants() {
		name := attr(d, "name")
		if d.Type != html.ElementNode || name == "" {
			continue
		}
		switch d.Data {
		case "input":
			f.input(d, name)
		case "textarea":
			f.names = append(f.names, name)
			f.values.Set(name, text(d))
		case "select":
			f.names = append(f.names, name)
			for o := range d.Descendants() {
				if o.Data == "option" {
					f.boxes[name] = append(f.boxes[name], attr(o, "value"))
					if has(o, "selected") {
						f.values.Set(name, attr(o, "value"))
					}
				}
			}
		}
	}
	return f
}

func (f *Form) input(n *html.Node, name string) {
	f.names = append(f.names, name)
	switch attr(n, "type") {
	case "submit", "button", "image":
	case "checkbox", "radio":
		f.boxes[name] = append(f.boxes[name], attr(n, "value"))
		if has(n, "checked") {
			f.values.Add(name, attr(n, "value"))
		}
	default:
		f.values.Set(name, attr(n, "value"))
	}
}

// Set fills in a field; one that is not there is an error when the form is sent.
func (f *Form) Set(name string, values ...string) *Form {
	if f.err == nil && !slices.Contains(f.names, name) {
		f.err = f.page.lacks("field " + name)
	}
	if f.err == nil {
		f.values[name] = values
	}
	return f
}

// Tick ticks the box of a name, or chooses the only option.
func (f *Form) Tick(name string) *Form {
	if f.err == nil && len(f.boxes[name]) == 0 {
		f.err = f.page.lacks("box " + name)
		return f
	}
	if f.err == nil {
		f.values[name] = f.boxes[name][:1]
	}
	return f
}

// Press adds a button's own name and value.
func (f *Form) Press(name, value string) *Form {
	if f.err == nil {
		f.values.Set(name, value)
	}
	return f
}

// Values are what would be sent, for a test that changes them.
func (f *Form) Values() url.Values { return f.values }

// Options are what a choice offers.
func (f *Form) Options(name string) []string { return f.boxes[name] }

// Has tells whether the form has a field of that name.
func (f *Form) Has(name string) bool { return f.err == nil && slices.Contains(f.names, name) }

// Action is the address to which the form goes.
func (f *Form) Action() string { return f.action }

// Send sends the form and gives the page that follows.
func (f *Form) Send() (*Page, error) {
	if f.err != nil {
		return nil, f.err
	}
	u, err := f.page.URL.Parse(f.action)
	if err != nil {
		return nil, err
	}
	after, err := f.page.browser.post(u.String(), f.page.URL.String(), f.values)
	if err != nil || !after.proved {
		return after, err
	}
	return f.resume(u.Path, after)
}

func find(n *html.Node, ok func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && ok(d) {
			return d
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
