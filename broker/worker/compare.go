package worker

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"countersign/broker/registry"
	"countersign/provisioning"
)

// share is how many times as long as a call took the next waits: a full compare has one
// call in flight and takes at most a quarter of what the server can give one caller.
const share = 3

// comparing compares all of the realm with the record when that is due.
func (w *Worker) comparing(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.compare(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("work failed", "lane", "compare", "err", err)
		}
		pause(ctx, longest)
	}
}

func (w *Worker) compare(ctx context.Context) error {
	lease, at, ok, err := w.Registry.ClaimCompare(ctx)
	if err != nil || !ok {
		return err
	}
	begun := time.Now()
	l := &look{Worker: w, lease: lease, paced: &paced{Directory: w.Directory}, at: at}
	done := registry.Compared{Outcome: "done"}
	seen, why, err := l.all(ctx)
	switch {
	case err != nil:
		done.Outcome = "failed"
	case why != "":
		done.Outcome = why
	}
	done.People, done.Memberships, done.Calls, done.Took = int64(seen.People), int64(seen.Memberships), int64(l.paced.calls), time.Since(begun)
	return errors.Join(err, w.Registry.EndCompare(context.WithoutCancel(ctx), lease, done))
}

// look is one look at the whole realm.
type look struct {
	*Worker
	lease  string
	paced  *paced
	at     time.Time                       // of the record, when it began
	people map[string]registry.KnownPerson // by sub
	groups map[string]registry.KnownGroup  // by id
	sites  map[string]string               // ids by path
	found  []registry.Difference           // what is told as it is
	odd    []provisioning.Difference       // memberships: those concerned are looked at by themselves
	kept   time.Time                       // when the claim was last prolonged
}

// all compares everything. What it found is told and followed only when the realm is as
// whole at the end as at the beginning, and shows about as much as it should: why says
// what speaks against that.
func (l *look) all(ctx context.Context) (seen provisioning.Seen, why string, err error) {
	e, err := l.expected(ctx)
	if err != nil {
		return seen, "", err
	}
	err = l.paced.Sentinel(ctx)
	if err == nil {
		seen, err = provisioning.Compare(ctx, l.paced, e, func(some []provisioning.Difference) error { l.sort(some); return nil })
	}
	if err == nil {
		err = l.paced.Sentinel(ctx)
	}
	if err != nil && !errors.Is(err, provisioning.ErrImplausible) {
		return seen, "", err
	}
	var counts registry.ImplausibleCount
	counts.Listed = provisioning.Counts{People: seen.People, Memberships: seen.Memberships}
	confirmed, failed := l.Registry.Counted(ctx)
	if failed != nil {
		return seen, "", failed
	}
	if counts.Confirmed = confirmed; err != nil {
		why = "sentinel"
	} else {
		why = provisioning.Implausible(counts.Confirmed, counts.Listed)
	}
	believed, err := l.Registry.Believe(ctx, why, counts)
	if err != nil || !believed {
		return seen, why, err
	}
	return seen, "", l.follow(ctx)
}

// follow tells what was found, weighs all that would be taken away together, and has
// each account concerned looked at by itself.
func (l *look) follow(ctx context.Context) error {
	if err := l.dropOurs(ctx); err != nil {
		return err
	}
	found, err := l.Registry.Report(ctx, l.found...)
	tellFound(l.Log, found)
	if err != nil {
		return err
	}
	mode, err := l.Registry.RealmMode(ctx)
	if err != nil {
		return err
	}
	listed, suspects := registry.DriftListed, map[string]bool{}
	if mode != registry.ModeEnforce { // nobody takes those away, so nobody else tells when they are gone
		listed = append([]string{registry.DriftStranger}, listed...)
		reported, err := l.Registry.Reported(ctx)
		if err != nil {
			return err
		}
		for _, id := range reported {
			suspects[id] = true
		}
	}
	if err := l.Registry.SettleListed(ctx, listed, l.at, l.found); err != nil {
		return err
	}
	if mode == registry.ModeEnforce {
		if err := l.weigh(ctx); err != nil {
			return err
		}
	}
	for _, d := range l.odd {
		suspects[l.people[d.Sub].Account] = true
	}
	var ids []string
	for id := range suspects {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return l.Registry.Suspect(ctx, ids)
}

// weigh puts all that no recorded end explains before the brake at once.
func (l *look) weigh(ctx context.Context) error {
	var asked []provisioning.Effect
	var subs, groups []string
	paths := map[string]string{}
	for _, d := range l.odd {
		if d.Kind == provisioning.Surplus {
			subs, groups = append(subs, d.Sub), append(groups, d.Group.ID)
			paths[d.Group.ID] = d.Group.Path
		}
	}
	undecided, err := l.Registry.Undecided(ctx, subs, groups)
	if err != nil {
		return err
	}
	for _, u := range undecided {
		asked = append(asked, provisioning.Effect{Do: provisioning.DoLeave, Account: l.people[u[0]].Account, Sub: u[0], Group: u[1], Path: paths[u[1]]})
	}
	for _, d := range l.found {
		if d.Kind == registry.DriftStranger {
			asked = append(asked, provisioning.Effect{Do: provisioning.DoLeave, Sub: d.Sub, Group: d.Group, Path: l.pathOf(d.Group)})
		}
	}
	_, err = l.Registry.PassBrake(ctx, asked, true)
	return err
}

// expected reads what the realm should show.
func (l *look) expected(ctx context.Context) (e provisioning.Expected, err error) {
	groups, sites, err := l.Registry.KnownGroups(ctx)
	if err != nil {
		return e, err
	}
	people, err := l.Registry.KnownPeople(ctx)
	if err != nil {
		return e, err
	}
	e = provisioning.Expected{Root: l.Root, Made: map[string]string{}, Known: map[string]bool{}, Members: l.members}
	l.groups, l.people, l.sites = map[string]registry.KnownGroup{}, map[string]registry.KnownPerson{}, map[string]string{}
	for _, g := range groups {
		l.groups[g.ID] = g
		l.sites[path.Join(l.Root, g.Program, g.Code)] = g.Site
		e.Groups = append(e.Groups, provisioning.Group{ID: g.ID, Path: l.pathOf(g.ID)})
	}
	programs, err := l.Registry.Programs(ctx)
	for _, s := range sites {
		at := path.Join(l.Root, s.Program, s.Code)
		e.Inner = append(e.Inner, path.Dir(at), at)
		if p := programs[s.Program]; p != nil && s.Coming {
			for _, role := range p.Roles {
				e.Inner = append(e.Inner, path.Join(at, role.Code))
			}
			for _, entitlement := range p.Entitlements {
				e.Inner = append(e.Inner, path.Join(at, entitlement))
			}
		}
	}
	for id := range programs {
		e.Inner = append(e.Inner, path.Join(l.Root, id))
	}
	for _, p := range people {
		l.people[p.Sub] = p
		e.Known[p.Sub] = true
		if p.Made {
			e.Made[p.Sub] = p.UserName
		}
	}
	return e, err
}

func (l *look) pathOf(group string) string {
	g := l.groups[group]
	return path.Join(l.Root, g.Program, g.Code, g.Leaf)
}

// members gives who is to be in a group, and keeps the claim meanwhile.
func (l *look) members(ctx context.Context, group string) (map[string]bool, error) {
	if time.Since(l.kept) > 10*time.Second {
		if err := l.Registry.KeepCompare(ctx, l.lease); err != nil {
			return nil, err
		}
		l.kept = time.Now()
	}
	g := l.groups[group]
	holders, err := l.Registry.Holders(ctx, g.Site, g.Leaf)
	wanted := make(map[string]bool, len(holders))
	for sub, account := range holders {
		wanted[sub] = true
		if _, known := l.people[sub]; !known { // since the beginning
			l.people[sub] = registry.KnownPerson{Account: account, Sub: sub}
		}
	}
	return wanted, err
}

// dropOurs takes out of what was found the groups that we made since we read what the
// realm should show: nobody else did.
func (l *look) dropOurs(ctx context.Context) error {
	fresh := func(d registry.Difference) bool { return d.Kind == registry.DriftGroupNew }
	if !slices.ContainsFunc(l.found, fresh) {
		return nil
	}
	e, err := (&look{Worker: l.Worker}).expected(ctx) // what l knows is about when it began
	if err != nil {
		return err
	}
	for _, g := range e.Groups {
		e.Inner = append(e.Inner, g.Path)
	}
	l.found = slices.DeleteFunc(l.found, func(d registry.Difference) bool { return fresh(d) && slices.Contains(e.Inner, d.Path) })
	return nil
}

// sort keeps apart what is told as it is from whose account is looked at again.
func (l *look) sort(some []provisioning.Difference) {
	for _, f := range some {
		if f.Kind == provisioning.Surplus || f.Kind == provisioning.Missing {
			l.odd = append(l.odd, f)
			continue
		}
		l.found = append(l.found, l.difference(f))
	}
}

// difference is a difference with what the record knows of it.
func (l *look) difference(f provisioning.Difference) registry.Difference {
	d := registry.Difference{Kind: f.Kind, Account: l.people[f.Sub].Account, Sub: f.Sub, Group: f.Group.ID, Path: f.Group.Path, FoundBy: "compare"}
	if g, known := l.groups[f.Group.ID]; known {
		d.Site, d.Leaf = g.Site, g.Leaf
	} else if f.Was != "" {
		d.Site = l.sites[f.Was]
	}
	if f.Kind == provisioning.Stranger || f.Kind == provisioning.GroupMissing {
		d.Path = "" // as the record has it
	}
	return d
}

// lookAtGroups tells what became of the groups after somebody else changed some; a
// change may be why it is looked at, and not be known.
func (w *Worker) lookAtGroups(ctx context.Context, changes []registry.RealmChange) error {
	at, err := w.Registry.Now(ctx)
	if err != nil {
		return err
	}
	l := &look{Worker: w, at: at}
	e, err := l.expected(ctx)
	if err == nil {
		err = w.Directory.Sentinel(ctx)
	}
	if err != nil {
		return err
	}
	have, err := w.Directory.Groups(ctx)
	if err != nil {
		return err
	}
	l.sort(provisioning.CompareGroups(e, have))
	if err := l.dropOurs(ctx); err != nil {
		return err
	}
	for i := range l.found {
		madeBy(&l.found[i], changes)
	}
	found, err := w.Registry.Report(ctx, l.found...)
	tellFound(w.Log, found)
	if err != nil {
		return err
	}
	return w.Registry.SettleListed(ctx, registry.DriftGroups, at, l.found)
}

// madeBy names who changed a group: whoever changed that one; of what was moved or made
// the realm names another, and then whoever alone changed any.
func madeBy(d *registry.Difference, changes []registry.RealmChange) {
	var by *registry.RealmChange
	for i, c := range changes {
		if c.Group == d.Group {
			by = &changes[i]
		}
	}
	if by == nil && len(changes) > 0 && !slices.ContainsFunc(changes, func(c registry.RealmChange) bool {
		return c.ByUser != changes[0].ByUser || c.ByClient != changes[0].ByClient
	}) {
		by = &changes[0]
	}
	if by != nil {
		d.FoundBy, d.Change, d.ByClient, d.ByUser = "event", by.ID, by.ByClient, by.ByUser
	}
}
