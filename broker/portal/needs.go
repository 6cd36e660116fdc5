package portal

import (
	"strings"
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// needLine is one need as a page shows it: how it stands and who has it now.
type needLine struct {
	State  policies.State // for the colour
	Tag    tag
	Text   string
	Who    string // who has it now; empty once it is decided
	SignAt string // where the person can sign what is missing
}

// needList is a task list: what is needed, and how much of it is there.
type needList []needLine

// Met counts those that nothing is missing of.
func (l needList) Met() int {
	n := 0
	for _, line := range l {
		if line.State == policies.Met {
			n++
		}
	}
	return n
}

// needLines says the needs of a request. own: to the person whose request it is,
// who can sign from here; to others they are named in short. registrars is how
// many review the program, where that is known.
func (v *visit) needLines(p *policies.Program, needs []registry.NeedView, own bool, registrars int, site string) needList {
	var out needList
	for _, n := range needs {
		if n.State == policies.NotAsked {
			continue
		}
		line := needLine{State: n.State, Tag: v.stateTag("need-state", string(n.State)), Text: v.needText(p, n.Need, own)}
		if n.State == policies.Outstanding {
			line.Who = v.whoHas(n, own, registrars)
			if own && n.Need.Kind == policies.NeedAttest {
				line.SignAt = signAt(p, n, site)
			}
		}
		out = append(out, line)
	}
	return out
}

// needText names a need: to the person in the program's words, to others in ours.
func (v *visit) needText(p *policies.Program, n policies.Need, own bool) string {
	switch {
	case own:
		return v.words.Program(p, policies.NeedText(n.Key()))
	case n.Agreement != "":
		return v.words.T("need."+string(n.Kind), "Title", v.words.Program(p, "agreement."+n.Agreement+".title"))
	}
	return v.words.T(policies.NeedText(n.Key()))
}

// whoHas says who can meet an outstanding need now.
func (v *visit) whoHas(n registry.NeedView, own bool, registrars int) string {
	switch n.Need.Kind {
	case policies.NeedAttest:
		if own {
			return v.words.T("who.you")
		}
		return v.words.T("who.person")
	case policies.NeedDeclare:
		return v.words.T("who.signer")
	case policies.NeedStanding:
		return v.words.T("who.registrar")
	case policies.NeedInvited, policies.NeedApprove:
	}
	switch {
	case n.As == policies.BySecondRegistrar && registrars == 1:
		return v.words.T("who.only-one-registrar")
	case n.As == policies.BySecondRegistrar:
		return v.words.T("who.second-registrar")
	case n.As == policies.ByRegistrar && len(n.Names) == 0:
		return v.words.T("who.no-registrar")
	case n.As == policies.ByRegistrar:
		return v.words.T("who.registrar")
	case len(n.Names) == 0:
		return v.words.T("who.none-" + string(n.As))
	}
	return v.words.T("who."+string(n.As), "Names", strings.Join(n.Names, ", "))
}

// stateTag is a state in a word and its tone.
func (v *visit) stateTag(area, state string) tag {
	tone := map[string]string{"met": "good", "granted": "good", "ready": "good", "live": "good", "outstanding": "wait", "submitted": "wait", "being-set-up": "wait",
		"paused": "wait", "returned": "wait", "ending": "wait", "refused": "bad", "suspended": "bad", "unproven": "bad"}[state]
	if tone == "" {
		tone = "plain"
	}
	return tag{Text: v.words.T(area + "." + state), Tone: tone}
}

// age says how long something has waited.
func (v *visit) age(since *time.Time) string {
	if since == nil {
		return ""
	}
	days := int(v.person.At.Sub(*since).Hours() / 24)
	if days < 1 {
		return v.words.T("age.today")
	}
	return v.words.N("age.days", days)
}

// until says an end. One at midnight is the end of the day before, as people
// count last days.
func (v *visit) until(t *time.Time, zone string) string {
	if t == nil {
		return v.words.T("access.no-end")
	}
	if day := v.words.Date(t.Add(-time.Second), zone); day != v.words.Date(*t, zone) {
		return v.words.T("access.end-of-day", "Day", day)
	}
	return v.words.Moment(*t, zone)
}
