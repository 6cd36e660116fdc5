package broker_test

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"countersign/broker/walk"
)

// answersIn waits until Keycloak itself has a person's language.
func (s *stack) answersIn(t *testing.T, p *walk.Person, language string) {
	t.Helper()
	user, _ := s.credentials(t, p)
	eventually(t, "Keycloak speaks "+language+" to "+p.UserName, func() bool {
		var u struct{ Attributes struct{ Locale []string } }
		s.keycloak(t, "/users/"+user, &u)
		return len(u.Attributes.Locale) == 1 && u.Attributes.Locale[0] == language
	})
}

// forgets is somebody who has forgotten the password, on a machine whose browser asks
// for English, without a word of ours about the language: the mail, and the page that
// it leads to.
func (s *stack) forgets(t *testing.T, p *walk.Person, subject string) (walk.Message, *walk.Page) {
	t.Helper()
	q := url.Values{"client_id": {s.config.PortalID}, "redirect_uri": {s.config.PublicURL + "/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"}}
	page, err := walk.New(s.config.PublicURL).Get(s.config.Issuer() + "/protocol/openid-connect/auth?" + q.Encode())
	must(t, err)
	page, err = page.Follow("reset-credentials")
	must(t, err)
	_, err = page.FormWith("username").Set("username", p.UserName).Send()
	must(t, err)
	mail, err := s.mail.Wait(p.Email, subject, "action-token")
	must(t, err)
	page, err = walk.New(s.config.PublicURL).Get(mail.Link("action-token"))
	must(t, err)
	return mail, page
}

// A language chosen here is soon that of Keycloak's own pages and mails, whatever the
// browser asks for and also where nobody says a language; of what else Keycloak knows
// of the person nothing changes.
// proves: attack A25
func TestKeycloakSpeaksAsChosen(t *testing.T) {
	t.Parallel()
	s := shared(t)
	kai := s.person(t, "Kai", "Moreno")
	user, kinds := s.credentials(t, kai)
	var before, after map[string]any
	s.keycloak(t, "/users/"+user, &before)
	if mail, page := s.forgets(t, kai, "Choose a new password"); !strings.Contains(mail.Text, "Somebody asked") || !strings.Contains(page.Body, `lang="en"`) {
		t.Fatalf("not in English: %s\n%.300s", mail.Text, page.Body)
	}
	form{kai, "/language", maps.Clone(get(t, kai, "/access").Form("/language").Values())}.with("language", "es").accepted(t)
	s.answersIn(t, kai, "es")
	if mail, page := s.forgets(t, kai, "Elija una contraseña nueva"); !strings.Contains(mail.Text, "Alguien pidió") || !strings.Contains(page.Body, `lang="es"`) {
		t.Errorf("not in Spanish: %s\n%.300s", mail.Text, page.Body)
	}
	s.keycloak(t, "/users/"+user, &after)
	before["attributes"].(map[string]any)["locale"] = []any{"es"}
	if !reflect.DeepEqual(after, before) {
		t.Errorf("%v, was %v", after, before)
	}
	if _, now := s.credentials(t, kai); !slices.Equal(now, kinds) {
		t.Errorf("credentials %v, were %v", now, kinds)
	}
	eventually(t, "nothing waits", func() bool { return s.count(t, `realm_language where account_id = $1`, s.account(t, kai)) == 0 })
	s.invariants(t)
}
