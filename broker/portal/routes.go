package portal

import (
	"net/http"

	"countersign/broker/session"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// routes is every address of the portal. open: anyone may read. signed: needs a
// live session; what the person may do there, the registry decides.
func (s *site) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(s.served)
	r.Use(middleware.GetHead) // mail scanners look at links with HEAD
	r.NotFound(s.open(func(*visit) error { return errNotFound }))
	r.MethodNotAllowed(s.open(func(*visit) error { return errMethod }))
	r.Method("GET", assetsPath+"/*", serveAssets())

	// Before sign-in: read, and find the right way.
	r.Get("/", s.open(s.home))
	r.Get("/feedback", s.open(s.feedback))
	r.Post("/language", s.open(s.chooseLanguage))
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
	r.Get("/sign-up/challenge", s.open(s.challenge))
	r.Get("/sign-up/sent", s.open(s.signUpSent))
	r.Get("/sign-up/confirm", s.open(s.signUpConfirm))
	r.Post("/sign-up/confirm", s.open(s.signUpConfirmSend))

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
		r.Get("/", s.signed(s.tracker))
		r.Post("/withdraw", s.signed(s.withdraw))
		r.Post("/signer", s.signed(s.signerSend))
		r.Post("/signer/again", s.signed(s.signerAgain))
	})

	// Holding: what one has, why, and giving it up.
	r.Get("/access", s.signed(s.access))
	r.Get("/access/{join}/leave", s.signed(s.leave))
	r.Post("/access/{join}/leave", s.signed(s.leaveSend))
	r.Post("/access/{join}/call-off", s.signed(s.callOff))
	for _, at := range []string{"/sign/{program}/{agreement}", "/sign/{program}/{agreement}/{site}"} {
		r.Get(at, s.signed(s.attestation))
		r.Post(at, s.signed(s.attestationSend))
	}
	r.Get("/invitation", s.open(s.invitation))
	r.Post("/invitation", s.signed(s.invitationAccept))
	r.Get("/invitation/sign-up", s.open(s.signUpInvited))
	r.Post("/invitation/sign-up", s.open(s.signUpInvitedSend))

	// Deciding: administrators and authorizers in their inbox, registrars at the desk.
	r.Get("/inbox", s.signed(s.inbox))
	r.Get("/inbox/{request}", s.signed(s.item))
	r.Post("/inbox/{request}", s.signed(s.itemSend))
	r.Get("/desk", s.signed(s.deskChoice))
	r.Post("/todo/{todo}/settle", s.signed(s.settleMail))
	r.Route("/desk/{program}", func(r chi.Router) {
		r.Get("/", s.signed(s.desk))
		r.Get("/operators", s.signed(s.operators))
		r.Post("/operators", s.signed(s.inviteOperator))
		r.Get("/factors", s.signed(s.findAccount))
		r.Post("/factors", s.signed(s.findAccountSend))
		r.Get("/factors/{account}", s.signed(s.factors(factorsOf)))
		r.Post("/factors/{account}", s.signed(s.resetFactors(factorsOf)))
		r.Get("/{request}", s.signed(s.deskCase))
		r.Post("/{request}", s.signed(s.caseSend))
		r.Post("/{request}/standing", s.signed(s.standingSend))
		r.Get("/{request}/suspend", s.signed(s.suspend))
		r.Post("/{request}/suspend", s.signed(s.suspendSend))
		r.Post("/{request}/lift", s.signed(s.lift))
	})

	// Keycloak and the record: how the one follows the other, for operators.
	r.Get("/realm", s.signed(s.realm))
	r.Get("/realm/brake/{brake}", s.signed(s.brake))
	r.Post("/realm/brake/{brake}", s.signed(s.release))

	// What became of an end.
	r.Get("/ends/{receipt}", s.signed(s.receipt))
	r.Get("/ends/{receipt}/live", s.asked(s.receiptLive))
	r.Get("/.well-known/jwks.json", s.open(s.tokenKeys))
	r.Get("/realm/differences", s.signed(s.differences))
	r.Post("/realm/differences/mode", s.signed(s.setMode))
	r.Get("/realm/adoption", s.signed(s.adoption))
	r.Post("/realm/adoption", s.signed(s.adopt))
	r.Get("/realm/differences/{difference}", s.signed(s.difference))
	r.Post("/realm/differences/{difference}/settle", s.signed(s.settleDifference))
	r.Post("/realm/differences/{difference}/again", s.signed(s.makeAgain))

	// A site's members, and who acts on whose behalf.
	r.Route("/sites/{site}", func(r chi.Router) {
		r.Get("/members", s.signed(s.members))
		r.Post("/administrators", s.signed(s.nameAdministrator))
		r.Get("/members/{join}/end", s.signed(s.endMember))
		r.Post("/members/{join}/end", s.signed(s.endMemberSend))
		r.Post("/members/{join}/call-off", s.signed(s.memberCallOff))
		r.Get("/members/{join}/factors", s.signed(s.factors(memberFactors)))
		r.Post("/members/{join}/factors", s.signed(s.resetFactors(memberFactors)))
	})
	r.Get("/authorizing", s.signed(s.authorizing))
	r.Post("/authorizing/ask", s.signed(s.askAuthorizer))
	r.Get("/authorizing/{mandate}/end", s.signed(s.endMandate))
	r.Post("/authorizing/{mandate}/end", s.signed(s.endMandateSend))
	r.Post("/authorizing/sites/{site}/offer", s.signed(s.offer))
	r.Post("/authorizing/sites/{site}/invite", s.signed(s.inviteByMail))
	r.Get("/authorizing/sites/{site}/end", s.signed(s.endMandates))
	r.Post("/authorizing/sites/{site}/end", s.signed(s.endMandatesSend))

	// Declaring for a site: read by anyone who has the link, signed after a sign-in.
	r.Get("/declaration/{request}", s.open(s.declaration))
	r.Get("/declare/{request}", s.open(s.declare))
	r.Post("/declare/{request}", s.signed(s.declareSend))

	// Signing in and out.
	r.Get(session.SignInPath, s.session(s.Sessions.SignIn)) // also the idle page's "continue as"
	r.Get(methodsPath, s.signed(s.signInMethods))
	r.Get(session.ActionPath, s.session(s.Sessions.Action))
	r.Get("/callback", s.session(s.Sessions.Callback))
	r.Post("/sign-out", s.session(s.leaving(s.Sessions.SignOut)))
	r.Post("/someone-else", s.session(s.leaving(s.Sessions.SomeoneElse)))
	r.Get("/signed-out", s.open(s.signedOut))
	r.Post("/back-channel-logout", s.Sessions.BackChannel)
	r.Get("/session", s.asked(s.sessionLeft))
	r.Post("/session/stay", s.asked(s.sessionStay))
	r.Post("/session/keep", s.asked(s.sessionKeep))
	r.Get(continuePath+"{kept}", s.signed(s.continued))

	return r
}

// Routes lists every address as "METHOD /path/{param}", so that whoever has to
// think of each one (a test of who gets where, A65) can tell that none is missing.
func Routes() []string {
	var out []string
	walk := func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		out = append(out, method+" "+route)
		return nil
	}
	_ = chi.Walk((&site{}).routes().(chi.Routes), walk) // fails only where walk does
	return out
}
