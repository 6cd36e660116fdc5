package broker

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"countersign/broker/mail"
	"countersign/broker/registry"
	"countersign/provisioning/keycloak"
)

// Fault is one thing wrong with the configuration.
type Fault struct {
	Setting string // the environment's name for it
	What    string // what is wrong
	Advice  string // what to do about it
}

// Faults is all that is wrong with the configuration, and nil where nothing is.
type Faults []Fault

// Error lists every fault, one a line.
func (f Faults) Error() string {
	all := []string{"the configuration does not do:"}
	for _, one := range f {
		all = append(all, fmt.Sprintf("  %s: %s; %s", one.Setting, one.What, one.Advice))
	}
	return strings.Join(all, "\n")
}

func (f *Faults) add(setting, advice, what string, args ...any) {
	*f = append(*f, Fault{setting, fmt.Sprintf(what, args...), advice})
}

// Faults finds all that is wrong with the values and between them, and with the
// folder of keys; nothing is connected to. Whether a value that must be there is
// there and reads as its type, is the command line's to see.
func (c Config) Faults() Faults {
	var found Faults
	for _, part := range []func(*Faults){c.addresses, c.record, c.realm, c.mailing} {
		part(&found)
	}
	return found
}

func (c Config) addresses(found *Faults) {
	for setting, value := range map[string]string{"COUNTERSIGN_LISTEN": c.Listen, "COUNTERSIGN_OPS_LISTEN": c.OpsListen} {
		if _, _, err := net.SplitHostPort(value); err != nil && value != "" {
			found.add(setting, "give it as host:port, such as 127.0.0.1:7400", "%q is no address to listen at", value)
		}
	}
	if c.OpsListen != "" && c.Listen == c.OpsListen {
		found.add("COUNTERSIGN_OPS_LISTEN", "give it a port of its own, that nobody outside can reach", "it is the portal's own address")
	}
	for _, one := range []struct{ setting, value string }{{"COUNTERSIGN_PUBLIC_URL", c.PublicURL}, {"COUNTERSIGN_KEYCLOAK_URL", c.Keycloak}} {
		u, err := url.Parse(one.value)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
			found.add(one.setting, "give it as https://host", "%q is not https://host with nothing after it", one.value)
			continue
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			found.add(one.setting, "give it with https://, or as 127.0.0.1", "%q: http is for loopback only", one.value)
		}
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) record(found *Faults) {
	if scheme, _, isURL := strings.Cut(string(c.Database), "://"); isURL && scheme != "postgres" && scheme != "postgresql" {
		found.add("DATABASE_URL", "give it as postgres://countersign_app:PASSWORD@HOST:5432/DATABASE", "%q is no scheme of PostgreSQL", scheme)
	}
	if c.Keys == "" {
		return // that it is missing has been said
	}
	if _, err := registry.OpenKeys(os.DirFS(c.Keys)); err != nil {
		found.add("COUNTERSIGN_KEYS", "countersign keys "+c.Keys+" makes them, once; for a record that exists, bring its own back", "%s", strings.TrimPrefix(err.Error(), "registry: "))
	}
}

func (c Config) realm(found *Faults) {
	if c.Realm == "master" {
		found.add("COUNTERSIGN_REALM", "name the portal's own realm", "master is for Keycloak's administrators alone")
	}
	if !strings.HasPrefix(c.Root, "/") || len(c.Root) < 2 || strings.HasSuffix(c.Root, "/") {
		found.add("COUNTERSIGN_ROOT", "give it as /access", "%q is no path of a group", c.Root)
	}
	if c.PortalID == c.WriterID || c.PortalID == c.ReaderID || c.WriterID == c.ReaderID {
		found.add("COUNTERSIGN_PORTAL_ID", "give COUNTERSIGN_PORTAL_ID, _WRITER_ID and _READER_ID three names", "portal, writer and reader are not three clients")
	}
}

// ServeFaults is Faults, and what only those need who serve.
func (c Config) ServeFaults() Faults {
	found := c.Faults()
	c.vaulted(&found)
	return found
}

// vaulted finds secrets that are references: Keycloak's vault knows what they
// stand for, and whoever serves has to know it too.
func (c Config) vaulted(found *Faults) {
	for setting, value := range map[string]Secret{"COUNTERSIGN_PORTAL_SECRET": c.PortalSecret, "COUNTERSIGN_WRITER_SECRET": c.WriterSecret, "COUNTERSIGN_READER_SECRET": c.ReaderSecret} {
		if keycloak.IsReference(string(value)) {
			found.add(setting, "give what stands in the vault's file; the reference is for realm apply", "it is a reference into Keycloak's vault")
		}
	}
}

func (c Config) mailing(found *Faults) {
	if c.SMTPPort < 1 || c.SMTPPort > 65535 {
		found.add("COUNTERSIGN_SMTP_PORT", "give 25, 465 or 587", "%d is no port", c.SMTPPort)
	}
	if (c.SMTPUser == "") != (c.SMTPPassword == "") {
		found.add("COUNTERSIGN_SMTP_USER", "give COUNTERSIGN_SMTP_USER and COUNTERSIGN_SMTP_PASSWORD, or neither", "a user name and a password go together")
	}
	if c.SMTPPassword != "" && (c.SMTPTLS == mail.NoTLS || c.SMTPTLS == "") {
		found.add("COUNTERSIGN_SMTP_TLS", "choose starttls or tls", "a password needs TLS")
	}
	if err := mail.Bare(c.MailFrom); err != nil {
		found.add("COUNTERSIGN_MAIL_FROM", "give it as access@example.org", "the sender %q is %s", c.MailFrom, err)
	}
}
