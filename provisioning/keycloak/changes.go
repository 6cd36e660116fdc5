package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/provisioning"
)

// adminEvent is an entry of the realm's record of what was done by its admin API.
type adminEvent struct {
	ID          string
	Time        int64 // ms
	AuthDetails struct {
		RealmID, ClientID, UserID string // ids; of master's where an administrator of master did it
	}
	OperationType, ResourceType, ResourcePath string
}

// Changes implements provisioning.Directory over the realm's admin events. Without
// their representations, which would keep people's details once more, an event names
// ids: a child group's making its parent, a move where the group now is.
func (d *Directory) Changes(ctx context.Context, since time.Time) ([]provisioning.Change, error) {
	if err := d.recording(ctx); err != nil {
		return nil, err
	}
	events, err := d.events(ctx, since.UnixMilli())
	if errors.Is(err, provisioning.ErrForbidden) {
		return nil, fmt.Errorf("keycloak: the reader lacks view-events, countersign realm apply gives it: %w (%w)", provisioning.ErrUnrecorded, err)
	}
	if err != nil || len(events) == 0 {
		return nil, err
	}
	t := told{d: d, paths: map[string]string{}, names: map[string]string{}, concern: map[string]bool{}}
	if t.writer, err = d.writerUser(ctx); err != nil {
		return nil, err
	}
	var all []provisioning.Change
	for _, e := range events {
		c, err := t.change(ctx, e)
		if err != nil {
			return nil, err
		}
		if c.Kind != "" {
			all = append(all, c)
		}
	}
	return all, nil
}

// recorded is how long it is believed that the realm goes on recording changes.
const recorded = time.Minute

// recording asks, once in a while, whether the realm records changes at all.
func (d *Directory) recording(ctx context.Context) error {
	d.mu.Lock()
	fresh := time.Since(d.recordedAt) < recorded
	d.mu.Unlock()
	if fresh {
		return nil
	}
	var realm struct {
		On *bool `json:"adminEventsEnabled"`
	}
	if err := d.list(ctx, "realm", "", nil, &realm); err != nil {
		return err
	}
	if realm.On == nil || !*realm.On {
		return fmt.Errorf("keycloak: admin events are off: %w", provisioning.ErrUnrecorded)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.recordedAt = time.Now()
	return nil
}

// events reads everything from since on, in ms, by time and not by position: with
// others writing, and with several events in one ms, positions move.
func (d *Directory) events(ctx context.Context, since int64) ([]adminEvent, error) {
	var all []adminEvent
	seen := map[string]bool{}
	for size := page; ; {
		var some []adminEvent
		err := d.list(ctx, "list admin events", "/admin-events", url.Values{
			"resourceTypes": {"USER", "GROUP", "GROUP_MEMBERSHIP", "REALM_ROLE_MAPPING", "CLIENT_ROLE_MAPPING"},
			"dateFrom":      {strconv.FormatInt(since, 10)}, "direction": {"asc"}, "first": {"0"}, "max": {strconv.Itoa(size)},
		}, &some)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			if !seen[e.ID] {
				seen[e.ID] = true
				all = append(all, e)
			}
		}
		if len(some) < size {
			return all, nil
		}
		if last := some[len(some)-1].Time; last > since {
			since, size = last, page
		} else {
			size *= 2 // more in one ms than a page holds
		}
	}
}

// writerUser is the id of the user behind the writer. By it, and not by the client's
// id, the writer's changes are known: a shared realm does not show the reader clients.
func (d *Directory) writerUser(ctx context.Context) (string, error) {
	d.mu.Lock()
	known := d.writerID
	d.mu.Unlock()
	if known != "" {
		return known, nil
	}
	id, err := d.userNamed(ctx, serviceAccountUser(d.cfg.WriterID))
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writerID = id
	return id, nil
}

// userNamed is the id of the user of exactly that name.
func (d *Directory) userNamed(ctx context.Context, name string) (string, error) {
	var found []struct{ ID, Username string }
	if err := d.list(ctx, "look up user", "/users", url.Values{"exact": {"true"}, "username": {name}}, &found); err != nil {
		return "", err
	}
	if len(found) != 1 || found[0].Username != name {
		return "", fmt.Errorf("keycloak: user %s: %w", name, provisioning.ErrNotFound)
	}
	return found[0].ID, nil
}

// told turns events into changes, and looks up what they do not say, once each.
type told struct {
	d       *Directory
	writer  string
	paths   map[string]string // of groups, by id
	names   map[string]string // of users and clients, by id
	concern map[string]bool   // people of a shared realm who are in a group of ours, or gone
}

// change is the change that an event tells; without a kind where it is nobody's
// business here.
func (t *told) change(ctx context.Context, e adminEvent) (c provisioning.Change, err error) {
	c = provisioning.Change{ID: e.ID, At: time.UnixMilli(e.Time), Ours: e.AuthDetails.UserID == t.writer}
	at := strings.Split(strings.Trim(strings.ReplaceAll(e.ResourcePath, "//", "/"), "/"), "/")
	if len(at) < 2 {
		return c, nil
	}
	switch at[0] {
	case "users":
		c.Sub = at[1]
	case "groups":
		c.GroupID = at[1]
	}
	kind := kindOf(e, at)
	if kind == provisioning.ChangeJoined || kind == provisioning.ChangeLeft {
		c.GroupID = at[3]
	}
	if keep, err := t.keeps(ctx, &c, kind); err != nil || !keep {
		return c, err
	}
	c.Kind = kind
	c.ByClient, c.ByUser, err = t.by(ctx, e, c.Ours)
	return c, err
}

// kindOf reads what was done to what: at is the event's path, in its parts.
func kindOf(e adminEvent, at []string) provisioning.ChangeKind {
	switch at[0] + " " + e.ResourceType + " " + e.OperationType {
	case "users GROUP_MEMBERSHIP CREATE":
		if len(at) == 4 {
			return provisioning.ChangeJoined
		}
	case "users GROUP_MEMBERSHIP DELETE":
		if len(at) == 4 {
			return provisioning.ChangeLeft
		}
	case "users USER CREATE":
		return provisioning.ChangePersonMade
	case "users USER UPDATE":
		return provisioning.ChangePersonChanged
	case "users USER DELETE":
		if len(at) == 2 {
			return provisioning.ChangePersonRemoved
		}
	case "users USER ACTION":
		if at[len(at)-1] == "logout" {
			return provisioning.ChangeSessionsEnded
		}
	case "groups GROUP CREATE":
		return provisioning.ChangeGroupMade
	case "groups GROUP DELETE":
		return provisioning.ChangeGroupRemoved
	}
	switch at[0] {
	case "users":
		return provisioning.ChangeOther
	case "groups":
		return provisioning.ChangeGroupChanged
	}
	return ""
}

// keeps says whether a change concerns what is ours, and fills in the group's path.
// What the writer did does: it does nothing else. Of somebody else's doing: a
// membership or a new group only under our root; other changes of groups always,
// since a move away from us names but the place that it went to; and in a shared
// realm a person only who is in a group of ours.
func (t *told) keeps(ctx context.Context, c *provisioning.Change, kind provisioning.ChangeKind) (bool, error) {
	if c.Ours || kind == "" {
		return kind != "", nil
	}
	if c.GroupID != "" {
		var err error
		if c.Path, err = t.path(ctx, c.GroupID); err != nil {
			return false, err
		}
		switch kind {
		case provisioning.ChangeJoined, provisioning.ChangeLeft, provisioning.ChangeGroupMade:
			return c.Path == "" || strings.HasPrefix(c.Path+"/", t.d.cfg.Root+"/"), nil
		}
		return true, nil
	}
	if t.d.cfg.Topology != Shared {
		return true, nil
	}
	concerns, known := t.concern[c.Sub]
	if !known {
		held, err := t.d.Memberships(ctx, c.Sub)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return false, err
		}
		concerns = err != nil || len(held) > 0
		t.concern[c.Sub] = concerns
	}
	return concerns, nil
}

// path is where a group is now; empty where it is gone.
func (t *told) path(ctx context.Context, id string) (string, error) {
	if path, known := t.paths[id]; known {
		return path, nil
	}
	var g struct{ Path string }
	err := t.d.list(ctx, "look up group", "/groups/"+url.PathEscape(id), nil, &g)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return "", err
	}
	t.paths[id] = g.Path
	return g.Path, nil
}

// by names who did it. An administrator of master is not to be seen from here: then
// the ids have to do.
func (t *told) by(ctx context.Context, e adminEvent, ours bool) (client, user string, err error) {
	if ours {
		return t.d.cfg.WriterID, serviceAccountUser(t.d.cfg.WriterID), nil
	}
	client, user = e.AuthDetails.ClientID, e.AuthDetails.UserID
	if len(t.names) == 0 {
		clients, err := t.d.clients(ctx, "")
		if err != nil {
			return "", "", err
		}
		for _, c := range clients {
			t.names[*c.ID] = *c.ClientID
		}
	}
	if _, known := t.names[user]; !known && user != "" {
		var u struct{ Username string }
		err := t.d.list(ctx, "look up who changed it", "/users/"+url.PathEscape(user), nil, &u)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return "", "", err
		}
		t.names[user] = u.Username
	}
	if name := t.names[client]; name != "" {
		client = name
	}
	if name := t.names[user]; name != "" {
		user = name
	}
	return client, user, nil
}
