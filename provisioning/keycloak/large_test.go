package keycloak_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"countersign/provisioning"
)

// The size of a large realm.
const (
	largePeople = 20_000
	largeSites  = 500 // with as many groups each as largeLeaves names
)

// largeLeaves are those of every site. Each person is in two leaves of all.
var largeLeaves = []string{"practitioner", "viewer", "administrator", "clerk"}

// large is a large realm and what it should show.
type large struct {
	*fixture
	admin    *script
	expected provisioning.Expected
	wanted   map[string][]string // subs by group
	subs     []string            // by the person's number
}

// large makes it in the fixture's realm, as its administrator.
func (f *fixture) large(b *testing.B) *large {
	l := &large{fixture: f, admin: f.script(b, "master", f.admin.ClientID, f.admin.ClientSecret), wanted: map[string][]string{}, subs: make([]string, largePeople)}
	l.expected = provisioning.Expected{Root: "/access", Inner: []string{"/access/careconnect", "/access/other"}, Made: map[string]string{}, Known: map[string]bool{}, Members: l.members}
	l.makeGroups(b)
	l.makePeople(b)
	for n, sub := range l.subs {
		l.expected.Made[sub], l.expected.Known[sub] = userName(n), true
		for _, g := range l.leaves(n) {
			l.wanted[g.ID] = append(l.wanted[g.ID], sub)
		}
	}
	return l
}

// makeGroups makes them one by one: Keycloak imports none below one that is there.
func (l *large) makeGroups(b *testing.B) {
	program := l.group(b, "/access/careconnect")
	var mu sync.Mutex
	l.parallel(b, largeSites, func(i int) error {
		path := fmt.Sprintf("/access/careconnect/s%04d", i)
		site, err := l.child(program, path)
		if err != nil {
			return err
		}
		var leaves []provisioning.Group
		for _, code := range largeLeaves {
			leaf, err := l.child(site, path+"/"+code)
			if err != nil {
				return err
			}
			leaves = append(leaves, provisioning.Group{ID: leaf, Path: path + "/" + code})
		}
		mu.Lock()
		defer mu.Unlock()
		l.expected.Inner = append(l.expected.Inner, path)
		l.expected.Groups = append(l.expected.Groups, leaves...)
		return nil
	})
}

func (l *large) child(parent, path string) (id string, err error) {
	var made named
	err = l.admin.send(http.MethodPost, "/groups/"+parent+"/children", object{"name": path[strings.LastIndex(path, "/")+1:],
		"attributes": object{"access_careconnect": []string{path}}}, &made)
	return made.ID, err
}

// makePeople imports them fifty at once. An import is one transaction, in which each
// person takes longer than the one before: 250 at once took 7.5 s where 50 took 0.8.
func (l *large) makePeople(b *testing.B) {
	const atOnce = 50
	l.parallel(b, (largePeople+atOnce-1)/atOnce, func(i int) error {
		begin, end := i*atOnce, min((i+1)*atOnce, largePeople)
		var some []object
		for n := begin; n < end; n++ {
			name := userName(n)
			some = append(some, object{"username": name, "email": name + "@large.test", "firstName": "Ana", "lastName": name, "enabled": true,
				"attributes": object{"countersign_account": []string{"account-" + name}, "locale": []string{"en"}},
				"groups":     []string{l.leaves(n)[0].Path, l.leaves(n)[1].Path}})
		}
		subs, err := l.imported(some)
		for n := begin; n < end; n++ {
			l.subs[n] = subs[userName(n)]
		}
		return err
	})
}

func userName(n int) string { return fmt.Sprintf("person-%05d", n) }

// leaves are the two groups of the person of that number. Each group has as many people
// as any other.
func (l *large) leaves(n int) [2]provisioning.Group {
	all := l.expected.Groups
	return [2]provisioning.Group{all[n%len(all)], all[(n+1+n/len(all)%(len(all)-1))%len(all)]}
}

func (l *large) members(_ context.Context, group string) (map[string]bool, error) {
	wanted := make(map[string]bool, len(l.wanted[group]))
	for _, sub := range l.wanted[group] {
		wanted[sub] = true
	}
	return wanted, nil
}

// imported makes people and gives their subs by user name.
func (l *large) imported(people []object) (map[string]string, error) {
	var made struct {
		Results []struct{ ResourceName, ID string }
	}
	err := l.admin.send(http.MethodPost, "/partialImport", object{"ifResourceExists": "FAIL", "users": people}, &made)
	if err == nil && len(made.Results) != len(people) {
		err = fmt.Errorf("%d of %d people were imported", len(made.Results), len(people))
	}
	subs := map[string]string{}
	for _, one := range made.Results {
		subs[one.ResourceName] = one.ID
	}
	return subs, err
}

// parallel does something so many times, as fast as two cores can take it.
func (l *large) parallel(b *testing.B, times int, do func(i int) error) {
	b.Helper()
	var next atomic.Int64
	inParallel(b, 4, times, func() error { return do(int(next.Add(1)) - 1) })
	if b.Failed() {
		b.FailNow()
	}
}

// plant makes the realm differ in three ways from what is expected, and says how.
func (l *large) plant(b *testing.B) []provisioning.Difference {
	b.Helper()
	first, left, entered, groups := l.leaves(0)[0], l.subs[0], l.subs[1], l.expected.Groups
	must(b, l.admin.send(http.MethodDelete, "/users/"+left+"/groups/"+first.ID, nil, nil))
	must(b, l.admin.send(http.MethodPut, "/users/"+entered+"/groups/"+groups[len(groups)/2].ID, nil, nil))
	who, err := l.imported([]object{{"username": "stranger", "enabled": true, "groups": []string{groups[len(groups)-1].Path}}})
	must(b, err)
	return []provisioning.Difference{
		{Kind: provisioning.Missing, Sub: left, Group: first},
		{Kind: provisioning.Stranger, Sub: who["stranger"], Group: groups[len(groups)-1]},
		{Kind: provisioning.Surplus, Sub: entered, Group: groups[len(groups)/2]},
	}
}

// script is what somebody would write without this product: net/http and a token. It
// counts its calls, the one for the token too.
type script struct {
	client *http.Client
	base   string
	calls  atomic.Int64
}

func (f *fixture) script(b *testing.B, realm, id, secret string) *script {
	s := &script{base: stack.Keycloak + "/admin/realms/" + f.spec.Realm}
	pool := http.DefaultTransport.(*http.Transport).Clone()
	pool.MaxIdleConnsPerHost = 16
	grant := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: stack.Keycloak + "/realms/" + realm + "/protocol/openid-connect/token"}
	s.client = grant.Client(context.WithValue(b.Context(), oauth2.HTTPClient, &http.Client{Timeout: time.Minute, Transport: transport(func(r *http.Request) (*http.Response, error) {
		s.calls.Add(1)
		return pool.RoundTrip(r)
	})}))
	return s
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func (s *script) send(method, path string, in, out any) error {
	var sent io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(encoded)
	}
	r, err := http.NewRequest(method, s.base+path, sent)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}

// people pages a list of people and counts them.
func (s *script) people(path string) (n int, err error) {
	const many = 2500
	for first := 0; ; first += many {
		var some []struct {
			ID, Username string
			Enabled      bool
		}
		query := url.Values{"briefRepresentation": {"true"}, "first": {strconv.Itoa(first)}, "max": {strconv.Itoa(many)}}
		if err := s.send(http.MethodGet, path+"?"+query.Encode(), nil, &some); err != nil {
			return n, err
		}
		n += len(some)
		if len(some) < many {
			return n, nil
		}
	}
}
