package keycloak

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/provisioning"
)

// Config says which realm to use and as whom.
type Config struct {
	URL      string // base URL of Keycloak, without /realms
	Realm    string
	Root     string // the group under which everything of ours hangs; default "/access"
	Topology Topology
	WriterID string // client id of the service account that writes

	WriterSecret   string
	ReaderID       string // client id of the service account that reads
	ReaderSecret   string
	PortalClientID string        // the client whose roles the entitlement leaves carry
	Timeout        time.Duration // of one call; default 10 s
	Called         func(Call)    // told of every call, from many goroutines; nil: nobody counts
}

// Directory is a Keycloak realm as provisioning.Directory. Safe for concurrent use.
type Directory struct {
	cfg    Config
	reader *account
	writer *account

	mu         sync.Mutex // never held over a call
	writerID   string     // of the user behind the writer, once it is known
	recordedAt time.Time  // when the realm last said that it records changes
}

var _ provisioning.Directory = (*Directory)(nil)

// New makes the directory. Nothing is sent before the first call.
func New(cfg Config) *Directory {
	cfg.URL = strings.TrimRight(cfg.URL, "/")
	cfg.Root = cmp.Or(cfg.Root, "/access")
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	reads := reads
	if cfg.Topology == Shared {
		reads = slices.Concat(reads, sharedReads)
	}
	pool := newTransport()
	d := &Directory{cfg: cfg}
	d.reader = newAccount(cfg.URL, cfg.Realm, cfg.Realm, cfg.ReaderID, cfg.ReaderSecret,
		cfg.counting(reads, &guard{realm: cfg.Realm, allowed: reads, next: pool}), cfg.Timeout)
	d.writer = newAccount(cfg.URL, cfg.Realm, cfg.Realm, cfg.WriterID, cfg.WriterSecret,
		cfg.counting(writes, &guard{realm: cfg.Realm, allowed: writes, next: pool}), cfg.Timeout)
	return d
}

// newTransport keeps sixteen connections: gocloak's own keeps three, and bursts
// of sixteen calls then open a connection for every second call.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 64
	t.MaxIdleConnsPerHost = 16
	t.MaxConnsPerHost = 16
	return t
}
