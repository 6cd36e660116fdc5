package provisioning

import (
	"context"
	"errors"
	"time"
)

// Directory is the realm as this product uses it: people, the groups under our
// root, and who is in them. Keycloak is one (provisioning/keycloak); Memory is
// the other, for property tests, and both pass the same conformance suite.
//
// Every write may be repeated: joining twice, leaving twice or creating a
// person twice with the same Account ends in the same state and no error.
type Directory interface {
	// CreatePerson makes the person, or adopts the one of that name who already
	// carries p.Account (a lost reply): an account keeps its user name until its
	// sub is known. With p.Before whoever carries it is adopted, whatever they are
	// called there by now. ErrUserNameTaken or ErrMailTaken when a stranger holds the
	// name (a shared mail address is no conflict where the realm allows it).
	CreatePerson(ctx context.Context, p NewPerson) (sub string, err error)
	// SendSetup makes the directory mail the person a link with which they
	// verify the address and choose a password on the directory's own page.
	// ErrMail when its mail server did not take it: the person is there all the same.
	SendSetup(ctx context.Context, sub string, m Setup) error
	// Memberships lists the groups under our root that the person is in.
	// ErrNotFound when there is no such person.
	Memberships(ctx context.Context, sub string) ([]Group, error)
	// Join puts the person into a group. ErrNotFound when either is missing.
	Join(ctx context.Context, sub, groupID string) error
	// Leave takes the person out of a group; not being in it is success.
	Leave(ctx context.Context, sub, groupID string) error
	// RevokeConsents takes back every consent and offline token of the person: none
	// of them brings a new token from then on. Having none is success. It comes
	// before EndSessions, because logging out alone leaves offline sessions standing
	// and, of tokens made in the same second, usable. ErrNotFound when there is no
	// such person.
	RevokeConsents(ctx context.Context, sub string) error
	// EndSessions logs the person out everywhere: back-channel logout tokens go,
	// once, to every application with a session. Having none is success.
	// ErrNotFound when there is no such person.
	EndSessions(ctx context.Context, sub string) error
	// Sessions lists the person's sessions, offline ones too. ErrNotFound when there
	// is no such person.
	Sessions(ctx context.Context, sub string) ([]Session, error)
	// TokenLife is the longest time for which an access token is good that any
	// application was given: whoever only reads tokens may honour one for so long
	// after everything has ended. ErrForbidden where the realm does not show it.
	TokenLife(ctx context.Context) (time.Duration, error)
	// ForgetFactors takes away every credential of the person but the password, and
	// answers nil only when, read back, none is left. Having none is success.
	// ErrNotFound when there is no such person.
	ForgetFactors(ctx context.Context, sub string) error
	// SetLanguage makes language the one in which the directory's own pages and mails
	// speak to the person who carries an account, and answers nil only when, read back,
	// it is, or when the directory speaks one language to everybody. Nothing else about
	// them changes. It is for those whom CreatePerson made and for nobody else:
	// ErrNotFound when nobody carries the account.
	SetLanguage(ctx context.Context, account, language string) error
	// Verified tells whether the person has proved that their mail address is
	// theirs. ErrNotFound when there is no such person.
	Verified(ctx context.Context, sub string) (bool, error)
	// RemovePerson takes away the person who carries an account that is closed: the
	// name and the address are free again. Nobody carrying it is success. It is for
	// those whom CreatePerson made and for nobody else.
	RemovePerson(ctx context.Context, account string) error
	// EnsureSite makes /<root>/<program>/<site> with its leaves, attributes and
	// client roles, and returns the id of each leaf's group by leaf code.
	EnsureSite(ctx context.Context, s Site) (map[string]string, error)

	// Changes lists what was done in the directory to people and groups, whoever did
	// it, from since on, by the directory's own clock, oldest first and each once. One
	// may show some 60 ms after another that is later: ask again from a few seconds
	// before the newest. ErrUnrecorded where the directory keeps no such record, or
	// does not show it to us: then only a full compare finds what was changed.
	Changes(ctx context.Context, since time.Time) ([]Change, error)
	// Groups lists every group under our root, as the directory has it: programs,
	// sites and leaves, in no order, and not the sentinel. ErrImplausible when the
	// list has not as many rows as the directory counts.
	Groups(ctx context.Context) ([]Group, error)
	// Members lists who is in a group, and not in those below it. ErrNotFound when
	// there is no such group.
	Members(ctx context.Context, groupID string) ([]Member, error)
	// Person is somebody as lists show them, whoever made them. ErrNotFound when there is
	// no such person.
	Person(ctx context.Context, sub string) (Member, error)
	// People hands over, page by page, everybody whom CreatePerson made; each one once.
	// An error of each ends it.
	People(ctx context.Context, each func([]Member) error) error
	// Sentinel answers nil only when the directory shows the sentinel under our root
	// with its member, who are always there. Else ErrImplausible: what the directory
	// answers is not the whole truth, and nothing may be taken away on the strength of it.
	Sentinel(ctx context.Context) error
}

// NewPerson is what creates an account in the directory. No password is ever in it.
type NewPerson struct {
	Account   string // our account id, kept as the admin-only attribute countersign_account
	UserName  string
	GivenName string
	Surname   string
	Email     string
	Locale    string   // "en" or "es"
	Groups    []string // group paths to embed at creation; empty for none
	Before    bool     // an earlier try may have made them: look first, which costs a call more
}

// Setup is the mail by which a person verifies the address and chooses a password.
type Setup struct {
	ClientID    string        // the portal's client
	RedirectURI string        // where the last page leads back to; must be registered
	Lifespan    time.Duration // of the link
}

// Group is one leaf under our root.
type Group struct {
	ID   string
	Path string // /access/careconnect/<site>/viewer
}

// Member is somebody in the directory, as lists show them.
type Member struct {
	Sub, UserName string
	Enabled       bool
	Details       // as Person gives them; lists do not
}

// Details are what a directory shows of somebody beside their names there.
type Details struct {
	GivenName, Surname, Email, Locale string
	EmailVerified                     bool
}

// SentinelName is the name of the sentinel's group under our root. No program, site
// or leaf can have it: their codes are letters, digits and hyphens.
const SentinelName = "_sentinel"

// Site is what EnsureSite makes.
type Site struct {
	Program string
	Code    string // short, immutable, never reused
	Name    string // display name, kept as an attribute
	Leaves  []Leaf
}

// Leaf is one group of a site: a role or an entitlement.
type Leaf struct {
	Code        string
	Entitlement bool // it carries the portal client's role <program>.<code>
}

// What a directory may answer beside success. Everything else is a failure to retry.
var (
	ErrNotFound      = errors.New("provisioning: not found")
	ErrUserNameTaken = errors.New("provisioning: user name taken by somebody else")
	ErrMailTaken     = errors.New("provisioning: mail address taken by somebody else")
	ErrInvalid       = errors.New("provisioning: refused by the directory's own rules")
	ErrMail          = errors.New("provisioning: the directory could not hand over its mail")
	ErrForbidden     = errors.New("provisioning: the service account lacks the right")
	ErrImplausible   = errors.New("provisioning: the directory's answer cannot be the whole truth")
	ErrUnrecorded    = errors.New("provisioning: the directory shows no record of its changes")
)
