package broker_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/broker/registry"
	"countersign/broker/walk"
)

// subOf is somebody's id in Keycloak.
func (s *stack) subOf(t *testing.T, p *walk.Person) (sub string) {
	t.Helper()
	s.query(t, &sub, `select sub from account where user_name = $1`, p.UserName)
	return sub
}

// kcGroup is a leaf's id in Keycloak.
func (s *stack) kcGroup(t *testing.T, site, leaf string) (id string) {
	t.Helper()
	s.query(t, &id, `select kc_id from realm_group where site_id = $1 and leaf = $2`, site, leaf)
	return id
}

// asWriter makes a call with the writer's credential, as whoever stole it would.
func (s *stack) asWriter(t *testing.T, method, path string) {
	t.Helper()
	resp, err := http.PostForm(s.config.Issuer()+"/protocol/openid-connect/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {s.config.WriterID}, "client_secret": {string(s.config.WriterSecret)}})
	must(t, err)
	defer resp.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&token))
	req, err := http.NewRequestWithContext(t.Context(), method, s.config.Keycloak+"/admin/realms/"+s.config.Realm+path, bytes.NewReader([]byte("{}")))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token.Access)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode >= 300 {
		t.Fatalf("the writer's %s %s: %s", method, path, answer.Status)
	}
}

// slow is how late a difference may be found on a machine that many tests share; alone
// it is found within ten seconds, and most within three.
const slow = 30 * time.Second

// edit is something done in Keycloak past the product, and what is to come of it.
type edit struct {
	name, method, path string
	body               any
	kind               string // of the difference
	of                 string // the sub or the group that it is about
	outcome            string // empty: it waits for a person
}

// found waits until a difference is on record, and gives how long that took.
func (s *stack) found(t *testing.T, e edit, since time.Time) {
	t.Helper()
	eventually(t, e.name+" is found", func() bool {
		return s.count(t, `drift where kind = $1 and (sub = $2 or group_id = $2) and by_user <> '' and found_by = 'event' and found_at > instant() - interval '1 minute'`, e.kind, e.of) > 0
	})
	took := time.Since(since)
	t.Logf("%s: %s found after %s", e.name, e.kind, took.Round(10*time.Millisecond))
	if took > slow {
		t.Errorf("%s: found after %s", e.name, took)
	}
}

// settledAs waits until the last difference of its kind is over.
func (s *stack) settledAs(t *testing.T, e edit, outcome string) {
	t.Helper()
	eventually(t, e.name+" is "+outcome, func() bool {
		return s.count(t, `(select outcome from drift where kind = $1 and (sub = $2 or group_id = $2) order by found_at desc limit 1) last where outcome = $3`, e.kind, e.of, outcome) > 0
	})
}

// An administrator of Keycloak changes memberships, people and groups past the product,
// and somebody uses the writer's own credential. Each is on record within ten seconds
// with who did it; memberships are put right; the rest waits for a person; and what is
// not under our root stays as it was put.
// proves: F18 I1 I13 attack A67
func TestDriftInKeycloak(t *testing.T) {
	t.Parallel()
	m := shared(t).maple(t)
	m.inRealm(t, m.paul, m.site, "practitioner", "viewer")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.logs.String())
		}
	})
	mona, paul, viewer := m.subOf(t, m.mona), m.subOf(t, m.paul), m.kcGroup(t, m.site, "viewer")
	outside := m.outside(t, mona)
	for _, e := range []edit{
		{"a membership is taken", "DELETE", "/users/" + paul + "/groups/" + viewer, nil, "missing", paul, "restored"},
		{"a membership is given", "PUT", "/users/" + mona + "/groups/" + viewer, nil, "surplus", mona, "removed"},
		{"a stranger is let in", "PUT", "/users/" + m.stranger(t) + "/groups/" + viewer, nil, "stranger", viewer, "removed"},
		{"somebody is disabled", "PUT", "/users/" + mona, object{"enabled": false}, "person-disabled", mona, ""},
		{"a group is renamed", "PUT", "/groups/" + viewer, object{"name": "watcher"}, "group-renamed", viewer, ""},
		{"a group is named back", "PUT", "/groups/" + viewer, object{"name": "viewer"}, "group-renamed", viewer, "gone"},
	} {
		begun := time.Now()
		m.alter(t, e.method, e.path, e.body)
		if e.outcome != "gone" {
			m.found(t, e, begun)
		}
		if e.outcome != "" {
			m.settledAs(t, e, e.outcome)
		}
	}
	m.alter(t, "PUT", "/users/"+mona, object{"enabled": true})

	begun, stolen := time.Now(), edit{name: "the writer's credential", kind: "surplus", of: mona}
	m.asWriter(t, "PUT", "/users/"+mona+"/groups/"+viewer)
	eventually(t, "the alarm", func() bool {
		return m.count(t, `drift where kind = 'unexplained' and alarm and sub = $1 and doing = 'person'`, mona) == 1
	})
	if took := time.Since(begun); took > slow {
		t.Errorf("the alarm came after %s", took)
	}
	m.settledAs(t, stolen, "removed")
	if n := m.count(t, `mail where kind = 'realm-alarm'`); n == 0 {
		t.Error("nobody was told of the alarm")
	}
	if m.hasLeaf(t, m.mona, m.site, "viewer") || !m.hasLeaf(t, m.paul, m.site, "viewer") {
		t.Error("Keycloak is not as the record says")
	}
	if !slices.Contains(m.groups(t, m.mona), outside) {
		t.Error("a membership outside our root was touched")
	}
	if n := m.count(t, `drift where alarm and not (kind in ('unexplained') and sub = $1)`, mona); n != 0 {
		t.Errorf("%d false alarms\n%s", n, grep(m.logs.String(), "credential"))
	}
	m.invariants(t)
}

// grep gives the lines that hold a word.
func grep(text, word string) (out string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			out += line
		}
	}
	return out
}

// outside puts somebody into a group that is nothing of ours, and gives its path.
func (s *stack) outside(t *testing.T, sub string) string {
	t.Helper()
	s.alter(t, "POST", "/groups", object{"name": "choir"})
	var all []struct{ ID, Name string }
	s.keycloak(t, "/groups?search=choir&exact=true", &all)
	if len(all) != 1 {
		t.Fatalf("%d choirs", len(all))
	}
	s.alter(t, "PUT", "/users/"+sub+"/groups/"+all[0].ID, nil)
	return "/choir"
}

// stranger is somebody whom an administrator made in Keycloak.
func (s *stack) stranger(t *testing.T) (sub string) {
	t.Helper()
	s.alter(t, "POST", "/users", object{"username": "stranger", "email": "stranger@example.org", "firstName": "Stan", "lastName": "Ranger", "enabled": true})
	var all []struct{ ID string }
	s.keycloak(t, "/users?exact=true&username=stranger", &all)
	if len(all) != 1 {
		t.Fatalf("%d strangers", len(all))
	}
	return all[0].ID
}

// difference is one that waits for a person, and that nothing but a person settles.
func (w world) difference(t *testing.T) (id string) {
	t.Helper()
	_, err := w.registry.Report(t.Context(), registry.Difference{Kind: registry.DriftCall, Sub: "of-the-world", FoundBy: "event", Change: "of-the-world"})
	must(t, err)
	w.query(t, &id, `select id from drift where sub = 'of-the-world' and done_at is null`)
	return id
}
