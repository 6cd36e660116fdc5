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
	"countersign/broker/registry"
	"countersign/broker/walk"
)

// seedAccount is somebody who is there from the demo's first start on.
type seedAccount struct {
	UserName string `json:"username"`
	Password string `json:"password"`
	Role     string `json:"role"`
	Site     string `json:"site"`
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

const program = "careconnect"

// seeds makes people and worksites at the first start, over HTTP and by mail, as
// people would; it knows nothing that they do not know.
type seeds struct {
	demo
	mail   walk.Mailbox
	people map[string]*walk.Person
	told   []seedAccount
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
	for _, c := range cast {
		s.told = append(s.told, seedAccount{c.name, seedPassword, c.role, c.site})
	}
	text, err := json.MarshalIndent(s.told, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.data.Dir, seededFile), text, 0o600)
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
	if err := s.accept("rosa"); err != nil {
		return err
	}
	page, err := s.people["rosa"].Get("/desk/" + program + "/operators")
	if err != nil {
		return err
	}
	if _, err := page.FormWith("email").Set("role", "registrar").Set("email", "ravi@example.org").Send(); err != nil {
		return err
	}
	return s.accept("ravi")
}

func (s seeds) accept(name string) error {
	if err := s.signUp(name); err != nil {
		return err
	}
	m, err := s.mail.Wait(name+"@example.org", "", "/invitation")
	if err != nil {
		return err
	}
	_, err = s.people[name].Accept(m.Link("/invitation"))
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

// site asks for a worksite, has it declared, and approved by these registrars.
func (s seeds) site(requester, signer string, c walk.Clinic, approve ...string) (string, error) {
	id, err := s.people[requester].RequestSite(program, c)
	if err != nil {
		return "", err
	}
	m, err := s.mail.Wait(signer+"@example.org", "", id)
	if err != nil {
		return "", err
	}
	if m, err = s.mail.Wait(signer+"@example.org", "", "/declare/"); err != nil {
		return "", err
	}
	if _, err := s.people[signer].Declare(m.Link("/declare/")); err != nil {
		return "", err
	}
	for i, need := range []string{"approve:registrar", "approve:second-registrar"}[:len(approve)] {
		if err := s.people[approve[i]].Approve("/desk/"+program+"/"+id, need); err != nil {
			return "", err
		}
	}
	return s.people[requester].FindSite(program, c.Name)
}

// maple: a manager administers, a physician signs for the clinic; the manager
// confirms the physician and the physician authorizes the manager.
func (s seeds) maple(context.Context) error {
	site, err := s.site("mona", "paul", walk.Clinic{Name: "Maple Street Clinic", City: "Vancouver", SignerName: "Paul Okafor", SignerEmail: "paul@example.org"}, "rosa")
	if err != nil {
		return err
	}
	if err := s.practising(site, "paul", "practitioner", "mona", "/inbox/", walk.Licensed("physician", "cpsbc", "C24681", inAYear())); err != nil {
		return err
	}
	if err := s.practising(site, "fay", "pharmacist", "mona", "/inbox/", walk.Licensed("", "cpbc", "P13579", inAYear())); err != nil {
		return err
	}
	return s.assisting(site, "mona", "paul", "office-manager", "")
}

// harbour: the physician both signs and administers, so a second registrar
// confirms the site and a registrar the physician; the assistant is confirmed and
// authorized by the physician.
func (s seeds) harbour(context.Context) error {
	site, err := s.site("dora", "dora", walk.Clinic{Name: "Harbour Family Practice", City: "Victoria"}, "rosa", "ravi")
	if err != nil {
		return err
	}
	if err := s.practising(site, "dora", "practitioner", "ravi", "/desk/"+program+"/", walk.Licensed("physician", "cpsbc", "C97531", inAYear())); err != nil {
		return err
	}
	return s.assisting(site, "aida", "dora", "medical-office-assistant", "dora")
}

// mercado: a midwife alone.
func (s seeds) mercado(context.Context) error {
	site, err := s.site("sol", "sol", walk.Clinic{Name: "Mercado Midwifery", City: "Kelowna"}, "ravi", "rosa")
	if err != nil {
		return err
	}
	return s.practising(site, "sol", "practitioner", "rosa", "/desk/"+program+"/", walk.Licensed("midwife", "bccnm", "M86420", inAYear()))
}

// practising asks for a role with a licence; a registrar finds it good, and
// whoever confirms affiliation does so.
func (s seeds) practising(site, who, role, confirms, at string, answers map[string][]string) error {
	id, err := s.people[who].Join(program, site, role, answers)
	if err != nil {
		return err
	}
	if err := s.people["rosa"].RecordStanding(program, id); err != nil {
		return err
	}
	return s.people[confirms].Approve(at+id, "approve:group-administrator")
}

// assisting asks to act on behalf of somebody, who authorizes it; confirms is
// empty where the declaration named the person already.
func (s seeds) assisting(site, who, authorizer, profession, confirms string) error {
	p := s.people[who]
	page, err := p.Get("/requests/new/" + program + "/join?site=" + site)
	if err != nil {
		return err
	}
	if page, err = page.FormWith("role").Set("role", "on-behalf-of").Send(); err != nil {
		return err
	}
	answers := map[string][]string{"profession": {profession}, "authorizers": page.FormWith("go").Options("authorizers")}
	page, id, err := p.Fill(page, answers)
	if err != nil {
		return err
	}
	if _, err := p.SignAndSend(page); err != nil {
		return err
	}
	if confirms != "" {
		if err := s.people[confirms].Approve("/inbox/"+id, "approve:group-administrator"); err != nil {
			return err
		}
	}
	return s.people[authorizer].Approve("/inbox/"+id, "approve:authorizer")
}
