package portal

import (
	"net/http"

	"countersign/broker/registry"
	"countersign/policies"
)

// desksPage lets a registrar of several programs choose.
type desksPage struct {
	Page
	Desks []deskLink
}

func (*desksPage) view() string { return "desks" }

// deskPage is a program's open requests as its registrar sees them.
type deskPage struct {
	Page
	ID             string
	NeedsMe, Waits itemLines
	Back           []mailBack
	Brakes         []brakeLink
}

func (*deskPage) view() string { return "desk" }

// desks are the programs that the person reviews; of those that they only find
// operators for, or only support, the page for that.
func (v *visit) desks(at places) []deskLink {
	var out []deskLink
	for _, program := range public(at.ps) {
		desk, name := "/desk/"+program.ID, v.words.Program(program, "name")
		switch {
		case v.person.Actor.CanOperate(at.ps, policies.Registrar, program.ID):
			out = append(out, deskLink{desk, name})
		case policies.MayKeepOperators(at.ps, v.person.Actor, program.ID).OK:
			out = append(out, deskLink{desk + "/operators", v.words.T("operators.of", "Program", name)})
		default:
			if link, ok := v.factorsLink(at, program); ok {
				out = append(out, link)
			}
		}
	}
	return out
}

func (s *site) deskChoice(v *visit) error {
	at, err := s.places(v)
	if err != nil {
		return err
	}
	desks := v.desks(at)
	switch len(desks) {
	case 0:
		return errNotFound
	case 1:
		return v.see(desks[0].Address)
	}
	return v.show(http.StatusOK, &desksPage{Page: v.page(v.words.T("desk.titles"), v.words.T("desk.choose")), Desks: desks})
}

func (s *site) desk(v *visit) error {
	program := v.param("program")
	mine, waits, err := s.Registry.Desk(v.ctx(), v.person.Account.ID, program)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	p := v.deskPage(at, program, mine, waits)
	if p.Back, err = s.backOf(v, program, ""); err != nil {
		return err
	}
	if p.Brakes, err = s.brakesHeld(v, true); err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

func (v *visit) deskPage(at places, program string, mine, waits registry.Items) *deskPage {
	return &deskPage{Page: v.page(v.words.T("desk.title"), at.program(program)), ID: program,
		NeedsMe: v.deskLines(at, mine, true), Waits: v.deskLines(at, waits, false)}
}

func (v *visit) deskLines(at places, items registry.Items, mine bool) itemLines {
	out := itemLines{More: items.More}
	for _, i := range items.List {
		out.Lines = append(out.Lines, v.deskLine(at, i, mine))
	}
	return out
}

func (v *visit) deskLine(at places, i registry.Item, mine bool) itemLine {
	line := v.itemLine(at, i, mine)
	line.Link = "/desk/" + i.Request.Program + "/" + i.Request.ID
	return line
}
