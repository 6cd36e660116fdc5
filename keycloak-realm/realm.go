// Package realm holds what the product asks of a Keycloak realm, as data.
//
// realm.json has one section per resource of the admin API of Keycloak 26.7:
//
//	realm         the realm's own settings           PUT /admin/realms/{realm}
//	flows         how people sign in               POST …/authentication/flows, bound by PUT
//	providerFlow  what follows a sign-in elsewhere   as flows, bound at each identity provider
//	requiredActions  what they may set up          PUT …/authentication/required-actions/{alias}
//	profile       which attributes a person has      PUT …/users/profile
//	clients       the portal, a service account,     POST …/clients
//	              a relying application
//	programScope  the client scope of one program    POST …/client-scopes
//
// Which realm-management roles the two service accounts hold is not data: the
// start proof (provisioning/keycloak) knows it and would refuse anything else.
//
// A word in double braces is filled in when the realm is applied; a list filled
// into a list becomes part of it. `${…}` is Keycloak's own and stays. Applying
// it is provisioning/keycloak's business, running the server broker/local's.
package realm

import _ "embed"

// JSON is the realm template. See the package comment for its sections.
//
//go:embed realm.json
var JSON []byte
