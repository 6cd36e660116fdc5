package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/broker"
	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/policies"
	"countersign/provisioning/keycloak"
)

type demoCmd struct {
	Data     string `default:".demo" help:"Folder of the demo's data; a second start resumes it."`
	PortBase int    `help:"First of seven ports in a row; fixed at the first start (7400 unless told)."`
	Fresh    bool   `help:"Begin anew: wipes the data folder."`
}

// Run implements the command.
func (c demoCmd) Run(ctx context.Context) error {
	begun := time.Now()
	step := func(what string) { fmt.Printf("%5.1f s  %s\n", time.Since(begun).Seconds(), what) }
	data, err := c.open()
	if err != nil {
		return err
	}
	defer data.Close()
	log, err := os.OpenFile(filepath.Join(data.Dir, "product.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	stack, err := local.Start(ctx, local.StackOptions{Data: data, Durable: true, Log: step})
	if err != nil {
		return unlessEnded(ctx, err)
	}
	defer stack.Stop()
	d := demo{data: data, stack: stack, step: step, log: slog.New(slog.NewTextHandler(log, nil))}
	if d.config, err = demoConfig(data, stack.Addresses); err != nil {
		return err
	}
	return unlessEnded(ctx, d.run(ctx))
}

// unlessEnded: whoever presses Ctrl-C in the midst of a step knows why it failed.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// seededFile marks a folder whose first start went through: one that was cut
// short begins anew.
const seededFile = "seeded"

func (c demoCmd) open() (*local.Data, error) {
	data, err := local.OpenData(c.Data, c.PortBase, c.Fresh)
	if err != nil || c.Fresh {
		return data, err
	}
	if _, err := os.Stat(filepath.Join(data.Dir, seededFile)); errors.Is(err, os.ErrNotExist) {
		base := data.Ports.Portal
		data.Close()
		return local.OpenData(c.Data, base, true)
	}
	return data, nil
}

type demo struct {
	data   *local.Data
	stack  *local.Stack
	config broker.Config
	step   func(string)
	log    *slog.Logger
}

// demoConfig is the product's configuration over a local stack.
func demoConfig(data *local.Data, a local.Addresses) (broker.Config, error) {
	c := broker.Config{
		Listen:    fmt.Sprintf("127.0.0.1:%d", data.Ports.Portal),
		PublicURL: fmt.Sprintf("http://127.0.0.1:%d", data.Ports.Portal),
		Database:  broker.Secret(a.AppURL(local.ProductDatabase)), Keys: filepath.Join(data.Dir, "keys"), Keycloak: a.Keycloak,
		Realm: "countersign", Root: "/access", PortalID: "countersign-portal", WriterID: "countersign-writer", ReaderID: "countersign-reader",
		SMTPHost: "127.0.0.1", SMTPPort: data.Ports.SMTP, MailFrom: "access@countersign.example", Demo: true, Version: version(),
		// The seeds' people come from addresses of their own, as through a proxy.
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	}
	for name, to := range map[string]*broker.Secret{"portal": &c.PortalSecret, "writer": &c.WriterSecret, "reader": &c.ReaderSecret} {
		secret, err := data.Secret(name, 24)
		if err != nil {
			return c, err
		}
		*to = broker.Secret(secret)
	}
	return c, nil
}

func (d demo) run(ctx context.Context) error {
	admin := keycloak.Admin{URL: d.config.Keycloak, ClientID: d.stack.Addresses.AdminClientID, ClientSecret: d.stack.Addresses.AdminClientSecret}
	if err := d.prepare(ctx, admin); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served, ready := make(chan error, 1), make(chan struct{})
	go func() { served <- broker.Run(ctx, d.config, d.log, func() { close(ready) }) }()
	put := func(err error) error { stop(); return errors.Join(err, <-served) }
	d.step("starting the portal")
	select {
	case err := <-served:
		stop()
		return err
	case <-ready:
	}
	app, secret, err := d.startApp(ctx, admin)
	if err != nil {
		return put(err)
	}
	defer app.Stop()
	if err := d.seed(ctx); err != nil {
		return put(err)
	}
	if err := d.tell(secret); err != nil {
		return put(err)
	}
	if err := d.showCodes(); err != nil {
		return put(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.stack.Wait(ctx) }()
	select {
	case err = <-ended:
	case <-app.Done():
		err = app.Err()
	case err = <-served:
		stop()
		return err
	}
	return put(err)
}

// prepare makes keys, schema and realm.
func (d demo) prepare(ctx context.Context, admin keycloak.Admin) error {
	if _, err := os.Stat(d.config.Keys); errors.Is(err, os.ErrNotExist) {
		if err := registry.NewKeys(d.config.Keys); err != nil {
			return err
		}
	}
	d.step("preparing the database")
	if err := registry.Migrate(ctx, d.stack.Addresses.OwnerURL(local.ProductDatabase)); err != nil {
		return err
	}
	d.step("preparing the realm")
	programs, err := policies.Builtin()
	if err != nil {
		return err
	}
	spec, err := d.config.VaultedSpec(programs, d.stack.Addresses.PutSecret)
	if err != nil {
		return err
	}
	_, err = keycloak.Apply(ctx, admin, spec)
	return err
}

// sampleApp is the client id of the sample application.
const sampleApp = "sample-viewer"

// startApp registers the sample application, as an operator would, and runs it.
func (d demo) startApp(ctx context.Context, admin keycloak.Admin) (*local.Program, string, error) {
	d.step("starting the sample application")
	reg, err := broker.Open(ctx, d.config)
	if err != nil {
		return nil, "", err
	}
	defer reg.Close()
	secret, err := d.data.Secret(sampleApp, 24)
	if err != nil {
		return nil, "", err
	}
	reference, err := d.stack.Addresses.PutSecret(d.config.Realm, sampleApp, secret)
	if err != nil {
		return nil, "", err
	}
	url := d.appURL()
	if _, err := addApp(ctx, reg, d.config, admin, keycloak.App{ClientID: sampleApp, Programs: []string{"careconnect"}, Secret: reference,
		RedirectURIs: []string{url + "/callback"}, PostLogoutURIs: []string{url + "/"}, LogoutURL: url + "/back-channel-logout"}, url+"/events", "the demo"); err != nil {
		return nil, "", err
	}
	own, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	app, err := local.StartProgram(filepath.Join(filepath.Dir(own), "relying-app"), []string{
		fmt.Sprintf("LISTEN=127.0.0.2:%d", d.data.Ports.RelyingApp), "PUBLIC_URL=" + url, "ISSUER=" + d.config.Issuer(),
		"CLIENT_ID=" + sampleApp, "CLIENT_SECRET=" + secret, "LEAST_ACR=" + policies.TwoFactor.String(), "EVENTS_ISSUER=" + strings.TrimRight(d.config.PublicURL, "/")})
	return app, secret, err
}

func (d demo) appURL() string { return fmt.Sprintf("http://127.0.0.2:%d", d.data.Ports.RelyingApp) }

// demoFile is what demo.json holds, for people and programs that use the demo.
type demoFile struct {
	Portal        string            `json:"portal"`
	Keycloak      string            `json:"keycloak"`
	Realm         string            `json:"realm"`
	Mail          string            `json:"mail"`
	RelyingApp    string            `json:"relying_app"`
	Database      string            `json:"database"`
	KeycloakAdmin clientSecret      `json:"keycloak_admin"`
	Clients       map[string]string `json:"clients"`
	Accounts      []seedAccount     `json:"accounts"`
}

type clientSecret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func (d demo) tell(appSecret string) error {
	accounts, err := d.seeded()
	if err != nil {
		return err
	}
	f := demoFile{Portal: d.config.PublicURL, Keycloak: d.config.Keycloak, Realm: d.config.Realm, Mail: d.stack.Addresses.Mail,
		RelyingApp: d.appURL(), Database: d.stack.Addresses.OwnerURL(local.ProductDatabase),
		KeycloakAdmin: clientSecret{d.stack.Addresses.AdminClientID, d.stack.Addresses.AdminClientSecret},
		Clients: map[string]string{d.config.PortalID: string(d.config.PortalSecret), d.config.WriterID: string(d.config.WriterSecret),
			d.config.ReaderID: string(d.config.ReaderSecret), sampleApp: appSecret}, Accounts: accounts}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := d.data.Write("demo.json", append(text, '\n')); err != nil {
		return err
	}
	d.step("ready")
	fmt.Printf("\n  portal              %s\n  sample application  %s\n  mail                %s\n  Keycloak            %s (realm %s)\n  everything          %s\n  logs                %s\n\n",
		f.Portal, f.RelyingApp, f.Mail, f.Keycloak, f.Realm, filepath.Join(d.data.Dir, "demo.json"), filepath.Join(d.data.Dir, "*.log"))
	for _, a := range accounts {
		fmt.Printf("  %-8s %-18s %-31s %s\n", a.UserName, a.Password, a.Role, a.Site)
	}
	fmt.Printf("\n  one-time codes      %s/codes\n", f.Mail)
	fmt.Println("\n  Ctrl-C ends it; the next start resumes it.")
	return nil
}
