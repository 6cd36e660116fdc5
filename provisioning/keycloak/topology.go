package keycloak

import "strconv"

// Topology says whose realm the portal's is. The zero value is Own.
type Topology string

// The topologies.
const (
	// Own: nothing privileged lives in the realm, all of it is ours to configure,
	// and an organization's existing realm is attached as identity provider.
	Own Topology = "own"
	// Shared: somebody else's realm. We add what is ours and touch nothing else;
	// what else we would like is a wish for its owner (Wishes).
	Shared Topology = "shared"
)

// rights are the realm-management roles that the two service accounts hold, and
// nothing else of ours may. In a shared realm plain manage-users would make the
// writer an administrator (it could join a group that carries realm-admin), and
// view-clients would show the reader the secrets of other people's clients; there
// fine-grained permissions say what each may, on what (permissions.go).
func (t Topology) rights() (writer, reader []string) {
	if t == Shared {
		return []string{"query-users", "query-groups"}, []string{"view-users", laterRight, "view-realm", "query-clients"}
	}
	return []string{"manage-users", "query-groups"}, []string{"view-users", "view-events", "view-realm", "view-clients"}
}

// laterRight is one that the reader of a shared realm has not always had. A program
// of before refuses to start in a realm that gives it, and so there realm apply comes
// after the upgrade, and the start proof lets it be missing: until then no change is
// followed, and what somebody else did shows in the full compare.
const laterRight = "view-events"

// permission is a fine-grained admin permission of ours: who of policy may do
// scopes with resources, or with all of the kind for nil.
type permission struct {
	name, kind string
	scopes     []string
	policy     string   // or several, parted by spaces: all of them
	resources  []string // ids
}

// Our policies, each about one service account. A permission may ask for both:
// then it is nobody's. That is how the writer is denied something. A policy that is
// true of everybody but the writer would not deny, it would give the same to all the
// others, down to whoever has no role at all.
const (
	isWriter = "countersign-writer"
	isReader = "countersign-reader"
	nobody   = isReader + " " + isWriter
)

// atOnce is how many groups one permission lists: writing one takes time that
// grows with the square of its length (0.4 s for 100, 22 s for 1500).
const atOnce = 100

// permissions are those of a shared realm. Only one permission about all of a
// kind can work in a realm (keycloak/keycloak#50740), so the writer is given all
// groups and all people, and what is not its business is taken away one by one:
//
//   - groups that carry an administrative role, those below them, and their
//     members: everything;
//   - other groups outside our root: who is in them. To deny "manage" too would
//     deny it on their members, who could then not be logged out: Keycloak looks
//     at the scope's name only;
//   - administrators and service accounts, our own among them: everything.
//
// A list must never be empty: that would mean all of the kind.
func (f *found) permissions(portal string) []permission {
	wanted := []permission{
		{"countersign-people", "Users", []string{"view", "manage", "manage-group-membership"}, isWriter, nil},
		{"countersign-groups", "Groups", []string{"view", "view-members", "manage-membership", "manage"}, isWriter, nil},
		{"countersign-roles", "Clients", []string{"map-roles"}, isWriter, []string{portal}},
		{"countersign-clients", "Clients", []string{"view"}, isReader, append([]string{portal, f.management}, f.applications...)},
	}
	deny := func(name, kind string, scopes, resources []string) {
		for n := 1; len(resources) > 0; n++ {
			some := resources[:min(atOnce, len(resources))]
			wanted = append(wanted, permission{name + "-" + strconv.Itoa(n), kind, scopes, nobody, some})
			resources = resources[len(some):]
		}
	}
	deny("countersign-not-administrators", "Groups", []string{"view", "view-members", "manage-membership", "manage",
		"manage-members", "manage-membership-of-members", "impersonate-members"}, f.adminGroups)
	deny("countersign-not-other-groups", "Groups", []string{"manage-membership"}, f.otherGroups)
	deny("countersign-not-these-accounts", "Users", []string{"view", "manage", "manage-group-membership", "reset-password",
		"map-roles", "impersonate"}, f.adminUsers)
	return wanted
}
