// Package broker is where the parts meet: configuration in, a running product out.
//
//	Config ─► keys, registry, directory ─► start proof ─► worker + portal ─► until ctx ends
//
// It holds no rule and no page. The command line is cmd/countersign's.
package broker

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"countersign/broker/mail"
	realm "countersign/keycloak-realm"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

// Config is everything that a running product needs to know. Flags and the
// environment fill it (cmd/countersign).
type Config struct {
	Listen    string `env:"COUNTERSIGN_LISTEN" default:"127.0.0.1:7400" help:"Address of the portal."`
	PublicURL string `env:"COUNTERSIGN_PUBLIC_URL" required:"" help:"Where people reach the portal."`
	Database  string `env:"DATABASE_URL" required:"" help:"PostgreSQL, as the role countersign_app."`
	Keys      string `env:"COUNTERSIGN_KEYS" required:"" help:"Folder of the keys for signing, sealing and pepper."`
	Keycloak  string `env:"COUNTERSIGN_KEYCLOAK_URL" required:"" help:"Base URL of Keycloak."`
	Realm     string `env:"COUNTERSIGN_REALM" default:"countersign" help:"The portal's realm."`
	Root      string `env:"COUNTERSIGN_ROOT" default:"/access" help:"The group under which everything of ours hangs."`

	PortalID     string `env:"COUNTERSIGN_PORTAL_ID" default:"countersign-portal" help:"The portal's client."`
	PortalSecret string `env:"COUNTERSIGN_PORTAL_SECRET" required:"" help:"Its secret."`
	WriterID     string `env:"COUNTERSIGN_WRITER_ID" default:"countersign-writer" help:"The service account that writes people and groups."`
	WriterSecret string `env:"COUNTERSIGN_WRITER_SECRET" required:"" help:"Its secret."`
	ReaderID     string `env:"COUNTERSIGN_READER_ID" default:"countersign-reader" help:"The service account that reads."`
	ReaderSecret string `env:"COUNTERSIGN_READER_SECRET" required:"" help:"Its secret."`

	SMTPHost     string   `env:"COUNTERSIGN_SMTP_HOST" required:"" help:"Mail server."`
	SMTPPort     int      `env:"COUNTERSIGN_SMTP_PORT" default:"25" help:"Its port."`
	SMTPTLS      mail.TLS `env:"COUNTERSIGN_SMTP_TLS" name:"smtp-tls" default:"starttls" enum:"none,starttls,tls" help:"How mail is protected on its way there: starttls, tls (from the first byte) or none."`
	SMTPUser     string   `env:"COUNTERSIGN_SMTP_USER" help:"Who we are to it; empty where it asks nobody."`
	SMTPPassword string   `env:"COUNTERSIGN_SMTP_PASSWORD" help:"The password of that user."`
	MailFrom     string   `env:"COUNTERSIGN_MAIL_FROM" default:"access@countersign.example" help:"Sender of mails."`

	Demo    bool          `kong:"-"` // with the catcher, a movable clock and built-in programs loaded anew
	SSOIdle time.Duration `kong:"-"` // of the realm, where a test wants it short
	Version string        `kong:"-"`
}

// mailName stands beside the sender's address, in our mails and in Keycloak's.
const mailName = "Countersign"

// Issuer is the realm's issuer, as its tokens name it.
func (c Config) Issuer() string {
	return strings.TrimRight(c.Keycloak, "/") + "/realms/" + c.Realm
}

// at is an address of the portal.
func (c Config) at(path string) string { return strings.TrimRight(c.PublicURL, "/") + path }

// cookie is the session cookie's name. Cookies ignore ports, so where there is
// one, the name carries it: two demos on one machine keep apart.
func (c Config) cookie() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Port() == "" {
		return "countersign"
	}
	return "countersign-" + u.Port()
}

// check finds all that is wrong at once.
func (c Config) check() error {
	var faults []error
	for name, value := range map[string]string{"public URL": c.PublicURL, "Keycloak URL": c.Keycloak} {
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || (u.Path != "" && u.Path != "/") {
			faults = append(faults, fmt.Errorf("%s %q: want https://host and nothing after it", name, value))
			continue
		}
		loopback := strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "localhost"
		if u.Scheme == "http" && !loopback {
			faults = append(faults, fmt.Errorf("%s %q: http is for loopback only", name, value))
		}
	}
	return errors.Join(faults...)
}

// RealmSpec is what the portal's realm should be for these programs.
func (c Config) RealmSpec(ps policies.Programs) keycloak.Spec {
	spec := keycloak.Spec{
		Template: realm.JSON, Realm: c.Realm, DisplayName: "Countersign", Root: c.Root,
		Portal: keycloak.Portal{ClientID: c.PortalID, Secret: c.PortalSecret, BaseURL: c.at("/"),
			RedirectURIs: []string{c.at("/callback"), c.at("/access")}, PostLogoutURIs: []string{c.at("/signed-out")}, BackchannelURL: c.at("/back-channel-logout")},
		Writer: keycloak.Credential{ID: c.WriterID, Secret: c.WriterSecret},
		Reader: keycloak.Credential{ID: c.ReaderID, Secret: c.ReaderSecret},
		SMTP: keycloak.SMTP{Host: c.SMTPHost, Port: c.SMTPPort, From: c.MailFrom, FromName: mailName,
			SSL: c.SMTPTLS == mail.ImplicitTLS, StartTLS: c.SMTPTLS == mail.StartTLS, User: c.SMTPUser, Password: c.SMTPPassword},
		SSOIdle: c.SSOIdle,
	}
	for _, p := range ps {
		spec.Programs = append(spec.Programs, keycloak.Program{ID: p.ID, Entitlements: p.Entitlements})
	}
	return spec
}

// VaultedSpec is RealmSpec with references into Keycloak's vault instead of the
// secrets, which put puts there: nobody who may view clients can read them then.
func (c Config) VaultedSpec(ps policies.Programs, put func(realm, key, secret string) (reference string, err error)) (keycloak.Spec, error) {
	var faults []error
	hidden := func(id, secret string) string {
		reference, err := put(c.Realm, id, secret)
		faults = append(faults, err)
		return reference
	}
	c.PortalSecret = hidden(c.PortalID, c.PortalSecret)
	c.WriterSecret = hidden(c.WriterID, c.WriterSecret)
	c.ReaderSecret = hidden(c.ReaderID, c.ReaderSecret)
	return c.RealmSpec(ps), errors.Join(faults...)
}

// directory is the realm as the worker uses it.
func (c Config) directory() *keycloak.Directory {
	return keycloak.New(keycloak.Config{URL: c.Keycloak, Realm: c.Realm, Root: c.Root, PortalClientID: c.PortalID,
		WriterID: c.WriterID, WriterSecret: c.WriterSecret, ReaderID: c.ReaderID, ReaderSecret: c.ReaderSecret})
}
