package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Nerzal/gocloak/v13"

	"countersign/provisioning"
)

// accountAttribute is declared in the realm's user profile, for administrators only.
const accountAttribute = "countersign_account"

// CreatePerson implements provisioning.Directory. User names are unique, so that
// Keycloak answers the repeat of a creation whose reply was lost with a conflict:
// only then is it looked up who carries our account id. To look first would cost
// more than the creation. But whoever was renamed in Keycloak meanwhile is in nobody's
// way, and so a try that is not the first looks first.
func (d *Directory) CreatePerson(ctx context.Context, p provisioning.NewPerson) (string, error) {
	if p.Account == "" {
		return "", &provisioning.InvalidError{Fields: []provisioning.InvalidField{{Name: accountAttribute, Rule: "error-empty"}}}
	}
	if p.Before {
		if sub, err := d.adopt(ctx, p); err != nil || sub != "" {
			return sub, err
		}
	}
	p.UserName = strings.ToLower(strings.TrimSpace(p.UserName)) // Keycloak stores it so
	sub, err := d.post(ctx, p)
	switch {
	case err == nil:
		return sub, nil
	case status(err) == http.StatusConflict:
		conflict := err
		if sub, err = d.adopt(ctx, p); err == nil && sub == "" {
			err = taken(p, conflict)
		}
		return sub, err
	case status(err) == http.StatusInternalServerError && len(p.Groups) > 0:
		// An embedded group that does not exist is answered with 500.
		return "", d.missingGroup(ctx, p.Groups, err)
	}
	return "", err
}

// post creates the person. Errors name the account: they are logged and stored with
// the step, and a user name is a person's.
func (d *Directory) post(ctx context.Context, p provisioning.NewPerson) (sub string, err error) {
	user := gocloak.User{
		Username: &p.UserName, Email: &p.Email, FirstName: &p.GivenName, LastName: &p.Surname,
		Enabled:    gocloak.BoolP(true),
		Attributes: &map[string][]string{accountAttribute: {p.Account}},
	}
	if p.Locale != "" {
		(*user.Attributes)["locale"] = []string{p.Locale}
	}
	if len(p.Groups) > 0 {
		user.Groups = &p.Groups
	}
	err = d.writer.once(ctx, "create account "+p.Account, func(bearer string) (err error) {
		sub, err = d.writer.sendTo(ctx, bearer, http.MethodPost, d.writer.base+"/users", user, nil)
		return err
	})
	if err == nil && sub == "" {
		err = fmt.Errorf("keycloak: create account %s: the answer names nobody", p.Account)
	}
	return sub, err
}

// adopt returns the person that already carries the account, in the groups asked
// for: an earlier or a concurrent creation; "" when nobody does.
func (d *Directory) adopt(ctx context.Context, p provisioning.NewPerson) (string, error) {
	sub, err := d.byAccount(ctx, p.Account)
	if err != nil || sub == "" {
		return "", err
	}
	for _, path := range p.Groups {
		g, err := d.groupAt(ctx, path)
		if err != nil {
			return "", err
		}
		if err := d.Join(ctx, sub, *g.ID); err != nil {
			return "", err
		}
	}
	return sub, nil
}

// taken says what of the person a stranger has.
func taken(p provisioning.NewPerson, conflict error) error {
	what := provisioning.ErrUserNameTaken
	var why *refusal
	if errors.As(conflict, &why) && strings.Contains(why.Message, "same email") {
		what = provisioning.ErrMailTaken
	}
	return fmt.Errorf("keycloak: create account %s: %w", p.Account, what)
}

func (d *Directory) missingGroup(ctx context.Context, paths []string, otherwise error) error {
	for _, path := range paths {
		if _, err := d.groupAt(ctx, path); err != nil {
			return fmt.Errorf("group %s: %w", path, err)
		}
	}
	return otherwise
}

// byAccount finds the person who carries our account id; "" when nobody does.
func (d *Directory) byAccount(ctx context.Context, account string) (string, error) {
	var found []*gocloak.User
	err := d.reader.repeat(ctx, "look up account", func(bearer string) (err error) {
		found, err = d.reader.kc.GetUsers(ctx, bearer, d.cfg.Realm, gocloak.GetUsersParams{
			Q: gocloak.StringP(accountAttribute + ":" + account), Max: gocloak.IntP(2),
		})
		return err
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	if len(found) > 1 || !carries(found[0], account) {
		return "", fmt.Errorf("keycloak: account %s is not one person's: %d found", account, len(found))
	}
	return *found[0].ID, nil
}

func carries(u *gocloak.User, account string) bool {
	return u.Attributes != nil && slices.Equal((*u.Attributes)[accountAttribute], []string{account})
}

// SendSetup implements provisioning.Directory. Keycloak sends the mail inside the
// call, and says alike that its mail server refused the address and that it was not
// there; what is wrong with us, such as a redirect address, it answers with 400.
func (d *Directory) SendSetup(ctx context.Context, sub string, m provisioning.Setup) error {
	err := d.writer.once(ctx, "send setup mail", func(bearer string) error {
		return d.writer.kc.ExecuteActionsEmail(ctx, bearer, d.cfg.Realm, gocloak.ExecuteActionsEmail{
			UserID: &sub, ClientID: &m.ClientID, RedirectURI: &m.RedirectURI,
			Lifespan: gocloak.IntP(int(m.Lifespan.Seconds())),
			Actions:  &[]string{"VERIFY_EMAIL", "UPDATE_PASSWORD"},
		})
	})
	if status(err) == http.StatusInternalServerError && strings.Contains(err.Error(), "Failed to send execute actions email") {
		return fmt.Errorf("%w: %w", provisioning.ErrMail, err)
	}
	return err
}

// Verified implements provisioning.Directory.
func (d *Directory) Verified(ctx context.Context, sub string) (verified bool, err error) {
	err = d.reader.repeat(ctx, "look up person", func(bearer string) error {
		u, err := d.reader.kc.GetUserByID(ctx, bearer, d.cfg.Realm, sub)
		if err == nil {
			verified = u.EmailVerified != nil && *u.EmailVerified
		}
		return err
	})
	return verified, err
}

// Person implements provisioning.Directory.
func (d *Directory) Person(ctx context.Context, sub string) (who provisioning.Member, err error) {
	err = d.reader.repeat(ctx, "look up person", func(bearer string) error {
		u, err := d.reader.kc.GetUserByID(ctx, bearer, d.cfg.Realm, sub)
		if err == nil {
			who = provisioning.Member{Sub: sub, UserName: gocloak.PString(u.Username), Enabled: u.Enabled != nil && *u.Enabled,
				Details: provisioning.Details{GivenName: gocloak.PString(u.FirstName), Surname: gocloak.PString(u.LastName), Email: gocloak.PString(u.Email),
					EmailVerified: u.EmailVerified != nil && *u.EmailVerified}}
			if u.Attributes != nil && len((*u.Attributes)["locale"]) > 0 {
				who.Locale = (*u.Attributes)["locale"][0]
			}
		}
		return err
	})
	return who, err
}

// RemovePerson implements provisioning.Directory. Whom to delete is found by the
// attribute that only an administrator's hand can set, never by a name or an id
// that was kept.
func (d *Directory) RemovePerson(ctx context.Context, account string) error {
	if account == "" {
		return provisioning.ErrNotFound
	}
	sub, err := d.byAccount(ctx, account)
	if err != nil || sub == "" {
		return err
	}
	err = d.writer.repeat(ctx, "remove the person of account "+account, func(bearer string) error {
		return d.writer.kc.DeleteUser(ctx, bearer, d.cfg.Realm, sub)
	})
	if errors.Is(err, provisioning.ErrNotFound) {
		return nil
	}
	return err
}
