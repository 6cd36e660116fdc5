package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Capability is one thing that the writer or the reader might do in the realm, and
// whether Keycloak lets it.
type Capability struct {
	Account string // client id
	What    string // words that go on after "it can" and "it cannot"
	Rule    Rule
	Can     bool   // so Keycloak says
	How     string // by what call it was seen, or from what it follows
	Err     error  // Keycloak said neither
}

// ErrNobody is the answer where the realm has nobody yet about whom to ask.
var ErrNobody = errors.New("keycloak: nobody is there to ask about")

// Rule says what a capability should be.
type Rule string

// The rules.
const (
	Needs   Rule = "needs" // the product does not work without it
	Wants   Rule = "wants" // it works, and falls short
	MustNot Rule = "must not"
	Residue Rule = "residue" // no setting of Keycloak's takes it away; the adapter has no such call
)

// nothing is the id of no user, group, role or client, and the name of none.
const nothing = "countersign-doctor"

// probe asks for one capability by a call that changes nothing where it is allowed:
// it reads, it lacks what Keycloak demands, or it is about something that is not
// there, and Keycloak looks at the right first (TestProbesAreHarmless). Where there is
// no such call, as names the probe whose right Keycloak demands for this too.
type probe struct {
	what   string
	rule   Rule
	method string
	path   string
	body   any
	yes    int // the status where it is allowed; 403 where not
	as     string
}

// call is the probe's, as a list has it.
func (p probe) call() call {
	path, _, _ := strings.Cut(p.path, "?")
	return call{p.method, path}
}

// places are where the probes ask.
type places struct {
	root, portal   string // ids of our root's group and of the portal's client
	reader, writer string // ids of the users behind the two accounts
	person         string // id of somebody whom the writer is to manage; "" where there is nobody to ask about
}

var noRole = []role{{ID: nothing, Name: nothing}}

// ofWriter are the writer's. In a shared realm the two accounts themselves are out of
// its reach; there a person of ours is asked about.
func (t Topology) ofWriter(at places) []probe {
	person, group := "users/"+at.person+"/", "groups/"+at.root
	all := []probe{
		{"make people", Needs, "POST", "users", object{}, 400, ""},
		{"put people into groups and take them out", Needs, "PUT", person + "groups/" + nothing, nil, 404, ""},
		{"take back consents and offline tokens", Needs, "DELETE", person + "consents/" + nothing, nil, 404, ""},
		{"end sessions", Needs, "", "", nil, 0, "take back consents and offline tokens"},
		{"take away lost second factors", Needs, "DELETE", person + "credentials/" + nothing, nil, 404, ""},
		{"change the language of those whom it made, and remove them", Needs, "", "", nil, 0, "take back consents and offline tokens"},
		{"have Keycloak mail people how to begin", Needs, "", "", nil, 0, "take back consents and offline tokens"},
		{"make groups under our root", Needs, "POST", group + "/children", object{}, 400, ""},
		{"name groups and give them attributes", Needs, "PUT", group, object{}, 400, ""},
		{"give leaves the portal's roles and take them away", Needs, "POST", group + "/role-mappings/clients/" + at.portal, noRole, 404, ""},

		{"see clients and their secrets", MustNot, "GET", "clients", nil, 200, ""},
		{"change clients", MustNot, "POST", "client-description-converter", object{}, 400, ""},
		{"see the realm's roles", MustNot, "GET", "roles", nil, 200, ""},
		{"see the realm's sign-in flows", MustNot, "GET", "authentication/flows", nil, 200, ""},
		{"change the realm's settings, flows and default groups", MustNot, "PUT", "default-groups/" + nothing, nil, 404, ""},
		{"attach or change identity providers", MustNot, "DELETE", "identity-provider/instances/" + nothing, nil, 404, ""},
		{"see or clear the record of what was done", MustNot, "GET", "admin-events?max=1", nil, 200, ""},

		{"give anybody a password", Residue, "PUT", person + "reset-password", object{}, 400, ""},
		{"give a password in making or in changing a person", Residue, "", "", nil, 0, "make people"},
		{"change anybody's mail address and call it verified", Residue, "", "", nil, 0, "take back consents and offline tokens"},
		{"delete anybody", Residue, "", "", nil, 0, "take back consents and offline tokens"},
		{"link anybody to an identity provider", Residue, "DELETE", person + "federated-identity/" + nothing, nil, 404, ""},
		{"log everybody out at once", Residue, "", "", nil, 0, "make people"},
		{"lift the lock after wrong passwords", Residue, "GET", "attack-detection/brute-force/" + person[:len(person)-1], nil, 200, ""},
		{"make groups outside our root", Residue, "POST", "groups", object{}, 400, ""},
	}
	if t == Shared {
		return append(all,
			probe{"manage the reader's account", MustNot, "DELETE", "users/" + at.reader + "/consents/" + nothing, nil, 404, ""},
			probe{"manage its own account", MustNot, "DELETE", "users/" + at.writer + "/consents/" + nothing, nil, 404, ""},
			probe{"give people roles", MustNot, "POST", person + "role-mappings/realm", noRole, 404, ""})
	}
	return append(all, probe{"give people roles of the realm, none of which the start proof lets be administrative", Residue, "POST", person + "role-mappings/realm", noRole, 404, ""})
}

// ofReader are the reader's.
func (t Topology) ofReader(at places) []probe {
	person, group := "users/"+at.reader+"/", "groups/"+at.root
	events := Needs
	if t == Shared { // see laterRight
		events = Wants
	}
	all := []probe{
		{"see people", Needs, "GET", "users?briefRepresentation=true&max=1", nil, 200, ""},
		{"see groups and who is in them", Needs, "GET", group + "/members?briefRepresentation=true&max=1", nil, 200, ""},
		{"see of what kinds a person's credentials are", Needs, "GET", person + "credentials", nil, 200, ""},
		{"see who gave consent to what", Needs, "GET", person + "consents", nil, 200, ""},
		{"see what was done in the realm", events, "GET", "admin-events?max=1", nil, 200, ""},
		{"see the realm's roles", Needs, "GET", "roles", nil, 200, ""},
		{"see the portal's client and its roles", Needs, "GET", "clients/" + at.portal + "/roles", nil, 200, ""},

		{"make people", MustNot, "POST", "users", object{}, 400, ""},
		{"put people into groups or take them out", MustNot, "PUT", person + "groups/" + nothing, nil, 404, ""},
		{"take back consents", MustNot, "DELETE", person + "consents/" + nothing, nil, 404, ""},
		{"end sessions, change people or remove them", MustNot, "", "", nil, 0, "take back consents"},
		{"take away second factors", MustNot, "DELETE", person + "credentials/" + nothing, nil, 404, ""},
		{"give anybody a password", MustNot, "PUT", person + "reset-password", object{}, 400, ""},
		{"link anybody to an identity provider", MustNot, "DELETE", person + "federated-identity/" + nothing, nil, 404, ""},
		{"make groups", MustNot, "POST", "groups", object{}, 400, ""},
		{"change groups", MustNot, "PUT", group, object{}, 400, ""},
		{"give groups or people roles", MustNot, "POST", person + "role-mappings/realm", noRole, 404, ""},
		{"change clients", MustNot, "POST", "client-description-converter", object{}, 400, ""},
		{"change the realm's settings, flows and default groups", MustNot, "PUT", "default-groups/" + nothing, nil, 404, ""},
		{"attach or change identity providers", MustNot, "DELETE", "identity-provider/instances/" + nothing, nil, 404, ""},
	}
	if t == Own {
		all = append(all, probe{"see a client's secret that is not kept in the vault", Residue, "", "", nil, 0, "see the portal's client and its roles"})
	}
	return all
}

// Capabilities asks Keycloak, with the writer's and the reader's own credentials, what
// each can do and cannot, line by line. It changes nothing, whatever is allowed.
func (i *Inspection) Capabilities(ctx context.Context) ([]Capability, error) {
	at, err := i.d.places(ctx)
	if err != nil {
		return nil, err
	}
	cfg := i.d.cfg
	writer, reader := cfg.Topology.ofWriter(at), cfg.Topology.ofReader(at)
	return slices.Concat(cfg.prober(cfg.WriterID, cfg.WriterSecret, writer).ask(ctx, cfg.WriterID, writer),
		cfg.prober(cfg.ReaderID, cfg.ReaderSecret, reader).ask(ctx, cfg.ReaderID, reader)), nil
}

// places finds, as the reader, where to ask.
func (d *Directory) places(ctx context.Context) (at places, err error) {
	root, err := d.groupAt(ctx, d.cfg.Root)
	if err != nil {
		return at, err
	}
	at.root = *root.ID
	clients, err := d.clients(ctx, d.cfg.PortalClientID)
	if err != nil || len(clients) != 1 {
		return at, errors.Join(fmt.Errorf("keycloak: %d clients %s", len(clients), d.cfg.PortalClientID), err)
	}
	at.portal = *clients[0].ID
	if at.writer, err = d.writerUser(ctx); err != nil {
		return at, err
	}
	if at.reader, err = d.userNamed(ctx, serviceAccountUser(d.cfg.ReaderID)); err != nil {
		return at, err
	}
	if at.person = at.reader; d.cfg.Topology == Shared {
		var found []struct{ ID string }
		err = d.list(ctx, "find a person of ours", "/users", url.Values{"exact": {"false"}, "q": {accountAttribute + ":"}, "max": {"1"}}, &found)
		if at.person = ""; len(found) > 0 {
			at.person = found[0].ID
		}
	}
	return at, err
}

// prober is an account that can make the calls of these probes and no other.
func (cfg Config) prober(id, secret string, probes []probe) *account {
	var listed []call
	for _, p := range probes {
		listed = append(listed, p.call())
	}
	return newAccount(cfg.URL, cfg.Realm, cfg.Realm, id, secret, &guard{realm: cfg.Realm, allowed: listed, next: newTransport()}, cfg.Timeout)
}

// ask asks all of an account's probes.
func (a *account) ask(ctx context.Context, id string, probes []probe) []Capability {
	all := make([]Capability, len(probes))
	for n, p := range probes {
		c := Capability{Account: id, What: p.what, Rule: p.rule, How: "as " + p.as}
		if i := slices.IndexFunc(probes, func(other probe) bool { return p.as != "" && other.what == p.as }); i >= 0 && i < n {
			c.Can, c.Err = all[i].Can, all[i].Err
		} else {
			c.How, c.Can, c.Err = a.probe(ctx, p)
		}
		all[n] = c
	}
	return all
}

// probe makes the call of one probe.
func (a *account) probe(ctx context.Context, p probe) (how string, can bool, err error) {
	c := p.call()
	how = c.method + " " + c.path
	if !matches("**", c.path) {
		return how, false, ErrNobody
	}
	code := http.StatusOK
	err = a.once(ctx, how, func(bearer string) error {
		err := a.send(ctx, bearer, p.method, "/"+p.path, p.body, nil)
		code = status(err)
		if err == nil {
			code = http.StatusOK
		}
		return err
	})
	switch {
	case code == http.StatusForbidden:
		return how, false, nil
	case code == p.yes, err == nil && p.yes < 300:
		return how, true, nil
	}
	return how, false, errors.Join(err, fmt.Errorf("keycloak: %s: neither allowed nor refused: %d", how, code))
}
