package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	realm "countersign/keycloak-realm"
)

// buildOptions are fixed in the augmented server; everything else is configured at each start. What
// is disabled would look references up in the vault and show the secret to whoever may view clients
// (seen on 26.7.3); keycloak-realm/README.md asks the same of a production server.
var buildOptions = []string{
	"build", "--db=postgres", "--health-enabled=true", "--vault=file",
	"--spi-client-installation--keycloak-oidc-keycloak-json--enabled=false",
	"--spi-client-installation--keycloak-oidc-jboss-subsystem--enabled=false",
	"--spi-client-installation--keycloak-oidc-jboss-subsystem-cli--enabled=false",
	"--spi-client-registration--install--enabled=false",
}

// pin is what keycloak-realm/pom.xml says of the server.
type pin struct {
	Version string `xml:"properties>keycloak.version"`
	SHA256  string `xml:"properties>keycloak.sha256"`
}

// KeycloakHome returns the folder of the augmented Keycloak server, and fetches and augments it when
// this machine has none yet: some 10 s and 25 s. It lies in the user's cache folder and is shared by
// every demo and test of this user, also at the same time. KEYCLOAK_VERSION chooses another version
// than the pinned one; Maven's checksum is then the only check.
func KeycloakHome(ctx context.Context, log func(step string)) (string, error) {
	server, err := pinned()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place to keep Keycloak, set XDG_CACHE_HOME: %w", err)
	}
	cache = filepath.Join(cache, "countersign")
	home := filepath.Join(cache, "keycloak-"+server.Version+"-"+buildDigest())
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := waitForLock(ctx, filepath.Join(cache, "keycloak.lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if _, err := os.Stat(home); err == nil {
		return home, nil // somebody else built it while we waited
	}
	draft := home + ".new"
	if err := os.RemoveAll(draft); err != nil {
		return "", err
	}
	defer os.RemoveAll(draft)
	log("fetching Keycloak " + server.Version + " with Maven")
	if err := unpackServer(ctx, server, draft); err != nil {
		return "", err
	}
	log("augmenting Keycloak, once for this machine")
	built := filepath.Join(draft, "keycloak-"+server.Version)
	if err := augment(ctx, built); err != nil {
		return "", err
	}
	return home, os.Rename(built, home)
}

func pinned() (pin, error) {
	var p pin
	if err := xml.Unmarshal(realm.POM, &p); err != nil {
		return pin{}, fmt.Errorf("keycloak-realm/pom.xml: %w", err)
	}
	if other := os.Getenv("KEYCLOAK_VERSION"); other != "" && other != p.Version {
		if strings.ContainsAny(other, "/\\") {
			return pin{}, fmt.Errorf("KEYCLOAK_VERSION %q is no version", other)
		}
		return pin{Version: other}, nil
	}
	return p, nil
}

// buildDigest names the build options in the cache: other options, another home.
func buildDigest() string {
	sum := sha256.Sum256([]byte(strings.Join(buildOptions, " ")))
	return hex.EncodeToString(sum[:4])
}

// unpackServer has Maven copy the archive into the folder into, compares its digest and unpacks it
// there. The pom is written out because the program may run without its sources.
func unpackServer(ctx context.Context, server pin, into string) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	pom := filepath.Join(into, "pom.xml")
	if err := os.WriteFile(pom, realm.POM, 0o644); err != nil {
		return err
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("mvn is not installed: apt-get install maven")
	}
	fetch := exec.Command(mvn, "-q", "-B", "-ntp", "-f", pom, "dependency:copy", "-Dkeycloak.version="+server.Version, "-Dinto="+into)
	if err := runChild(ctx, "mvn", fetch); err != nil {
		return err
	}
	archive := filepath.Join(into, "keycloak-quarkus-dist-"+server.Version+".tar.gz")
	if err := checkDigest(archive, server.SHA256); err != nil {
		return err
	}
	if err := runChild(ctx, "tar", exec.Command("tar", "-xzf", archive, "-C", into)); err != nil {
		return err
	}
	return os.Remove(archive)
}

// checkDigest compares a file's SHA-256 with want, in hexadecimal digits; an empty want asks only
// that the file be there.
func checkDigest(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if want == "" {
		return nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%s has SHA-256 %s, and keycloak-realm/pom.xml pins %s: it is not unpacked", filepath.Base(path), got, want)
	}
	return nil
}

// augment builds the server in home for our options.
func augment(ctx context.Context, home string) error {
	java, err := findJava(ctx)
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(home, "bin", "kc.sh"), buildOptions...)
	cmd.Env = append(plainEnv(), "JAVA="+java)
	return runChild(ctx, "kc.sh build", cmd)
}

// plainEnv is our environment without Keycloak's and Java's variables, which would configure a server
// that is to be the same everywhere.
func plainEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "KC_") && !strings.HasPrefix(v, "JAVA_") && !strings.HasPrefix(v, "JDK_JAVA_") && !strings.HasPrefix(v, "QUARKUS_") {
			env = append(env, v)
		}
	}
	return env
}

// waitForLock waits until nobody else holds the file's lock. It ends when the file is closed.
func waitForLock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			f.Close()
			return nil, err
		}
	}
}
