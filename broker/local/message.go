package local

import (
	"encoding/base64"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Message is one mail that was caught.
type Message struct {
	ID         string    `json:"id"`
	From       string    `json:"from"`   // address of the From header
	To         []string  `json:"to"`     // of the envelope
	Sender     string    `json:"sender"` // of the envelope: where the mail would come back to
	Subject    string    `json:"subject"`
	Text       string    `json:"text"`
	HTML       string    `json:"html"`
	ReceivedAt time.Time `json:"received_at"`
	Links      []string  `json:"links"` // http and https addresses in Text, then those only in HTML
}

func (m Message) sentTo(address string) bool {
	return slices.ContainsFunc(m.To, func(to string) bool { return strings.EqualFold(to, address) })
}

// readMessage reads a mail as RFC 5322 and MIME have it. Text is taken to be UTF-8, as Keycloak and
// this product write it; attachments are left out.
func readMessage(r io.Reader) (Message, error) {
	raw, err := mail.ReadMessage(r)
	if err != nil {
		return Message{}, err
	}
	m := Message{Subject: raw.Header.Get("Subject")}
	if plain, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil {
		m.Subject = plain
	}
	if from, err := raw.Header.AddressList("From"); err == nil {
		m.From = from[0].Address
	}
	if err := m.readPart(textproto.MIMEHeader(raw.Header), raw.Body); err != nil {
		return Message{}, err
	}
	m.Links = findLinks(m.Text, m.HTML)
	return m, nil
}

// readPart adds one part of a mail, or all the parts within it. The first of each kind counts.
func (m *Message) readPart(header textproto.MIMEHeader, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain" // RFC 2045, 5.2: also what is absent or wrong
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.readPart(part.Header, part); err != nil {
				return err
			}
		}
	}
	content, err := io.ReadAll(decoded(header.Get("Content-Transfer-Encoding"), body))
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	}
	return nil
}

func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	}
	return body
}

var (
	textLink = regexp.MustCompile(`https?://[^\s<>"']+`)
	htmlLink = regexp.MustCompile(`href\s*=\s*["'](https?://[^"']+)["']`)
)

// findLinks returns each address once, without the punctuation of the sentence around it.
func findLinks(text, source string) []string {
	links := []string{}
	add := func(link string) {
		if !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	for _, link := range textLink.FindAllString(text, -1) {
		add(strings.TrimRight(link, ".,;:!?)]"))
	}
	for _, found := range htmlLink.FindAllStringSubmatch(source, -1) {
		add(html.UnescapeString(found[1]))
	}
	return links
}
