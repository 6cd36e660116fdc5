package local

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Data is a data folder: the databases, generated secrets, keys and logs of one stack. It is locked
// for as long as it is open.
type Data struct {
	Dir   string // absolute
	Ports Ports
	lock  *os.File
}

// marker is the file that makes a folder ours, and its content. A folder without it is not touched.
const marker = "countersign-data.json"

type markerContent struct {
	PortBase int  `json:"port_base"`
	Wiping   bool `json:"wiping,omitempty"` // set while --fresh empties the folder, so that a kill in between cannot leave half of it in use
}

// OpenData opens and locks the data folder dir, and makes it at first. The ports are fixed then:
// portBase 0 takes those of the folder, or DefaultPortBase for a new one; any other base than the
// folder's is refused. fresh empties the folder first, except for what is not ours.
func OpenData(dir string, portBase int, fresh bool) (*Data, error) {
	if portBase < 0 || portBase > 65535-6 {
		return nil, fmt.Errorf("port base %d: the seven ports from there on must be between 1 and 65535", portBase)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := makeEnterable(dir); err != nil {
		return nil, err
	}
	if err := refuseForeign(dir); err != nil {
		return nil, err
	}
	lock, err := lockData(dir)
	if err != nil {
		return nil, err
	}
	d := &Data{Dir: dir, lock: lock}
	if err := d.settlePorts(portBase, fresh); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close gives up the lock. The folder stays as it is.
func (d *Data) Close() {
	if d.lock != nil {
		d.lock.Close()
	}
}

// Secret returns the secret of that name: 2n hexadecimal digits out of n random bytes, generated
// when first asked for and kept in a file that only we may read.
func (d *Data) Secret(name string, n int) (string, error) {
	path := filepath.Join(d.Dir, "secrets", name)
	if kept, err := os.ReadFile(path); err == nil {
		return string(kept), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	random := make([]byte, n)
	rand.Read(random) // never fails: it ends the program instead
	secret := hex.EncodeToString(random)
	return secret, writeWhole(path, []byte(secret))
}

// Write writes a file of the folder in one piece, for us alone to read: a kill leaves the old or the new.
func (d *Data) Write(name string, content []byte) error {
	return writeWhole(filepath.Join(d.Dir, name), content)
}

// settlePorts reads or writes the marker, and empties the folder before where that is asked for or
// was not finished.
func (d *Data) settlePorts(portBase int, fresh bool) error {
	var mark markerContent
	path := filepath.Join(d.Dir, marker)
	kept, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(kept, &mark)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case fresh || mark.Wiping:
		if portBase == 0 {
			portBase = mark.PortBase
		}
		if err := d.wipe(path, portBase); err != nil {
			return err
		}
	case portBase != 0 && portBase != mark.PortBase:
		return fmt.Errorf("the data folder %s was set up for port base %d, and addresses in its realm depend on it: "+
			"use --port-base %d, another --data, or --fresh to start anew with %d", d.Dir, mark.PortBase, mark.PortBase, portBase)
	default:
		d.Ports = PortsFrom(mark.PortBase)
		return nil
	}
	if portBase == 0 {
		portBase = DefaultPortBase
	}
	d.Ports = PortsFrom(portBase)
	return writeMarker(path, markerContent{PortBase: portBase})
}

// wipe removes all that the folder holds except marker and lock, and a cluster that lies elsewhere.
// The marker keeps the ports meanwhile, for the start that may have to finish it.
func (d *Data) wipe(markerPath string, portBase int) error {
	if err := writeMarker(markerPath, markerContent{PortBase: portBase, Wiping: true}); err != nil {
		return err
	}
	if err := removeCluster(d.Dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == marker || e.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.Dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

const lockName = "lock"

// lockData takes the folder's lock, which ends with our process however that ends.
func lockData(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name())
		f.Close()
		return nil, fmt.Errorf("the data folder %s is in use by another countersign (process %s): stop that, or choose another --data",
			dir, strings.TrimSpace(string(holder)))
	}
	// The number only serves the message above; without it the lock is as good.
	_ = f.Truncate(0)
	_, _ = fmt.Fprintln(f, os.Getpid())
	return f, nil
}

// refuseForeign says no to a folder that holds anything but bears no marker of ours.
func refuseForeign(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, marker)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName && !strings.HasPrefix(e.Name(), marker) {
			return fmt.Errorf("%s is not a data folder of Countersign (it holds %s): choose an empty one", dir, e.Name())
		}
	}
	return nil
}

// makeEnterable makes the folder. Others may pass through it but not list it: PostgreSQL runs under
// another uid and its cluster lies within. What is secret is protected by its own mode.
func makeEnterable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err == nil {
		return nil
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return err
	}
	return os.Chmod(dir, 0o711)
}

func writeMarker(path string, mark markerContent) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return writeWhole(path, text)
}

// writeWhole writes a file that only we may read, in one piece: a kill leaves the old or the new.
func writeWhole(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
