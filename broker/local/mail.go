package local

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// MailOptions say where the mail catcher listens, on 127.0.0.1. A zero port is a free one.
type MailOptions struct {
	Port     int
	PagePort int
	File     string // keeps the messages over restarts; empty for memory alone
}

// Mail is an SMTP server that keeps what it is sent and delivers nothing. A page lists the messages,
// and GET /messages gives them as JSON, the newest last; ?to=ADDRESS chooses one recipient's.
// Two domains show how mail goes wrong: it refuses what is for refused.example for good, and what is
// for later.example for now.
type Mail struct {
	SMTP string // host:port
	URL  string // of the page
	smtp *smtp.Server
	page *http.Server

	mu       sync.Mutex
	codes    func() []Code
	messages []Message
	file     *os.File
}

// StartMail starts the catcher. It runs within this process and ends with it.
func StartMail(o MailOptions) (*Mail, error) {
	m := &Mail{}
	if err := m.load(o.File); err != nil {
		return nil, err
	}
	in, err := net.Listen("tcp", loopback(o.Port))
	if err != nil {
		m.Stop()
		return nil, fmt.Errorf("mail catcher: %w", err)
	}
	web, err := net.Listen("tcp", loopback(o.PagePort))
	if err != nil {
		in.Close()
		m.Stop()
		return nil, fmt.Errorf("mail catcher's page: %w", err)
	}
	m.SMTP, m.URL = in.Addr().String(), "http://"+web.Addr().String()
	m.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{mail: m}, nil }))
	m.smtp.Domain = "localhost"
	m.smtp.EnableSMTPUTF8 = true
	m.smtp.MaxMessageBytes = 5 << 20
	m.smtp.ReadTimeout, m.smtp.WriteTimeout = time.Minute, time.Minute
	m.smtp.ErrorLog = log.New(io.Discard, "", 0) // only says that a client hung up
	m.page = &http.Server{Handler: m.pages(), ReadHeaderTimeout: 5 * time.Second}
	// Both return only once Stop has closed them.
	go func() { _ = m.smtp.Serve(in) }()
	go func() { _ = m.page.Serve(web) }()
	return m, nil
}

// Stop ends the catcher. Messages in its file stay.
func (m *Mail) Stop() {
	if m.smtp != nil {
		m.smtp.Close()
		m.page.Close()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file != nil {
		m.file.Close()
		m.file = nil
	}
}

// Messages returns what was caught, the newest last; only what went to the address to, unless empty.
func (m *Mail) Messages(to string) []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	chosen := []Message{}
	for _, message := range m.messages {
		if to == "" || message.sentTo(to) {
			chosen = append(chosen, message)
		}
	}
	return chosen
}

// keep stores a message before the sender is told that it was taken.
func (m *Mail) keep(message Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	message.ID = strconv.Itoa(len(m.messages) + 1)
	if m.file != nil {
		if err := json.NewEncoder(m.file).Encode(message); err != nil {
			return err
		}
	}
	m.messages = append(m.messages, message)
	return nil
}

// load reads the messages of earlier runs, one JSON text a line. A last line that a kill cut short is
// cut off: its sender was never told that it arrived.
func (m *Mail) load(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	m.file = f
	lines, whole := bufio.NewReader(f), int64(0)
	for {
		line, err := lines.ReadBytes('\n')
		var message Message
		if err != nil || json.Unmarshal(line, &message) != nil {
			break
		}
		m.messages = append(m.messages, message)
		whole += int64(len(line))
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	return f.Truncate(whole)
}

// delivery is one SMTP conversation.
type delivery struct {
	mail *Mail
	from string
	to   []string
}

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	d.from = from
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch _, domain, _ := strings.Cut(strings.ToLower(to), "@"); domain {
	case "refused.example":
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	case "later.example":
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "this mailbox is closed for now"}
	}
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	message, err := readMessage(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "cannot read this message: " + err.Error()}
	}
	if message.From == "" {
		message.From = d.from
	}
	message.To, message.Sender, message.ReceivedAt = d.to, d.from, time.Now().UTC()
	return d.mail.keep(message)
}

func (d *delivery) Reset() { d.from, d.to = "", nil }

func (d *delivery) Logout() error { return nil }
