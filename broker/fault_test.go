package broker_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/broker/faulty"
	"countersign/broker/registry"
	"countersign/broker/walk"
	"countersign/policies"
)

// times is how often each fault is injected: a few in make test, the flags' in make faults.
type times struct {
	rounds int // of an end and a grant each, under one fault
	every  int // of the points at which the product is killed, one in so many
	edits  int // made directly in Keycloak
}

// Faults, each put under the running product, which is a process of its own, and
// after each of them nothing is wrong: make faults does all of it many times over.
// proves: F01 F03 F04 F05 F06 F07 F08 F09 F10 F11 F12 F13 F18 F19 F20 I1 I5 I6 I12 I13
func TestFaults(t *testing.T) {
	t.Parallel()
	faults(t, times{rounds: 1, every: 13, edits: 50})
}

func faults(t *testing.T, n times) {
	g := newGround(t)
	defer g.show()
	g.converges("at first")
	needed := g.rounds(n.rounds, "no fault", 0, func() int { return 1 })
	g.answers(n, needed)
	g.down(n)
	g.untrue()
	g.permissionTaken()
	g.database(n)
	g.mailDown()
	g.decided()
	g.killed(n)
	g.two(n)
	g.zombie()
	g.handedOutAgain()
	g.edits(n)
	g.clock()
	g.audited()
}

// rounds is some work under a fault: Paul's access is taken away and given back, and
// each time the realm has to follow.
func (g *ground) rounds(n int, fault string, needed int, injected func() int) (writes int) {
	g.t.Helper()
	g.under(fault, needed, func() (int, time.Duration) {
		var slowest time.Duration
		for range n {
			g.suspends(g.paul)
			slowest = max(slowest, g.converges(fault))
			g.lifts(g.paul)
			slowest = max(slowest, g.converges(fault))
		}
		return injected(), slowest
	})
	return g.rows[len(g.rows)-1].writes
}

// met counts the faults that a proxy's rules have brought about since now.
func met(p interface{ Counts() faulty.Counts }) func() int {
	before := p.Counts().Faults
	return func() int { return p.Counts().Faults - before }
}

// answers are those that are lost, late, refused or untrue.
func (g *ground) answers(n times, needed int) {
	writes := []string{"POST users", "PUT users", "DELETE users"}
	for _, f := range []struct {
		name string
		rule faulty.Rule
	}{
		{"F03 reply lost after the write", faulty.Calls(faulty.First(faulty.Fault{Lose: true}), writes...)},
		{"F03 any reply lost", faulty.First(faulty.Fault{Lose: true})},
		{"F05 slow", faulty.Always(faulty.Fault{Delay: 300 * time.Millisecond})},
		{"F05 drop by drop", faulty.First(faulty.Fault{BytesPerSecond: 500})},
		{"F06 429, a fifth", faulty.Share(1, 0.2, faulty.Unavailable(http.StatusTooManyRequests))},
		{"F06 503, a fifth", faulty.Share(2, 0.2, faulty.Unavailable(http.StatusServiceUnavailable))},
		{"F06 500, a fifth", faulty.Share(3, 0.2, faulty.Unavailable(http.StatusInternalServerError))},
		{"F07 second group fails", faulty.Calls(faulty.Nth(2, faulty.Fault{Answer: http.StatusInternalServerError}), "PUT users/*/groups")},
		{"F09 401", faulty.First(faulty.Fault{Answer: http.StatusUnauthorized})},
		{"F10 empty lists", faulty.Calls(faulty.First(faulty.Fault{Body: faulty.Empty}), "GET users/*/groups")},
		{"F10 truncated lists", faulty.Calls(faulty.First(faulty.Fault{Body: faulty.Half}), "GET users/*/groups")},
	} {
		g.kc.Set(f.rule)
		g.rounds(n.rounds, f.name, needed, met(g.kc))
	}
}

// down is Keycloak not there at all, in three ways. What is decided meanwhile holds at
// the portal at once.
func (g *ground) down(n times) {
	for name, away := range map[string]func(){"F04 refused": g.kc.Refuse, "F04 swallowed": g.kc.Hold, "F04 reset": g.kc.Reset} {
		g.under(name, 0, func() (int, time.Duration) {
			for range n.rounds {
				away()
				g.suspends(g.paul)
				if n := g.count(g.t, `access_grant where account_id = $1 and ended_at is null`, g.account(g.t, g.paul)); n != 0 {
					g.t.Errorf("%s: %d grants are left", name, n)
				}
				time.Sleep(1500 * time.Millisecond)
				must(g.t, g.kc.Pass())
			}
			took := g.converges(name)
			g.lifts(g.paul)
			return n.rounds, max(took, g.converges(name))
		})
	}
}

// untrue: every list is empty, for as long as it lasts. Nothing is taken away on the
// strength of it, no end counts as carried out, and what is true again is followed.
func (g *ground) untrue() {
	g.under("F10 every list empty", 0, func() (int, time.Duration) {
		g.kc.Set(faulty.Calls(faulty.Always(faulty.Fault{Body: faulty.Empty}), "GET"))
		before := met(g.kc)
		g.suspends(g.paul)
		time.Sleep(4 * time.Second)
		g.lifts(g.paul)
		g.suspends(g.paul)
		time.Sleep(time.Second)
		n := before()
		g.kc.Set(nil)
		took := g.converges("lists are true again")
		g.lifts(g.paul)
		return n, max(took, g.converges("lists are true again"))
	})
}

// permissionTaken: the writer loses its right, and gets it back.
func (g *ground) permissionTaken() {
	g.under("F09 the writer's right taken away", 0, func() (int, time.Duration) {
		g.right(http.MethodDelete)
		g.suspends(g.paul)
		g.lifts(g.paul)
		g.suspends(g.paul)
		time.Sleep(2 * time.Second)
		if n := g.count(g.t, `access_grant g where g.account_id = $1 and g.ended_at is null`, g.account(g.t, g.mona)); n == 0 {
			g.t.Error("whoever lost nothing holds nothing")
		}
		g.right(http.MethodPost)
		took := g.converges("right given back")
		g.lifts(g.paul)
		return 1, max(took, g.converges("right given back"))
	})
}

// right takes manage-users away from the writer, or gives it back.
func (g *ground) right(method string) {
	g.t.Helper()
	writer, management := g.idOf(g.t, "clients", g.config.WriterID), g.idOf(g.t, "clients", "realm-management")
	var user struct{ ID string }
	g.keycloak(g.t, "/clients/"+writer+"/service-account-user", &user)
	var role object
	g.keycloak(g.t, "/clients/"+management+"/roles/manage-users", &role)
	g.alter(g.t, method, "/users/"+user.ID+"/role-mappings/clients/"+management, []any{role})
}

// database is PostgreSQL restarted under load, as the product sees it: every
// connection is reset and none is taken for a while. The server itself is the whole
// test run's and stays.
func (g *ground) database(n times) {
	g.under("F13 PostgreSQL restarted", 0, func() (int, time.Duration) {
		for range n.rounds {
			g.suspends(g.paul)
			g.pg.Refuse()
			g.lifts(g.paul)
			time.Sleep(2 * time.Second)
			must(g.t, g.pg.Pass())
		}
		return n.rounds, g.converges("PostgreSQL is back")
	})
	g.pg.Set(faulty.Calls(faulty.Share(4, 0.15, faulty.Fault{Lose: true}), "commit"))
	g.rounds(n.rounds, "F13 commits whose answer is lost", 0, met(g.pg))
}

// mailDown: whoever asks for an account has to wait for the mail and nobody else.
func (g *ground) mailDown() {
	g.under("F20 mail server down", 0, func() (int, time.Duration) {
		g.smtp.Refuse()
		name := fmt.Sprintf("nora%d", next())
		must(g.t, g.registry.SignUp(g.t.Context(), registry.SignUp{Op: registry.NewID(), UserName: name, GivenName: "Nora", Surname: "Late",
			Email: name + "@" + g.name + ".example", Locale: "en"}))
		g.suspends(g.paul)
		g.lifts(g.paul)
		time.Sleep(time.Second)
		must(g.t, g.smtp.Pass())
		took := g.converges("mail server is back")
		began := time.Now()
		_, err := g.mail.Wait(name+"@"+g.name+".example", "", "action-token")
		must(g.t, err)
		return 1, max(took, time.Since(began))
	})
}

// decided: the portal is killed while it commits a decision. Whoever sends the form
// again gets the result of the one decision that there is.
func (g *ground) decided() {
	suspend := walk.Desk(g.request) + "/suspend"
	g.under("F01 killed while a decision commits", 0, func() (kills int, slowest time.Duration) {
		for _, f := range []func(kill func()) faulty.Fault{
			func(kill func()) faulty.Fault { return faulty.Fault{Before: kill, Drop: true} },
			func(kill func()) faulty.Fault { return faulty.Fault{After: kill, Lose: true} },
		} {
			page := get(g.t, g.desk.First, suspend)
			form := page.Form(page.URL.Path).Set("reasons", "inquiry")
			g.pg.Set(faulty.Calls(faulty.Nth(1, f(once(func() { g.kill(0) }))), "commit insert into operation"))
			if _, err := form.Send(); err == nil {
				g.t.Error("a portal that was killed answers")
			}
			g.pg.Set(nil)
			g.begin(0)
			kills++
			after, err := form.Send()
			must(g.t, err)
			n := g.count(g.t, `fact_restriction where account_id = $1 and kind = 'suspended' and ended_at is null`, g.account(g.t, g.paul))
			if after.Status != http.StatusOK || n != 1 {
				g.t.Errorf("sent again: %d, %d suspensions: %.300s", after.Status, n, after.Text())
			}
			slowest = max(slowest, g.converges("the portal is back"))
			g.lifts(g.paul)
			g.converges("lifted")
		}
		return kills, slowest
	})
}

// point is one moment of the product's work: the nth call of its kind.
type point struct {
	what   string
	n      int
	before bool
}

// points lists them in the order in which a run meets them.
func (g *ground) points(run func()) (all []point) {
	seen := map[string]int{}
	done := make(chan struct{})
	calls := make(chan string, 1000)
	go func() {
		defer close(done)
		for what := range calls {
			seen[what]++
			all = append(all, point{what, seen[what], true}, point{what, seen[what], false})
		}
	}()
	var open atomic.Bool
	open.Store(true)
	hear := func(c faulty.Call) {
		if open.Load() && isWork(c.What) {
			calls <- c.What
		}
	}
	g.kc.Hear(hear)
	g.pg.Hear(hear)
	run()
	open.Store(false)
	g.kc.Hear(nil)
	g.pg.Hear(nil)
	close(calls)
	<-done
	return all
}

// isWork tells the calls of a worker at one account from what goes on beside it.
func isWork(what string) bool {
	for _, kind := range []string{"commit update account set lease", "commit delete from step", "commit insert into step", "commit update step", "commit update account set applied_rev",
		"POST users", "PUT users", "DELETE users", "GET users/*/"} {
		if strings.HasPrefix(what, kind) {
			return true
		}
	}
	return false
}

// killed kills the product before and after calls and commits of an end and of a
// grant, starts it again and lets it go on.
func (g *ground) killed(n times) {
	for _, work := range []struct {
		name     string
		do, undo func()
	}{
		{"F01 killed in an end", func() { g.suspends(g.paul) }, func() { g.lifts(g.paul) }},
		{"F01 killed in a grant", func() { g.lifts(g.paul) }, func() { g.suspends(g.paul) }},
	} {
		if strings.HasSuffix(work.name, "grant") {
			g.suspends(g.paul)
			g.converges(work.name)
		}
		points := g.points(func() { work.do(); g.converges(work.name) })
		work.undo()
		g.converges(work.name)
		g.under(fmt.Sprintf("%s, of %d points", work.name, len(points)), 0, func() (kills int, slowest time.Duration) {
			for range n.rounds {
				for i := kills % n.every; i < len(points); i += n.every {
					slowest = max(slowest, g.killAt(points[i], work.do))
					kills++
					work.undo()
					g.converges(work.name)
				}
			}
			return kills, slowest
		})
		if strings.HasSuffix(work.name, "grant") {
			g.lifts(g.paul)
			g.converges(work.name)
		}
	}
}

// killAt does some work, kills the product at a point of it, and gives how long after
// the next start all is as it should be.
func (g *ground) killAt(at point, work func()) time.Duration {
	g.t.Helper()
	died := make(chan struct{})
	kill := once(func() { g.kill(0); close(died) })
	f := faulty.Fault{After: kill, Lose: true}
	if at.before {
		f = faulty.Fault{Before: kill, Drop: true}
	}
	rule := faulty.Calls(faulty.Nth(at.n, f), at.what)
	if strings.HasPrefix(at.what, "commit") {
		g.pg.Set(rule)
	} else {
		g.kc.Set(rule)
	}
	work()
	select {
	case <-died:
	case <-time.After(20 * time.Second):
		g.t.Errorf("%v was never reached", at)
		g.kill(0)
	}
	g.kc.Set(nil)
	g.pg.Set(nil)
	g.begin(0)
	return g.converges(fmt.Sprint("killed at ", at))
}

// two replicas work on the same record, and one of them dies again and again.
func (g *ground) two(n times) {
	second := g.another()
	g.under("F02 F11 two replicas, one killed", 0, func() (kills int, slowest time.Duration) {
		for range n.rounds {
			for _, p := range []*walk.Person{g.paul, g.mona} {
				g.suspends(p)
				g.lifts(p)
				g.suspends(p)
			}
			g.kill(second)
			kills++
			slowest = max(slowest, g.converges("one replica is left"))
			g.lifts(g.paul)
			g.lifts(g.mona)
			g.begin(second)
			slowest = max(slowest, g.converges("both replicas"))
		}
		return kills, slowest
	})
	g.kill(second)
}

// zombie: a worker is stopped when it has sent a join; somebody else ends the access
// and another replica carries that out; then the join arrives, and the worker wakes.
func (g *ground) zombie() {
	g.under("F12 zombie", 0, func() (int, time.Duration) {
		g.suspends(g.paul)
		g.converges("suspended")
		stopped, release := make(chan struct{}), make(chan struct{})
		g.kc.Set(faulty.Calls(faulty.Nth(1, faulty.Fault{Before: func() {
			_ = g.replicas[0].Signal(syscall.SIGSTOP)
			close(stopped)
			<-release
		}}), "PUT users/*/groups"))
		g.lifts(g.paul)
		<-stopped
		second := g.another()
		g.suspends(g.paul)
		ended := time.Now()
		g.converges("the other replica has carried it out")
		close(release) // the join goes on its way, past the end
		time.Sleep(300 * time.Millisecond)
		if g.apart() == "" {
			g.t.Error("the join of the stopped worker did not arrive")
		}
		must(g.t, g.replicas[0].Signal(syscall.SIGCONT))
		g.converges("the zombie is awake")
		took := time.Since(ended)
		g.kill(second)
		g.lifts(g.paul)
		g.converges("lifted")
		return 1, took
	})
}

// handedOutAgain: work that was done is handed out three times more, ends among it, in
// an order of its own. Nothing is done twice that anybody would notice.
func (g *ground) handedOutAgain() {
	mails := g.count(g.t, `mail`)
	g.under("F08 work handed out again", 0, func() (int, time.Duration) {
		for range 3 {
			g.change(g.t, `update account a set wanted_rev = wanted_rev + 1, urgent_rev = wanted_rev + 1, retry_at = instant() + random() * interval '300 ms' where state = 'live'`)
			g.change(g.t, `update site set wanted_rev = wanted_rev + 1 where opened_at is not null`)
			var woken bool
			g.query(g.t, &woken, `select pg_notify('work', '') is not null`)
			time.Sleep(200 * time.Millisecond)
		}
		return 3, g.converges("handed out again")
	})
	if n := g.count(g.t, `mail`); n != mails {
		g.t.Errorf("%d mails more", n-mails)
	}
}

// clock: the record's clock jumps while there is work; leases and Keycloak's own clock
// do not. The machine's clock moves for nobody here: there is no faketime that reaches
// a Go program, and what depends on it is tested where it is read (session, keycloak).
func (g *ground) clock() {
	g.under("F19 the record's clock jumps", 0, func() (n int, slowest time.Duration) {
		for _, by := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
			g.suspends(g.paul)
			g.move(g.t, by)
			g.lifts(g.paul)
			n++
			slowest = max(slowest, g.converges("the clock jumped"))
		}
		return n, slowest
	})
}

// edits are made directly in Keycloak, by an administrator of it, while the product
// goes on: people are put into groups of ours and taken out. All of it is undone; what
// is more than a few removals waits for two people, who let it be done.
func (g *ground) edits(n times) {
	security := g.securityOfficer()
	subs := map[*walk.Person]string{g.paul: "", g.mona: ""}
	for p := range subs {
		var sub string
		g.query(g.t, &sub, `select sub from account where user_name = $1`, p.UserName)
		subs[p] = sub
	}
	var ids string
	g.query(g.t, &ids, `select string_agg(kc_id, ' ' order by leaf) from realm_group where site_id = $1`, g.site)
	groups := strings.Fields(ids)
	chance := rand.New(rand.NewPCG(18, 0))
	g.under("F18 edits made in Keycloak", 0, func() (int, time.Duration) {
		for range n.edits {
			sub := subs[[]*walk.Person{g.paul, g.mona}[chance.IntN(2)]]
			method := []string{http.MethodPut, http.MethodDelete}[chance.IntN(2)]
			g.alter(g.t, method, "/users/"+sub+"/groups/"+groups[chance.IntN(len(groups))], nil)
		}
		began := time.Now()
		for time.Since(began) < bound {
			held, err := g.registry.Brakes(g.t.Context())
			must(g.t, err)
			for _, b := range held {
				for _, p := range []*walk.Person{g.desk.First, security} {
					by := g.as(g.t, p)
					by.ACR = policies.TwoFactor.String()
					if _, err := g.registry.ReleaseBrake(g.t.Context(), by, b.ID, b.Digest); err != nil && !registry.IsKind(err, registry.Conflict) {
						g.t.Fatal(err) // a plan that has changed meanwhile is read again
					}
				}
			}
			if g.apart() == "" && len(held) == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		return n.edits, time.Since(began) + g.converges("edits")
	})
	if n := g.count(g.t, `drift where alarm`); n != 0 {
		g.t.Errorf("%d alarms about what was done with another credential", n)
	}
}

// securityOfficer is one of the operators' own, who may decide about the realm.
func (g *ground) securityOfficer() *walk.Person {
	p := g.people(g.t, "Sela Marsh")[0]
	rosa := g.elsewhere(g.t, g.desk.First) // whose session did not outlast all that went before
	page := get(g.t, rosa, "/desk/operator/operators")
	_, err := page.FormWith("email").Set("role", "security").Set("email", p.Email).Send()
	must(g.t, err)
	m, err := g.mail.Wait(p.Email, "", "/invitation")
	must(g.t, err)
	_, err = p.Accept(m.Link("/invitation"))
	must(g.t, err)
	return p
}

// audited: whatever is wrong in the realm while nobody mends it is found and named, by
// the command too; what is younger than a minute is on its way; and a realm that does
// not answer is said not to have been looked at.
func (g *ground) audited() {
	g.kill(0)
	env := slices.Concat(g.env, []string{"COUNTERSIGN_LISTEN=" + g.config.Listen})
	audit := func() (string, error) {
		file, err := commandLine()
		must(g.t, err)
		c := exec.CommandContext(g.t.Context(), file, "audit", "invariants")
		c.Env = env
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := audit(); err != nil || !strings.Contains(out, "nothing found") {
		g.t.Errorf("a product without faults: %v %s", err, out)
	}
	sub := func(p *walk.Person) (id string) {
		g.query(g.t, &id, `select sub from account where user_name = $1`, p.UserName)
		return id
	}
	group := func(p *walk.Person, leaf string) (id string) {
		g.query(g.t, &id, `select rg.kc_id from realm_group rg join access_grant g on g.site_id = rg.site_id
			where g.account_id = $1 and rg.leaf = $2 limit 1`, g.account(g.t, p), leaf)
		return id
	}
	g.suspends(g.paul)
	if out, err := audit(); err != nil || strings.Count(out, "not yet: ") != 2 {
		g.t.Errorf("an end that the realm does not show yet: %v %s", err, out)
	}
	g.move(g.t, 2*time.Minute)
	g.alter(g.t, http.MethodPut, "/users/"+sub(g.mona)+"/groups/"+group(g.paul, "practitioner"), nil)
	g.alter(g.t, http.MethodDelete, "/users/"+sub(g.mona)+"/groups/"+group(g.mona, "administrator"), nil)
	g.alter(g.t, http.MethodPost, "/users", object{"username": "second-mona", "enabled": true, "email": "second@" + g.name + ".example",
		"firstName": "Mona", "lastName": "Fraser", "attributes": object{"countersign_account": []string{g.account(g.t, g.mona)}}})
	must(g.t, g.directory.Join(g.t.Context(), sub(g.mona), group(g.paul, "viewer"))) // with the writer's own credential
	out, err := audit()
	for _, want := range []string{
		"I1 person " + sub(g.mona) + " is in " + g.leaf(g.t, g.site, "practitioner") + " without a grant",
		"I1 person " + sub(g.mona) + " is in " + g.leaf(g.t, g.site, "viewer") + " without a grant",
		"I6 person " + sub(g.paul) + " is in " + g.leaf(g.t, g.site, "practitioner") + " after the grant ended",
		"I12 account " + g.account(g.t, g.mona) + " is not in " + g.leaf(g.t, g.site, "administrator"),
		"carries an account of ours and is nobody's",
		"I13 person " + sub(g.mona) + " joined " + g.leaf(g.t, g.site, "viewer") + ", with our credential, and no step says so",
	} {
		if !strings.Contains(out, want) {
			g.t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if err == nil || strings.Count(out, "\n") != 8 {
		g.t.Errorf("%v\n%s", err, out)
	}
	g.kc.Refuse()
	if out, err := audit(); err == nil || !strings.Contains(out, "only the record was") {
		g.t.Errorf("without Keycloak: %v %s", err, out)
	}
}
