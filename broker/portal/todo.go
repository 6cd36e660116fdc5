package portal

import (
	"countersign/broker/registry"
	"countersign/broker/session"
)

// mailBack is a mail that could not be delivered, as whoever is to see to it is
// told: in the inbox, on the desk, or on the page of the request that it is about.
type mailBack struct {
	ID, What, About, Address, When string
	Do                             string // what helps
	Link                           string // where the address can be put right; may be empty
}

// mailsBack says what came back; here is the page that says it.
func (v *visit) mailsBack(all []registry.MailTodo, here string) []mailBack {
	var out []mailBack
	for _, t := range all {
		line := mailBack{ID: t.ID, About: t.Site, Address: t.Address, When: v.words.Date(t.Opened, "UTC")}
		line.What, line.Do = v.mailNamed(t.Kind)
		if t.Begins != "" {
			line.About, line.Do = t.Begins, v.words.T("todo.do-setup", "Date", v.words.Date(t.Closes, "UTC"))
		}
		if t.Request != "" && here != "/requests/"+t.Request {
			line.Link = "/requests/" + t.Request
		} else if t.Kind == "declaration-asked" {
			line.Do = v.words.T("todo.do-here")
		}
		out = append(out, line)
	}
	return out
}

// mailNamed names a mail in few words, and says what helps; most mails are told
// apart by nobody who did not get them.
func (v *visit) mailNamed(kind string) (name, do string) {
	w := v.words
	switch kind {
	case "declaration-asked":
		return w.T("todo.mail-declaration"), w.T("todo.do-declaration")
	case "operator-invited", "mandate-offered":
		return w.T("todo.mail-invitation"), w.T("todo.do-invitation")
	case "welcome":
		return w.T("todo.mail-welcome"), w.T("todo.do-person")
	case "account-setup":
		return w.T("todo.mail-setup"), w.T("todo.do-person")
	}
	return w.T("todo.mail-other"), w.T("todo.do-person")
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
