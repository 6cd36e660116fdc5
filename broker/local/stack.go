package local

import (
	"context"
	"path/filepath"

	realm "countersign/keycloak-realm"
)

// StackOptions say how a stack starts. Data is needed.
type StackOptions struct {
	Data     *Data
	Durable  bool              // false where the data end with the run, as in tests
	Measured bool              // Keycloak works as one for real people does, for figures
	Log      func(step string) // told of each step as it begins; nil for nobody
}

func (o StackOptions) step(what string) {
	if o.Log != nil {
		o.Log(what)
	}
}

// Stack is a running PostgreSQL, Keycloak and mail catcher, with one database and its roles for
// Keycloak and another for the product, which none of Keycloak's roles may enter.
type Stack struct {
	Addresses Addresses
	Postgres  *Postgres
	Keycloak  *Keycloak
	Mail      *Mail
}

// The two databases of a stack.
const (
	ProductDatabase  = "countersign"
	keycloakDatabase = "keycloak"
)

// AdminClientID is the service account of the realm master that a stack's Keycloak begins with. Its
// secret is among the Addresses.
const AdminClientID = "countersign-local-admin"

// Start starts a stack, or nothing: where one part fails, or ctx ends, the others are stopped again.
func Start(ctx context.Context, o StackOptions) (*Stack, error) {
	s := &Stack{}
	if err := s.start(ctx, o); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o StackOptions) error {
	home, err := KeycloakHome(ctx, o.step)
	if err != nil {
		return err
	}
	o.step("starting the mail catcher")
	s.Mail, err = StartMail(MailOptions{Port: o.Data.Ports.SMTP, PagePort: o.Data.Ports.Mail, File: filepath.Join(o.Data.Dir, "mail.jsonl")})
	if err != nil {
		return err
	}
	if err := s.startDatabases(ctx, o); err != nil {
		return err
	}
	o.step("starting Keycloak")
	secret, err := o.Data.Secret("keycloak-admin", 24)
	if err != nil {
		return err
	}
	password, err := o.Data.Secret("keycloak-database", 16)
	if err != nil {
		return err
	}
	if s.Addresses.Vault, err = makeVault(o.Data); err != nil {
		return err
	}
	server, err := pinned()
	if err != nil {
		return err
	}
	s.Addresses.PlainSecrets = takesLiterally(server.Version)
	// Anew at each start: another build may bring other pages.
	files := filepath.Join(o.Data.Dir, "keycloak")
	if err := realm.WriteFiles(files); err != nil {
		return err
	}
	empty := s.Postgres.layTables(ctx, home, password)
	s.Keycloak, err = StartKeycloak(ctx, KeycloakOptions{
		Home: home, Log: filepath.Join(o.Data.Dir, "keycloak.log"), HeapMB: 512, Measured: o.Measured, Vault: s.Addresses.Vault, Files: files,
		Port: o.Data.Ports.Keycloak, ManagementPort: o.Data.Ports.Management,
		Database:      s.Postgres.URL(keycloakDatabase, keycloakDatabase, password),
		AdminClientID: AdminClientID, AdminClientSecret: secret,
	})
	if err != nil {
		return err
	}
	if empty {
		s.Postgres.keepTables(ctx, home, password)
	}
	s.Addresses.Keycloak, s.Addresses.KeycloakManagement = s.Keycloak.URL, s.Keycloak.ManagementURL
	s.Addresses.AdminClientID, s.Addresses.AdminClientSecret = AdminClientID, secret
	s.Addresses.SMTP, s.Addresses.Mail = s.Mail.SMTP, s.Mail.URL
	return nil
}

// startDatabases starts PostgreSQL and sees that databases and roles are there.
func (s *Stack) startDatabases(ctx context.Context, o StackOptions) error {
	o.step("starting PostgreSQL")
	var err error
	if s.Postgres, err = StartPostgres(ctx, o.Data, o.Data.Ports.Postgres, o.Durable); err != nil {
		return err
	}
	a := &s.Addresses
	a.Postgres = s.Postgres.URL("postgres", "postgres", s.Postgres.password)
	if a.OwnerPassword, err = o.Data.Secret("database-owner", 16); err != nil {
		return err
	}
	if a.AppPassword, err = o.Data.Secret("database-app", 16); err != nil {
		return err
	}
	keycloakPassword, err := o.Data.Secret("keycloak-database", 16)
	if err != nil {
		return err
	}
	for role, password := range map[string]string{OwnerRole: a.OwnerPassword, AppRole: a.AppPassword, keycloakDatabase: keycloakPassword} {
		if err := a.EnsureRole(ctx, role, password); err != nil {
			return err
		}
	}
	if err := a.EnsureDatabase(ctx, ProductDatabase, OwnerRole, AppRole); err != nil {
		return err
	}
	return a.EnsureDatabase(ctx, keycloakDatabase, keycloakDatabase)
}

// Wait returns when ctx ends, with nil, or when PostgreSQL or Keycloak ends by itself, with the last
// that it said. It is for the demo, which has no use without either.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.Postgres.child.done:
		return s.Postgres.child.died()
	case <-s.Keycloak.child.done:
		return s.Keycloak.child.died()
	}
}

// Stop ends what was started, users before what they use. Data folder and databases stay.
func (s *Stack) Stop() {
	if s.Keycloak != nil {
		s.Keycloak.Stop()
	}
	if s.Postgres != nil {
		s.Postgres.Stop()
	}
	if s.Mail != nil {
		s.Mail.Stop()
	}
}
