package portal

import (
	"net/http"
	"net/url"
	"path"
	"slices"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/broker/session"

	"github.com/go-chi/chi/v5"
)

// otherLanguage is one that a page can be changed to, by its own name.
type otherLanguage struct{ Tag, Name string }

// Languages are those that the page is not in.
func (p *Page) Languages() []otherLanguage {
	var out []otherLanguage
	for _, tag := range locale.Languages() {
		if tag != p.Lang() {
			out = append(out, otherLanguage{tag, locale.For(tag).T("language." + tag)})
		}
	}
	return out
}

// chooseLanguage changes the language of pages and mails and leads back to the
// page. The choice is kept on the account, so that mails follow it; before
// sign-in in the browser, from where it goes to the account of who signs in.
func (s *site) chooseLanguage(v *visit) error {
	form, err := v.form(fields{one: []string{"language", "to"}})
	if err != nil {
		return err
	}
	lang := form.Get("language")
	if !slices.Contains(locale.Languages(), lang) {
		return registry.Fail(registry.Invalid, "error.choose")
	}
	if v.signed {
		if err := v.checkToken(); err != nil {
			return err
		}
		by := registry.By{Account: v.person.Account.ID, Op: registry.NewID()} // chosen twice is chosen once: no operation id is needed
		if err := s.Registry.ChooseLanguage(v.ctx(), by, lang); err != nil {
			return err
		}
	}
	s.Sessions.KeepLanguage(v.w, lang, !v.signed)
	return v.see(session.ReturnPath(form.Get("to")))
}

// here is where a change of language leads back to: to this page, or from one that
// answers a form to the page that the form was on.
func (v *visit) here() string {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return v.r.URL.RequestURI()
	}
	if from, err := url.Parse(v.r.Referer()); err == nil && from.Host == v.PublicURL.Host && v.isPage(from.Path) {
		return from.RequestURI()
	}
	at := v.r.URL.Path
	for at != "/" && !v.isPage(at) {
		at = path.Dir(at)
	}
	return at
}

// isPage tells whether the path is a page that can be opened.
func (v *visit) isPage(at string) bool {
	known := chi.RouteContext(v.ctx())
	return known != nil && known.Routes != nil && known.Routes.Match(chi.NewRouteContext(), http.MethodGet, at)
}
