package bulk

import (
	"context"
	"errors"
	"slices"

	"countersign/broker/registry"
	"countersign/policies"
)

// Outcome is what became of a row, or would.
type Outcome string

// The outcomes.
const (
	WouldMake Outcome = "would-make" // an account and a request
	WouldAsk  Outcome = "would-ask"  // a request for an account that is there
	Made      Outcome = "made"
	Asked     Outcome = "asked"
	Already   Outcome = "already"  // they hold the role there, or have asked for it
	Before    Outcome = "before"   // done in an earlier run of the same decision
	Over      Outcome = "over"     // done in an earlier run, and gone since
	Faulty    Outcome = "faulty"   // it cannot be imported
	LeftOut   Outcome = "left-out" // faulty, and the rest was imported
	Failed    Outcome = "failed"   // something else was in the way; try again
	NotBegun  Outcome = "not-begun"
)

// Outcomes are all of them, in the order in which they are counted for the eye.
var Outcomes = []Outcome{WouldMake, WouldAsk, Made, Asked, Already, Before, Over, Faulty, LeftOut, Failed, NotBegun}

// Look holds every row against the record and says what would become of it. Nothing is
// changed. An error is about the decision as a whole: who is said to have taken it may
// not.
func (f *File) Look(ctx context.Context, reg *registry.Registry, n registry.NewBatch) error {
	var rows []registry.ImportRow
	var whole []*Row
	coming := registry.Coming{}
	for _, r := range f.Rows {
		if r.Outcome = Faulty; len(r.Wrong) > 0 {
			continue
		}
		rows, whole = append(rows, r.ImportRow), append(whole, r)
		if role, _ := f.program.Role(r.Role); role.Can(policies.Authorize) {
			coming[[2]string{r.Site, r.Person.UserName}] = true
		}
	}
	found, err := reg.LookAtRows(ctx, n, rows, coming)
	if err != nil {
		return err
	}
	for i, r := range whole {
		r.found = found[i]
		r.wrongs(f, r.found.Wrong)
		for _, note := range r.found.Notes {
			r.Notes = append(r.Notes, f.words.T(note.Key, "UserName", note.Who))
		}
		switch {
		case len(r.Wrong) > 0:
		case r.found.Already:
			r.Outcome = Already
		case r.found.Account != "":
			r.Outcome = WouldAsk
		default:
			r.Outcome = WouldMake
		}
	}
	return nil
}

// Run records the decision and carries out every row that can be; progress is told of
// each. It ends early, without an error, when ctx does: the rows that are left are
// NotBegun, and the same decision run again goes on with them.
func (f *File) Run(ctx context.Context, reg *registry.Registry, n registry.NewBatch, progress func()) (registry.Batch, error) {
	n.Digest, n.Rows = f.Digest, len(f.Rows)
	b, err := reg.DecideBatch(ctx, n)
	if err != nil {
		return b, err
	}
	for _, r := range f.inOrder() {
		if r.Outcome == Faulty {
			r.Outcome = LeftOut
		} else if r.Outcome != Already {
			f.do(ctx, reg, n, b, r)
		}
		progress()
	}
	return b, nil
}

// inOrder are the rows with those first who may let others act: these others name them.
func (f *File) inOrder() []*Row {
	rows := slices.Clone(f.Rows)
	rank := func(r *Row) int {
		if role, _ := f.program.Role(r.Role); role.Can(policies.Authorize) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(rows, func(a, b *Row) int { return rank(a) - rank(b) })
	return rows
}

func (f *File) do(ctx context.Context, reg *registry.Registry, n registry.NewBatch, b registry.Batch, r *Row) {
	if r.Outcome = NotBegun; ctx.Err() != nil {
		return
	}
	// What has begun is finished: a row is a moment, and then it is known what became of it.
	done, err := reg.Import(context.WithoutCancel(ctx), b, r.ImportRow)
	var refused *registry.Error
	switch {
	case errors.As(err, &refused) && len(refused.Fields) > 0: // since it was looked at
		r.Outcome = LeftOut
		r.wrongs(f, refused.Fields)
	case errors.As(err, &refused):
		r.Outcome, r.Failed = Failed, f.words.T(refused.Key)
	case err != nil:
		r.Outcome, r.Failed = Failed, err.Error()
	case done.Before:
		r.Outcome = f.before(ctx, reg, n, r)
	default:
		r.Outcome = map[string]Outcome{registry.ImportMade: Made, registry.ImportAsked: Asked, registry.ImportAlready: Already}[done.Outcome]
	}
}

// before tells whether what an earlier run made is still there.
func (f *File) before(ctx context.Context, reg *registry.Registry, n registry.NewBatch, r *Row) Outcome {
	if found, err := reg.LookAtRows(ctx, n, []registry.ImportRow{r.ImportRow}, nil); err == nil && !found[0].Already {
		return Over
	}
	return Before
}
