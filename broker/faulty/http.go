package faulty

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// HTTP stands before a Keycloak. The Host header goes through as it came: a server that names
// itself by it names the proxy.
type HTTP struct {
	*Gate
	rules
	URL    string // base URL of the proxy
	target *url.URL
	next   http.RoundTripper
	server *http.Server
}

// NewHTTP begins to stand before the server at a base URL.
func NewHTTP(target string) (*HTTP, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	p := &HTTP{target: u}
	if p.Gate, err = newGate(&p.faults); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		return nil, err
	}
	p.URL = "http://localhost:" + port
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.DisableCompression = true // the bytes go through as they are
	p.next = t
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(p.Gate) }() // until Close
	return p, nil
}

// Close ends the proxy.
func (p *HTTP) Close() {
	_ = p.Gate.Close()
	_ = p.server.Close()
}

// ServeHTTP implements http.Handler: one call.
func (p *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	gone := r.Context().Done()
	body, err := io.ReadAll(r.Body)
	if err != nil || !p.wait(gone) {
		return
	}
	f := p.meets(Call{What: what(r), Path: r.URL.Path})
	if f.Before != nil {
		f.Before()
	}
	select {
	case <-time.After(f.Delay):
	case <-gone:
		return
	}
	if f.Drop {
		hangUp(w)
		return
	}
	if f.Answer != 0 {
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		http.Error(w, `{"error":"`+http.StatusText(f.Answer)+`"}`, f.Answer)
		return
	}
	resp, answer, err := p.forward(r, body)
	if f.After != nil {
		f.After()
	}
	if !p.wait(gone) {
		return
	}
	if err != nil || f.Lose {
		hangUp(w)
		return
	}
	if f.Body != nil && resp.StatusCode == http.StatusOK {
		answer = f.Body(answer)
		resp.Header.Del("Content-Length")
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	drip(w, answer, f.BytesPerSecond, gone)
}

// forward lets the server do it, whatever becomes of the caller, and reads all of its answer.
func (p *HTTP) forward(r *http.Request, body []byte) (*http.Response, []byte, error) {
	to := *r.URL
	to.Scheme, to.Host = p.target.Scheme, p.target.Host
	out, err := http.NewRequest(r.Method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	out.Header.Del("Connection")
	resp, err := p.next.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, answer, err
}

// hangUp resets the caller's connection.
func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if inside, ok := c.(*passing); ok {
		_ = inside.SetLinger(0) // so that closing resets
	}
	_ = c.Close()
}

// drip writes the answer, at once or drop by drop.
func drip(w http.ResponseWriter, answer []byte, perSecond int, gone <-chan struct{}) {
	if perSecond == 0 {
		_, _ = w.Write(answer) // a caller who left hears nothing
		return
	}
	for i := range answer {
		if _, err := w.Write(answer[i : i+1]); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // a caller who left hears nothing
		select {
		case <-gone:
			return
		case <-time.After(time.Second / time.Duration(perSecond)):
		}
	}
}

var id = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// what names a call as the adapter's lists do, below the realm.
func what(r *http.Request) string {
	path := r.URL.Path
	if rest, ours := strings.CutPrefix(path, "/admin/realms/"); ours {
		_, path, _ = strings.Cut(rest, "/")
	} else if strings.HasSuffix(path, "/protocol/openid-connect/token") {
		path = "token"
	} else {
		path = "page"
	}
	if strings.HasPrefix(path, "group-by-path/") {
		path = "group-by-path/**"
	}
	return r.Method + " " + id.ReplaceAllString(path, "*")
}
