// Package broker is where the parts meet: configuration in, a running product out.
//
//	Config ─► keys, registry, directory ─► start proof ─► worker + portal ─► until ctx ends
//
// It holds no rule and no page. The command line is cmd/countersign's.
package broker

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"countersign/broker/mail"
	"countersign/broker/registry"
	realm "countersign/keycloak-realm"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

// Config is everything that a running product needs to know. Flags, the
// environment and files fill it (cmd/countersign). The README's table of settings
// is made from it.
type Config struct {
	Listen    string         `group:"Portal" env:"COUNTERSIGN_LISTEN" default:"127.0.0.1:7400" help:"Address that the portal listens at."`
	PublicURL string         `group:"Portal" env:"COUNTERSIGN_PUBLIC_URL" required:"" help:"Where people reach the portal: https://host."`
	Proxies   []netip.Prefix `group:"Portal" name:"trusted-proxies" env:"COUNTERSIGN_TRUSTED_PROXIES" help:"Networks of the proxies in front, whose X-Forwarded-For is believed, such as 10.0.0.0/8; nobody's where empty."`
	OpsListen string         `group:"Portal" env:"COUNTERSIGN_OPS_LISTEN" default:"127.0.0.1:7401" help:"Address of /livez, /readyz and /metrics; not for the public."`

	Database Secret `group:"Record" env:"DATABASE_URL" required:"" help:"PostgreSQL, as the role countersign_app; directly, or through a pool by session."`
	Keys     string `group:"Record" env:"COUNTERSIGN_KEYS" required:"" help:"Folder of the keys for signing, sealing and pepper."`

	Keycloak string `group:"Keycloak" env:"COUNTERSIGN_KEYCLOAK_URL" required:"" help:"Base URL of Keycloak."`
	Realm    string `group:"Keycloak" env:"COUNTERSIGN_REALM" default:"countersign" help:"The portal's realm."`
	Root     string `group:"Keycloak" env:"COUNTERSIGN_ROOT" default:"/access" help:"The group under which everything of ours hangs."`

	Topology keycloak.Topology `group:"Keycloak" env:"COUNTERSIGN_TOPOLOGY" default:"own" enum:"own,shared" help:"Whose realm it is: own, which realm apply configures; shared, somebody else's, where it only adds what is ours."`

	PortalID     string `group:"Keycloak" env:"COUNTERSIGN_PORTAL_ID" default:"countersign-portal" help:"The portal's client."`
	PortalSecret Secret `group:"Keycloak" env:"COUNTERSIGN_PORTAL_SECRET" required:"" help:"The portal client's secret."`
	WriterID     string `group:"Keycloak" env:"COUNTERSIGN_WRITER_ID" default:"countersign-writer" help:"The service account that writes people and groups."`
	WriterSecret Secret `group:"Keycloak" env:"COUNTERSIGN_WRITER_SECRET" required:"" help:"The writer's secret."`
	ReaderID     string `group:"Keycloak" env:"COUNTERSIGN_READER_ID" default:"countersign-reader" help:"The service account that reads."`
	ReaderSecret Secret `group:"Keycloak" env:"COUNTERSIGN_READER_SECRET" required:"" help:"The reader's secret."`

	SMTPHost     string   `group:"Mail" env:"COUNTERSIGN_SMTP_HOST" required:"" help:"Mail server, the product's and Keycloak's alike."`
	SMTPPort     int      `group:"Mail" env:"COUNTERSIGN_SMTP_PORT" default:"25" help:"Its port; 587 is usual with starttls, 465 with tls."`
	SMTPTLS      mail.TLS `group:"Mail" env:"COUNTERSIGN_SMTP_TLS" name:"smtp-tls" default:"starttls" enum:"none,starttls,tls" help:"How mail is protected on its way there: starttls, tls (from the first byte) or none."`
	SMTPUser     string   `group:"Mail" env:"COUNTERSIGN_SMTP_USER" help:"Who we are to it; empty where it asks nobody."`
	SMTPPassword Secret   `group:"Mail" env:"COUNTERSIGN_SMTP_PASSWORD" help:"The password of that user; refused without TLS."`
	MailFrom     string   `group:"Mail" env:"COUNTERSIGN_MAIL_FROM" default:"access@countersign.example" help:"Sender of mails: one plain address."`
	MailBounces  string   `group:"Mail" env:"COUNTERSIGN_MAIL_BOUNCES" help:"Mailbox that takes addresses with +anything and pipes them into countersign mail bounce; empty where a bounce goes to the sender."`

	Demo    bool          `kong:"-"` // with the catcher, a movable clock and built-in programs loaded anew
	SSOIdle time.Duration `kong:"-"` // of the realm, where a test wants it short
	Version string        `kong:"-"`

	KeycloakVersion string `kong:"-"` // that runs, as whoever asks the doctor knows it
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

// maxAge is how old the proof may be that a sign-in brings along. A shared realm's
// sessions may last for hours: whoever comes back to the portal after its idle
// limit then has to give proof again (A52).
func (c Config) maxAge() time.Duration {
	if c.Topology == keycloak.Shared {
		return registry.IdleAfter
	}
	return 0
}

// RealmSpec is what the portal's realm should be for these programs.
func (c Config) RealmSpec(ps policies.Programs) keycloak.Spec {
	spec := keycloak.Spec{
		Template: realm.JSON, Realm: c.Realm, DisplayName: "Countersign", Root: c.Root, Topology: c.Topology,
		Portal: keycloak.Portal{ClientID: c.PortalID, Secret: string(c.PortalSecret), BaseURL: c.at("/"),
			RedirectURIs: []string{c.at("/callback"), c.at("/access")}, PostLogoutURIs: []string{c.at("/signed-out")}, BackchannelURL: c.at("/back-channel-logout")},
		Writer: keycloak.Credential{ID: c.WriterID, Secret: string(c.WriterSecret)},
		Reader: keycloak.Credential{ID: c.ReaderID, Secret: string(c.ReaderSecret)},
		SMTP: keycloak.SMTP{Host: c.SMTPHost, Port: c.SMTPPort, From: c.MailFrom, FromName: mailName,
			SSL: c.SMTPTLS == mail.ImplicitTLS, StartTLS: c.SMTPTLS == mail.StartTLS, User: c.SMTPUser, Password: string(c.SMTPPassword)},
		SSOIdle: c.SSOIdle, ReuseCodes: c.Demo,
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
	hide := func(id string, secret Secret) Secret {
		reference, err := put(c.Realm, id, string(secret))
		faults = append(faults, err)
		return Secret(reference)
	}
	c.PortalSecret = hide(c.PortalID, c.PortalSecret)
	c.WriterSecret = hide(c.WriterID, c.WriterSecret)
	c.ReaderSecret = hide(c.ReaderID, c.ReaderSecret)
	return c.RealmSpec(ps), errors.Join(faults...)
}

// directory is the realm as the worker uses it; called is told of each call and may be nil.
func (c Config) directory(called func(keycloak.Call)) *keycloak.Directory {
	return keycloak.New(keycloak.Config{URL: c.Keycloak, Realm: c.Realm, Root: c.Root, Topology: c.Topology, PortalClientID: c.PortalID,
		WriterID: c.WriterID, WriterSecret: string(c.WriterSecret), ReaderID: c.ReaderID, ReaderSecret: string(c.ReaderSecret), Called: called})
}
