package worker

import (
	"context"
	"sync"
	"time"
)

// together is how many accounts one Reconcile looks at at a time.
const together = 4

// Reconcile looks at sites and then at accounts, in the order given, some at a time, and
// tells of each in that order. When ctx ends it begins nothing more and finishes what it
// has in hand; what it did not come to is not told. Having done all that again is looking
// at what is even already: whoever was stopped begins anew.
func (w *Worker) Reconcile(ctx context.Context, sites, accounts []string, apply bool, tell func(Looked)) error {
	hand, drop := context.WithCancel(context.WithoutCancel(ctx))
	defer drop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(finishing, drop) })()
	if len(sites) > 0 {
		groups, err := w.Directory.Groups(ctx)
		if err != nil {
			return err
		}
		has := make(map[string]bool, len(groups))
		for _, g := range groups {
			has[g.Path] = true
		}
		inOrder(ctx, sites, func(id string) Looked { return w.LookAtSite(hand, id, has, apply) }, tell)
	}
	inOrder(ctx, accounts, func(id string) Looked { return w.Look(hand, id, apply) }, tell)
	return ctx.Err()
}

// inOrder does each of a list, several at a time, and tells what came of it in the
// list's order.
func inOrder(ctx context.Context, list []string, do func(string) Looked, tell func(Looked)) {
	results := make([]chan Looked, len(list))
	for i := range results {
		results[i] = make(chan Looked, 1)
	}
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range list {
			select {
			case next <- i:
			case <-ctx.Done():
				for ; i < len(list); i++ {
					close(results[i])
				}
				return
			}
		}
	}()
	var hands sync.WaitGroup
	for range min(together, len(list)) {
		hands.Go(func() {
			for i := range next {
				results[i] <- do(list[i])
			}
		})
	}
	for _, result := range results {
		if l, ok := <-result; ok {
			tell(l)
		}
	}
	hands.Wait()
}
