package realm

import _ "embed"

// POM is the Maven project that pins the Keycloak server by version and SHA-256. broker/local
// fetches the server with it, for the demo and for the tests.
//
//go:embed pom.xml
var POM []byte
