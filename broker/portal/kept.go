package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/broker/registry"
	"countersign/broker/session"

	"github.com/go-chi/chi/v5"
)

// What was typed is not lost for want of a sign-in (B29). A form that comes with
// an idle session, with a sign-in that is not enough for the act, or from another
// tab that was opened before the last sign-in of the same account, is refused, and
// kept; the last needs no further sign-in:
//
//	POST /inbox/x ─► refused ─► comeBack: keep ─► sign in ─► GET /continue/{kept}
//	    the page takes all of it ─► 303 to the page, filled in again, nothing sent
//	    it does not              ─► what was typed, to send by a button, or to copy
//
// It is shown once, to the account that typed it, in the browser that sent it.

// continuePath is below which a kept form is come back to.
const continuePath = "/continue/"

// fresh are hidden fields of a form that belong to one display of its page: the
// page that takes what was typed has its own.
var fresh = []string{session.FormField, "op", "version", "display"}

// comeBack is where a sign-in leads that this request has to wait for: to the
// page itself or, for a form that a page of this account's made here, to what was
// typed, which it keeps.
func (v *visit) comeBack() (to string, kept bool) {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return v.r.URL.RequestURI(), strings.HasPrefix(v.r.URL.Path, continuePath) // idle.js has kept it
	}
	if err := v.checkMadeHere(); err != nil { // somebody else's form, or none: nothing is kept for them
		return v.here(), false
	}
	id, err := v.keep(registry.KeptForm{To: v.r.URL.Path, Page: v.pageBefore(), Fields: v.r.PostForm})
	if err != nil {
		v.Log.ErrorContext(v.ctx(), "what was typed is not kept", "path", v.r.URL.Path, "error", err)
		return v.here(), false
	}
	return continuePath + id, true
}

// keep keeps a form for this browser and the account of the session.
func (v *visit) keep(f registry.KeptForm) (id string, err error) {
	fields := url.Values{}
	for name, values := range f.Fields {
		if name != session.FormField && name != "op" {
			fields[name] = values
		}
	}
	f.Fields = fields
	secret, hash := v.keptSecret()
	if hash == nil {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails since Go 1.24
		secret = base64.RawURLEncoding.EncodeToString(b)
		hash = hashOf(secret)
	}
	if id, err = v.Registry.KeepForm(v.ctx(), v.person.Session.IDHash, hash, f); err != nil {
		return "", err
	}
	v.setKept(secret, int(registry.KeptFor.Seconds()))
	return id, nil
}

// pageBefore is the page of ours on which the form of this request was filled in.
func (v *visit) pageBefore() string {
	if page := v.here(); !strings.HasPrefix(page, continuePath) { // that one is shown once
		return page
	}
	return v.r.URL.Path
}

// keptForms are what this person may come back to, oldest first; what another
// account has typed in this browser is discarded by looking.
func (v *visit) keptForms() ([]registry.KeptForm, []byte, error) {
	_, browser := v.keptSecret()
	if browser == nil || !v.signed {
		return nil, nil, nil
	}
	all, err := v.Registry.KeptForms(v.ctx(), v.person.Account.ID, browser)
	return all, browser, err
}

// continued is where a sign-in leads after a form was kept.
func (s *site) continued(v *visit) error {
	all, browser, err := v.keptForms()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k registry.KeptForm) bool { return k.ID == v.param("kept") })
	if i < 0 {
		return registry.Fail(registry.NotFound, "error.kept-gone")
	}
	k := all[i]
	before := v.look(k.Page)
	if _, ok := refill(before, k, v.words.T("kept.filled")); ok {
		return v.see(k.Page)
	}
	if taken, err := v.Registry.TakeKeptForm(v.ctx(), v.person.Account.ID, browser, k.ID); err != nil || !taken {
		return err
	}
	return v.show(http.StatusOK, v.continuePage(k, before))
}

// filled puts what was typed into a page that was rendered for it, and takes it.
func (v *visit) filled(page []byte) ([]byte, error) {
	if v.r.Method != http.MethodGet {
		return page, nil
	}
	all, browser, err := v.keptForms()
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.Page != v.r.URL.RequestURI() {
			continue
		}
		with, ok := refill(page, k, v.words.T("kept.filled"))
		if !ok {
			continue
		}
		taken, err := v.Registry.TakeKeptForm(v.ctx(), v.person.Account.ID, browser, k.ID)
		if err != nil {
			return nil, err
		}
		if taken {
			page = with
		}
	}
	return page, nil
}

// leaving discards what is kept in a browser once somebody has signed out there.
func (s *site) leaving(signOut func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := signOut(w, r)
		if _, browser := s.visit(w, r).keptSecret(); err == nil && browser != nil {
			if err := s.Registry.DropKeptForms(r.Context(), browser); err != nil {
				s.Log.ErrorContext(r.Context(), "kept forms are not discarded", "error", err) // the answer is out; they end by themselves
			}
		}
		return err
	}
}

// look gives what this person is shown at an address of ours now, or nothing.
func (v *visit) look(page string) []byte {
	at, err := url.Parse(page)
	if err != nil {
		return nil
	}
	ctx := context.WithValue(v.ctx(), chi.RouteCtxKey, nil) // of this request, not of that page
	r := v.r.Clone(ctx)
	r.Method, r.URL, r.RequestURI, r.Body = http.MethodGet, at, page, http.NoBody
	r.Header.Del("Cookie")
	for _, c := range v.r.Cookies() {
		if c.Name != v.keptCookie() { // that page is only looked at: nothing is filled in and taken
			r.AddCookie(c)
		}
	}
	seen := &captured{header: http.Header{}, status: http.StatusOK}
	v.pages.ServeHTTP(seen, r)
	if seen.status != http.StatusOK {
		return nil
	}
	return seen.body.Bytes()
}

// captured is an answer that is looked at instead of sent.
type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (c *captured) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter.
func (c *captured) WriteHeader(status int) { c.status = status }

// Write implements http.ResponseWriter.
func (c *captured) Write(p []byte) (int, error) { return c.body.Write(p) }

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// keptSecret is the secret of this browser, if it has one, and its hash.
func (v *visit) keptSecret() (secret string, hash []byte) {
	c, err := v.r.Cookie(v.keptCookie())
	if err != nil || len(c.Value) != 43 {
		return "", nil
	}
	return c.Value, hashOf(c.Value)
}

func (v *visit) setKept(secret string, age int) {
	http.SetCookie(v.w, &http.Cookie{Name: v.keptCookie(), Value: secret, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: v.PublicURL.Scheme == "https", SameSite: http.SameSiteLaxMode})
}

func (v *visit) keptCookie() string {
	name := strings.TrimSuffix("kept-"+v.PublicURL.Port(), "-")
	if v.PublicURL.Scheme == "https" {
		return "__Host-" + name
	}
	return name
}
