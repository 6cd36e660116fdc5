package portal

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/broker/session"
	"countersign/policies"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
)

// visit is one request on its way: who asks, in which language, and how to answer.
type visit struct {
	*site
	w      http.ResponseWriter
	r      *http.Request
	words  *locale.Words
	person registry.Person // the zero value before sign-in
	signed bool
}

// open serves a page that anyone may see. Someone who is signed in is known to it.
func (s *site) open(h func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		switch err := v.recognize(); {
		case err == nil, registry.IsKind(err, registry.Unsigned):
			v.end(h(v))
		default:
			v.end(err)
		}
	}
}

// signed serves a page that needs a live session. A form must carry the
// session's token besides passing the origin check (A51): a request without
// Origin and Sec-Fetch-Site passes that one. One that stood in another tab while
// its person signed in again leads back to its page, with what was typed (kept.go).
func (s *site) signed(h func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		err := v.recognize()
		if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			err = v.checkToken()
			if err != nil && !wantsJSON(r) && v.checkMadeHere() == nil {
				if to, kept := v.comeBack(); kept {
					v.end(v.see(to))
					return
				}
			}
		}
		if err == nil {
			err = v.Registry.MayUse(v.ctx(), v.person)
		}
		if err == nil {
			err = h(v)
		}
		v.end(err)
	}
}

func (v *visit) checkToken() error {
	if err := parse(v.r); err != nil {
		return err
	}
	return v.Sessions.CheckFormToken(v.person, v.r.PostForm.Get(session.FormField))
}

// checkMadeHere also lets pass what a page made before this account signed in again
// in this browser: enough to keep what was typed, and not to carry it out.
func (v *visit) checkMadeHere() error {
	refused := v.checkToken()
	if refused == nil {
		return nil
	}
	before, err := v.Sessions.MadeBefore(v.ctx(), v.person, v.r.PostForm.Get(session.FormField))
	if before || err != nil {
		return err
	}
	return refused
}

// recognize finds who is signed in and notes that they are active. Of an idle
// session it keeps the name to continue as, and no authority.
func (v *visit) recognize() error {
	person, err := v.Sessions.Authenticate(v.r)
	v.person = person
	if registry.IsIdle(err) {
		kept, _ := v.Sessions.Language(v.r)
		v.words = locale.For(kept, person.Account.Locale, v.r.Header.Get("Accept-Language"))
	}
	if err != nil {
		return err
	}
	if err := v.Sessions.Active(v.ctx(), person); err != nil {
		return err
	}
	v.signed = true
	v.words = locale.For(person.Account.Locale, v.r.Header.Get("Accept-Language"))
	return nil
}

// session serves one of the session package's own addresses.
func (s *site) session(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.visit(w, r).end(h(w, r)) }
}

func (s *site) visit(w http.ResponseWriter, r *http.Request) *visit {
	kept, _ := s.Sessions.Language(r)
	return &visit{site: s, w: w, r: r, words: locale.For(kept, r.Header.Get("Accept-Language"))}
}

// refuse answers with an error page before anybody is recognized.
func (s *site) refuse(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.visit(w, r).end(err) })
}

func (v *visit) end(err error) {
	if err != nil {
		v.fail(err)
	}
}

// param is a part of the address.
func (v *visit) param(name string) string { return chi.URLParam(v.r, name) }

func (v *visit) ctx() context.Context { return v.r.Context() }

// by is the person as the one who acts, with the operation id that the form carried.
func (v *visit) by(form url.Values) registry.By {
	return registry.By{Account: v.person.Account.ID, Op: form.Get("op"), AuthTime: v.person.Session.AuthTime, ACR: v.person.Session.ACR}
}

// form reads the fields that are expected and nothing else.
func (v *visit) form(f fields) (url.Values, error) { return f.read(v.r) }

// page starts a page with its title and lead; both are said already.
func (v *visit) page(title, lead string) Page {
	return Page{Words: v.words, Title: title, Lead: lead}
}

// show completes the frame of a page and sends it.
func (v *visit) show(status int, p view) error {
	f := p.frame()
	f.Here, f.Return = v.r.URL.Path, v.here()
	f.Build = build{Version: v.Version, Assets: assetsPath, Demo: v.Demo}
	f.Done = v.takeDone()
	f.Op = uuid.Must(uuid.NewV7()).String()
	if len(v.person.Session.IDHash) > 0 {
		f.FormToken = v.Sessions.FormToken(v.person)
	}
	if v.signed {
		who, err := v.who()
		if err != nil {
			return err
		}
		f.Person, f.Watch = who, v.watch(status == http.StatusUnprocessableEntity)
	}
	page, err := render(p)
	if err == nil && status == http.StatusOK {
		page, err = v.filled(page)
	}
	if err != nil {
		return err
	}
	return deliver(v.w, status, f, page)
}

func (v *visit) who() (*who, error) {
	programs, err := v.Registry.Programs(v.ctx())
	if err != nil {
		return nil, err
	}
	w := &who{Name: v.person.Account.Name(), Realm: policies.MaySeeRealm(programs, v.person.Actor).OK}
	if w.Inbox, err = v.Registry.HasMailTodos(v.ctx(), v.person.Account.ID); err != nil {
		return nil, err
	}
	for _, h := range v.person.Actor.Holds {
		p := programs[h.Program]
		if p == nil {
			continue
		}
		role, _ := p.Role(h.Role)
		w.Desk = w.Desk || role.Can(policies.Registrar) || role.Can(policies.Support)
		w.Inbox = w.Inbox || role.Can(policies.Administer) || role.Can(policies.Authorize) || role.Can(policies.Registrar)
	}
	return w, nil
}

// done answers a form that worked: a redirect to a page that says so once. The
// key is that of a message "done.<key>".
func (v *visit) done(path, key string) error {
	http.SetCookie(v.w, &http.Cookie{Name: v.doneCookie(), Value: key, Path: "/", MaxAge: 60,
		HttpOnly: true, Secure: v.PublicURL.Scheme == "https", SameSite: http.SameSiteLaxMode})
	return v.see(path)
}

// see redirects to a path of ours after a form.
func (v *visit) see(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

func (v *visit) takeDone() string {
	c, err := v.r.Cookie(v.doneCookie())
	if err != nil {
		return ""
	}
	http.SetCookie(v.w, &http.Cookie{Name: v.doneCookie(), Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: v.PublicURL.Scheme == "https", SameSite: http.SameSiteLaxMode})
	if key := "done." + c.Value; v.words.Has(key) { // a forged cookie says nothing of its own
		return v.words.T(key)
	}
	return ""
}

// doneCookie carries the port: cookies ignore it, and two demos may run side by side.
func (v *visit) doneCookie() string { return strings.TrimSuffix("done-"+v.PublicURL.Port(), "-") }
