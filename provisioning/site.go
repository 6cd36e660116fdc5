package provisioning

import (
	"fmt"
	"regexp"
)

// code is what may stand between two slashes of a group path. Keycloak accepts
// a slash inside a group's name, which would make two paths read alike.
var code = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Check refuses (ErrInvalid) codes that are not lower-case letters, digits and
// hyphens, a site without a name, and a leaf named twice.
func (s Site) Check() error {
	for _, c := range []string{s.Program, s.Code} {
		if !code.MatchString(c) {
			return fmt.Errorf("%w: code %q", ErrInvalid, c)
		}
	}
	if s.Name == "" {
		return fmt.Errorf("%w: site %s without a name", ErrInvalid, s.Code)
	}
	seen := map[string]bool{}
	for _, leaf := range s.Leaves {
		if !code.MatchString(leaf.Code) || seen[leaf.Code] {
			return fmt.Errorf("%w: leaf %q of site %s", ErrInvalid, leaf.Code, s.Code)
		}
		seen[leaf.Code] = true
	}
	return nil
}
