package portal

import (
	"countersign/broker/registry"
	"countersign/broker/session"
)

// mailBack is a mail that could not be delivered, as whoever is to see to it is
// told: in the inbox, on the desk, or on the page of the request that it is about.
type mailBack struct {
	ID, What, About, Address, When string
	Link                           string // where the address can be put right; may be empty
}

// mailsBack says what came back; here is the page that says it.
func (v *visit) mailsBack(all []registry.MailTodo, here string) []mailBack {
	var out []mailBack
	for _, t := range all {
		line := mailBack{ID: t.ID, What: v.mailNamed(t.Kind), About: t.Site, Address: t.Address, When: v.words.Date(t.Opened, "UTC")}
		if t.Request != "" && here != "/requests/"+t.Request {
			line.Link = "/requests/" + t.Request
		}
		out = append(out, line)
	}
	return out
}

// mailNamed names a mail in few words; most are told apart by nobody who did not
// get them.
func (v *visit) mailNamed(kind string) string {
	switch kind {
	case "declaration-asked":
		return v.words.T("todo.mail-declaration")
	case "operator-invited", "mandate-offered":
		return v.words.T("todo.mail-invitation")
	case "welcome":
		return v.words.T("todo.mail-welcome")
	}
	return v.words.T("todo.mail-other")
}

// backOf reads the mails that came back and that the person is to see to.
func (s *site) backOf(v *visit, program, here string) ([]mailBack, error) {
	all, err := s.Registry.MailTodos(v.ctx(), v.person.Account.ID, program)
	return v.mailsBack(all, here), err
}

func (s *site) settleMail(v *visit) error {
	form, err := v.form(fields{one: []string{"return"}})
	if err != nil {
		return err
	}
	if err := s.Registry.SettleMail(v.ctx(), v.by(form), v.param("todo")); err != nil {
		return err
	}
	return v.done(session.ReturnPath(form.Get("return")), "mail-settled")
}
