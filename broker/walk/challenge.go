package walk

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"golang.org/x/net/html"
)

// Solve does the sum that the sign-up page's script would do (ALTCHA, version 1),
// and puts the answer into the form as the script does.
func (p *Page) Solve(f *Form) (*Form, error) {
	n := find(p.root, func(n *html.Node) bool { return has(n, "data-challenge") })
	if n == nil {
		return nil, p.lacks("challenge")
	}
	quiet := *p.browser
	quiet.Watch = nil // this is no page that anybody reads
	got, err := quiet.Get(attr(n, "data-challenge"))
	if err != nil {
		return nil, err
	}
	var c struct {
		Algorithm string `json:"algorithm"`
		Challenge string `json:"challenge"`
		MaxNumber int    `json:"maxnumber,omitempty"`
		Number    int    `json:"number"`
		Salt      string `json:"salt"`
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal([]byte(got.Body), &c); err != nil {
		return nil, fmt.Errorf("walk: challenge: %w: %.200s", err, got.Body)
	}
	for ; c.Number <= c.MaxNumber; c.Number++ {
		sum := sha256.Sum256([]byte(c.Salt + strconv.Itoa(c.Number)))
		if hex.EncodeToString(sum[:]) == c.Challenge {
			break
		}
	}
	answer, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return f.Press("altcha", base64.StdEncoding.EncodeToString(answer)), nil
}

// addressOf gives everybody a network address of their own, always the same.
func addressOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("10.%d.%d.%d", sum[0], sum[1], sum[2])
}
