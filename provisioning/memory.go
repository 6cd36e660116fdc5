package provisioning

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is a Directory that lives in this process, for property tests: it keeps
// the promises of the contract and nothing else. Safe for concurrent use.
type Memory struct {
	*store
	elsewhere bool // what is done through this one is somebody else's doing
}

// store is what every hand on one directory in memory writes to.
type store struct {
	mu      sync.Mutex
	root    string
	last    int
	people  map[string]Person          // by sub
	groups  map[string]Group           // by id
	members map[string]map[string]bool // sub → ids of groups
	logouts map[string]int             // how often sessions were ended, by sub
	session map[string][]Session       // by sub
	factors map[string]int             // credentials beside the password, by sub
	changes []Change
	hidden  bool // the sentinel does not show
}

// Person is someone in a directory, as tests look at them: the product asks only
// for memberships.
type Person struct {
	Sub, UserName, GivenName, Surname, Email, Locale string
	Account                                          string // our account id
	Enabled, EmailVerified                           bool
}

// NewMemory makes an empty directory whose groups hang under root ("/access").
func NewMemory(root string) *Memory {
	return &Memory{store: &store{
		root:   root,
		people: map[string]Person{}, groups: map[string]Group{}, members: map[string]map[string]bool{},
		logouts: map[string]int{}, session: map[string][]Session{}, factors: map[string]int{},
	}}
}

// Everybody lists all people, ordered by sub.
func (m *Memory) Everybody() []Person {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.people), func(a, b Person) int { return cmp.Compare(a.Sub, b.Sub) })
}

// Logouts counts how often the person's sessions were ended.
func (m *Memory) Logouts(sub string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logouts[sub]
}

// SetUpFactor is the person setting up a passkey or one-time codes.
func (m *Memory) SetUpFactor(sub string) error {
	return m.with(sub, func() { m.factors[sub]++ })
}

// Factors counts the credentials of the person beside the password.
func (m *Memory) Factors(sub string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.factors[sub]
}

func (m *Memory) nextID(kind string) string {
	m.last++
	return kind + "-" + strconv.Itoa(m.last)
}

// CreatePerson implements Directory.
func (m *Memory) CreatePerson(_ context.Context, p NewPerson) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := strings.ToLower(strings.TrimSpace(p.UserName))
	if bad := refused(p, name); len(bad) > 0 {
		return "", &InvalidError{Fields: bad}
	}
	var join []string
	for _, path := range p.Groups {
		id := m.byPath(path)
		if id == "" {
			return "", fmt.Errorf("group %s: %w", path, ErrNotFound)
		}
		join = append(join, id)
	}
	sub := ""
	var taken error
	for _, known := range m.people {
		if p.Before && known.Account == p.Account {
			sub = known.Sub
			break
		}
		switch {
		case known.UserName != name:
		case known.Account != p.Account:
			taken = ErrUserNameTaken
		default:
			sub = known.Sub
		}
	}
	if sub == "" && taken != nil {
		return "", taken
	}
	if sub == "" {
		sub = m.nextID("person")
		m.people[sub] = Person{
			Sub: sub, UserName: name, GivenName: p.GivenName, Surname: p.Surname,
			Email: strings.ToLower(p.Email), Locale: p.Locale, Account: p.Account, Enabled: true,
		}
		m.members[sub] = map[string]bool{}
		for _, id := range join { // embedded: no change of its own
			m.members[sub][id] = true
		}
		m.note(Change{Kind: ChangePersonMade, Sub: sub})
	}
	for _, id := range join {
		m.join(sub, id)
	}
	return sub, nil
}

// refused holds the rules that both directories share; Keycloak has more.
func refused(p NewPerson, name string) []InvalidField {
	var bad []InvalidField
	if p.Account == "" {
		bad = append(bad, InvalidField{"countersign_account", "error-empty"})
	}
	if len(name) < 3 || len(name) > 64 {
		bad = append(bad, InvalidField{"username", "error-invalid-length"})
	}
	if !strings.Contains(p.Email, "@") {
		bad = append(bad, InvalidField{"email", "error-invalid-email"})
	}
	return bad
}

func (m *Memory) byPath(path string) string {
	for id, g := range m.groups {
		if g.Path == path {
			return id
		}
	}
	return ""
}

// SendSetup implements Directory. Nothing is mailed.
func (m *Memory) SendSetup(_ context.Context, sub string, _ Setup) error {
	return m.with(sub, func() {})
}

// Memberships implements Directory.
func (m *Memory) Memberships(_ context.Context, sub string) (groups []Group, err error) {
	err = m.with(sub, func() {
		for id := range m.members[sub] {
			if g := m.groups[id]; strings.HasPrefix(g.Path, m.root+"/") {
				groups = append(groups, g)
			}
		}
		slices.SortFunc(groups, func(a, b Group) int { return cmp.Compare(a.Path, b.Path) })
	})
	return groups, err
}

// Join implements Directory.
func (m *Memory) Join(_ context.Context, sub, groupID string) error {
	return m.withGroup(sub, groupID, func() { m.join(sub, groupID) })
}

// Leave implements Directory.
func (m *Memory) Leave(_ context.Context, sub, groupID string) error {
	return m.withGroup(sub, groupID, func() {
		if m.members[sub][groupID] {
			delete(m.members[sub], groupID)
			m.note(Change{Kind: ChangeLeft, Sub: sub, GroupID: groupID})
		}
	})
}

// SignIn begins a session, offline or not.
func (m *Memory) SignIn(sub string, offline bool) error {
	return m.with(sub, func() {
		m.session[sub] = append(m.session[sub], Session{Began: time.Now().Truncate(time.Second), Offline: offline})
	})
}

// RevokeConsents implements Directory: offline sessions end, others stay.
func (m *Memory) RevokeConsents(_ context.Context, sub string) error {
	return m.with(sub, func() {
		m.session[sub] = slices.DeleteFunc(m.session[sub], func(s Session) bool { return s.Offline })
	})
}

// EndSessions implements Directory: offline sessions stay.
func (m *Memory) EndSessions(_ context.Context, sub string) error {
	return m.with(sub, func() {
		m.logouts[sub]++
		m.note(Change{Kind: ChangeSessionsEnded, Sub: sub})
		m.session[sub] = slices.DeleteFunc(m.session[sub], func(s Session) bool { return !s.Offline })
	})
}

// Sessions implements Directory.
func (m *Memory) Sessions(_ context.Context, sub string) (all []Session, err error) {
	err = m.with(sub, func() { all = slices.Clone(m.session[sub]) })
	return all, err
}

// TokenLife implements Directory: five minutes, as the realm's template has it.
func (*Memory) TokenLife(context.Context) (time.Duration, error) { return 5 * time.Minute, nil }

// ForgetFactors implements Directory.
func (m *Memory) ForgetFactors(_ context.Context, sub string) error {
	return m.with(sub, func() { delete(m.factors, sub) })
}

// SetLanguage implements Directory.
func (m *Memory) SetLanguage(_ context.Context, account, language string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for sub, p := range m.people {
		if p.Account == account && account != "" {
			p.Locale = language
			m.people[sub] = p
			m.note(Change{Kind: ChangePersonChanged, Sub: sub})
			return nil
		}
	}
	return ErrNotFound
}

// Verify is the person following the setup mail.
func (m *Memory) Verify(sub string) error {
	return m.with(sub, func() {
		p := m.people[sub]
		p.EmailVerified = true
		m.people[sub] = p
	})
}

// Verified implements Directory.
func (m *Memory) Verified(_ context.Context, sub string) (verified bool, err error) {
	err = m.with(sub, func() { verified = m.people[sub].EmailVerified })
	return verified, err
}

// RemovePerson implements Directory.
func (m *Memory) RemovePerson(_ context.Context, account string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for sub, p := range m.people {
		if p.Account == account && account != "" {
			m.drop(sub)
		}
	}
	return nil
}

// EnsureSite implements Directory.
func (m *Memory) EnsureSite(_ context.Context, s Site) (map[string]string, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := map[string]string{}
	program := m.root + "/" + s.Program
	m.group(program)
	m.group(program + "/" + s.Code)
	for _, leaf := range s.Leaves {
		ids[leaf.Code] = m.group(program + "/" + s.Code + "/" + leaf.Code)
	}
	return ids, nil
}

// with runs fn under the lock, or says ErrNotFound when the person is unknown.
func (m *Memory) with(sub string, fn func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.people[sub]; !known {
		return ErrNotFound
	}
	fn()
	return nil
}

func (m *Memory) withGroup(sub, groupID string, fn func()) error {
	unknown := false
	err := m.with(sub, func() {
		if _, known := m.groups[groupID]; !known {
			unknown = true
			return
		}
		fn()
	})
	if unknown {
		return ErrNotFound
	}
	return err
}
