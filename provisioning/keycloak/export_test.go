package keycloak

// FixedKeys are the keys of tests' realms, for those that the tests make themselves.
var FixedKeys = fixedKeys
