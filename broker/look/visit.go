package look

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Traffic is what the network saw of opening a page.
type Traffic struct {
	Requests int      // that went out; what the browser still had is none
	Bytes    int64    // that came in, headers and compressed bodies
	Outside  []string // addresses that are not on the page's own origin
	Failed   []string // addresses whose answer was an error
}

// Visit opens an address with the tab's cache as it is, and measures. origin is
// "http://host:port".
func (t *Tab) Visit(origin, address string) (Traffic, error) {
	var out Traffic
	var mu sync.Mutex
	ctx, stop := context.WithCancel(t.Ctx)
	defer stop()
	cached := map[network.RequestID]bool{}
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if url := e.Request.URL; !strings.HasPrefix(url, origin+"/") && !strings.HasPrefix(url, "data:") {
				out.Outside = append(out.Outside, url)
			}
		case *network.EventRequestServedFromCache:
			cached[e.RequestID] = true
		case *network.EventResponseReceived:
			cached[e.RequestID] = cached[e.RequestID] || e.Response.FromDiskCache
			if e.Response.Status >= 400 {
				out.Failed = append(out.Failed, e.Response.URL)
			}
		case *network.EventLoadingFinished:
			if !cached[e.RequestID] {
				out.Requests++
				out.Bytes += int64(e.EncodedDataLength)
			}
		}
	})
	enable := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		return err
	})
	if err = errors.Join(err, t.do(enable), t.Go(address)); err != nil {
		return out, err
	}
	_, err = ask[bool](t, `document.fonts.ready.then(() => new Promise(done => setTimeout(() => done(true), 300)))`) // the icon of the tab comes last
	mu.Lock()
	defer mu.Unlock()
	return out, err
}
