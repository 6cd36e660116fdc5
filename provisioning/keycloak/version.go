package keycloak

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The versions of Keycloak that the tests were run on, and the first that is safe for
// passkeys (CVE-2026-37982, CVE-2026-8830, CVE-2026-6856).
const (
	TestedWhole  = "26.7.3"
	TestedInPart = "26.5.6" // provisioning, sign-in and revocation, in a realm of our own
	SafePasskeys = "26.6.4"
)

// JudgeVersion says what is to be minded of a version of Keycloak; nothing of the one
// that everything was tested on. An empty one is not known.
func JudgeVersion(version string) (remarks []string) {
	if version == TestedWhole {
		return nil
	}
	have, known := parts(version)
	floor, _ := parts(SafePasskeys)
	switch {
	case !known:
		return []string{fmt.Sprintf("its version is not known, and this program was tested on %s", TestedWhole)}
	case version == TestedInPart:
		remarks = append(remarks, fmt.Sprintf("on Keycloak %s provisioning, sign-in and revocation were tested, in a realm of the product's own, and nothing else; it keeps no client's secret in a vault", version))
	default:
		remarks = append(remarks, fmt.Sprintf("Keycloak %s was not tested: the tests ran on %s, and in part on %s", version, TestedWhole, TestedInPart))
	}
	if less(have, floor) {
		remarks = append(remarks, fmt.Sprintf("Keycloak %s is unsafe for passkeys, which need %s or later (CVE-2026-37982, CVE-2026-8830, CVE-2026-6856)", version, SafePasskeys))
	}
	return remarks
}

// parts are the numbers of a version, 26.7.3.
func parts(version string) (numbers [3]int, known bool) {
	all := strings.Split(version, ".")
	if len(all) != 3 {
		return numbers, false
	}
	for i, one := range all {
		n, err := strconv.Atoi(one)
		if err != nil || n < 0 {
			return numbers, false
		}
		numbers[i] = n
	}
	return numbers, true
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// Version is the server's, which Keycloak shows to administrators of master alone.
func Version(ctx context.Context, admin Admin) (string, error) {
	r := admin.on("master")
	var info struct {
		System struct{ Version string } `json:"systemInfo"`
	}
	err := r.repeat(ctx, "server's version", func(bearer string) error {
		_, err := r.sendTo(ctx, bearer, http.MethodGet, r.url+"/admin/serverinfo", nil, &info)
		return err
	})
	return info.System.Version, err
}
