package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// locationName is the file in a data folder that says where its cluster lies, where that is elsewhere.
const locationName = "postgres.location"

// outside is where a cluster goes whose data folder PostgreSQL's uid cannot enter, such as one below
// /root. It outlives a reboot, unlike the temporary folder.
const outside = "/var/tmp"

// outsidePrefix begins the name of every cluster there; nothing else there is ever removed.
const outsidePrefix = "countersign-"

// findCluster returns the folder of the cluster that belongs to the data folder dir, which may not
// exist yet, and notes it in dir where it has to lie elsewhere.
func findCluster(dir string, as *syscall.Credential) (string, error) {
	noted, err := os.ReadFile(filepath.Join(dir, locationName))
	if err == nil {
		cluster := strings.TrimSpace(string(noted))
		if _, err := os.Stat(cluster); err != nil {
			return "", fmt.Errorf("the database of %s should lie in %s: %w; --fresh starts anew without it", dir, cluster, err)
		}
		return filepath.Join(cluster, "postgres"), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if as == nil || enterable(dir, as) {
		return filepath.Join(dir, "postgres"), nil
	}
	elsewhere, err := os.MkdirTemp(outside, outsidePrefix)
	if err != nil {
		return "", err
	}
	if err := os.Chmod(elsewhere, 0o711); err != nil {
		return "", err
	}
	return filepath.Join(elsewhere, "postgres"), writeWhole(filepath.Join(dir, locationName), []byte(elsewhere+"\n"))
}

// removeCluster removes the cluster of the data folder dir if it lies elsewhere, and the note of it.
func removeCluster(dir string) error {
	noted, err := os.ReadFile(filepath.Join(dir, locationName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	elsewhere := strings.TrimSpace(string(noted))
	if filepath.Dir(elsewhere) != outside || !strings.HasPrefix(filepath.Base(elsewhere), outsidePrefix) {
		return fmt.Errorf("%s names %s, which is no place of ours: remove both by hand", filepath.Join(dir, locationName), elsewhere)
	}
	if err := os.RemoveAll(elsewhere); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, locationName))
}

// enterable reports whether the uid may pass through dir and every folder above it. Where it may
// not, exec fails with a "permission denied" that names the program instead of the folder.
func enterable(dir string, as *syscall.Credential) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		mine := info.Sys().(*syscall.Stat_t).Uid == as.Uid && info.Mode()&0o100 != 0
		if !mine && info.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// postgresUID returns the user under whom PostgreSQL runs: nil for ourselves, or when we are root,
// as whom it refuses to run, Debian's postgres or nobody. The uid must have an entry in passwd.
func postgresUID() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres or nobody: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// postgresPrograms finds the folder of initdb and postgres: Debian keeps them beside the PATH, one
// folder a version, and the newest wins.
func postgresPrograms() (string, error) {
	newest, found := 0, ""
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	for _, bin := range folders {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
		if _, missing := os.Stat(filepath.Join(bin, "initdb")); err == nil && missing == nil && version > newest {
			newest, found = version, bin
		}
	}
	if found != "" {
		return found, nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	return "", errors.New("PostgreSQL is not installed: apt-get install postgresql")
}

// initCluster makes the cluster, with a superuser postgres of that password. It is made under another
// name and then renamed: a kill in between leaves nothing that looks finished.
func initCluster(ctx context.Context, bin, cluster, password string, as *syscall.Credential) error {
	draft, pwfile := cluster+".new", cluster+".pw"
	if err := os.RemoveAll(draft); err != nil {
		return err
	}
	if err := os.Mkdir(draft, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(pwfile)
	if as != nil {
		for _, path := range []string{draft, pwfile} {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := exec.Command(filepath.Join(bin, "initdb"), "-D", draft, "-U", "postgres", "-A", "scram-sha-256",
		"--pwfile="+pwfile, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd.Dir = draft
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if err := runChild(ctx, "initdb", cmd); err != nil {
		return err
	}
	return os.Rename(draft, cluster)
}
