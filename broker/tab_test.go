package broker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a real browser's, used by keyboard alone, 320 pixels wide.
type tab struct {
	t   *testing.T
	ctx context.Context
	n   int
	key webauthn.AuthenticatorID // where the browser has one
}

// browser starts one browser; each tab has cookies of its own.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.WindowSize(1280, 900))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocated)
	t.Cleanup(closeBrowser)
	must(t, chromedp.Do(ctx))
	return ctx
}

func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, dispose := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(dispose)
	must(t, chromedp.Do(ctx))
	b := &tab{t: t, ctx: ctx}
	b.do("viewport", chromedp.EmulateViewport(320, 640))
	b.do("in front", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err // a window without a screen is not in front until a key is pressed, and shows no focus
	}))
	go func() { // what the page itself complains of: broken policies, scripts, files
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			if text := m.String(); strings.Contains(text, "Content Security Policy") || strings.Contains(text, "Failed to load") && !strings.Contains(text, "422") && !strings.Contains(text, "401") {
				t.Errorf("the browser complains: %s", text)
			}
		}
	}()
	return b
}

func (b *tab) do(what string, a ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		b.t.Fatalf("%s at %s: %v", what, b.where(), err)
	}
}

func (b *tab) where() string {
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return at
}

func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s at %s: %v", expression, b.where(), err)
	}
	return v
}

// open goes to an address, as one types it or follows a mail.
func (b *tab) open(address string) {
	b.t.Helper()
	b.do("open", chromedp.Navigate(address))
	b.look()
}

// look judges the page that came: no sideways scroll at 320 pixels, one heading,
// a language. A picture is kept where somebody asked for pictures.
func (b *tab) look() {
	b.t.Helper()
	if w := eval[int](b, `document.documentElement.scrollWidth`); w > 320 {
		b.t.Errorf("%s is %d pixels wide", b.where(), w)
	}
	if n := eval[int](b, `document.querySelectorAll("h1").length`); n != 1 {
		b.t.Errorf("%s has %d main headings", b.where(), n)
	}
	if lang := eval[string](b, `document.documentElement.lang`); lang == "" {
		b.t.Errorf("%s does not say its language", b.where())
	}
	b.n++
	dir := os.Getenv("COUNTERSIGN_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%02d.png", strings.ToLower(b.t.Name()), b.n)), png, 0o600))
}

// reach presses Tab until the focus is on what a selector names, which must show
// that it has it.
func (b *tab) reach(selector string) {
	b.t.Helper()
	if !eval[bool](b, fmt.Sprintf(`document.querySelector(%q) !== null`, selector)) {
		b.t.Fatalf("%s has no %s: %.800s", b.where(), selector, b.text())
	}
	for range 120 {
		if eval[bool](b, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			if !eval[bool](b, `(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== "none" || s.boxShadow !== "none" || document.activeElement.matches(".usa-checkbox__input,.usa-radio__input") })()`) {
				b.t.Errorf("%s: the focus on %s cannot be seen", b.where(), selector)
			}
			return
		}
		b.do("tab", chromedp.KeyEvent(kb.Tab))
	}
	b.t.Fatalf("%s: Tab does not reach %s", b.where(), selector)
}

// write types into a field.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.reach(selector)
	b.do("type", chromedp.KeyEvent(text))
}

// date fills in a date field, in whatever order the browser's language has it.
func (b *tab) date(selector string, day time.Time) {
	b.t.Helper()
	b.reach(selector)
	b.do("type", chromedp.KeyEvent(day.Format("01022006")))
	if got := eval[string](b, fmt.Sprintf(`document.querySelector(%q).value`, selector)); got != day.Format(time.DateOnly) {
		b.t.Fatalf("the date became %q", got)
	}
}

// tick presses the space bar on a box or a radio button.
func (b *tab) tick(selector string) {
	b.t.Helper()
	b.reach(selector)
	b.do("space", chromedp.KeyEvent(" "))
}

// radio moves to one of a group of radio buttons with the arrow keys.
func (b *tab) radio(name, value string) {
	b.t.Helper()
	b.reach(fmt.Sprintf(`input[name=%q]`, name))
	b.do("space", chromedp.KeyEvent(" "))
	for range 20 {
		if eval[bool](b, fmt.Sprintf(`document.activeElement.value === %q && document.activeElement.checked`, value)) {
			return
		}
		b.do("arrow", chromedp.KeyEvent(kb.ArrowDown))
	}
	b.t.Fatalf("%s: no way to %s = %s", b.where(), name, value)
}

// enter presses Enter on a link or button and waits for the page that follows.
func (b *tab) enter(selector string) {
	b.t.Helper()
	b.reach(selector)
	eval[bool](b, `window.cameFrom = true`)
	b.do("enter", chromedp.KeyEvent(kb.Enter))
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(80 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.cameFrom !== true && document.readyState === "complete" && document.querySelector("h1") !== null`))
		cancel()
		if err == nil && done {
			b.look()
			return
		}
	}
	b.t.Fatalf("nothing came after Enter on %s at %s", selector, b.where())
}

// turn changes the language by the page's own button or link, ours or Keycloak's.
func (b *tab) turn() {
	b.t.Helper()
	before := eval[string](b, `document.documentElement.lang`)
	b.enter(`.cs-language button, .cs-languages a`)
	if now := eval[string](b, `document.documentElement.lang`); now == before {
		b.t.Errorf("%s stays in %q", b.where(), now)
	}
}

// in is what a page says in its language.
func (b *tab) in(english, spanish string) string {
	b.t.Helper()
	return map[string]string{"en": english, "es": spanish}[eval[string](b, `document.documentElement.lang`)]
}

func (b *tab) text() string { return eval[string](b, `document.body.innerText`) }

// says demands words on the page.
func (b *tab) says(words ...string) {
	b.t.Helper()
	text := strings.Join(strings.Fields(b.text()), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("%s does not say %q: %.800s", b.where(), w, text)
		}
	}
}
