package look

import (
	"context"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Browser is a real one without a window.
type Browser struct {
	ctx   context.Context
	close func()
}

// Open starts a browser.
func Open() (*Browser, error) {
	allocated, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.WindowSize(1280, 900))...)
	ctx, quit := chromedp.NewContext(allocated)
	b := &Browser{ctx, func() { quit(); stop() }}
	if err := chromedp.Do(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("look: start a browser: %w", err)
	}
	return b, nil
}

// Close ends the browser and all its tabs.
func (b *Browser) Close() { b.close() }

// Tab is one page at a time, with cookies and cache of its own.
type Tab struct {
	Ctx   context.Context // for chromedp's own actions
	close func()
}

// Tab opens a tab of a width and height in CSS pixels.
func (b *Browser) Tab(width, height int64) (*Tab, error) {
	ctx, dispose := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t := &Tab{ctx, dispose}
	err := chromedp.Do(ctx) // the first one has no time limit: the tab would end with it
	if err == nil {
		err = t.Size(width, height)
	}
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("look: open a tab: %w", err)
	}
	return t, nil
}

// Close closes the tab and forgets its cookies.
func (t *Tab) Close() { t.close() }

// Size sets the width and height that the page has, in CSS pixels: a window of
// 1280 at 200 % zoom is 640 wide.
func (t *Tab) Size(width, height int64) error {
	return t.do(chromedp.EmulateViewport(width, height))
}

// Scripts lets pages run scripts, or not. It holds from the next page on.
func (t *Tab) Scripts(on bool) error {
	return t.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// Go opens an address and waits for its page.
func (t *Tab) Go(address string) error {
	if err := t.do(chromedp.Navigate(address)); err != nil {
		return fmt.Errorf("look: open %s: %w", address, err)
	}
	return nil
}

// Reads is the text of the page as it is shown, and how many controls it has.
// What is marked data-scripts is left out: there the page says whether a script
// does something for its person, so it cannot be the same without one.
func (t *Tab) Reads() (string, error) {
	return ask[string](t, `(() => {
		let text = document.body.innerText;
		for (const e of document.querySelectorAll("[data-scripts]")) text = text.replace(e.innerText, "");
		const controls = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")];
		return text.replace(/\s+/g, " ") + "\n" + controls.filter(e => !e.closest("[data-scripts], [hidden]")).length + " controls";
	})()`)
}

// Picture is the whole page as PNG, when no part of it is busy any more.
func (t *Tab) Picture() ([]byte, error) {
	if _, err := ask[bool](t, `new Promise(done => {
		const look = () => document.querySelector("[aria-busy=true]") ? setTimeout(look, 50) : done(true);
		look();
	})`); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(t.Ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}

// patience is for a machine that does much else.
const patience = 60 * time.Second

func (t *Tab) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.Ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// ask evaluates an expression in the page; a promise is waited for. The page's
// content policy does not hold for it.
func ask[T any](t *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.Ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, fmt.Errorf("look: ask the page: %w", err)
	}
	return v, nil
}
