package registry

import "countersign/policies"

// asked is the request as the rules see it.
func (req Request) asked() policies.Request {
	return policies.Request{Kind: req.Kind, State: req.State, Account: req.Account, By: req.By, Role: req.Role, Authorizers: req.Authorizers}
}

// submission is what request.submitted signs; what was typed is committed to beside it.
type submission struct {
	Digest      string   `json:"digest"` // of the program whose form was answered
	Account     string   `json:"account"`
	Site        string   `json:"site"`
	Role        string   `json:"role"`
	Profession  string   `json:"profession,omitempty"`
	Authorizers []string `json:"authorizers,omitempty"`
	Invitation  string   `json:"invitation,omitempty"` // an operator's
	Batch       string   `json:"batch,omitempty"`      // that sent it in the person's name
}

func (req Request) submission() submission {
	return submission{Digest: req.Digest, Account: req.Account, Site: req.Site, Role: req.Role, Profession: req.Profession, Authorizers: req.Authorizers}
}

// send moves a draft, or a returned request, to those who decide.
func (tx *Tx) send(req Request) error {
	err := tx.moveRequest(req.ID, []string{req.State}, policies.Submitted, req.submission())
	if err == nil {
		tx.events[len(tx.events)-1].private = req.Answers
	}
	return err
}

// sendFor makes a request for which nobody typed anything, sent already, and the
// wish that comes with it: somebody was named or invited.
func (tx *Tx) sendFor(account, site, role, invitation string) (Request, error) {
	s, err := readSite(tx.ctx, tx, site)
	if err != nil {
		return Request{}, err
	}
	p := tx.Programs[s.Program]
	req := Request{ID: NewID(), Ref: newRef(), Program: p.ID, Digest: p.Digest, Kind: policies.JoinRequest, Account: account, By: tx.act.By.Account,
		Site: site, Role: role, Answers: Answers{}}
	sealed, err := tx.r.sealAnswers(req.ID, req.Answers)
	if err != nil {
		return req, err
	}
	if _, err := tx.ExecContext(tx.ctx, `insert into request (id, ref, program, program_n, digest, kind, account_id, by_account, site_id, role, answers, state, created_at, submitted_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'submitted', $12, $12, $12)`,
		req.ID, req.Ref, p.ID, p.Version, p.Digest, req.Kind, account, req.By, site, role, sealed, tx.At); err != nil {
		return req, err
	}
	signed := req.submission()
	signed.Invitation = invitation
	tx.privateEvent("request", req.ID, 1, "request.submitted", signed, req.Answers)
	return req, tx.wish(req)
}
