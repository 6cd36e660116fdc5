package portal

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/broker/registry"
)

// warnBefore is how long before a session pauses or ends the page warns (WCAG 2.2.1).
const warnBefore = 2 * time.Minute

// idlePage asks who is there after 15 minutes without activity, or after 12
// hours in all (B29, X10).
type idlePage struct {
	Page
	Name   string
	Return string
	Kept   bool // what was typed waits
	Over   bool // after 12 hours, and not for want of activity
}

func (*idlePage) view() string { return "idle" }

func (v *visit) idlePage(to string, kept bool) *idlePage {
	p := &idlePage{Page: v.page(v.words.T("idle.title"), ""), Name: v.person.Account.Name(), Return: to, Kept: kept, Over: v.person.Over()}
	if p.Over {
		p.Title = v.words.T("idle.over-title")
	}
	return p
}

// watch is what a page tells static/idle.js, which warns before the session
// pauses. Times are in whole seconds.
type watch struct {
	Left  int    `json:"left"`  // until it pauses, if nothing more is done
	Whole int    `json:"whole"` // until it ends, whatever is done
	Who   string `json:"who"`   // tells one account from another, and nothing else
	Warn  int    `json:"-"`     // how long before
	Typed bool   `json:"-"`     // the page shows what was typed, and is not what is kept
}

// watch is that of the person who is signed in; a page that they opened counts as
// activity.
func (v *visit) watch(typed bool) *watch {
	w := watchOf(v.person, true)
	w.Typed = typed
	return w
}

func watchOf(p registry.Person, active bool) *watch {
	idle, whole := p.Left(active)
	return &watch{Left: int(idle.Seconds()), Whole: int(whole.Seconds()), Warn: int(warnBefore.Seconds()),
		Who: base64.RawURLEncoding.EncodeToString(hashOf("page of " + p.Account.ID)[:9])}
}

// asked serves what a page's script asks by itself: it is no activity, so a
// session pauses all the same (A52). A form carries the session's token, or that of
// the one before: a page may have stood while its person signed in elsewhere.
func (s *site) asked(h func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		var err error
		if v.person, err = v.Sessions.Authenticate(r); r.Method == http.MethodPost && (err == nil || registry.IsIdle(err)) {
			err = v.checkMadeHere()
		}
		if err == nil {
			err = h(v)
		}
		v.end(err)
	}
}

// sessionLeft answers how long the session lasts.
func (s *site) sessionLeft(v *visit) error { return v.json(watchOf(v.person, false)) }

// sessionStay is "Stay signed in": the one question that is activity.
func (s *site) sessionStay(v *visit) error {
	if err := v.recognize(); err != nil {
		return err
	}
	return v.json(watchOf(v.person, true))
}

// sessionKeep keeps what stands in a form of a page whose time is over: the
// address names where the form goes and the page that it is on.
func (s *site) sessionKeep(v *visit) error {
	q := v.r.URL.Query()
	to, page := q.Get("to"), q.Get("page")
	at, err := url.Parse(page)
	if err != nil || !ourPath(to) || !ourPath(at.Path) || at.Host != "" || at.Scheme != "" {
		return registry.Fail(registry.Invalid, "error.form")
	}
	id, err := v.keep(registry.KeptForm{To: to, Page: at.RequestURI(), Fields: v.r.PostForm})
	if err != nil {
		return err
	}
	return v.json(map[string]string{"at": continuePath + id})
}

func ourPath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.HasPrefix(path, continuePath) && len(path) <= 512
}

func (v *visit) json(answer any) error {
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(answer)
}
