package broker_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/broker/walk"
)

const (
	confirm  = "approve:group-administrator"
	allowing = "approve:authorizer"
	register = "approve:registrar"
	second   = "approve:second-registrar"
)

// asks makes a person ask for a licensed role at a worksite; a practitioner is a physician.
func asks(t *testing.T, p *walk.Person, site, role string) string {
	t.Helper()
	id, err := p.Join(walk.Program, site, role, walk.Licensed("physician", bodies[role], "L2000", inAYear()))
	must(t, err)
	return id
}

// state is a request's state and how often it changed.
func (s *stack) state(t *testing.T, request string) string {
	t.Helper()
	var state string
	s.query(t, &state, `select state || ' ' || version from request where id = $1`, request)
	return state
}

// Whoever administers another worksite, and whoever does nothing there, finds no
// request of this one: not by its id, not in a list, not mixed with their own.
// There is no action on several requests at once, and a form that tries is refused.
// proves: attack A02
func TestForeignRequest(t *testing.T) {
	t.Parallel()
	w := abused(t)
	before := w.state(t, w.samAsks)
	own := verdict(t, w.mona, walk.Inbox(w.samAsks), confirm, "approve")
	for _, who := range []*walk.Person{w.nia, w.peter, w.olga, w.sara} {
		for _, address := range []string{"/requests/" + w.samAsks, walk.Inbox(w.samAsks), walk.Desk(w.samAsks)} {
			page, err := who.Get(address)
			must(t, err)
			if page.Status != http.StatusNotFound || strings.Contains(page.Body, w.sam.UserName) {
				t.Errorf("%s at %s: %d %s", who.UserName, address, page.Status, page.Text())
			}
		}
		for _, v := range []form{own, own.with("verdict", "refuse").with("reasons", "not-known"), own.with("verdict", "return").with("reasons", "not-known"),
			own.with("version", "1000")} { // not even that it changed
			v.by(t, who).refused(t, w.stack, http.StatusNotFound)
		}
		for _, list := range []string{"/inbox", "/inbox?request=" + w.samAsks, "/access", "/sites/" + w.siteB + "/members?site=" + w.site} {
			page, err := who.Get(list)
			must(t, err)
			said := strings.ReplaceAll(page.Body, list, "") // a page knows its own address
			if strings.Contains(said, w.samAsks) || strings.Contains(page.Body, w.sam.UserName) {
				t.Errorf("%s reads of Sam at %s", who.UserName, list)
			}
		}
	}
	mixed := own.by(t, w.nia)
	mixed.with("need", confirm, confirm).refused(t, w.stack, http.StatusBadRequest)
	mixed.with("request", w.samAsks).refused(t, w.stack, http.StatusBadRequest)
	members := read(t, w.nia, "/sites/"+w.siteB+"/members", formTo("/administrators")).with("account", w.account(t, w.peter))
	members.with("account", w.account(t, w.peter), w.account(t, w.sam)).refused(t, w.stack, http.StatusBadRequest)
	members.with("account", w.account(t, w.olga)).anew().refused(t, w.stack, http.StatusNotFound)
	foreign := members.anew()
	foreign.action = "/sites/" + w.site + "/administrators"
	foreign.refused(t, w.stack, http.StatusNotFound)
	if after := w.state(t, w.samAsks); after != before {
		t.Errorf("the request was %s and is %s", before, after)
	}
}

// Twenty approvals of one request at the same moment, by two administrators who
// both looked at it, each through a replica of their own, are one approval: one
// review, one act, one grant, one welcome.
// proves: attack A03
func TestManyApproveAtOnce(t *testing.T) {
	t.Parallel()
	w := abused(t)
	phil := w.person(t, "Phil", "Moore")
	id := asks(t, phil, w.site, "pharmacist")
	must(t, w.desk.First.RecordStanding(walk.Program, id))
	forms := []form{verdict(t, w.mona, walk.Inbox(id), confirm, "approve"), verdict(t, w.nora, walk.Inbox(id), confirm, "approve")}
	forms[1].who = w.atReplica(t, w.nora)
	answers := race(t, 20, func(i int) form { return forms[i%2].anew() })
	if n := answers[http.StatusSeeOther]; n != 1 {
		t.Errorf("%d were taken: %v", n, answers)
	}
	for status, n := range answers {
		if !slices.Contains([]int{http.StatusSeeOther, http.StatusConflict, http.StatusForbidden, http.StatusNotFound}, status) {
			t.Errorf("%d answers of %d", n, status)
		}
	}
	for what, from := range map[string]string{
		"review": `fact_review where request_id = $1`,
		"act":    `act where id in (select act_id from fact_review where request_id = $1)`,
		"grant":  `event e join access_grant g on e.entity = 'grant' and e.entity_id = g.id::text where g.role = g.leaf and e.kind = 'grant.began' and g.account_id = (select account_id from request where id = $1)`,
		"end":    `event where entity = 'request' and kind = 'request.granted' and entity_id = $1::uuid::text`,
	} {
		if n := w.count(t, from, id); n != 1 {
			t.Errorf("%d of %s, want 1", n, what)
		}
	}
	_, err := w.mail.Wait(phil.Email, "elcome", "")
	must(t, err)
	if n := w.mails(t, phil, "elcome"); n != 1 {
		t.Errorf("%d welcomes", n)
	}
}

// atReplica is somebody, session and all, whose browser talks to a second process
// that serves the same record for the rest of the test.
func (s *stack) atReplica(t *testing.T, p *walk.Person) *walk.Person {
	t.Helper()
	port, err := freePort()
	must(t, err)
	second := *s
	second.config.Listen = fmt.Sprintf("127.0.0.1:%d", port)
	stop, err := second.serve()
	must(t, err)
	t.Cleanup(stop)
	b := walk.New("http://" + second.config.Listen)
	b.Client.Jar = p.Client.Jar // cookies ignore ports
	return &walk.Person{Browser: b, UserName: p.UserName}
}

// race sends many forms at the same moment and counts the answers.
func race(t *testing.T, n int, one func(int) form) map[int]int {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	gate, answers := make(chan struct{}), map[int]int{}
	for i := range n {
		f := one(i)
		all.Go(func() {
			<-gate
			status := f.send(t).Status
			mu.Lock()
			answers[status]++
			mu.Unlock()
		})
	}
	close(gate)
	all.Wait()
	return answers
}

// mails counts the mails to somebody about something.
func (s *stack) mails(t *testing.T, p *walk.Person, subject string) (n int) {
	t.Helper()
	all, err := s.mail.To(p.Email)
	must(t, err)
	for _, m := range all {
		if strings.Contains(m.Subject, subject) {
			n++
		}
	}
	return n
}

// One says yes and another no, or the person takes the request back, at the same
// moment: one of them wins, the other is told, and the record is the winner's.
// proves: attack A04
func TestOneVerdictWins(t *testing.T) {
	t.Parallel()
	w := abused(t)
	lucy := w.person(t, "Lucy", "Adeyemi")
	_, err := lucy.Get("/sign-in?strength=two-factor&return=/access") // as a role that she may win will ask of her
	must(t, err)
	for i, role := range []string{"pharmacist", "lpn", "rpn", "resident", "social-worker"} {
		id := asks(t, lucy, w.site, role)
		must(t, w.desk.First.RecordStanding(walk.Program, id))
		yes := verdict(t, w.mona, walk.Inbox(id), confirm, "approve")
		no, lost := verdict(t, w.nora, walk.Inbox(id), confirm, "refuse"), "refused"
		if i%2 == 1 {
			no, lost = read(t, lucy, "/requests/"+id, formTo("/withdraw")), "withdrawn"
		}
		var taken [2]int
		var both sync.WaitGroup
		for j, f := range []form{yes, no} {
			both.Go(func() { taken[j] = f.send(t).Status })
		}
		both.Wait()
		granted := w.count(t, `access_grant where account_id = $1 and role = $2 and ended_at is null`, w.account(t, lucy), role)
		reviews := w.count(t, `fact_review where request_id = $1`, id)
		state, _, _ := strings.Cut(w.state(t, id), " ")
		said := map[string]int{"refused": 1, "withdrawn": 0}[lost] // by whoever won; the other's word is not kept
		switch {
		case taken[0] == 303 && taken[1] == 409 && state == "granted" && granted == 2 && reviews == 1:
		case (taken[0] == 409 || taken[0] == 403) && taken[1] == 303 && state == lost && granted == 0 && reviews == said:
		default:
			t.Errorf("%s: approving answers %d, the other %d; the request is %s, %d grants, %d reviews", role, taken[0], taken[1], state, granted, reviews)
		}
	}
}

// signedOut waits until the portal knows somebody no more.
func (s *stack) signedOut(t *testing.T, p *walk.Person) {
	t.Helper()
	eventually(t, p.UserName+" is signed out", func() bool {
		page, err := plain(p.Browser).Get("/access")
		return err == nil && page.Status == http.StatusSeeOther
	})
}

// Who has lost the role since the page was opened decides nothing with it: what
// counts is the authority at the moment of the commit.
// proves: attack A05
func TestRoleLostWhileThePageIsOpen(t *testing.T) {
	t.Parallel()
	w := abused(t)
	s := w.stack
	ben, tom := s.person(t, "Ben", "Costa"), s.person(t, "Tom", "Ito")
	w.assists(t, ben, w.paul)
	s.administrates(t, w.desk, w.site, w.mona, ben)
	id := asks(t, tom, w.site, "pharmacist")
	before := s.state(t, id)
	open := verdict(t, ben, walk.Inbox(id), confirm, "approve")
	desk := read(t, ben, "/sites/"+w.site+"/members", formTo("/administrators")).with("account", s.account(t, w.olga))
	out := read(t, w.mona, "/sites/"+w.site+"/members/"+s.join(t, ben, w.site, "administrator")+"/end", formTo("/end"))
	out.with("when", "now").with("reasons", "role-changed").accepted(t)
	open.refused(t, s, http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized) // at once
	s.returns(t, ben)                                                                      // the end of a role ends sessions; who comes back has lost it still
	open, desk = open.by(t, ben), desk.by(t, ben)
	open.refused(t, s, http.StatusNotFound, http.StatusForbidden)
	desk.refused(t, s, http.StatusNotFound, http.StatusForbidden)
	if after := s.state(t, id); after != before {
		t.Errorf("the request was %s and is %s", before, after)
	}
}
