package worker

import (
	"context"
	"time"

	"countersign/provisioning"
)

// paced is a directory that is asked one thing at a time, and rests between.
type paced struct {
	provisioning.Directory
	calls int
}

// rest waits in proportion to how long a call took.
func (p *paced) rest(ctx context.Context, begun time.Time) {
	p.calls++
	pause(ctx, share*time.Since(begun))
}

// Groups implements provisioning.Directory.
func (p *paced) Groups(ctx context.Context) ([]provisioning.Group, error) {
	defer p.rest(ctx, time.Now())
	return p.Directory.Groups(ctx)
}

// Members implements provisioning.Directory.
func (p *paced) Members(ctx context.Context, group string) ([]provisioning.Member, error) {
	defer p.rest(ctx, time.Now())
	return p.Directory.Members(ctx, group)
}

// Sentinel implements provisioning.Directory.
func (p *paced) Sentinel(ctx context.Context) error {
	defer p.rest(ctx, time.Now())
	return p.Directory.Sentinel(ctx)
}

// People implements provisioning.Directory: it rests after each page.
func (p *paced) People(ctx context.Context, each func([]provisioning.Member) error) error {
	begun := time.Now()
	return p.Directory.People(ctx, func(some []provisioning.Member) error {
		p.rest(ctx, begun)
		err := each(some)
		begun = time.Now()
		return err
	})
}
