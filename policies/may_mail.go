package policies

// MailTodo says whose it is to see to a mail that could not be delivered: one of
// the three.
type MailTodo struct {
	Account string // the person who asked for it to be sent
	Site    string // its group administrators, who know their people
	Program string // its registrars
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
	case t.Program != "" && a.CanOperate(ps, Registrar, t.Program):
		return allow(ByRegistrar)
	}
	return refuse(NotVisible)
}
