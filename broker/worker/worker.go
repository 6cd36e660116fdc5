// Package worker makes the realm, and people's mailboxes, follow the record.
//
// It has lanes, each a loop that sleeps until there is something to do for it, or half
// a minute at most. One watch asks the record which lanes have something to do, each time
// that something was committed (LISTEN) and when the next moment is due:
//
//	due      settles the accounts whose time has come; makes checks due after an
//	         end; forgets, hourly, sessions and such that are long over
//	sites    makes the groups of opened sites
//	urgent   accounts of which something ended: leave, end sessions, read back, look again;
//	         with connections of its own
//	accounts all others that are behind, whatever they need
//	events   signed events for applications, each until it is confirmed
//	language a language that somebody chose, for Keycloak's own pages and mails
//	mail     messages that are due; the mail to begin is Keycloak's, and accounts sends it
//	unverified  accounts that nobody came to use: told on day 5, closed on day 7; imported ones on 28 and 30
//	follow   reads the realm's own log of changes every two seconds: what somebody else
//	         did there, or did with our credential, is recorded and put right (drift)
//	compare  compares all of the realm with the record, hourly and after a long gap
//	strangers  takes those out of our groups who have no account here
//
// Claiming sets a lease; calls to Keycloak and to the mail server run outside any
// transaction; finishing is fenced by the lease and writes the revision that was
// read. Any number of workers may run, and any may be killed at any moment: what
// is not finished is claimed again, and every step may be repeated.
//
// What is wanted is the registry's business, which steps lead there is
// provisioning's, what a message says is mail's.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/broker/mail"
	"countersign/broker/registry"
	"countersign/provisioning"
)

// Worker follows the record.
type Worker struct {
	Registry  *registry.Registry
	Directory provisioning.Directory
	Mail      *mail.Sender
	Root      string             // the group under which everything of ours hangs
	Setup     provisioning.Setup // the mail by which a new person begins
	Log       *slog.Logger
	Urgent    Way    // for what ends access; the ordinary one where it is left out
	Public    string // the portal's address, without a final slash: who signed our events are from

	life life
	push pushes
}

// Way is how the record and the realm are reached. What ends access has connections
// of its own to both: it waits for none that other work holds.
type Way struct {
	Registry  *registry.Registry
	Directory provisioning.Directory
}

func (w *Worker) way(urgent bool) Way {
	if urgent && w.Urgent.Registry != nil {
		return w.Urgent
	}
	return Way{w.Registry, w.Directory}
}

// longest is how long a lane sleeps when nothing wakes it.
const longest = 30 * time.Second

// finishing is how long a lane may go on, after the end, with what it has in hand.
// Cut short, it would leave a lease that nobody touches until it runs out, and a
// message that was sent and is sent again.
const finishing = 3 * time.Second

// Run works until ctx ends, and returns when every lane has put down what it had
// in hand.
func (w *Worker) Run(ctx context.Context) {
	var lanes sync.WaitGroup
	wakes := map[registry.Lane]chan struct{}{}
	lane := func(name registry.Lane, workers int, work func(context.Context) (bool, error)) {
		wake := make(chan struct{}, workers)
		wakes[name] = wake
		for range workers {
			lanes.Go(func() { w.loop(ctx, name, wake, work) })
		}
	}
	lane(registry.LaneDue, 1, w.due())
	lane(registry.LaneSites, 2, w.site)                                                                   // many worksites may open in one morning
	lane(registry.LaneUrgent, 4, func(ctx context.Context) (bool, error) { return w.account(ctx, true) }) // somebody's end may be that of many
	lane(registry.LaneAccounts, 4, func(ctx context.Context) (bool, error) { return w.account(ctx, false) })
	lane(registry.LaneLanguage, 1, w.language)
	lane(registry.LaneEvents, 1, w.events)
	lane(registry.LaneMail, 1, w.mail)
	lane(registry.LaneUnverified, 1, w.unverified)
	lane(registry.LaneStrangers, 1, w.stranger)
	lanes.Go(func() { w.following(ctx) })
	lanes.Go(func() { w.comparing(ctx) })
	look := make(chan struct{}, 1)
	lanes.Go(func() { w.watch(ctx, look, wakes) })
	lanes.Go(func() {
		for ctx.Err() == nil {
			if err := w.Registry.Listen(ctx, func(lane registry.Lane) {
				nudge(wakes[lane]) // one of its workers; whether others have something to do too is looked up
				nudge(look)
			}); err != nil {
				w.Log.Warn("cannot listen for work", "err", err)
				pause(ctx, time.Second)
			}
		}
	})
	lanes.Wait()
	w.push.wait.Wait()
}

// watch wakes the lanes that have something to do: all of a lane's workers, for what
// waits may be much.
func (w *Worker) watch(ctx context.Context, look <-chan struct{}, wakes map[registry.Lane]chan struct{}) {
	for ctx.Err() == nil {
		ready, next, err := w.way(true).Registry.Waiting(ctx)
		if err != nil && ctx.Err() == nil {
			w.Log.Warn("cannot tell what waits", "err", err)
			next = time.Second
		}
		for _, lane := range ready {
			for range cap(wakes[lane]) {
				nudge(wakes[lane])
			}
		}
		select {
		case <-ctx.Done():
		case <-look:
		case <-time.After(next):
		}
	}
}

func nudge(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // it is awake already
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// loop does what there is to do and then sleeps.
func (w *Worker) loop(ctx context.Context, name registry.Lane, wake <-chan struct{}, work func(context.Context) (bool, error)) {
	hand, drop := context.WithCancel(context.WithoutCancel(ctx))
	defer drop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(finishing, drop) })()
	for ctx.Err() == nil {
		did, err := work(hand)
		if err != nil {
			w.Log.Warn("work failed", "lane", name, "err", err)
			pause(ctx, 200*time.Millisecond)
		}
		if did {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-time.After(longest):
		}
	}
}

// due is the lane that settles what time changed and, hourly, forgets what is long over.
func (w *Worker) due() func(context.Context) (bool, error) {
	var forgot time.Time
	return func(ctx context.Context) (more bool, err error) {
		more, err = w.way(true).Registry.Due(ctx)
		if time.Since(forgot) > time.Hour {
			forgot = time.Now()
			err = errors.Join(err, w.Registry.Forget(ctx))
		}
		if err != nil { // what cannot be settled stays due
			pause(ctx, time.Second)
		}
		return more, err
	}
}

// mail sends one message.
func (w *Worker) mail(ctx context.Context) (bool, error) {
	m, lease, ok, err := w.Registry.ClaimMail(ctx)
	if err != nil || !ok {
		return false, err
	}
	answer, err := w.Mail.Send(ctx, m)
	switch {
	case err == nil:
		return true, w.Registry.MailSent(ctx, m.ID, lease, answer)
	case errors.Is(err, mail.ErrLater):
		return true, errors.Join(err, w.Registry.MailLater(ctx, m.ID, lease, answer))
	default:
		return true, errors.Join(err, w.Registry.MailFailed(ctx, m.ID, lease, answer))
	}
}
