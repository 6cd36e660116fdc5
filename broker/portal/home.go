package portal

import (
	"net/http"
	"slices"
	"strings"

	"countersign/policies"
)

// homePage says what this is and which programs there are.
type homePage struct {
	Page
	Programs []programCard
}

func (*homePage) view() string { return "home" }

// programCard is a program in a list.
type programCard struct{ ID, Name, About string }

func (s *site) home(v *visit) error {
	programs, err := s.Registry.Programs(v.ctx())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.homePage(programs))
}

func (v *visit) homePage(programs policies.Programs) *homePage {
	p := &homePage{Page: v.page(v.words.T("home.title"), v.words.T("home.lead"))}
	for _, program := range public(programs) {
		p.Programs = append(p.Programs, programCard{program.ID, v.words.Program(program, "name"), v.words.Program(program, "about")})
	}
	return p
}

// public lists the programs that people can ask to be part of, by id: those
// with sites to request. How operators hold their own access is not among them.
func public(all policies.Programs) []*policies.Program {
	var out []*policies.Program
	for _, p := range all {
		if p.Sites.Kind != "" {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *policies.Program) int { return strings.Compare(a.ID, b.ID) })
	return out
}
