package walk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// SignIn signs in at the portal through Keycloak's own page and gives the page
// on which one lands.
func (b *Browser) SignIn(userName, password string) (*Page, error) {
	page, err := b.Get("/sign-in")
	if err != nil {
		return nil, err
	}
	return page.Authenticate(userName, password)
}

// Authenticate fills in Keycloak's sign-in page. A one-time code, or how to set
// them up, is answered as it comes.
func (p *Page) Authenticate(userName, password string) (*Page, error) {
	form := p.FormWith("password")
	if form.Has("username") {
		form.Set("username", userName)
	}
	p.browser.who, p.browser.password = userName, password
	page, err := form.Set("password", password).Send()
	if err != nil {
		return nil, err
	}
	if page.FormWith("password").err == nil {
		return page, fmt.Errorf("walk: sign-in of %s was refused: %.300s", userName, page.Text())
	}
	return page, nil
}

// Begin follows the link of Keycloak's setup mail: it verifies the address and
// chooses a password.
func (b *Browser) Begin(link, password string) error {
	page, err := b.Get(link)
	if err != nil {
		return err
	}
	for range 3 { // "perform the following actions" comes first
		if page.FormWith("password-new").err == nil {
			break
		}
		if page, err = page.Follow("action-token"); err != nil {
			return err
		}
	}
	page, err = page.FormWith("password-new").Set("password-new", password).Set("password-confirm", password).Send()
	if err != nil {
		return err
	}
	if page.FormWith("password-new").err == nil {
		return fmt.Errorf("walk: the password was refused: %.300s", page.Text())
	}
	return nil
}

// Message is one mail, as the catcher gives it.
type Message struct {
	From     string    `json:"from"`
	To       []string  `json:"to"`
	Sender   string    `json:"sender"` // where it would come back to
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
	HTML     string    `json:"html"`
	Received time.Time `json:"received_at"`
	Links    []string  `json:"links"`
}

// Link is the first link of the mail that contains part.
func (m Message) Link(part string) string {
	i := slices.IndexFunc(m.Links, func(l string) bool { return strings.Contains(l, part) })
	if i < 0 {
		return ""
	}
	return m.Links[i]
}

// Mailbox is the catcher's page.
type Mailbox struct{ URL string }

// To lists all mail to an address, oldest first.
func (m Mailbox) To(address string) ([]Message, error) {
	resp, err := http.Get(m.URL + "/messages?to=" + url.QueryEscape(address))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all []Message
	return all, json.NewDecoder(resp.Body).Decode(&all)
}

// Wait waits for a mail to an address that has a link containing part, or, where
// part is empty, whose subject contains subject: the newest one.
func (m Mailbox) Wait(address, subject, part string) (Message, error) {
	var seen []string
	pause := 30 * time.Millisecond
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(pause) {
		pause = min(pause*5/4, 400*time.Millisecond)
		all, err := m.To(address)
		if err != nil {
			return Message{}, err
		}
		seen = nil
		for _, mail := range slices.Backward(all) {
			seen = append(seen, mail.Subject)
			if strings.Contains(mail.Subject, subject) && (part == "" || mail.Link(part) != "") {
				return mail, nil
			}
		}
	}
	return Message{}, fmt.Errorf("walk: no mail to %s about %q with a link to %q; there are %q", address, subject, part, seen)
}
