package local

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// letter is built as Keycloak and this product write: two parts, quoted-printable, a long link.
const letter = "From: Countersign <no-reply@example.test>\r\n" +
	"To: someone@example.test\r\n" +
	"Subject: =?UTF-8?Q?Su_invitaci=C3=B3n?=\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=XX\r\n\r\n" +
	"--XX\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Ma=C3=B1ana: http://127.0.0.1:1/in?a=3D1&b=\r\n=3D2.\r\n" +
	"--XX\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"<p><script>alert(1)</script><a href=3D\"http://127.0.0.1:1/in?a=3D1&amp;b=3D2\">in</a> <a href=3D\"https://example.test/more\">more</a></p>\r\n" +
	"--XX--\r\n"

// A mail that was sent is listed as JSON with its parts decoded and its links found, per recipient,
// and its page shows what it holds without letting it act.
func TestMailIsCaught(t *testing.T) {
	t.Parallel()
	m := startMail(t, "")
	send(t, m, "someone@example.test")
	send(t, m, "other@example.test")

	var all, theirs []Message
	getJSON(t, m.URL+"/messages", &all)
	getJSON(t, m.URL+"/messages?to=Someone@Example.test", &theirs)
	if len(all) != 2 || len(theirs) != 1 || all[1].To[0] != "other@example.test" {
		t.Fatalf("got %d messages, %d of them to someone", len(all), len(theirs))
	}
	got := theirs[0]
	if got.From != "no-reply@example.test" || got.Subject != "Su invitación" || !strings.HasPrefix(got.Text, "Mañana:") || !strings.Contains(got.HTML, "<script>") {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(got.Links, []string{"http://127.0.0.1:1/in?a=1&b=2", "https://example.test/more"}) {
		t.Errorf("links %q", got.Links)
	}
	for _, path := range []string{"/", "/1"} {
		resp, err := http.Get(m.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(page), "Su invitación") || strings.Contains(string(page), "<script") {
			t.Errorf("%s: %v\n%s", path, err, page)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	if resp, err := http.Get(m.URL + "/3"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a message that is not there: %v, %v", resp, err)
	}
}

// What is for refused.example comes back for good, what is for later.example for now; neither is kept.
func TestMailIsRefused(t *testing.T) {
	t.Parallel()
	m := startMail(t, "")
	for to, want := range map[string]int{"a@Refused.example": 550, "a@later.example": 451} {
		var answer *textproto.Error
		err := smtp.SendMail(m.SMTP, nil, "no-reply@example.test", []string{to}, []byte(letter))
		if !errors.As(err, &answer) || answer.Code != want {
			t.Errorf("%s: %v", to, err)
		}
	}
	if kept := m.Messages(""); len(kept) != 0 {
		t.Errorf("kept %+v", kept)
	}
}

// With a file the messages outlive the catcher, also when a kill cut the last line short.
func TestMailOutlivesRestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mail.jsonl")
	first := startMail(t, file)
	send(t, first, "a@example.test")
	first.Stop()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"2","fro`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	second := startMail(t, file)
	send(t, second, "b@example.test")
	second.Stop()
	third := startMail(t, file)
	kept := third.Messages("")
	if len(kept) != 2 || kept[0].To[0] != "a@example.test" || kept[1].To[0] != "b@example.test" || kept[1].ID != "2" {
		t.Errorf("kept %+v", kept)
	}
}

func startMail(t *testing.T, file string) *Mail {
	t.Helper()
	m, err := StartMail(MailOptions{File: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

func send(t *testing.T, m *Mail, to string) {
	t.Helper()
	if err := smtp.SendMail(m.SMTP, nil, "no-reply@example.test", []string{to}, []byte(letter)); err != nil {
		t.Fatal(err)
	}
}

func getJSON(t *testing.T, address string, into any) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
