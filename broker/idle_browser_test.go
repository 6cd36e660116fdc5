package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"countersign/broker/walk"
)

// until waits for something on the page of a tab, across its changes.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		cancel()
		if err == nil && ok {
			return
		}
	}
	b.t.Fatalf("not in the browser: %s; %s: %.600s", what, b.where(), b.text())
}

// beside opens another tab of the same browser, with the same cookies.
func (b *tab) beside() *tab {
	b.t.Helper()
	ctx, dispose := chromedp.NewContext(b.ctx)
	b.t.Cleanup(dispose)
	must(b.t, chromedp.Do(ctx))
	c := &tab{t: b.t, ctx: ctx}
	c.do("viewport", chromedp.EmulateViewport(320, 640))
	return c
}

// signs signs somebody in on the way to a page.
func (b *tab) signs(s *stack, p *walk.Person, page string) {
	b.t.Helper()
	b.open(s.config.PublicURL + page)
	b.write(`#username`, p.UserName)
	b.write(`#password`, password)
	b.enter(`#kc-login`)
}

// looks is what the browser says when somebody comes back to a tab.
func (b *tab) looks() { eval[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`) }

// scripts switches the scripts of a tab's pages on or off.
func scripts(on bool) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	})
}

const (
	warned = `document.querySelector("#cs-idle").open`
	calm   = `!document.querySelector("#cs-idle").open && !document.body.hidden`
	paused = `document.readyState === "complete" && document.querySelector("[data-over]") !== null`
)

// Two minutes before the session pauses the page says so, and one key stays; the
// page's own asking does not. When it is over nothing is left to read, by the
// back button neither, and what was typed comes back with the next sign-in. The
// other tab agrees.
// proves: B29 X10 attack A52
func TestIdleInBrowser(t *testing.T) {
	t.Parallel()
	s := lend(t)
	desk := s.registrars(t)
	mona, sam := s.person(t, "Mona", "Fraser"), s.person(t, "Sam", "Reyes")
	site, err := desk.OpenSite(mona, mona, walk.Clinic{Name: "Idle Clinic", City: "Vernon"})
	must(t, err)
	at := askedHere(t, s, sam, site).action

	b := newTab(t, browser(t))
	b.signs(s, sam, "/access")
	b.open(s.config.PublicURL + at)
	b.write(`[name="number"]`, "P-typed")
	other := b.beside()
	other.open(s.config.PublicURL + "/access")

	s.move(t, 13*time.Minute+5*time.Second)
	b.looks()
	b.until("the warning", warned)
	other.looks()
	other.until("the warning there too", warned)
	if !eval[bool](b, `document.activeElement.dataset.part === "stay" && document.querySelector("[data-part=say]").textContent === "About 2 minutes left"`) {
		t.Errorf("the warning has no focus, or does not say the time: %s", b.text())
	}
	b.look()
	for range 3 {
		b.looks() // polls
		b.do("wait", chromedp.Sleep(200*time.Millisecond))
	}
	if !eval[bool](b, warned) {
		t.Error("a poll is taken for activity")
	}
	b.do("stay", chromedp.KeyEvent(kb.Enter))
	b.until("it is calm", calm)
	other.until("it is calm there", calm)
	if got := eval[string](b, `document.querySelector("[name=number]").value`); got != "P-typed" {
		t.Errorf("what was typed is %q", got)
	}

	s.move(t, 14*time.Minute)
	for range 3 { // polls, again
		b.looks()
		b.do("wait", chromedp.Sleep(200*time.Millisecond))
	}
	b.until("the warning", warned)
	b.do("Escape", chromedp.KeyEvent(kb.Escape))
	b.until("Escape stays", calm)
	s.move(t, 14*time.Minute)
	b.looks()
	b.until("the warning", warned)
	s.move(t, time.Minute)
	b.looks()
	b.until("the idle page", paused)
	b.look()
	b.says("Are you still there?", "What you typed is kept for 30 minutes", "Continue as Sam Reyes")
	other.until("the other tab is over too", paused)
	eval[bool](b, `history.back() === undefined`)
	b.do("wait", chromedp.Sleep(time.Second))
	if text := b.text(); strings.Contains(text, "licence or registration number") || strings.Contains(text, "P-typed") {
		t.Errorf("the back button shows %s", text)
	}
	var kept string
	s.query(t, &kept, `select id from kept_form`)
	b.open(s.config.PublicURL + "/continue/" + kept)
	b.do("continue", chromedp.Click(chromedp.CSS(`main a.usa-button`)), chromedp.WaitVisible(chromedp.ID("password")))
	b.write(`#password`, password)
	b.enter(`#kc-login`)
	b.says("What you typed is back in this form.")
	if got := eval[string](b, `document.querySelector("[name=number]").value`); got != "P-typed" || !strings.HasSuffix(b.where(), at) {
		t.Errorf("%s: what was typed is %q", b.where(), got)
	}
}

// The page warns by its own clocks: by the one that goes on while the machine
// sleeps, and though somebody sets that one back.
// proves: attack A52
func TestClocksOfThePage(t *testing.T) {
	t.Parallel()
	s := lend(t)
	sam := s.person(t, "Sam", "Reyes")
	chrome := browser(t)
	for _, clock := range []string{"Date", "performance"} {
		b := newTab(t, chrome)
		b.signs(s, sam, "/access")
		s.move(t, 13*time.Minute+30*time.Second)
		eval[bool](b, fmt.Sprintf(`(() => { const now = %s.now.bind(%s); %s.now = () => now() + 810000; return true })()`, clock, clock, clock))
		if clock == "performance" {
			eval[bool](b, `(() => { const now = Date.now.bind(Date); Date.now = () => now() - 86400000; return true })()`)
		}
		b.until("the warning", warned)
		s.move(t, 90*time.Second)
		eval[bool](b, fmt.Sprintf(`(() => { const now = %s.now.bind(%s); %s.now = () => now() + 90000; return true })()`, clock, clock, clock))
		b.until("the idle page", paused)
	}
}

// Whoever signs out leaves nothing: not by the back button, not in another tab,
// with a script and without.
// proves: attack A52
func TestSignedOutInBrowser(t *testing.T) {
	t.Parallel()
	s := shared(t)
	sam := s.person(t, "Sam", "Reyes")
	chrome := browser(t)
	for _, script := range []bool{true, false} {
		b := newTab(t, chrome)
		b.signs(s, sam, "/access")
		b.open(s.config.PublicURL + "/feedback")
		b.open(s.config.PublicURL + "/access")
		b.says("Sam Reyes")
		other := b.beside()
		other.open(s.config.PublicURL + "/access")
		if !script {
			b.do("no script", scripts(false))
		}
		b.do("sign out", chromedp.Click(chromedp.CSS(`header form[action="/sign-out"] button`)))
		b.do("signed out", chromedp.WaitVisible(chromedp.CSS(`[data-over]`)))
		if script {
			other.until("the other tab is over too", `document.readyState === "complete" && location.pathname === "/signed-out"`)
		}
		b.do("scripts", scripts(true))
		eval[bool](b, `history.back() === undefined`)
		b.until("a page without Sam", `document.readyState === "complete" && document.querySelector("[data-over]") === null`)
		if text := b.text(); strings.Contains(text, "Sam Reyes") || !strings.Contains(b.where(), "/realms/") {
			t.Errorf("the back button shows %s: %s", b.where(), text)
		}
	}

	// The page itself may come back as it was: it is covered, and leads on.
	b := newTab(t, chrome)
	b.signs(s, sam, "/access")
	other := b.beside()
	other.open(s.config.PublicURL + "/access")
	eval[bool](b, `document.addEventListener("submit", (e) => e.preventDefault()) === undefined`)
	for _, at := range []*tab{b, other} {
		at.do("sign out", chromedp.Click(chromedp.CSS(`header form[action="/sign-out"] button`)))
	}
	other.do("signed out", chromedp.WaitVisible(chromedp.CSS(`[data-over]`)))
	if !eval[bool](b, `dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })) && document.body.hidden`) {
		t.Error("a page that is left is not covered")
	}
	eval[bool](b, `dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`)
	b.until("that it was signed out", `document.readyState === "complete" && location.pathname === "/signed-out"`)
}

// Twelve hours end a session however active; the page says so before, and why.
// proves: attack A52
func TestWholeInBrowser(t *testing.T) {
	t.Parallel()
	s := lend(t)
	sam := s.person(t, "Sam", "Reyes")
	b := newTab(t, browser(t))
	b.signs(s, sam, "/access")
	for range 51 {
		s.move(t, 14*time.Minute)
		if got := eval[int](b, `(() => { const x = new XMLHttpRequest(); x.open("GET", "/access", false); x.send(); return x.status })()`); got != 200 {
			t.Fatalf("answered %d", got)
		}
	}
	var left float64 // what a slow machine has left of the twelve hours
	s.query(t, &left, `select extract(epoch from max(ends_at) - instant()) from session`)
	s.move(t, time.Duration(left)*time.Second-100*time.Second)
	b.looks()
	b.until("the warning", warned)
	b.look()
	b.says("Your session ends soon", "a session lasts 12 hours at most")
	s.move(t, 2*time.Minute)
	b.looks()
	b.until("the idle page", paused)
	b.says("Please sign in again", "12 hours")
}
