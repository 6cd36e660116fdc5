package portal

import (
	"net/http"

	"countersign/broker/session"

	"github.com/go-chi/chi/v5"
)

// routes is every address of the portal. open: anyone may read. signed: needs a
// live session; what the person may do there, the registry decides.
func (s *site) routes() http.Handler {
	r := chi.NewRouter()
	r.NotFound(s.open(func(*visit) error { return errNotFound }))
	r.MethodNotAllowed(s.open(func(*visit) error { return errMethod }))
	r.Method("GET", assetsPath+"/*", serveAssets())

	// Before sign-in: read, and find the right way.
	r.Get("/", s.open(s.home))
	r.Get("/feedback", s.open(s.feedback))
	r.Route("/programs/{program}", func(r chi.Router) {
		r.Get("/", s.open(s.program))
		r.Get("/start", s.open(s.triage))
		r.Get("/sites", s.open(s.findSites))
		r.Get("/agreements", s.open(s.agreements))
		r.Get("/agreements/{agreement}", s.open(s.agreement))
		r.Get("/guides/{guide}", s.open(s.guide))
	})
	r.Get("/sign-up", s.open(s.signUp))
	r.Post("/sign-up", s.open(s.signUpSend))
	r.Get("/sign-up/sent", s.open(s.signUpSent))

	// Asking: what is typed is kept, so a sign-in comes first.
	r.Get("/requests/new/{program}/site", s.signed(s.newSite))
	r.Post("/requests/new/{program}/site", s.signed(s.newSiteSend))
	r.Get("/requests/new/{program}/join", s.signed(s.newJoin))
	r.Post("/requests/new/{program}/join", s.signed(s.newJoinSend))
	r.Route("/requests/{request}", func(r chi.Router) {
		r.Get("/form", s.signed(s.form))
		r.Post("/form", s.signed(s.formSend))
		r.Get("/check", s.signed(s.check))
		r.Post("/submit", s.signed(s.submit))
		r.Get("/sign/{agreement}", s.signed(s.sign))
		r.Post("/sign/{agreement}", s.signed(s.signSend))
	})

	// Declaring for a site: read by anyone who has the link, signed after a sign-in.
	r.Get("/declaration/{request}", s.open(s.declaration))
	r.Get("/declare/{request}", s.open(s.declare))
	r.Post("/declare/{request}", s.signed(s.declareSend))

	// Signing in and out.
	r.Get(session.SignInPath, s.session(s.Sessions.SignIn)) // also the idle page's "continue as"
	r.Get("/callback", s.session(s.Sessions.Callback))
	r.Post("/sign-out", s.session(s.Sessions.SignOut))
	r.Post("/someone-else", s.session(s.Sessions.SomeoneElse))
	r.Get("/signed-out", s.open(s.signedOut))
	r.Post("/back-channel-logout", s.Sessions.BackChannel)

	return r
}
