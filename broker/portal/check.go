package portal

import (
	"net/http"
	"slices"

	"countersign/broker/registry"
	"countersign/policies"
)

// checkPage shows all answers once more before they are sent, what is to sign,
// and what will happen then.
type checkPage struct {
	Page
	Steps      []step
	ID         string
	Version    int64
	Answers    []changeable
	Statements []statement
	ToSign     string // the first statement that is not signed yet
	Next       []string
}

func (*checkPage) view() string { return "check" }

// changeable is an answer with the way back to its question.
type changeable struct {
	answered
	ChangeAt string
}

// statement is an agreement that the person signs for this request.
type statement struct {
	Name, Title string
	Signed      bool
	Tag         tag
}

func (s *site) check(v *visit) error {
	a, err := v.asking()
	if err != nil {
		return err
	}
	if len(a.check(a.Request.Answers)) > 0 {
		return v.see("/requests/" + a.Request.ID + "/form")
	}
	return v.show(http.StatusOK, v.checkPage(a))
}

func (v *visit) checkPage(a asking) *checkPage {
	p := &checkPage{Page: v.page(v.words.T("ask.check-title"), v.askTitle(a)), ID: a.Request.ID, Version: a.Request.Version, Statements: v.statements(a)}
	lines := a.summary(v, a.Request.Answers)
	for i, f := range a.kept(a.Request.Answers) {
		p.Answers = append(p.Answers, changeable{lines[i], "/requests/" + a.Request.ID + "/form#" + f.Name})
	}
	for _, st := range p.Statements {
		if !st.Signed && p.ToSign == "" {
			p.ToSign = st.Name
		}
	}
	p.Next, p.Steps = v.afterwards(a), v.steps(a, stepSend)
	if p.ToSign != "" {
		p.Steps = v.steps(a, stepCheck)
	}
	return p
}

// submit sends the request. What the page checked is checked again: a form can
// be sent without its page (A13).
func (s *site) submit(v *visit) error {
	form, err := v.form(fields{one: []string{"version"}})
	if err != nil {
		return err
	}
	version, err := versionOf(form.Get("version"))
	if err != nil {
		return err
	}
	id := v.param("request")
	a, err := v.asking()
	if registry.IsKind(err, registry.Conflict) { // sent already: the same form twice gets the same answer (A06)
		if err := s.Registry.Submit(v.ctx(), v.by(form), id, version); err != nil {
			return err
		}
		return v.done("/requests/"+id, "sent")
	}
	if err != nil {
		return err
	}
	if a.Request.Version != version { // what is checked here is what is sent
		return registry.Fail(registry.Conflict, "error.changed-meanwhile")
	}
	unsigned := slices.ContainsFunc(v.statements(a), func(st statement) bool { return !st.Signed })
	if unsigned || len(a.check(a.Request.Answers)) > 0 {
		return registry.Fail(registry.Conflict, "error.not-complete")
	}
	if err := s.Registry.Submit(v.ctx(), v.by(form), id, version); err != nil {
		return err
	}
	return v.done("/requests/"+id, "sent")
}

// statements are the attestations that the role asks of the person (C2, C3).
func (v *visit) statements(a asking) []statement {
	var out []statement
	for _, n := range a.Needs {
		if n.Need.Kind != policies.NeedAttest {
			continue
		}
		st := statement{Name: n.Need.Agreement, Title: v.words.Program(a.program, "agreement."+n.Need.Agreement+".title"), Signed: n.State == policies.Met,
			Tag: tag{v.words.T("ask.to-sign"), "wait"}}
		if st.Signed {
			st.Tag = tag{v.words.T("ask.signed"), "good"}
		}
		out = append(out, st)
	}
	return out
}

// afterwards says what happens once the request is sent (C10).
func (v *visit) afterwards(a asking) []string {
	var out []string
	if a.Request.Kind == policies.SiteRequest {
		signer := a.Request.Answers.Bound(a.form, "declarant.name")
		self := a.Request.Answers.Bound(a.form, "declarant.self") == "self"
		if self {
			signer = v.person.Account.Name()
		}
		out = append(out, v.words.T("ask.then-site-mails", "Signer", signer))
		if self {
			out = append(out, v.words.T("ask.then-site-second"))
		}
	}
	for _, n := range a.Needs {
		if n.State == policies.Outstanding && n.Need.Kind != policies.NeedAttest {
			out = append(out, v.words.T("ask.then-need", "Need", v.words.Program(a.program, policies.NeedText(n.Need.Key()))))
		}
	}
	return out
}
