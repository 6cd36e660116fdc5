package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// Invariants is what countersign audit invariants found.
type Invariants struct {
	Violations []registry.Violation
	// NotYet is what the realm does not show yet of a decision that is younger than a
	// minute, and what is on record as a difference that waits for people: no violation.
	NotYet []string
}

// settled is how long the realm may take to follow (I1, I6, I12).
const settled = time.Minute

// again is how long after the first look a second one is taken: a live product goes on
// while it is looked at, and only what both have found is there.
const again = time.Second

// FindInvariants looks whether the realm is what the record says: nobody is in a group
// without a grant (I1), nor a minute after it ended (I6); whoever has a grant is in its
// group and nobody is there twice (I12); what was changed with our writer's credential
// since a moment of the realm's clock follows from a recorded step (I13). Nothing stays half
// done (I5). The record's own invariants are Registry.Invariants.
func FindInvariants(ctx context.Context, reg *registry.Registry, d provisioning.Directory, since time.Time) (Invariants, error) {
	first, err := findOnce(ctx, reg, d, since)
	if err != nil || len(first.Violations) == 0 {
		return first, err
	}
	select {
	case <-ctx.Done():
		return first, ctx.Err()
	case <-time.After(again):
	}
	second, err := findOnce(ctx, reg, d, since)
	second.Violations = slices.DeleteFunc(second.Violations, func(v registry.Violation) bool { return !slices.Contains(first.Violations, v) })
	return second, err
}

func findOnce(ctx context.Context, reg *registry.Registry, d provisioning.Directory, since time.Time) (found Invariants, err error) {
	if err := d.Sentinel(ctx); err != nil {
		return found, fmt.Errorf("the realm does not show itself as it is: %w", err)
	}
	if found.Violations, err = reg.Unfinished(ctx); err != nil {
		return found, err
	}
	if found.NotYet, err = reg.Unconfirmed(ctx); err != nil {
		return found, err
	}
	// The realm first: what the record decides meanwhile is younger than a minute.
	seen, err := look(ctx, d, since)
	if err != nil {
		return found, err
	}
	p, err := reg.Projection(ctx)
	if err != nil {
		return found, err
	}
	found.memberships(p, seen)
	found.people(p, seen)
	return found, found.changes(ctx, reg, p, seen)
}

// eventsBack is how far back an audit looks at what was changed in the realm.
const eventsBack = 24 * time.Hour

// AuditRealm is FindInvariants for the realm that a configuration names, and for what
// was changed there in the last day.
func AuditRealm(ctx context.Context, c Config, reg *registry.Registry) (Invariants, error) {
	return FindInvariants(ctx, reg, c.directory(nil), time.Now().Add(-eventsBack))
}

// seen is the realm as it was found.
type seen struct {
	paths   map[string]string // of groups under our root, by id
	members map[[2]string]bool
	people  []provisioning.Member
	changes []provisioning.Change

	unrecorded bool // the realm does not tell what was changed
}

func look(ctx context.Context, d provisioning.Directory, since time.Time) (*seen, error) {
	s := &seen{paths: map[string]string{}, members: map[[2]string]bool{}}
	groups, err := d.Groups(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		s.paths[g.ID] = g.Path
		members, err := d.Members(ctx, g.ID)
		if errors.Is(err, provisioning.ErrNotFound) { // it has just gone
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			s.members[[2]string{m.Sub, g.ID}] = true
		}
	}
	if err := d.People(ctx, func(some []provisioning.Member) error {
		s.people = append(s.people, some...)
		return nil
	}); err != nil {
		return nil, err
	}
	s.changes, err = d.Changes(ctx, since)
	if s.unrecorded = errors.Is(err, provisioning.ErrUnrecorded); s.unrecorded {
		err = nil
	}
	return s, err
}

// memberships compares both ways.
func (f *Invariants) memberships(p registry.Projection, s *seen) {
	wanted, ended := map[[2]string]bool{}, map[[2]string]time.Time{}
	for _, w := range p.Wanted {
		key := [2]string{w.Sub, w.Group}
		wanted[key] = true
		if what := fmt.Sprintf("account %s is not in %s", w.Account, path(s, w.Group)); !s.members[key] && !f.known(p, key, what) {
			f.add(p.At.Sub(w.Since), "I12", what)
		}
	}
	for _, e := range p.Ended {
		ended[[2]string{e.Sub, e.Group}] = e.Since
	}
	for key := range s.members {
		if wanted[key] {
			continue
		}
		what := fmt.Sprintf("person %s is in %s", key[0], path(s, key[1]))
		if f.known(p, key, what+" without a grant") {
			continue
		}
		if at, was := ended[key]; was {
			f.add(p.At.Sub(at), "I6", what+" after the grant ended")
			continue
		}
		f.Violations = append(f.Violations, registry.Violation{Invariant: "I1", What: what + " without a grant"})
	}
}

// known tells of a membership whose difference is on record and waits for people, or is
// to stay while the realm is only observed: /realm/differences has it.
func (f *Invariants) known(p registry.Projection, membership [2]string, what string) bool {
	for _, d := range p.Open {
		if (d.Sub != "" || d.Group != "") && (d.Sub == "" || d.Sub == membership[0]) && (d.Group == "" || d.Group == membership[1]) {
			f.NotYet = append(f.NotYet, what+", on record as a difference ("+d.Kind+")")
			return true
		}
	}
	return false
}

func path(s *seen, group string) string {
	if at := s.paths[group]; at != "" || group == "" {
		return at
	}
	return "group " + group + ", which is gone"
}

// people demands that everybody whom we made is somebody's of the record, once: a
// second person of an account has a sub that it does not have.
func (f *Invariants) people(p registry.Projection, s *seen) {
	bySub, byName := map[string]bool{}, map[string]registry.ProjectedAccount{}
	for _, a := range p.Accounts {
		if a.Sub != "" {
			bySub[a.Sub] = true
		}
		byName[a.UserName] = a
	}
	for _, m := range s.people {
		if bySub[m.Sub] {
			continue
		}
		what := fmt.Sprintf("person %s carries an account of ours and is nobody's", m.Sub)
		if a := byName[m.UserName]; a.Sub == "" && a.Behind { // made a moment ago; I5 tells when that takes too long
			f.NotYet = append(f.NotYet, what)
			continue
		}
		f.Violations = append(f.Violations, registry.Violation{Invariant: "I12", What: what})
	}
}

// explains are the steps that make a change of a person.
var explains = map[provisioning.ChangeKind]provisioning.Kind{
	provisioning.ChangeJoined: provisioning.KindJoin, provisioning.ChangeLeft: provisioning.KindLeave,
	provisioning.ChangePersonMade: provisioning.KindCreate, provisioning.ChangePersonRemoved: provisioning.KindRemove,
}

// changes demands that what was done with our credential follows from a step. What the
// realm does not record, such as a repeated join, is not missed: the memberships show it.
func (f *Invariants) changes(ctx context.Context, reg *registry.Registry, p registry.Projection, s *seen) error {
	if s.unrecorded {
		f.Violations = append(f.Violations, registry.Violation{Invariant: "I13", What: "the realm does not record what is changed in it, countersign realm apply makes it"})
	}
	for _, c := range s.changes {
		kind, watched := explains[c.Kind]
		if !c.Ours || !watched {
			continue
		}
		ok, err := reg.FollowsFromStep(ctx, string(kind), c.Sub, c.GroupID, c.At)
		if err != nil {
			return err
		}
		if !ok {
			f.Violations = append(f.Violations, registry.Violation{Invariant: "I13", What: fmt.Sprintf("person %s %s %s, with our credential, and no step says so (change %s)", c.Sub, c.Kind, path(s, c.GroupID), c.ID)})
		}
	}
	return nil
}

// add is a violation where it is older than the realm may take to follow.
func (f *Invariants) add(age time.Duration, invariant, what string) {
	if age <= settled {
		f.NotYet = append(f.NotYet, what)
		return
	}
	f.Violations = append(f.Violations, registry.Violation{Invariant: invariant, What: what})
}
