package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/broker/registry"
	"countersign/broker/session"
)

// Errors that arise in the portal itself.
var (
	errNotFound = registry.Fail(registry.NotFound, "error.not-found")
	errMethod   = registry.Fail(registry.NotFound, "error.method")
	errTooLarge = registry.Fail(registry.Invalid, "error.too-large")
	errForeign  = registry.Fail(registry.Forbidden, "error.form")
)

// statuses give each kind of error its answer.
var statuses = map[registry.Kind]int{
	registry.Invalid:     http.StatusBadRequest,
	registry.Unsigned:    http.StatusUnauthorized,
	registry.Forbidden:   http.StatusForbidden,
	registry.NotFound:    http.StatusNotFound,
	registry.Conflict:    http.StatusConflict,
	registry.Gone:        http.StatusGone,
	registry.TooMany:     http.StatusTooManyRequests,
	registry.Unavailable: http.StatusServiceUnavailable,
}

func statusOf(e *registry.Error) int {
	switch e {
	case errMethod:
		return http.StatusMethodNotAllowed
	case errTooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return statuses[e.Kind]
}

// errorPage says what went wrong, why, and what to do now.
type errorPage struct {
	Page
	Reasons []string
	Back    string // where to go on
}

func (*errorPage) view() string { return "error" }

// fail turns an error into its answer. What is no *registry.Error is ours: it is
// logged and not shown.
func (v *visit) fail(err error) {
	var e *registry.Error
	if !errors.As(err, &e) {
		v.Log.ErrorContext(v.ctx(), "request failed", "method", v.r.Method, "path", v.r.URL.Path, "error", err)
		e = registry.Fail(0, "error.internal")
	}
	status := statusOf(e)
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if e.Kind == registry.Unavailable {
		v.Log.WarnContext(v.ctx(), "a part does not answer", "path", v.r.URL.Path, "error", err)
		v.w.Header().Set("Retry-After", "10")
	}
	v.retryAfter(e)
	if wantsJSON(v.r) {
		v.problem(status, e)
		return
	}
	if err := v.errorPage(status, e); err != nil {
		v.Log.ErrorContext(v.ctx(), "error page failed", "error", err)
		v.w.Header().Set("Content-Language", v.words.Lang())
		http.Error(v.w, v.words.T("error.internal"), http.StatusInternalServerError)
	}
}

func (v *visit) errorPage(status int, e *registry.Error) error {
	if e.Kind == registry.Unsigned {
		to, kept := v.comeBack()
		switch {
		case registry.IsIdle(e):
			v.w.Header().Set("Clear-Site-Data", session.LeaveNothing)
			return v.show(status, v.idlePage(to, kept))
		case v.r.Method == http.MethodGet:
			http.Redirect(v.w, v.r, "/sign-in?return="+url.QueryEscape(to), http.StatusSeeOther)
			return nil
		}
	}
	if v.signed && v.stepUp(e) {
		return nil
	}
	p := &errorPage{Page: v.page(v.words.T("error.title."+titleOf(status)), v.say(e)), Back: "/"}
	if v.signed {
		p.Back = "/access"
	}
	for _, code := range e.Reasons {
		if key := "reason." + code; key != e.Key { // that one is said already
			p.Reasons = append(p.Reasons, v.words.T(key))
		}
	}
	err := v.show(status, p)
	if err != nil { // the frame itself may need what failed: show the page as to a stranger
		v.signed = false
		p.Person = nil
		return write(v.w, status, p)
	}
	return nil
}

// say gives the sentence of an error.
func (v *visit) say(e *registry.Error) string {
	if e.After > 0 {
		return v.tooMany(e)
	}
	var args []any
	for name, value := range e.Args {
		args = append(args, name, value)
	}
	return v.words.T(e.Key, args...)
}

func titleOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "unsigned"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "not-found"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusConflict:
		return "conflict"
	case http.StatusGone:
		return "gone"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "later"
	case http.StatusInternalServerError:
		return "internal"
	}
	return "invalid"
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

// problem answers in the way of RFC 9457.
func (v *visit) problem(status int, e *registry.Error) {
	v.w.Header().Set("Content-Type", "application/problem+json")
	v.w.Header().Set("Content-Language", v.words.Lang())
	v.w.WriteHeader(status)
	body := map[string]any{"type": "about:blank#" + e.Key, "title": v.words.T("error.title." + titleOf(status)),
		"status": status, "detail": v.say(e)}
	if len(e.Reasons) > 0 {
		body["reasons"] = e.Reasons
	}
	if err := json.NewEncoder(v.w).Encode(body); err != nil {
		v.Log.WarnContext(v.ctx(), "answer not sent", "error", err)
	}
}
