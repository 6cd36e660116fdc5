package broker_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/broker"
	"countersign/broker/faulty"
	"countersign/broker/walk"
)

// Keycloak is down: who is signed in decides all the same, and every page says
// honestly where that stands. What was granted is being set up and nobody is welcomed to
// it; what ended is refused here with the next request; the product is ready and says
// that it is degraded. Once Keycloak answers, all of it follows by itself.
// proves: C24 F04 I12
func TestKeycloakDown(t *testing.T) {
	t.Parallel()
	kc, err := faulty.NewHTTP(servers.Keycloak)
	must(t, err)
	t.Cleanup(kc.Close)
	s := start(t, withOps(t), func(c *broker.Config) { c.Keycloak = kc.URL })
	direct := *s
	direct.config.Keycloak = servers.Keycloak
	var settings object
	direct.keycloak(t, "", &settings)
	settings["attributes"].(object)["frontendUrl"] = kc.URL // it is the realm's issuer, for browsers and the product alike
	direct.alter(t, http.MethodPut, "", settings)
	m := s.maple(t)
	s.inRealm(t, m.paul, m.site, "practitioner", "viewer")
	s.inPlace(t, m.mona, "Group / Site Administrator")
	id, err := walk.AskToAssist(m.site, m.mona, "medical-office-assistant")
	must(t, err)
	dora := s.person(t, "Dora", "Lind")
	_, err = m.desk.Practise(m.site, dora, "pharmacist", walk.Licensed("", "cpbc", "P300", inAYear()), m.mona, walk.Inbox)
	must(t, err)
	s.inPlace(t, dora, "Pharmacist")
	elsa := s.person(t, "Elsa", "Moor")
	_, err = m.desk.Practise(m.site, elsa, "pharmacist", walk.Licensed("", "cpbc", "P301", inAYear()), m.mona, walk.Inbox)
	must(t, err)
	s.inPlace(t, elsa, "Pharmacist")
	_, err = m.paul.Get("/sign-in?strength=two-factor&return=/inbox") // who decides has proved well and lately who they are
	must(t, err)

	kc.Refuse()
	must(t, m.paul.Approve(walk.Inbox(id), allowing))
	if !s.holds(t, m.mona, m.site, "on-behalf-of") {
		t.Fatal("the grant waits for Keycloak")
	}
	says(t, get(t, m.mona, "/access"), "On-behalf-of user Being set up")
	says(t, get(t, m.mona, "/access"), "Group / Site Administrator In place") // that was there before
	says(t, get(t, m.mona, "/requests/"+id), "The access is being set up.")
	says(t, get(t, m.mona, "/sites/"+m.site+"/members"), "On-behalf-of user Being set up")
	s.ends(t, m.mona, dora, m.site, "pharmacist")
	if s.holds(t, dora, m.site, "pharmacist") {
		t.Error("the end waits for Keycloak")
	}
	silent(t, get(t, dora, "/access"), "In place")
	says(t, get(t, m.mona, "/sites/"+m.site+"/members"), "Not yet confirmed there")
	if _, body := probe(t, s.config.OpsListen, "/metrics"); !strings.Contains(body, `countersign_unconfirmed{kind="ends"} 1`) {
		t.Error("the metrics do not count the end")
	}
	eventually(t, "the operators see that Keycloak does not answer", func() bool {
		return strings.Contains(get(t, m.desk.First, "/realm").Text(), "No answer for")
	})
	wantReady(t, s.config.OpsListen, http.StatusOK, "degraded", "nobody can sign in")
	if n := s.mails(t, m.mona, "elcome"); n != 0 {
		t.Error("welcomed before there was anything to use")
	}

	// Longer than a sign-in is fresh enough to decide with, and nobody can sign in anew: an
	// end does not wait for that.
	s.query(t, new(int), `update realm_follow set polled_at = polled_at - $1 * interval '1 second' returning 1`, 60)
	for range 2 {
		s.move(t, 9*time.Minute)
		get(t, m.mona, "/access")
	}
	s.ends(t, m.mona, elsa, m.site, "pharmacist")
	if s.holds(t, elsa, m.site, "pharmacist") {
		t.Error("the end waits for a sign-in that nobody can give")
	}

	must(t, kc.Pass())
	s.inRealm(t, elsa, m.site)
	s.inRealm(t, m.mona, m.site, "administrator", "on-behalf-of", "viewer")
	s.inRealm(t, dora, m.site)
	s.inPlace(t, m.mona, "On-behalf-of user")
	welcome, err := s.mail.Wait(m.mona.Email, "elcome", "/access")
	must(t, err)
	for _, text := range []string{m.mona.UserName, m.name, "eHealth Viewer", "Microsoft Edge"} {
		if !strings.Contains(welcome.Text, text) {
			t.Errorf("the welcome package does not say %q: %s", text, welcome.Text)
		}
	}
	s.invariants(t)
}
