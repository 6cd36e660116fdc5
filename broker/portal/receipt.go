package portal

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/broker/registry"
)

// receiptPage is what became of an end of access. It can be printed, and follows what
// happens while it is looked at.
type receiptPage struct {
	Page
	ID      string
	About   []answered
	State   tag
	Say     string   // how it stands, in a sentence
	Open    bool     // there is more to come
	Failing []string // that the last try of the whole failed, and why; empty where it did not
	Ended   []endedLine
	Kept    []endedLine
	Steps   []endStep
	Limits  []string
	Others  []endLine
}

func (*receiptPage) view() string { return "receipt" }

// endedLine is a role that ended or stayed.
type endedLine struct{ Role, Leaves, Site, When string }

// endStep is one thing that happens with an end.
type endStep struct {
	What, Sent, Done string
	State            tag
	More             []string // tries, what came back, the last answer
}

// endLine is a receipt in a list.
type endLine struct {
	Name, UserName, Role, Site, When, At string
	State                                tag
}

func (s *site) receipt(v *visit) error {
	p, err := s.receiptOf(v)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

// receiptLive is the part of the page that changes, for its script: to ask is no
// activity.
func (s *site) receiptLive(v *visit) error {
	p, err := s.receiptOf(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := templates["receipt"].ExecuteTemplate(&out, "receipt-live", p); err != nil {
		return err
	}
	return deliver(v.w, http.StatusOK, p.frame(), out.Bytes())
}

func (s *site) receiptOf(v *visit) (*receiptPage, error) {
	x, err := s.Registry.Receipt(v.ctx(), v.person.Account.ID, v.param("receipt"))
	if err != nil {
		return nil, err
	}
	at, err := s.places(v)
	if err != nil {
		return nil, err
	}
	return v.receiptPage(at, x), nil
}

func (v *visit) receiptPage(at places, x registry.Receipt) *receiptPage {
	p := &receiptPage{Page: v.page(v.words.T("ends.title", "Name", x.Name), ""), ID: x.ID, Open: x.Confirmed == nil || !x.Done()}
	if x.Self {
		p.Title = v.words.T("ends.title-self")
	}
	state := "open"
	switch {
	case x.Done() && x.Confirmed != nil:
		state = "confirmed"
	case x.Done():
		state = "done"
	}
	p.State = v.endState(state)
	p.Say = v.words.T("ends-lead." + state)
	if state == "open" && x.ReadBack() {
		p.Say = v.words.T("ends-lead.events")
	}
	zone := x.Ended[0].Site.TZ
	p.About = v.endAbout(x, zone)
	p.Ended, p.Kept = v.endedLines(at, x.Ended, zone), v.endedLines(at, x.Kept, zone)
	p.Steps = v.endSteps(at, x, zone)
	p.Limits = v.endLimits(x, zone)
	if !x.ReadBack() && x.Tries > 0 {
		p.Failing = append([]string{v.words.T("ends.failing")}, v.tried(x.Tries, v.words.Exact(x.NextTry, x.Now, zone), x.Answer)...)
	}
	p.Others = v.endLines(at, x.Others)
	return p
}

func (v *visit) endState(state string) tag {
	tone := map[string]string{"open": "wait"}[state]
	if tone == "" {
		tone = "good"
	}
	return tag{v.words.T("ends-state." + state), tone}
}

// endAbout says of whom, by whom and how. Kinds of acts that say nothing to people are
// one.
func (v *visit) endAbout(x registry.Receipt, zone string) []answered {
	act := "ends-act." + strings.ReplaceAll(x.Act, ".", "-")
	if !v.words.Has(act) {
		act = "ends-act.other"
	}
	by := x.By
	if by == "" {
		by = v.words.T("ends-by." + x.ByKind)
	}
	return []answered{{v.words.T("ends.person"), x.Name + " (" + x.UserName + ")"}, {v.words.T("ends.at"), v.words.Moment(x.At, zone) + " (" + v.words.Exact(x.At, x.At, zone) + ")"},
		{v.words.T("ends.act"), v.words.T(act)}, {v.words.T("ends.by"), by}, {v.words.T("ends.number"), x.ID}}
}

func (v *visit) endedLines(at places, gs []registry.ReceiptGrant, zone string) []endedLine {
	var out []endedLine
	for _, g := range gs {
		line := endedLine{Role: at.role(g.Program, g.Role), Leaves: strings.Join(at.leaves(g.Program, g.Leaves), ", "), Site: at.site(g.Site)}
		if g.EndedAt != nil {
			line.When = v.words.Moment(*g.EndedAt, zone)
		}
		out = append(out, line)
	}
	return out
}

// endSteps are the commit, what Keycloak is asked to do, the signed events, and the
// looking again, in the order in which they come.
func (v *visit) endSteps(at places, x registry.Receipt, zone string) []endStep {
	exact := func(t *time.Time) string {
		if t == nil {
			return v.words.T("ends.not-yet")
		}
		return v.words.Exact(*t, x.Now, zone)
	}
	good := func(key string) tag { return tag{v.words.T("ends-how." + key), "good"} }
	out := []endStep{{What: v.words.T("ends.step-commit"), Sent: exact(&x.At), Done: exact(&x.At), State: good("done")}}
	events := func() {
		for _, e := range x.Events {
			step := endStep{What: v.words.T("ends.step-event", "Application", e.Application), Sent: exact(e.SentAt), Done: exact(e.ConfirmedAt), State: good("done")}
			switch {
			case e.ConfirmedAt != nil:
			case e.Gone:
				step.State = tag{v.words.T("ends-how.gone"), "plain"}
			case e.Overdue():
				step.State = tag{v.words.T("ends-how.overdue"), "bad"}
				step.More = append(v.tried(e.Tries, exact(&e.NextTry), e.Answer), v.words.T("ends.tell"))
			default:
				step.State, step.More = v.pending(e.Tries), v.tried(e.Tries, exact(&e.NextTry), e.Answer)
			}
			out = append(out, step)
		}
	}
	for _, s := range x.Steps {
		if s.Kind == registry.StepReadBack {
			events()
		}
		step := endStep{What: v.endStepName(at, x, s), Sent: exact(s.SentAt), Done: exact(s.DoneAt), State: good("done")}
		looks := s.Kind == registry.StepReadBack || s.Kind == registry.StepVerify
		switch {
		case looks && s.DoneAt != nil:
			step.Sent = step.Done
		case s.DoneAt != nil && s.SentAt == nil:
			step.State = good("nothing")
		case s.DoneAt != nil:
		case s.DueAt != nil:
			step.State = tag{v.words.T("ends-how.due", "At", exact(s.DueAt)), "plain"}
		default:
			step.State, step.More = v.pending(s.Tries), v.tried(s.Tries, exact(&x.NextTry), s.Answer)
		}
		if s.Again > 0 {
			step.More = append(step.More, v.words.N("ends.again", s.Again))
		}
		out = append(out, step)
	}
	return out
}

func (v *visit) pending(tries int) tag {
	if tries == 0 {
		return tag{v.words.T("ends-how.waiting"), "plain"}
	}
	return tag{v.words.T("ends-how.trying"), "wait"}
}

// tried says how often something that is not done was tried, and what came of it.
func (v *visit) tried(tries int, next, answer string) []string {
	if tries == 0 {
		return nil
	}
	out := []string{v.words.N("ends.tried", tries, "At", next)}
	if answer != "" {
		out = append(out, v.words.T("ends.answer", "Answer", answer))
	}
	return out
}

func (v *visit) endStepName(at places, x registry.Receipt, s registry.ReceiptStep) string {
	switch s.Kind {
	case registry.StepLeave:
		for _, g := range x.Ended {
			if g.Site.ID != s.Site {
				continue
			}
			leaf := at.role(g.Program, s.Leaf)
			if s.Leaf != g.Role && leaf == s.Leaf {
				leaf = at.leaves(g.Program, []string{s.Leaf})[0]
			}
			return v.words.T("ends.step-leave", "Leaf", leaf, "Site", at.site(g.Site))
		}
	case registry.StepConsents:
		return v.words.T("ends.step-consents")
	case registry.StepSignedOut:
		return v.words.T("ends.step-signed-out")
	case registry.StepRemove:
		return v.words.T("ends.step-remove")
	case registry.StepVerify:
		seconds, _ := strconv.Atoi(s.Object) // the registry's own number
		if seconds%60 == 0 {
			return v.words.N("ends.step-verify-minutes", seconds/60)
		}
		return v.words.N("ends.step-verify", seconds)
	}
	return v.words.T("ends.step-read-back")
}

// endLimits says what no step of ours reaches.
func (v *visit) endLimits(x registry.Receipt, zone string) []string {
	var out []string
	switch {
	case !x.Known:
		out = append(out, v.words.T("ends.unknown"))
	case x.TokensUntil != nil:
		out = append(out, v.words.T("ends.tokens", "At", v.words.Exact(*x.TokensUntil, x.Now, zone)))
	case x.ReadBack():
		out = append(out, v.words.T("ends.tokens-unknown"))
	default:
		out = append(out, v.words.T("ends.tokens-waiting"))
	}
	if x.Sessions == 0 {
		return append(out, v.words.T("ends.no-sessions"))
	}
	left := v.words.T("ends.sessions-gone")
	if x.SessionsLeft > 0 {
		left = v.words.N("ends.sessions-left", x.SessionsLeft)
	}
	return append(out, v.words.N("ends.sessions", x.Sessions)+" "+left)
}

func (v *visit) endLines(at places, lines []registry.ReceiptLine) []endLine {
	var out []endLine
	for _, l := range lines {
		state := "open"
		if l.Done {
			state = "done"
		}
		out = append(out, endLine{Name: l.Name, UserName: l.UserName, Role: at.role(l.Program, l.Role), Site: at.site(l.Site), When: v.words.Moment(l.At, l.Site.TZ),
			At: "/ends/" + l.ID, State: v.endState(state)})
	}
	return out
}

// ended leads on from a form that ended access: to its receipt, or back where nothing
// was held yet.
func (v *visit) ended(by registry.By, back, key string) error {
	receipt, err := v.Registry.ReceiptOf(v.ctx(), by)
	if err != nil {
		return err
	}
	if receipt == "" {
		return v.done(back, key)
	}
	return v.done("/ends/"+receipt, key)
}

// tokenKeys are the public keys of signed events, for applications that check them.
func (s *site) tokenKeys(v *visit) error {
	v.w.Header().Set("Cache-Control", "public, max-age=300")
	return v.json(s.Registry.TokenKeys())
}
