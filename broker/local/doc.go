// Package local runs real PostgreSQL, real Keycloak and a mail catcher for the demo and for the
// tests. Nothing here is used by a production server.
//
// The flow, in the order in which a demo goes through it:
//
//	OpenData       locks the data folder; ports, secrets and keys stay in it from the first start on
//	KeycloakHome   Maven fetches the server that keycloak-realm/pom.xml pins, its digest is compared,
//	               it is augmented once and kept in the user's cache folder
//	StartPostgres  initdb at first, then the server; under an own uid where we are root
//	layTables      what Keycloak makes in an empty database, as it was made once on this machine
//	StartKeycloak  java itself, not kc.sh; ready when the management port says so
//	PutSecret      a client's secret, in the vault instead of the realm
//	StartMail      an SMTP server within this process, with a page and GET /messages
//	Start          all of these, and the databases and roles: one Stack
//
// Tests do not start stacks of their own: `countersign local -- go test ./...` is RunWith, which
// starts one stack and hands its Addresses down in the environment. Testing reads them there, and
// starts a stack of its own only where a package is tested by itself.
//
// Children die with us. Each is started from one thread that never ends and asks the kernel for a
// signal when that thread is gone (PR_SET_PDEATHSIG follows the thread, not the process), so even
// kill -9 leaves nothing behind. This makes the package one for Linux.
//
// Left to others: schemas (broker/registry), the realm's content (provisioning, keycloak-realm),
// and everything that the demo prints.
package local
