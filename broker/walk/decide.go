package walk

import (
	"fmt"
	"net/http"

	"golang.org/x/net/html"
)

// formWhere finds the form in which a hidden field has a value.
func (p *Page) formWhere(name, value string) *Form {
	n := find(p.root, func(n *html.Node) bool {
		return n.Data == "form" && find(n, func(m *html.Node) bool { return attr(m, "name") == name && attr(m, "value") == value }) != nil
	})
	if n == nil {
		return &Form{page: p, err: p.lacks("form with " + name + " = " + value)}
	}
	return newForm(p, n)
}

// Decision finds the form in which one need of a request is decided.
func (p *Page) Decision(need string) *Form { return p.formWhere("need", need) }

// Decide opens a request where it is decided (an inbox's or a desk's address)
// and gives a verdict on one need, with reason codes where it is no approval.
func (p *Person) Decide(address, need, verdict string, reasons ...string) (*Page, error) {
	page, err := p.Get(address)
	if err != nil {
		return nil, err
	}
	form := page.Decision(need).Set("verdict", verdict)
	if len(reasons) > 0 {
		form.Set("reasons", reasons...)
	}
	after, err := form.Send()
	if err == nil && after.Status != http.StatusOK {
		err = fmt.Errorf("walk: %s of %s at %s: %d %.600s", verdict, need, address, after.Status, after.Text())
	}
	return after, err
}

// Approve approves one need of a request at an address.
func (p *Person) Approve(address, need string) error {
	_, err := p.Decide(address, need, "approve")
	return err
}

// RecordStanding records, at the desk, what the request says about a licence.
func (p *Person) RecordStanding(program, request string) error {
	page, err := p.Get("/desk/" + program + "/" + request)
	if err != nil {
		return err
	}
	after, err := page.Form("/standing").Send()
	if err == nil && after.Status != http.StatusOK {
		err = fmt.Errorf("walk: standing of %s: %d %.600s", request, after.Status, after.Text())
	}
	return err
}

// Accept follows the link of an invitation and accepts it.
func (p *Person) Accept(link string) (*Page, error) {
	page, err := p.Get(link)
	if err != nil {
		return nil, err
	}
	return page.Form("/invitation").Send()
}

// Licensed are answers about a licence that is good for another year.
func Licensed(profession, body, number, expires string) map[string][]string {
	a := map[string][]string{"body": {body}, "number": {number}, "expires": {expires}}
	if profession != "" {
		a["profession"] = []string{profession}
	}
	return a
}
