package local

import (
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
)

// pages serves the list, one message, and /messages as JSON. What a mail holds is shown as text, the
// HTML part as its source: nothing in a mail can act on this page.
func (m *Mail) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// An error means that the reader has gone.
		_ = json.NewEncoder(w).Encode(m.Messages(r.FormValue("to")))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		newestFirst := m.Messages(r.FormValue("to"))
		slices.Reverse(newestFirst)
		_ = listPage.Execute(w, struct {
			To       string
			Messages []Message
		}{r.FormValue("to"), newestFirst})
	})
	mux.HandleFunc("GET /codes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = codesPage.Execute(w, m.shownCodes())
	})
	mux.HandleFunc("GET /{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, message := range m.Messages("") {
			if message.ID == r.PathValue("id") {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_ = messagePage.Execute(w, message)
				return
			}
		}
		http.NotFound(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // links in mails are secrets
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// Code is what somebody's authenticator app would show now.
type Code struct{ UserName, Code string }

// ShowCodes makes the page /codes show what a demo's people would read from their
// phones; without it there are none.
func (m *Mail) ShowCodes(now func() []Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.codes = now
}

func (m *Mail) shownCodes() []Code {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.codes == nil {
		return nil
	}
	return m.codes()
}

const pageHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{block "title" .}}{{end}} – caught mail</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1b1b1b; background: #fff }
a { color: #005ea2 } pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f0f0f0; padding: 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #dfe1e2; overflow-wrap: anywhere }
dt { font-weight: bold } li { overflow-wrap: anywhere }
</style></head><body><main>`

var listPage = template.Must(template.New("list").Parse(pageHead + `{{define "title"}}Messages{{end}}
<h1>Caught mail</h1>
<p>Nothing sent here leaves this machine. Asked for a one-time code? <a href="/codes">The demo's accounts</a> have theirs here.</p>
<form><label>To address <input name="to" value="{{.To}}"></label> <button>Show</button></form>
{{if .Messages}}<table><thead><tr><th scope="col">To</th><th scope="col">Subject</th><th scope="col">Received (UTC)</th></tr></thead><tbody>
{{range .Messages}}<tr><td>{{range .To}}{{.}} {{end}}</td><td><a href="/{{.ID}}">{{or .Subject "(no subject)"}}</a></td><td>{{.ReceivedAt.Format "2006-01-02 15:04:05"}}</td></tr>
{{end}}</tbody></table>{{else}}<p>No messages.</p>{{end}}
</main></body></html>`))

var codesPage = template.Must(template.New("codes").Parse(pageHead + `{{define "title"}}One-time codes{{end}}
<p><a href="/">All messages</a></p>
<h1>One-time codes</h1>
<p>What an app on each person's phone shows now. Load this page again for the next ones.</p>
{{if .}}<table><thead><tr><th scope="col">User name</th><th scope="col">Code</th></tr></thead><tbody>
{{range .}}<tr><td>{{.UserName}}</td><td>{{.Code}}</td></tr>
{{end}}</tbody></table>{{else}}<p>Nobody here has an app.</p>{{end}}
</main></body></html>`))

var messagePage = template.Must(template.New("message").Parse(pageHead + `{{define "title"}}{{.Subject}}{{end}}
<p><a href="/">All messages</a></p>
<h1>{{or .Subject "(no subject)"}}</h1>
<dl><dt>From</dt><dd>{{.From}}</dd><dt>To</dt><dd>{{range .To}}{{.}} {{end}}</dd><dt>Received (UTC)</dt><dd>{{.ReceivedAt.Format "2006-01-02 15:04:05"}}</dd></dl>
{{if .Text}}<h2>Text</h2><pre>{{.Text}}</pre>{{end}}
{{if .Links}}<h2>Links</h2><ul>{{range .Links}}<li><a href="{{.}}">{{.}}</a></li>{{end}}</ul>{{end}}
{{if .HTML}}<h2>HTML</h2><details><summary>Source</summary><pre>{{.HTML}}</pre></details>{{end}}
</main></body></html>`))
