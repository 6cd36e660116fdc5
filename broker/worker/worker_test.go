package worker

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// What a lane has in hand when the end comes it finishes, and then takes nothing more.
func TestLaneFinishesWhatItHasInHand(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	taken, cut := 0, false
	work := func(hand context.Context) (bool, error) {
		taken++
		stop()
		select {
		case <-hand.Done():
			cut = true
		case <-time.After(100 * time.Millisecond):
		}
		return true, nil
	}
	w := &Worker{Log: slog.New(slog.DiscardHandler)}
	w.loop(ctx, "test", nil, work)
	if taken != 1 || cut {
		t.Errorf("took %d, cut short %v", taken, cut)
	}
}
