package policies

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// AnyProgram, as the program of a MailTodo, is every one that there is.
const AnyProgram = "*"

// MailTodo says whose it is to see to a mail that could not be delivered: one of
// the three.
type MailTodo struct {
	Account string // the person who asked for it to be sent
	Site    string // its group administrators, who know their people
	Program string // its registrars; of AnyProgram, those of each, until one has seen to it
}

// LostMail is what is known of a mail that did not reach its reader. Empty: there
// is none, or it is not known.
type LostMail struct {
	Kind           string   // which mail it was
	Reader         string   // the account whose mail it was
	Requester      string   // who asked for what it is about
	Sender         string   // whose act made it; of the mail to begin, who invited the person
	Site           string   // that it is about; only one that was opened
	Administrators []string // of that site, now
	Program        string   // that it is about; of an operator's, the one operated
}

// WhoSeesToMail tells whose it is to see to a mail that did not reach its reader.
// Nobody's: ok is false.
//
//   - a declaration: whoever asked for the site, who can name another address
//   - an operator's invitation: the registrars of the program
//   - an authorizer's offer, and what is told of a reset second factor: whoever did it
//   - the mail with which a person begins: whoever invited them; who came by themself
//     has asked for nothing yet, and may be known to the registrars of any program; who
//     was imported is known to those of that one
//   - a mail to somebody with access: another administrator of the site that it is
//     about, and where there is none, the registrars of its program
//
// Any other mail about an account that nobody has used yet is nobody's: whoever
// typed a wrong address asks again, and nobody else knows of them.
func WhoSeesToMail(m LostMail) (t MailTodo, ok bool) {
	switch m.Kind {
	case "address-known", "name-taken", "details-refused", "sign-up-confirm", "account-closing":
	case "declaration-asked":
		t.Account = m.Requester
	case "operator-invited":
		t.Program = m.Program
	case "mandate-offered", "factors-reset":
		t.Account = m.Sender
	case "account-setup":
		if t.Account = m.Sender; m.Sender == "" {
			t.Program = cmp.Or(m.Program, AnyProgram)
		}
	default:
		other := slices.ContainsFunc(m.Administrators, func(a string) bool { return a != m.Reader })
		if t.Site = m.Site; m.Site == "" || !other {
			t = MailTodo{Program: m.Program}
		}
	}
	return t, t != MailTodo{}
}

// How long a mail is tried: RFC 5321 4.5.4.1 wants four to five days, which is a
// long weekend and the day on which somebody repairs the mail server.
const (
	mailTriedFor     = 5 * 24 * time.Hour
	mailLongestPause = 15 * time.Minute
)

// MailPause tells when a mail that could not be handed over for now is tried again,
// after so many tries and so long after it was written: at first after seconds, then
// ever later. Where it has been tried for long enough, again is false: it is lost.
func MailPause(tries int, age time.Duration) (pause time.Duration, again bool) {
	if age >= mailTriedFor {
		return 0, false
	}
	return min(time.Second<<min(max(tries, 0), 10), mailLongestPause), true
}

// MaySettleMail tells whether the actor sees that a mail came back, and may say that
// it is settled.
func MaySettleMail(ps Programs, a Actor, t MailTodo) Answer {
	switch {
	case a.Account == "":
		return refuse(NotSignedIn)
	case t.Account != "" && t.Account == a.Account:
		return allow(BySubject)
	case t.Site != "" && a.Can(ps, Administer, t.Site):
		return allow(ByGroupAdministrator)
	case slices.ContainsFunc(t.programs(ps), func(p string) bool { return a.CanOperate(ps, Registrar, p) }):
		return allow(ByRegistrar)
	}
	return refuse(NotVisible)
}

func (t MailTodo) programs(ps Programs) []string {
	if t.Program == AnyProgram {
		return slices.Collect(maps.Keys(ps))
	}
	return []string{t.Program} // nobody operates ""
}
