package provisioning

import "time"

// Change is one entry of the directory's own record of what was done to it.
//
// Not in that record, and so only in a full compare: groups embedded in a creation,
// memberships that went with a group or a person, and what was done past the
// directory's front door. A repeated join changes nothing and is not there either.
type Change struct {
	ID      string // the directory's; the same change has the same one each time
	At      time.Time
	Kind    ChangeKind
	Sub     string // the person; empty where it is about none
	GroupID string // the group; of a group that was made or moved, the one that it is now under
	Path    string // of GroupID as it is now; empty where it is gone, or where Ours says enough
	// Who did it: their names where the directory shows them, else its ids.
	ByClient, ByUser string
	Ours             bool // with our writer's credential; whether on a decision is the record's to say
}

// ChangeKind names what was done.
type ChangeKind string

// The kinds of change. A group that was moved shows as changed, and names only where
// it is now: which it was, and what else moved with it, a look at Groups tells. That
// is why changed and removed groups are told wherever they are.
const (
	ChangeJoined        ChangeKind = "joined"
	ChangeLeft          ChangeKind = "left"
	ChangePersonMade    ChangeKind = "person-made"
	ChangePersonChanged ChangeKind = "person-changed"
	ChangePersonRemoved ChangeKind = "person-removed"
	ChangeGroupMade     ChangeKind = "group-made"
	ChangeGroupChanged  ChangeKind = "group-changed"
	ChangeGroupRemoved  ChangeKind = "group-removed"
	ChangeSessionsEnded ChangeKind = "sessions-ended"
	ChangeOther         ChangeKind = "other" // of a person: a password set, a role given, a mail sent, …
)
