package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// makeVault makes the folder of the data folder in which Keycloak, which runs as
// we do, looks up the secrets that its realms refer to.
func makeVault(data *Data) (string, error) {
	dir := filepath.Join(data.Dir, "vault")
	return dir, os.MkdirAll(dir, 0o700)
}

// PutSecret puts a secret into the vault of the stack's Keycloak and returns the
// reference that stands for it in this realm, "${vault.<key>}". Keycloak reads
// the file at each use: another secret under the same key holds at once. Keycloak
// keeps the secret of key k of realm r in the file r_k, with underscores doubled.
// Of a server that takes references for secrets, it returns the secret itself.
func (a Addresses) PutSecret(realm, key, secret string) (reference string, err error) {
	if a.PlainSecrets {
		return secret, nil
	}
	if a.Vault == "" {
		return "", errors.New("this stack has no vault: it was started by an earlier build")
	}
	doubled := strings.NewReplacer("_", "__")
	path := filepath.Join(a.Vault, doubled.Replace(realm)+"_"+doubled.Replace(key))
	return "${vault." + key + "}", writeWhole(path, []byte(secret))
}

// takesLiterally says whether a version of Keycloak takes the reference in a client's
// secret for the secret: 26.5.6 does, 26.7.3 does not, those between were not tried.
func takesLiterally(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d.", &major, &minor)
	return err == nil && (major < 26 || major == 26 && minor <= 5)
}
