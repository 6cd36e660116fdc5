package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"countersign/broker"
	"countersign/broker/local"
	"countersign/broker/registry"
	"countersign/broker/walk"
)

// seedAccount is somebody who is there from the demo's first start on.
type seedAccount struct {
	UserName string `json:"username"`
	Password string `json:"password"`
	Role     string `json:"role"`
	Site     string `json:"site"`
	Key      string `json:"one_time_code_key,omitempty"` // in base 32, as an authenticator app takes it
}

// seeded reads who was made at the first start.
func (d demo) seeded() ([]seedAccount, error) {
	text, err := os.ReadFile(filepath.Join(d.data.Dir, seededFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []seedAccount
	return all, json.Unmarshal(text, &all)
}

// seedPassword is everybody's in the demo, so that it is easy to try.
const seedPassword = "demo-demo-demo-1"

// seeds makes people and worksites at the first start, over HTTP and by mail, as
// people would; it knows nothing that they do not know.
type seeds struct {
	demo
	mail   walk.Mailbox
	people map[string]*walk.Person
}

// cast is who is made, in the order in which they sign up.
var cast = []struct{ name, given, surname, role, site string }{
	{"rosa", "Rosa", "Almeida", "registrar", "CareConnect"},
	{"ravi", "Ravi", "Shah", "registrar", "CareConnect"},
	{"mona", "Mona", "Fraser", "administrator, on-behalf-of", "Maple Street Clinic"},
	{"paul", "Paul", "Okafor", "practitioner, signing authority", "Maple Street Clinic"},
	{"fay", "Fay", "Nakamura", "pharmacist", "Maple Street Clinic"},
	{"dora", "Dora", "Lindqvist", "administrator, practitioner", "Harbour Family Practice"},
	{"aida", "Aida", "Rahimi", "on-behalf-of", "Harbour Family Practice"},
	{"sol", "Sol", "Mercado", "administrator, practitioner", "Mercado Midwifery"},
	{"nina", "Nina", "Petrov", "none yet", ""},
}

func (d demo) seed(ctx context.Context) error {
	if done, err := d.seeded(); err != nil || done != nil {
		return err
	}
	d.step("making people and worksites")
	s := seeds{demo: d, mail: walk.Mailbox{URL: d.stack.Addresses.Mail}, people: map[string]*walk.Person{}}
	for _, part := range []func(context.Context) error{s.registrars, s.everybody, s.maple, s.harbour, s.mercado} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("seeds: %w", err)
		}
	}
	var all []seedAccount
	for _, c := range cast {
		all = append(all, seedAccount{c.name, seedPassword, c.role, c.site, walk.AppKey(walk.Phone(d.config.Issuer(), c.name))})
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return d.data.Write(seededFile, text)
}

func (s seeds) signUp(name string) error {
	for _, c := range cast {
		if c.name != name {
			continue
		}
		p, err := walk.SignUp(s.config.PublicURL, s.mail, walk.Person{UserName: c.name, Password: seedPassword,
			Email: c.name + "@example.org", Given: c.given, Surname: c.surname})
		s.people[name] = p
		return err
	}
	return fmt.Errorf("nobody is called %s", name)
}

// registrars: the first is invited from the command line, the second by the first.
func (s seeds) registrars(ctx context.Context) error {
	reg, err := broker.Open(ctx, s.config)
	if err != nil {
		return err
	}
	defer reg.Close()
	if err := reg.Bootstrap(ctx, registry.CommandLine(), "rosa@example.org"); err != nil {
		return err
	}
	m, err := s.mail.Wait("rosa@example.org", "", "/invitation")
	if err != nil {
		return err
	}
	if err := s.accept("rosa", m.Link("/invitation")); err != nil {
		return err
	}
	link, err := s.people["rosa"].Invite("registrar", "ravi@example.org")
	if err != nil {
		return err
	}
	return s.accept("ravi", link)
}

func (s seeds) accept(name, link string) error {
	if err := s.signUp(name); err != nil {
		return err
	}
	_, err := s.people[name].Accept(link)
	return err
}

func (s seeds) everybody(context.Context) error {
	for _, c := range cast {
		if s.people[c.name] == nil {
			if err := s.signUp(c.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// inAYear is a licence's last day.
func inAYear() string { return time.Now().AddDate(1, 0, 0).Format(time.DateOnly) }

// maple: a manager administers, a physician signs for the clinic; the manager
// confirms the physician and the physician authorizes the manager, whom the
// declaration names.
func (s seeds) maple(context.Context) error {
	mona, paul := s.people["mona"], s.people["paul"]
	site, err := s.desk().OpenSite(mona, paul, walk.Clinic{Name: "Maple Street Clinic", City: "Vancouver", SignerName: "Paul Okafor", SignerEmail: paul.Email})
	if err != nil {
		return err
	}
	if _, err := s.desk().Practise(site, paul, "practitioner", walk.Licensed("physician", "cpsbc", "C24681", inAYear()), mona, walk.Inbox); err != nil {
		return err
	}
	if _, err := s.desk().Practise(site, s.people["fay"], "pharmacist", walk.Licensed("", "cpbc", "P13579", inAYear()), mona, walk.Inbox); err != nil {
		return err
	}
	_, err = walk.Assist(site, mona, "office-manager", paul, nil)
	return err
}

// harbour: the physician both signs and administers, so a second registrar
// confirms the site and a registrar the physician; the assistant is confirmed and
// authorized by the physician.
func (s seeds) harbour(context.Context) error {
	dora := s.people["dora"]
	site, err := s.desk().OpenSite(dora, dora, walk.Clinic{Name: "Harbour Family Practice", City: "Victoria"})
	if err != nil {
		return err
	}
	if _, err := s.desk().Practise(site, dora, "practitioner", walk.Licensed("physician", "cpsbc", "C97531", inAYear()), s.people["ravi"], walk.Desk); err != nil {
		return err
	}
	_, err = walk.Assist(site, s.people["aida"], "medical-office-assistant", dora, dora)
	return err
}

// mercado: a midwife alone.
func (s seeds) mercado(context.Context) error {
	sol := s.people["sol"]
	site, err := s.desk().OpenSite(sol, sol, walk.Clinic{Name: "Mercado Midwifery", City: "Kelowna"})
	if err != nil {
		return err
	}
	_, err = s.desk().Practise(site, sol, "practitioner", walk.Licensed("midwife", "bccnm", "M86420", inAYear()), s.people["rosa"], walk.Desk)
	return err
}

func (s seeds) desk() walk.Registrars {
	return walk.Registrars{First: s.people["rosa"], Second: s.people["ravi"]}
}

// showCodes shows on the mail catcher's page what the apps on the accounts' phones
// would, so that a visitor can sign in as any of them.
func (d demo) showCodes() error {
	accounts, err := d.seeded()
	if err != nil {
		return err
	}
	d.stack.Mail.ShowCodes(func() []local.Code {
		var out []local.Code
		for _, a := range accounts {
			if a.Key != "" {
				out = append(out, local.Code{UserName: a.UserName, Code: walk.CodeAt(walk.SecretOf(a.Key), time.Now())})
			}
		}
		return out
	})
	return nil
}
