package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"countersign/broker/locale"
	"countersign/broker/mail"
	"countersign/broker/ops"
	"countersign/broker/portal"
	"countersign/broker/registry"
	"countersign/broker/session"
	"countersign/broker/worker"
	"countersign/policies"
	"countersign/provisioning"
	"countersign/provisioning/keycloak"
)

// setupLife is how long the link is good by which a new person begins.
const setupLife = 12 * time.Hour

// urgentConnections are kept to the record for what ends access: its four lanes, what
// is due, and events.
const urgentConnections = 8

// Open opens the record as this configuration says.
func Open(ctx context.Context, c Config) (*registry.Registry, error) {
	keys, err := registry.OpenKeys(os.DirFS(c.Keys))
	if err != nil {
		return nil, err
	}
	return registry.Open(ctx, string(c.Database), keys, c.Issuer())
}

// Run is the product: it returns when ctx ends and all is put down, or with the
// reason why it cannot serve. Ready is called once it does; it may be nil.
func Run(ctx context.Context, c Config, log *slog.Logger, ready func()) error {
	if found := c.ServeFaults(); len(found) > 0 {
		return found
	}
	reg, err := Open(ctx, c)
	if err != nil {
		return err
	}
	defer reg.Close()
	apart, err := reg.Apart(urgentConnections)
	if err != nil {
		return err
	}
	defer apart.Close()
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return err
	}
	issuer, err := url.Parse(c.Issuer())
	if err != nil {
		return err
	}
	mailing := mail.Config{Host: c.SMTPHost, Port: c.SMTPPort, TLS: c.SMTPTLS, Username: c.SMTPUser, Password: string(c.SMTPPassword),
		From: c.MailFrom, FromName: mailName, Bounces: c.MailBounces, PublicURL: public, Texts: mail.ProgramTexts(reg)}
	if err := mailing.Check(); err != nil {
		return err
	}
	watch := ops.New(reg, c.Issuer(), c.Version)
	closeOps, err := serveOps(ctx, c.OpsListen, watch.Handler(), log)
	if err != nil {
		return err
	}
	defer closeOps()
	if err := prepare(ctx, c, reg, log); err != nil {
		return err
	}
	called := func(call keycloak.Call) { watch.Called(call.Kind, call.Outcome, call.Took) }
	directory := c.directory(called)
	if err := prove(ctx, directory, log); err != nil {
		return err
	}
	sessions := session.New(session.Config{Issuer: c.Issuer(), ClientID: c.PortalID, ClientSecret: string(c.PortalSecret),
		RedirectURL: c.at("/callback"), PostLogout: c.at("/signed-out"), CookieName: c.cookie(), Secure: public.Scheme == "https",
		Language: locale.Match, Count: watch.SignIn, Silent: watch.Silent, MaxAge: c.maxAge(), Log: log}, reg)
	w := &worker.Worker{Registry: reg, Directory: directory, Mail: mail.New(mailing), Root: c.Root, Log: log,
		Urgent: worker.Way{Registry: apart, Directory: c.directory(called)}, Public: strings.TrimRight(c.PublicURL, "/"),
		Setup: provisioning.Setup{ClientID: c.PortalID, RedirectURI: c.at("/access"), Lifespan: setupLife}}
	if err := w.CheckRecord(ctx); err != nil {
		return err
	}
	handler := portal.New(portal.Deps{Registry: reg, Sessions: sessions, PublicURL: public, Issuer: issuer, Proxies: c.Proxies, Version: c.Version, Demo: c.Demo, Log: log, Served: watch.Served, Silent: watch.Silent})

	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	parts.Go(func() { w.Run(working) })
	parts.Go(func() { watch.Watch(working, log) })
	err = serve(ctx, c.Listen, handler, log, drain{watch, c.drainDelay()}, ready)
	stopWork()
	parts.Wait()
	return err
}

// prepare refuses a clock that is not the machine's, and loads the built-in
// programs: into an empty database, and in a demo whenever they changed.
func prepare(ctx context.Context, c Config, reg *registry.Registry, log *slog.Logger) error {
	if err := portal.CheckAssets(); err != nil {
		return err
	}
	shift, err := reg.Shift(ctx)
	if err != nil {
		return fmt.Errorf("the database is not ready (countersign migrate makes it so): %w", err)
	}
	if shift != 0 && !c.Demo {
		return fmt.Errorf("the record's clock is %s ahead of the machine's: that is for demos and tests", shift)
	}
	known, err := reg.Programs(ctx)
	if err != nil {
		return err
	}
	if len(known) > 0 && !c.Demo {
		return nil
	}
	return loadBuiltin(ctx, reg, log)
}

// loadBuiltin loads the built-in programs that are not in force as they are.
// The operator program comes first: the others are its sites.
func loadBuiltin(ctx context.Context, reg *registry.Registry, log *slog.Logger) error {
	built, err := policies.Builtin()
	if err != nil {
		return err
	}
	order := []*policies.Program{built[policies.OperatorProgram]}
	for id, p := range built {
		if id != policies.OperatorProgram {
			order = append(order, p)
		}
	}
	for _, p := range order {
		loaded, err := reg.LoadProgram(ctx, registry.CommandLine(), p)
		if registry.IsKind(err, registry.Conflict) { // the version in force stays until two people released the new one
			log.Warn("a changed program is held by the brake", "program", p.ID, "err", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("program %s: %w", p.ID, err)
		}
		if loaded {
			log.Info("program loaded", "program", p.ID)
		}
	}
	return nil
}

// prove waits until Keycloak answers and then demands that the realm is as safe
// as the product needs it; otherwise nothing is served.
func prove(ctx context.Context, d *keycloak.Directory, log *slog.Logger) error {
	for {
		err := d.Prove(ctx)
		var unsafe *keycloak.UnsafeRealmError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &unsafe), errors.Is(err, provisioning.ErrForbidden), errors.Is(err, provisioning.ErrNotFound):
			return fmt.Errorf("refusing to serve: %w", err)
		}
		log.Warn("Keycloak does not answer yet", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
