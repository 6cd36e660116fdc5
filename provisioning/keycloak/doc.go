// Package keycloak is provisioning.Directory over Keycloak 26.7, and the tools
// that bring a realm into the shape that the product needs. It is the only
// package that knows gocloak and Keycloak's representations.
//
// At run time there are two service accounts of the portal's own realm:
//
//	reader   view-users, view-events, view-realm, view-clients    every GET
//	writer   manage-users, query-groups                           every other call
//
// In a shared realm (topology.go) they hold query roles and fine-grained
// permissions instead. Measured on 26.7.3, and held by TestRightsInASharedRealm:
// with manage on all groups less a list of privileged ones, and map-roles on our
// client alone, the writer makes worksites at once and escalates to nothing.
// keycloak-realm/README.md has the table and the residue.
//
// Each speaks through a guard (guard.go) that lets out only the calls listed
// there: manage-users alone could set passwords, delete people or log everybody
// out, and no setting of 26.7 takes that away. The guard also removes client
// secrets from what the reader is sent, because 26.7 shows them to view-clients
// (keycloak/keycloak#49220, mended in 26.8). Against whoever steals the reader's
// credential only the server's vault helps: see vault.go.
//
// People are adopted by our account id and never by name or mail; a repeated
// write ends in the same state. Of a person one attribute is ever changed, the
// language (language.go); Keycloak drops what is not sent with it, mail and names
// among them, and so what was read is written back.
//
//	directory.go  Config, New          people.go   create, set up, read
//	sessions.go   consents, sessions, how long a token lasts
//	account.go    tokens, retries      groups.go   memberships
//	factors.go    lost second factors  language.go the language of a person
//	guard.go      the calls allowed    site.go     groups of a site
//	prove.go  prove_shared.go  the start proof
//	inspect.go    what a doctor asks
//
// Apply, AddApp, RotateApp, RemoveApp and Apps run with an administrator's
// credential that is given for that run and kept nowhere. They read the realm,
// compare it with the template (package realm) and write only the difference:
//
//	apply.go     the realm      apps.go      applications
//	program.go   its programs   approles.go  their roles
//	topology.go  survey.go  permissions.go  wishes.go  remove.go  a shared realm
//	identity.go  an existing realm as identity provider
//	client.go  admin.go  vault.go  template.go  compare.go  keys.go
package keycloak
