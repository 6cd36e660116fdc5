package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/broker/registry"
	"countersign/policies"
)

// trackerPage shows whose request it is where it stands: what is missing, who
// has it now, and what happened so far.
type trackerPage struct {
	Page
	ID      string
	State   tag
	OnWay   string // that what was granted is on its way
	About   []answered
	Turned  []string // why it came back or was refused
	Edit    bool     // it came back to this person
	Needs   needList
	History []historyLine
	Answers []answered
	Tried   []triedLine
	Signed  string // by whom the declaration is signed; empty: not yet
	Proof   tag
	Forward string // a link that only shows the declaration
	Signer  []control
	Correct bool
	Wrong   bool // the correction below needs attention
	Take    bool // can be withdrawn
	Back    []mailBack
}

func (*trackerPage) view() string { return "tracker" }

// historyLine is one thing that happened.
type historyLine struct {
	When, What string
	Words      []string
}

// triedLine is an address to which the declaration was mailed.
type triedLine struct {
	Name, Email, When string
	State             tag
}

func (s *site) tracker(v *visit) error { return s.showTracker(v, http.StatusOK, nil, nil) }

func (s *site) showTracker(v *visit, status int, form url.Values, wrong map[string]string) error {
	t, err := s.Registry.Tracker(v.ctx(), v.person.Account.ID, v.param("request"))
	if err != nil {
		return err
	}
	switch {
	case t.Request.State == policies.Draft && t.Request.By == v.person.Account.ID:
		return v.see("/requests/" + t.Request.ID + "/form")
	case !t.Own && t.Registrar:
		return v.see("/desk/" + t.Request.Program + "/" + t.Request.ID)
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	answers, err := s.submitted(v, t)
	if err != nil {
		return err
	}
	p := v.trackerPage(at, t, answers, form, wrong)
	all, err := s.Registry.MailTodos(v.ctx(), v.person.Account.ID, "")
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(m registry.MailTodo) bool { return m.Request != t.Request.ID })
	p.Back = v.mailsBack(all, "/requests/"+t.Request.ID)
	return v.show(status, p)
}

// submitted are the answers as they were sent, for those who may see them.
func (s *site) submitted(v *visit, t registry.Tracker) ([]answered, error) {
	if t.Request.Answers == nil {
		return nil, nil
	}
	q := questions{program: t.Program, texts: "site", form: t.Program.Sites.Form}
	if t.Request.Kind != policies.SiteRequest {
		role, ok := t.Program.Role(t.Request.Role)
		if !ok {
			return nil, nil
		}
		q.role, q.texts, q.form = role, role.Code, role.Form
		if t.Request.Kind == policies.MandateRequest {
			q.form = onlyAuthorizers(role.Form)
		}
	}
	for _, f := range q.form {
		if f.Kind != "authorizers" {
			continue
		}
		for _, id := range t.Request.Answers[f.Name] { // as asked for then, whatever they may authorize now
			a, err := s.Registry.Account(v.ctx(), id)
			if registry.IsKind(err, registry.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			q.people = append(q.people, option{Value: id, Label: a.Name()})
		}
	}
	if len(q.form) == 0 {
		return nil, nil
	}
	return q.summary(v, t.Request.Answers), nil
}

func (v *visit) trackerPage(at places, t registry.Tracker, answers []answered, form url.Values, wrong map[string]string) *trackerPage {
	r := t.Request
	zone := t.Program.TimeZone
	line := v.requestLine(at, r, at.site(t.Site))
	p := &trackerPage{Page: v.page(line.What, ""), ID: r.ID, State: line.State, Answers: answers, Take: t.MayTake, Correct: t.MayCorrect,
		Needs: v.needLines(t.Program, t.Needs, t.Own && r.Account == v.person.Account.ID, t.Registrars, t.Site.ID)}
	p.About = []answered{{v.words.T("tracker.ref"), r.Ref}, {v.words.T("tracker.for"), t.Subject.Name()}}
	if r.Submitted != nil {
		p.About = append(p.About, answered{v.words.T("tracker.sent"), v.words.Moment(*r.Submitted, zone)})
	}
	if !t.OnItsWay.IsZero() {
		p.OnWay, p.Late = v.words.T("late.being-set-up"), v.lateNotice(t.OnItsWay)
	}
	if r.Batch != "" {
		p.About = append(p.About, answered{v.words.T("tracker.batch"), v.words.T("tracker.batch-text", "Ref", r.Batch)})
		if r.Account == v.person.Account.ID && slices.ContainsFunc(t.Needs, func(n registry.NeedView) bool {
			return n.Need.Kind == policies.NeedAttest && n.State == policies.Outstanding
		}) {
			p.Lead = v.words.T("tracker.begin")
		}
	}
	p.History = v.history(t, zone)
	p.Turned, p.Edit = v.turned(t), r.State == policies.ReturnedR && r.By == v.person.Account.ID
	if r.Kind != policies.SiteRequest || !(t.Own || t.Registrar) {
		return p
	}
	p.Tried, p.Signed, p.Proof = v.signers(t, zone)
	if p.Signed == "" && (r.State == policies.Submitted || r.State == policies.ReturnedR) {
		p.Forward = v.PublicURL.JoinPath("declaration", r.ID).String()
	}
	if t.MayCorrect {
		p.Signer = v.signerControls(form)
		p.Problems = mark(p.Signer, v.messages(wrong))
		p.Wrong = len(wrong) > 0
	}
	return p
}

// turned are the reasons of the verdict that stands: it came back, or was refused.
func (v *visit) turned(t registry.Tracker) []string {
	want := map[string]string{policies.ReturnedR: string(policies.Returned), policies.RefusedR: string(policies.Refused)}[t.Request.State]
	var out []string
	for _, h := range t.Happened {
		if want != "" && h.Verdict == want {
			out = v.said(h.Reasons, h.Words)
		}
	}
	return out
}

// history tells what happened. A verdict is told once, as the review and not
// again as the state that it led to.
func (v *visit) history(t registry.Tracker, zone string) []historyLine {
	var out []historyLine
	for _, h := range t.Happened {
		if h.Kind == "request.returned" || h.Kind == "request.refused" || h.Kind == "request.declined" {
			continue
		}
		key := "happened." + h.Kind
		args := []any{"Who", h.Who}
		if h.Kind == "request.submitted" && h.Batch != "" {
			key, args = "happened.request.entered", []any{"Ref", h.Batch}
		}
		line := historyLine{When: v.words.Moment(h.At, zone)}
		if h.Kind == "review" {
			key = "happened.review." + h.Verdict
			args = append(args, "Need", v.shortNeed(t.Program, h.Need))
			line.Words = v.said(h.Reasons, h.Words)
		}
		line.What = v.words.T(key, args...)
		if h.Kind == "review" && h.Batch != "" {
			line.What += " " + v.words.T("why.batch", "Ref", h.Batch)
		}
		out = append(out, line)
	}
	return out
}

// shortNeed names the need of a review by its key.
func (v *visit) shortNeed(p *policies.Program, key string) string {
	kind, rest, _ := strings.Cut(key, ":")
	n := policies.Need{Kind: policies.NeedKind(kind)}
	if n.Kind == policies.NeedApprove {
		n.By = policies.Approver(rest)
	} else {
		n.Agreement = rest
	}
	return v.needText(p, n, false)
}

// signers lists every address tried, and says by whom the declaration is signed.
func (v *visit) signers(t registry.Tracker, zone string) (tried []triedLine, signed string, proof tag) {
	for _, x := range t.Tried {
		state := "waiting"
		switch {
		case x.Used != nil:
			state = "used"
		case x.Replaced != nil:
			state = "replaced"
		case !x.Expires.After(v.person.At):
			state = "expired"
		}
		tried = append(tried, triedLine{x.Name, x.Email, v.words.Moment(x.Created, zone), v.stateTag("tried", state)})
	}
	if d := t.Declared; d != nil {
		signed = v.words.T("declared.by", "Who", d.By, "On", v.words.Moment(d.At, zone), "Version", d.Version)
		proof = v.stateTag("declared", "met")
		if !d.Proven {
			proof = v.stateTag("declared", "unproven")
		}
	}
	return tried, signed, proof
}

func (v *visit) signerControls(form url.Values) []control {
	return []control{
		input("name", "text", v.words.T("signer.name"), "", form.Get("name")),
		input("email", "email", v.words.T("signer.email"), v.words.T("signer.email-hint"), form.Get("email")),
		input("email-again", "email", v.words.T("signer.email-again"), "", form.Get("email-again")),
	}
}

// signerSend corrects whom the requester named as signing authority.
func (s *site) signerSend(v *visit) error {
	form, err := v.form(fields{one: []string{"name", "email", "email-again"}})
	if err != nil {
		return err
	}
	asks := []policies.Field{{Name: "name", Kind: "name", Required: true}, {Name: "email", Kind: "email", Required: true},
		{Name: "email-again", Kind: "email", Required: true, Confirms: "email"}}
	if wrong := policies.CheckForm(asks, form, func(policies.Field) []string { return nil }, ""); len(wrong) > 0 {
		return s.showTracker(v, http.StatusUnprocessableEntity, form, wrong)
	}
	id := v.param("request")
	if err := s.Registry.CorrectSigner(v.ctx(), v.by(form), id, form.Get("name"), policies.Tidy("email", form.Get("email"))); err != nil {
		return err
	}
	return v.done("/requests/"+id, "signer-corrected")
}

// signerAgain mails the signing authority once more.
func (s *site) signerAgain(v *visit) error {
	return s.press(v, "/requests/"+v.param("request"), "signer-resent", func(by registry.By) error {
		return s.Registry.ResendSigner(v.ctx(), by, v.param("request"))
	})
}

func (s *site) withdraw(v *visit) error {
	return s.press(v, "/access", "withdrawn", func(by registry.By) error {
		return s.Registry.Withdraw(v.ctx(), by, v.param("request"))
	})
}
