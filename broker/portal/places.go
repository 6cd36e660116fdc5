package portal

import (
	"strings"

	"countersign/broker/registry"
	"countersign/policies"
)

// places says programs, roles and sites by their ids, whatever became of them.
type places struct {
	v  *visit
	ps policies.Programs
}

func (s *site) places(v *visit) (places, error) {
	ps, err := s.Registry.Programs(v.ctx())
	return places{v, ps}, err
}

func (p places) program(id string) string {
	if x := p.ps[id]; x != nil {
		return p.v.words.Program(x, "name")
	}
	return id
}

func (p places) role(program, role string) string {
	if x := p.ps[program]; x != nil {
		if text, ok := p.v.words.ProgramText(x, "role."+role+".name"); ok {
			return text
		}
	}
	return role
}

// roleOf finds a role as it is now; one that is gone can do nothing.
func (p places) roleOf(program, role string) policies.Role {
	if x := p.ps[program]; x != nil {
		r, _ := x.Role(role)
		return r
	}
	return policies.Role{}
}

// site names a site; that of an operator is the program that it operates.
func (p places) site(s registry.Site) string {
	if s.Program == policies.OperatorProgram {
		return p.program(s.Code)
	}
	if s.Name == "" && p.ps[s.Program] != nil {
		return p.v.words.Program(p.ps[s.Program], "site.word")
	}
	return s.Name
}

func (p places) leaves(program string, leaves []string) []string {
	var out []string
	for _, leaf := range leaves {
		text := leaf
		if x := p.ps[program]; x != nil {
			if t, ok := p.v.words.ProgramText(x, "entitlement."+leaf+".name"); ok {
				text = t
			}
		}
		out = append(out, text)
	}
	return out
}

// why says the facts that something stands on, one sentence each.
func (p places) why(program, zone string, basis []registry.Why) []string {
	var out []string
	for _, w := range basis {
		key, what := "why."+w.Kind, w.Detail
		switch w.Kind {
		case "join":
			what = p.role(program, w.Detail)
			if w.Batch != "" {
				key = "why.join-batch"
			}
		case "review":
			key = "why.review-" + w.Detail
		case "signature":
			name, version, _ := strings.Cut(w.Detail, " ")
			if x := p.ps[program]; x != nil {
				name = p.v.words.Program(x, "agreement."+name+".title")
			}
			what = p.v.words.T("why.version", "Title", name, "Version", version)
		case "standing":
			if x := p.ps[program]; x != nil {
				what = p.v.words.Program(x, "body."+w.Detail)
			}
		}
		line := p.v.words.T(key, "On", p.v.words.Date(w.At, zone), "Who", w.Who, "What", what)
		if w.Batch != "" {
			line += " " + p.v.words.T("why.batch", "Ref", w.Batch)
		}
		if w.Until != nil {
			line += " " + p.v.words.T("why.until", "On", p.v.words.Date(*w.Until, zone))
		}
		out = append(out, line)
	}
	return out
}
