package walk

import (
	"fmt"
	"net/http"
)

// End opens a page that asks whether something shall end (a membership, an
// authorization, all access of a person), fills it in and sends it. Last is the
// last day as YYYY-MM-DD, empty for at once; reasons are codes.
func (p *Person) End(address, last string, reasons ...string) (*Page, error) {
	page, err := p.Get(address)
	if err != nil {
		return nil, err
	}
	form := page.Form(page.URL.Path)
	if form.Has("when") {
		form.Set("when", "now")
		if last != "" {
			form.Set("when", "day").Set("last", last)
		}
	}
	if len(reasons) > 0 {
		form.Set("reasons", reasons...)
	}
	return form.done()
}

// Press opens a page and presses the button of the form that goes to an address
// which contains part.
func (p *Person) Press(address, part string) (*Page, error) {
	page, err := p.Get(address)
	if err != nil {
		return nil, err
	}
	return page.Form(part).done()
}

// done sends a form that should be taken.
func (f *Form) done() (*Page, error) {
	after, err := f.Send()
	if err == nil && after.Status != http.StatusOK {
		err = fmt.Errorf("walk: %s: %d %.600s", f.action, after.Status, after.Text())
	}
	return after, err
}
