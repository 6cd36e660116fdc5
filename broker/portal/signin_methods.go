package portal

import (
	"net/http"
	"net/url"
	"slices"

	"countersign/broker/session"
	"countersign/policies"
)

// methodsPage says how a person signs in, and leads to Keycloak's own pages, where
// they set up or change it: no secret is seen here, by anybody.
type methodsPage struct {
	Page
	Strong  bool   // this session was signed in with a second factor
	Outcome string // what became of a change, said kindly; empty at first
	Methods []method
}

func (*methodsPage) view() string { return "sign-in-methods" }

// method is one way to prove who one is.
type method struct{ Name, About, Begin, Link string }

// methodActions are the methods in the order in which they are advised, by the
// ends of their words' keys.
var methodActions = []struct{ name, action string }{
	{"passkey", session.SetUpPasskey}, {"codes", session.SetUpCodes}, {"recovery", session.SetUpRecovery}, {"password", session.ChangePassword},
}

// methodsPath is where methodsPage is, and where Keycloak's pages lead back to.
const methodsPath = "/sign-in-methods"

func (s *site) signInMethods(v *visit) error {
	return v.show(http.StatusOK, v.methodsPage(v.person.SignIn().Strength == policies.TwoFactor, v.r.URL.Query().Get("outcome")))
}

func (v *visit) methodsPage(strong bool, outcome string) *methodsPage {
	p := &methodsPage{Page: v.page(v.words.T("methods.title"), v.words.T("methods.lead")), Strong: strong}
	if slices.Contains([]string{"success", "cancelled", "error"}, outcome) {
		p.Outcome = v.words.T("methods.outcome." + outcome)
	}
	for _, m := range methodActions {
		q := url.Values{"action": {m.action}, "return": {methodsPath}}
		p.Methods = append(p.Methods, method{Name: v.words.T("methods." + m.name + ".name"), About: v.words.T("methods." + m.name + ".about"),
			Begin: v.words.T("methods." + m.name + ".begin"), Link: session.ActionPath + "?" + q.Encode()})
	}
	return p
}
