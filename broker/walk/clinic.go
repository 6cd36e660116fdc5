package walk

// Program is the program whose worksites these people register.
const Program = "careconnect"

// Registrars are the two people of the operator who review.
type Registrars struct{ First, Second *Person }

// Desk is where a registrar decides a request.
func Desk(request string) string { return "/desk/" + Program + "/" + request }

// Inbox is where an administrator or an authorizer decides a request.
func Inbox(request string) string { return "/inbox/" + request }

// OpenSite asks for a worksite, has it declared by its signing authority and
// approved: by both registrars where signer and requester are one. It gives the
// worksite's id.
func (r Registrars) OpenSite(requester, signer *Person, c Clinic) (site string, err error) {
	id, err := requester.RequestSite(Program, c)
	if err != nil {
		return "", err
	}
	m, err := signer.Mail.Wait(signer.Email, "", "/declare/"+id)
	if err != nil {
		return "", err
	}
	if _, err := signer.Declare(m.Link("/declare/" + id)); err != nil {
		return "", err
	}
	if err := r.First.Approve(Desk(id), "approve:registrar"); err != nil {
		return "", err
	}
	if requester == signer {
		if err := r.Second.Approve(Desk(id), "approve:second-registrar"); err != nil {
			return "", err
		}
	}
	return requester.FindSite(Program, c.Name)
}

// Practise asks for a role with a licence; a registrar finds it good and whoever
// confirms affiliation does so, at an address such as Inbox's. It gives the
// request's id.
func (r Registrars) Practise(site string, p *Person, role string, answers map[string][]string, confirms *Person, at func(string) string) (string, error) {
	id, err := p.Join(Program, site, role, answers)
	if err != nil {
		return id, err
	}
	if err := r.First.RecordStanding(Program, id); err != nil {
		return id, err
	}
	return id, confirms.Approve(at(id), "approve:group-administrator")
}

// AskToAssist asks to act on behalf of everybody who can authorize at the
// worksite, and gives the request's id.
func AskToAssist(site string, p *Person, profession string) (string, error) {
	page, err := p.Get("/requests/new/" + Program + "/join?site=" + site)
	if err != nil {
		return "", err
	}
	if page, err = page.FormWith("role").Set("role", "on-behalf-of").Send(); err != nil {
		return "", err
	}
	answers := map[string][]string{"profession": {profession}, "authorizers": page.FormWith("go").Options("authorizers")}
	page, id, err := p.Fill(page, answers)
	if err != nil {
		return id, err
	}
	_, err = p.SignAndSend(page)
	return id, err
}

// Assist asks to act on behalf of somebody, who authorizes it; confirms is nil
// where the declaration named the person already.
func Assist(site string, p *Person, profession string, authorizer, confirms *Person) (string, error) {
	id, err := AskToAssist(site, p, profession)
	if err != nil {
		return id, err
	}
	if confirms != nil {
		if err := confirms.Approve(Inbox(id), "approve:group-administrator"); err != nil {
			return id, err
		}
	}
	return id, authorizer.Approve(Inbox(id), "approve:authorizer")
}

// Invite makes a registrar invite another operator, and gives the link that was mailed.
func (p *Person) Invite(role, email string) (string, error) {
	page, err := p.Get("/desk/" + Program + "/operators")
	if err != nil {
		return "", err
	}
	if _, err := page.FormWith("email").Set("role", role).Set("email", email).Send(); err != nil {
		return "", err
	}
	m, err := p.Mail.Wait(email, "", "/invitation")
	return m.Link("/invitation"), err
}
