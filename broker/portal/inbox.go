package portal

import (
	"net/http"
	"net/url"

	"countersign/broker/registry"
	"countersign/policies"
)

// inboxPage lists what waits for the person's word, oldest first.
type inboxPage struct {
	Page
	Items  itemLines
	Desks  []deskLink
	Back   []mailBack
	Brakes []brakeLink
}

func (*inboxPage) view() string { return "inbox" }

// itemLine is one request that waits, with what it waits for.
type itemLine struct {
	What, Who, Ref, Age string
	For                 []string // what this person, or whoever has it, is asked for
	Link                string
}

// itemLines are as many requests as a page lists; More are not.
type itemLines struct {
	Lines []itemLine
	More  int
}

// Total is how many there are, listed or not.
func (l itemLines) Total() int { return len(l.Lines) + l.More }

// deskLink leads to the desk of one program.
type deskLink struct{ Address, Name string }

func (s *site) inbox(v *visit) error {
	items, err := s.Registry.Inbox(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	p := v.inboxPage(at, items)
	if p.Back, err = s.backOf(v, "", "/inbox"); err != nil {
		return err
	}
	if p.Brakes, err = s.brakesHeld(v, true); err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

func (v *visit) inboxPage(at places, items registry.Items) *inboxPage {
	p := &inboxPage{Page: v.page(v.words.T("inbox.title"), v.words.T("inbox.lead")), Desks: v.desks(at)}
	p.Items.More = items.More
	for _, i := range items.List {
		line := v.itemLine(at, i, true)
		line.Link = "/inbox/" + i.Request.ID
		if atDesk(i) {
			line.Link = "/desk/" + i.Request.Program + "/" + i.Request.ID
		}
		p.Items.Lines = append(p.Items.Lines, line)
	}
	return p
}

// atDesk tells whether what the person can do is a registrar's to do.
func atDesk(i registry.Item) bool {
	for _, n := range i.Needs {
		if (n.Mine || n.Turn) && !registrarDecides(n.As) {
			return false
		}
	}
	return true
}

// itemLine says what a request waits for: mine, what it wants of who looks.
func (v *visit) itemLine(at places, i registry.Item, mine bool) itemLine {
	r := i.Request
	line := itemLine{What: v.requestLine(at, r, at.site(i.Site)).What, Who: i.Subject.Name(), Ref: r.Ref, Age: v.age(r.Submitted)}
	if r.State == policies.ReturnedR {
		line.For = []string{v.words.T("desk.with-person")}
		return line
	}
	for _, n := range i.Needs {
		if mine && !n.Mine && !n.Turn || !mine && n.State != policies.Outstanding {
			continue
		}
		text := v.needText(at.ps[r.Program], n.Need, false)
		if !mine {
			text += ": " + v.whoHas(n, false, 0)
		}
		line.For = append(line.For, text)
	}
	return line
}

// itemPage is where an administrator or an authorizer decides.
type itemPage struct {
	Page
	ID        string
	Version   int64
	State     tag
	About     []answered
	Decisions []decision
	Needs     needList
}

func (*itemPage) view() string { return "item" }

func (s *site) item(v *visit) error { return s.showItem(v, http.StatusOK, nil, nil, "") }

func (s *site) showItem(v *visit, status int, form url.Values, wrong map[string]string, notice string) error {
	t, err := s.Registry.Tracker(v.ctx(), v.person.Account.ID, v.param("request"))
	if err != nil {
		return err
	}
	if t.Own { // one's own is followed, not decided
		return v.see("/requests/" + t.Request.ID)
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	return v.show(status, v.itemPage(at, t, form, wrong, notice))
}

func (v *visit) itemPage(at places, t registry.Tracker, form url.Values, wrong map[string]string, notice string) *itemPage {
	r := t.Request
	p := &itemPage{Page: v.page(v.requestLine(at, r, at.site(t.Site)).What, ""), ID: r.ID, Version: r.Version, State: v.stateTag("request-state", r.State),
		About: v.aboutPerson(at, t), Needs: v.needLines(t.Program, t.Needs, false, t.Registrars, "")}
	p.Ahead = v.ahead(t.Program, policies.ToDecide)
	p.Decisions, p.Problems = v.decisions(at, t, false, form, wrong)
	if notice != "" {
		p.Problems = append([]problem{{Message: v.words.T(notice)}}, p.Problems...)
	}
	return p
}

// aboutPerson is as much as whoever confirms needs to know whom they confirm.
func (v *visit) aboutPerson(at places, t registry.Tracker) []answered {
	r := t.Request
	out := []answered{{v.words.T("item.name"), t.Subject.Name()}, {v.words.T("item.user-name"), t.Subject.UserName}, {v.words.T("item.email"), t.Subject.Email}}
	if r.Role != "" {
		out = append(out, answered{v.words.T("item.role"), at.role(r.Program, r.Role)})
	}
	if r.Profession != "" {
		out = append(out, answered{v.words.T("item.profession"), v.words.Program(t.Program, "profession."+r.Profession)})
	}
	out = append(out, answered{v.words.T("item.site"), at.site(t.Site)})
	if r.Submitted != nil {
		out = append(out, answered{v.words.T("tracker.sent"), v.words.Moment(*r.Submitted, t.Program.TimeZone)})
	}
	if r.Batch != "" {
		out = append(out, answered{v.words.T("tracker.batch"), v.words.T("tracker.batch-text", "Ref", r.Batch)})
	}
	return append(out, answered{v.words.T("tracker.ref"), r.Ref})
}

func (s *site) itemSend(v *visit) error {
	return s.decide(v, "/inbox", func(status int, form url.Values, wrong map[string]string, notice string) error {
		return s.showItem(v, status, form, wrong, notice)
	})
}
