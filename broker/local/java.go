package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// oldestJava is the first Java release that Keycloak 26 runs on.
const oldestJava = 17

var javaVersion = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// findJava returns a java program of release 17 or later: that of JAVA_HOME, else the one on the
// PATH, else any that Debian keeps.
func findJava(ctx context.Context) (string, error) {
	var candidates []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		candidates = append(candidates, filepath.Join(home, "bin", "java"))
	}
	if onPath, err := exec.LookPath("java"); err == nil {
		candidates = append(candidates, onPath)
	}
	others, err := filepath.Glob("/usr/lib/jvm/*/bin/java")
	if err != nil {
		return "", err
	}
	var old error
	for _, java := range append(candidates, others...) {
		release, err := javaRelease(ctx, java)
		if err != nil {
			continue // not a java, or a broken one: the next may do
		}
		if release >= oldestJava {
			return java, nil
		}
		old = fmt.Errorf("%s is Java %d, and Keycloak needs %d: apt-get install default-jre-headless", java, release, oldestJava)
	}
	if old != nil {
		return "", old
	}
	return "", errors.New("java is not installed: apt-get install default-jre-headless")
}

// javaRelease asks a java program for its release, such as 17.
func javaRelease(ctx context.Context, java string) (int, error) {
	said, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return 0, err
	}
	found := javaVersion.FindSubmatch(said)
	if found == nil {
		return 0, fmt.Errorf("%s does not tell its version", java)
	}
	return strconv.Atoi(string(found[1]))
}
