package keycloak

import (
	"context"
	"slices"
	"strings"

	"github.com/Nerzal/gocloak/v13"
)

// permitted demands that in a shared realm fine-grained permissions are on, and
// that nobody else's are in the way of ours.
func (p *proof) permitted(ctx context.Context) (err error) {
	if p.fine, err = getter(p.get).fineGrained(ctx); err != nil {
		return err
	}
	if p.fine.base == "" {
		p.found("fine-grained admin permissions are off: the realm's owner turns them on, then run countersign realm apply")
		return nil
	}
	if p.asked, err = p.fine.permissions(ctx); err != nil {
		return err
	}
	for _, name := range crowding(p.asked) {
		p.found("permission %s is about all people or all groups: beside it ours shuts out one of the two", name)
	}
	if len(p.findings) == 0 && !slices.ContainsFunc(p.asked, func(a asked) bool { return strings.HasPrefix(a.name, ourPrefix) }) {
		p.found("our permissions are not there: run countersign realm apply")
	}
	return nil
}

// apart demands that the permissions are as Apply writes them, and that what the
// reader sees of the realm's privileged groups and accounts is on the lists of
// what the writer may not touch. A harmless group that its owner made since then
// does not stop the product; one that carries roles does.
func (p *proof) apart(ctx context.Context, clients []*gocloak.Client) error {
	f, err := getter(p.get).survey(ctx, p.d.cfg.Root)
	if err != nil {
		return err
	}
	portal := ""
	for _, c := range clients {
		if *c.ClientID == p.d.cfg.PortalClientID {
			portal = *c.ID
		}
	}
	p.compare(f, p.asked, portal)
	return p.policies(ctx, p.fine, p.asked)
}

// compare wants what is given to be exactly ours, and what is denied to be at
// least what the reader can see a reason for.
func (p *proof) compare(f *found, have []asked, portal string) {
	denied := map[string][]string{} // ids by the list's name
	for _, h := range have {
		if list, ours := denialOf(h.name); ours && h.policy == nobody {
			denied[list] = append(denied[list], h.resources...)
		}
	}
	for _, want := range f.permissions(portal) {
		if _, denial := denialOf(want.name); denial {
			continue
		}
		if !slices.ContainsFunc(have, func(h asked) bool { return h.name == want.name && h.says(want) }) {
			p.found("permission %s is not as it should be: run countersign realm apply", want.name)
		}
	}
	missing := func(what string, ids, denied []string) {
		for _, id := range ids {
			if !slices.Contains(denied, id) {
				p.found("%s %s is not kept from the writer: run countersign realm apply", what, f.names[id])
			}
		}
	}
	admins := denied["countersign-not-administrators"]
	missing("group", f.adminGroups, admins)
	missing("group", f.carrying, slices.Concat(admins, denied["countersign-not-other-groups"])) // which the reader cannot always tell apart
	missing("user", f.adminUsers, denied["countersign-not-these-accounts"])
}

// denialOf names the list that a permission of ours is a part of.
func denialOf(name string) (list string, denial bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || !strings.HasPrefix(name, ourPrefix+"not-") {
		return "", false
	}
	return name[:i], true
}

// policies demands that nothing but our permissions speaks of our accounts.
func (p *proof) policies(ctx context.Context, fine fineGrained, have []asked) error {
	all, err := fine.policies(ctx)
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, one := range all {
		if strings.HasPrefix(one.Name, ourPrefix) {
			for _, user := range one.Users {
				ours[user] = true
			}
		}
	}
	for _, one := range all {
		if !strings.HasPrefix(one.Name, ourPrefix) && slices.ContainsFunc(one.Users, func(user string) bool { return ours[user] }) {
			p.found("policy %s speaks of our service accounts", one.Name)
		}
	}
	for _, h := range have {
		if strings.HasPrefix(h.name, ourPrefix) {
			continue
		}
		for _, name := range strings.Fields(h.policy) {
			if name == isWriter || name == isReader {
				p.found("permission %s uses our policy %s", h.name, name)
			}
		}
	}
	return nil
}
