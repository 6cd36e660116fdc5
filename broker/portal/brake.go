package portal

import (
	"errors"
	"net/http"

	"countersign/broker/registry"
	"countersign/policies"
	"countersign/provisioning"
)

// brakePage is what the brake holds, or held: why, of how many, the plan line by line,
// who released it, and the button for whoever may.
type brakePage struct {
	Page
	ID, Digest string
	State      tag
	About      []answered
	Plan       string // what the lines are
	Lines      []effectLine
	More       int
	MayNot     string // why the looker may not release it; empty: they may, while it is held
	Button     string // of the release; empty: there is nothing to release
}

func (*brakePage) view() string { return "brake" }

// effectLine is what would happen to one person at one place.
type effectLine struct{ Person, Site, Role, Effect string }

// brakeLink leads to what is held, from where those who may release it look.
type brakeLink struct{ Address, Name, About string }

func (s *site) brake(v *visit) error { return s.showBrake(v, http.StatusOK, nil) }

func (s *site) showBrake(v *visit, status int, wrong *registry.Error) error {
	b, err := s.Registry.LookAtBrake(v.ctx(), v.person.Account.ID, v.param("brake"))
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	p := v.brakePage(at, b)
	if wrong != nil {
		p.Problems = []problem{{Message: v.say(wrong)}}
	}
	return v.show(status, p)
}

func (v *visit) brakePage(at places, b registry.BrakePage) *brakePage {
	w := v.words
	p := &brakePage{Page: v.page(w.T("brake-kind."+b.Kind), w.T("brake-why."+b.Kind)), ID: b.ID, Digest: b.Digest, More: b.More, State: v.brakeState(b.State)}
	say := func(label, answer string) { p.About = append(p.About, answered{label, answer}) }
	say(w.T("brake.since"), w.Moment(b.Held, "UTC"))
	if b.Kind == registry.BrakeLapse {
		say(w.T("brake.program"), at.program(b.About))
	}
	if b.Kind == registry.BrakeImplausible {
		say(w.T("brake.reason"), w.T("brake-reason."+b.Reason))
		seen := func(label string, confirmed, listed int) {
			say(label, w.T("brake.counted", "Listed", w.Number(listed), "Confirmed", w.Number(confirmed)))
		}
		seen(w.T("brake.people"), b.Counts.Confirmed.People, b.Counts.Listed.People)
		seen(w.T("brake.memberships"), b.Counts.Confirmed.Memberships, b.Counts.Listed.Memberships)
	} else {
		say(w.T("brake.much"), w.T("brake.of", "Count", w.Number(len(b.Effects)), "Total", w.Number(b.Total), "Limit", w.Number(provisioning.Limit(b.Total))))
	}
	if b.FirstAt != nil {
		say(w.T("brake.first"), w.T("brake.by", "Name", b.First, "When", w.Moment(*b.FirstAt, "UTC")))
	}
	if b.SecondAt != nil {
		say(w.T("brake.second"), w.T("brake.by", "Name", b.Second, "When", w.Moment(*b.SecondAt, "UTC")))
	}
	say(w.T("brake.digest"), b.Digest)
	p.Plan = w.T("brake.plan")
	for _, l := range b.Lines {
		p.Lines = append(p.Lines, v.effectLine(at, l, b.Names))
	}
	switch {
	case b.State != registry.BrakeHeld:
	case !b.May.OK:
		p.MayNot = w.T("reason." + b.May.Reasons[0])
	default:
		p.Ahead = v.ahead(at.ps[policies.OperatorProgram], policies.ToDecide)
		if p.Button = w.T("brake.send-first"); b.FirstAt != nil {
			p.Button = w.T("brake.send-second")
		}
	}
	return p
}

func (v *visit) brakeState(state string) tag {
	tone := map[string]string{registry.BrakeHeld: "bad", registry.BrakeReleased: "good"}[state]
	if tone == "" {
		tone = "plain"
	}
	return tag{Text: v.words.T("brake-state." + state), Tone: tone}
}

func (v *visit) effectLine(at places, l registry.EffectLine, names bool) effectLine {
	line := effectLine{Person: v.words.T("brake.hidden"), Site: l.SiteName, Role: l.Role, Effect: v.words.T("brake-do." + l.Do)}
	switch {
	case !names:
	case l.Person != "":
		line.Person = l.Person + " (" + l.UserName + ")"
	default:
		line.Person = v.words.T("brake.stranger", "Sub", l.Sub)
	}
	if l.Program != "" {
		line.Site = at.site(registry.Site{Program: l.Program, Code: l.SiteCode, Name: l.SiteName})
		if line.Role = at.role(l.Program, l.Role); line.Role == l.Role {
			line.Role = at.leaves(l.Program, []string{l.Role})[0]
		}
		if l.Leaf != "" && l.Leaf != l.Role { // of a role, one thing that it gives
			line.Role += ": " + at.leaves(l.Program, []string{l.Leaf})[0]
		}
	}
	return line
}

// release is one of two people letting what is held be done.
func (s *site) release(v *visit) error {
	form, err := v.form(fields{one: []string{"digest"}})
	if err != nil {
		return err
	}
	state, err := s.Registry.ReleaseBrake(v.ctx(), v.by(form), v.param("brake"), form.Get("digest"))
	var wrong *registry.Error
	if errors.As(err, &wrong) && wrong.Kind == registry.Conflict {
		return s.showBrake(v, http.StatusConflict, wrong)
	}
	if err != nil {
		return err
	}
	back := "/realm/brake/" + v.param("brake")
	if state == registry.BrakeReleased {
		return v.done(back, "brake-released")
	}
	return v.done(back, "brake-first")
}

// brakesHeld links what is held, for those who may see it; mine tells that only those
// who may release it are meant.
func (s *site) brakesHeld(v *visit, mine bool) ([]brakeLink, error) {
	held, may, err := s.Registry.HeldFor(v.ctx(), v.person.Account.ID)
	if err != nil || mine && !may {
		return nil, err
	}
	return v.brakeLinks(held), nil
}

func (v *visit) brakeLinks(held []registry.BrakeLink) []brakeLink {
	var out []brakeLink
	for _, b := range held {
		link := brakeLink{Address: "/realm/brake/" + b.ID, Name: v.words.T("brake-kind." + b.Kind), About: v.words.Moment(b.Held, "UTC")}
		if b.Effects > 0 {
			link.About = v.words.N("brake.line", b.Effects) + " · " + link.About
		}
		out = append(out, link)
	}
	return out
}
