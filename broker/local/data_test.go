package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A data folder is one process's at a time, and its ports stay those of its first start.
func TestDataFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first, err := OpenData(dir, 7700, false)
	if err != nil {
		t.Fatal(err)
	}
	if first.Ports != (Ports{7700, 7701, 7702, 7703, 7704, 7705, 7706}) {
		t.Errorf("ports %+v", first.Ports)
	}
	secret, err := first.Secret("x", 16)
	if err != nil || len(secret) != 32 {
		t.Errorf("secret %q, %v", secret, err)
	}
	info, err := os.Stat(filepath.Join(dir, "secrets", "x"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secret's file: %v, %v", info, err)
	}
	refused(t, "in use by another countersign", dir, 7700, false)
	refused(t, "in use by another countersign", dir, 7700, true)
	first.Close()
	refused(t, "--port-base 7700", dir, 7800, false)

	again, err := OpenData(dir, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := again.Secret("x", 16); again.Ports.Portal != 7700 || kept != secret || err != nil {
		t.Errorf("second start: ports %+v, secret kept %v, %v", again.Ports, kept == secret, err)
	}
	again.Close()

	fresh, err := OpenData(dir, 7800, true)
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if other, err := fresh.Secret("x", 16); fresh.Ports.Portal != 7800 || other == secret || err != nil {
		t.Errorf("fresh start: ports %+v, secret renewed %v, %v", fresh.Ports, other != secret, err)
	}
}

// A folder that is not ours is neither used nor emptied; ports out of range are refused.
func TestForeignFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	theirs := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(theirs, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "thesis.txt", dir, 0, false)
	refused(t, "thesis.txt", dir, 0, true)
	if _, err := os.Stat(theirs); err != nil {
		t.Error(err)
	}
	refused(t, "65535", t.TempDir(), 65530, false)
}

// A folder whose emptying was cut short is emptied at the next start, --fresh or not, and has the
// ports that it was to have.
func TestWipeIsFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := OpenData(dir, 7900, false)
	if err != nil {
		t.Fatal(err)
	}
	before, err := d.Secret("x", 16)
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, locationName)
	if err := os.WriteFile(foreign, []byte("/nowhere\n"), 0o600); err != nil { // stops it half-way
		t.Fatal(err)
	}
	d.Close()
	refused(t, "no place of ours", dir, 0, true)
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	d, err = OpenData(dir, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if after, err := d.Secret("x", 16); err != nil || after == before || d.Ports.Portal != 7900 {
		t.Errorf("secret renewed %v, ports %+v, %v", after != before, d.Ports, err)
	}
}

// Where PostgreSQL's uid cannot enter the data folder, the cluster lies elsewhere, is found again,
// and goes with --fresh. Without another uid it lies in the folder.
func TestClusterElsewhere(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := OpenData(filepath.Join(closed, "data"), 0, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p, err := StartPostgres(context.Background(), d, 0, false)
		if err != nil {
			t.Fatal(err)
		}
		p.Stop()
	}
	noted, err := os.ReadFile(filepath.Join(d.Dir, locationName))
	if root := os.Geteuid() == 0; root != (err == nil) {
		t.Fatalf("root %v, location noted: %v", root, err)
	}
	d.Close()
	if d, err = OpenData(d.Dir, 0, true); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, gone := range []string{strings.TrimSpace(string(noted)), filepath.Join(d.Dir, "postgres")} {
		if _, err := os.Stat(gone); gone != "" && err == nil {
			t.Errorf("%s is still there after --fresh", gone)
		}
	}
}

func refused(t *testing.T, because, dir string, portBase int, fresh bool) {
	t.Helper()
	d, err := OpenData(dir, portBase, fresh)
	if err == nil {
		d.Close()
		t.Fatalf("opened %s with port base %d, fresh %v", dir, portBase, fresh)
	}
	if !strings.Contains(err.Error(), because) {
		t.Errorf("refused for another reason than %q: %v", because, err)
	}
}
