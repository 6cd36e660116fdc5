package walk

import (
	"fmt"
	"net/url"
	"strings"
)

// Person is somebody with an account and a browser.
type Person struct {
	*Browser
	UserName, Password, Email, Given, Surname string
	Mail                                      Mailbox
}

// SignUp makes an account on the sign-up page, follows the mail, chooses a
// password on Keycloak's own page and signs in: in the person's browser, or a new one.
func SignUp(portal string, mail Mailbox, p Person) (*Person, error) {
	p.Mail = mail
	if p.Browser == nil {
		p.Browser = New(portal)
	}
	p.From = addressOf(p.UserName)
	page, err := p.Get("/sign-up")
	if err != nil {
		return nil, err
	}
	form, err := page.Solve(page.FormWith("user-name"))
	if err != nil {
		return nil, err
	}
	page, err = form.Set("user-name", p.UserName).Set("given-name", p.Given).Set("surname", p.Surname).Set("email", p.Email).Send()
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(page.URL.Path, "/sign-up/sent") {
		return nil, fmt.Errorf("walk: sign-up of %s: %.600s", p.UserName, page.Text())
	}
	m, err := mail.Wait(p.Email, "", "action-token")
	if err != nil {
		return nil, err
	}
	if err := p.Begin(m.Link("action-token"), p.Password); err != nil {
		return nil, err
	}
	_, err = p.SignIn(p.UserName, p.Password)
	return &p, err
}

// Fill answers a program's questions as they come: each page's fields that are
// in answers, until the page for checking comes. It gives the request's id.
func (p *Person) Fill(page *Page, answers map[string][]string) (*Page, string, error) {
	var err error
	for range 5 {
		if strings.HasSuffix(page.URL.Path, "/check") {
			parts := strings.Split(page.URL.Path, "/")
			return page, parts[len(parts)-2], nil
		}
		form := page.FormWith("go")
		for name, values := range answers {
			if form.Has(name) {
				form.Set(name, values...)
			}
		}
		if page, err = form.Press("go", "on").Send(); err != nil {
			return nil, "", err
		}
	}
	return nil, "", page.lacks("way to the next page")
}

// SignAndSend signs every statement that the page for checking asks for, and
// sends the request.
func (p *Person) SignAndSend(page *Page) (*Page, error) {
	for range 5 {
		if page.Link("/sign/") == "" {
			break
		}
		next, err := page.Follow("/sign/")
		if err != nil {
			return nil, err
		}
		if page, err = next.FormWith("agree").Tick("agree").Send(); err != nil {
			return nil, err
		}
	}
	sent, err := page.Form("/submit").Send()
	if err == nil && strings.HasSuffix(sent.URL.Path, "/submit") {
		err = sent.lacks("page after sending")
	}
	return sent, err
}

// Clinic is what a worksite is asked for with.
type Clinic struct {
	Name, City              string
	SignerName, SignerEmail string // empty: the requester signs
}

// RequestSite asks for a worksite and gives the request's id.
func (p *Person) RequestSite(program string, c Clinic) (string, error) {
	page, err := p.Get("/requests/new/" + program + "/site")
	if err != nil {
		return "", err
	}
	if page, err = page.Form("/site").Send(); err != nil {
		return "", err
	}
	page, id, err := p.Fill(page, c.answers())
	if err != nil {
		return "", err
	}
	_, err = p.SignAndSend(page)
	return id, err
}

func (c Clinic) answers() map[string][]string {
	a := map[string][]string{"display-name": {c.Name}, "legal-name": {c.Name + " Ltd."}, "clinic-kind": {"family-practice"},
		"address": {"12 Maple Street"}, "city": {c.City}, "province": {"BC"}, "postal-code": {"V5K 0A1"}, "phone": {"604-555-0123"},
		"requester-role": {"lead-moa"}, "signer": {"self"}}
	if c.SignerEmail != "" {
		a["signer"], a["signer-name"] = []string{"other"}, []string{c.SignerName}
		a["signer-email"], a["signer-email-again"] = []string{c.SignerEmail}, []string{c.SignerEmail}
	}
	return a
}

// Declare follows the link that was mailed to the signing authority and signs.
func (p *Person) Declare(link string) (*Page, error) {
	page, err := p.Get(link)
	if err != nil {
		return nil, err
	}
	return page.FormWith("agree").Tick("agree").Send()
}

// FindSite searches for a worksite as anyone can and gives its id.
func (p *Person) FindSite(program, name string) (string, error) {
	page, err := p.Get("/requests/new/" + program + "/join?q=" + url.QueryEscape(name))
	if err != nil {
		return "", err
	}
	to, err := url.Parse(page.Link("site="))
	if err != nil || to.Query().Get("site") == "" {
		return "", page.lacks("worksite " + name)
	}
	return to.Query().Get("site"), nil
}

// Join asks for a role at a worksite, by its id, and gives the request's id.
func (p *Person) Join(program, site, role string, answers map[string][]string) (string, error) {
	page, err := p.Get("/requests/new/" + program + "/join?site=" + site)
	if err != nil {
		return "", err
	}
	if page, err = page.FormWith("role").Set("role", role).Send(); err != nil {
		return "", err
	}
	page, id, err := p.Fill(page, answers)
	if err != nil {
		return "", err
	}
	_, err = p.SignAndSend(page)
	return id, err
}
